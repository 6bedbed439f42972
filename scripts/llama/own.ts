/** Knack's network in fp32, asked what it thinks of another's answer. */
import { dirname } from 'node:path';
import { createSession, float32, int64, type Session, type Tensor } from '../../src/engine/runtime.ts';
import { buildServeGraph, mapped } from '../../src/model/network.ts';
import type { Model } from '../../src/model/source.ts';
import { prepareWeights } from '../../src/model/weights.ts';

const THREADS = 2;

export class OwnNetwork {
  readonly #model: Model;
  readonly #session: Session;

  private constructor(model: Model, session: Session) {
    this.#model = model;
    this.#session = session;
  }

  static async open(model: Model, cacheDir: string): Promise<OwnNetwork> {
    const blob = await prepareWeights(model, cacheDir);
    const graph = buildServeGraph(model.config, mapped(blob), null);
    return new OwnNetwork(model, await createSession(graph, { threads: THREADS, folder: dirname(blob.path) }));
  }

  /**
   * Where a greedy answer would part from `answer`, and by how much the likeliest token is ahead of the answer's there.
   * One pass: as long as the tokens are the same, so is what each is chosen by.
   */
  async follow(
    prompt: readonly number[],
    answer: readonly number[],
  ): Promise<{ at: number | null; gap: number | null }> {
    const { layers, kvHeads, headDim, vocab } = this.#model.config;
    const ids = [...prompt, ...answer.slice(0, -1)];
    const T = ids.length;
    const mask = new Float32Array(T * T);
    for (let row = 0; row < T; row++) mask.fill(-1e9, row * T + row + 1, (row + 1) * T);
    const rows = answer.map((_, i) => prompt.length - 1 + i);
    const positions = ids.map((_, i) => i);
    const feeds: Record<string, Tensor> = {
      ids: int64([T], ids),
      positions: int64([T], positions),
      mask: float32([T, T], mask),
      rows: int64([rows.length], rows),
    };
    for (let layer = 0; layer < layers; layer++) {
      for (const part of ['key', 'value']) feeds[`past.${layer}.${part}`] = float32([1, kvHeads, 0, headDim], []);
    }
    const logits = (await this.#session.run(feeds)).logits!.data as Float32Array;
    for (const [i, id] of answer.entries()) {
      const row = logits.subarray(i * vocab, (i + 1) * vocab);
      const most = row.reduce((a, b) => Math.max(a, b));
      if (row[id]! < most) return { at: i, gap: most - row[id]! };
    }
    return { at: null, gap: null };
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}
