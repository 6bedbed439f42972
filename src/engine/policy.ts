/** The weights in training, on sessions: what a round (trainer/round.ts) runs on. */

import type { Graph } from '../graph/graph.ts';
import type { Adapter } from '../model/adapter.ts';
import { mapped } from '../model/network.ts';
import { type Batch, makeBatch, shapeFor } from '../trainer/batch.ts';
import type { Example } from '../trainer/examples.ts';
import { crossEntropy, kto } from '../trainer/objective.ts';
import { stepScalars } from '../trainer/optimizer.ts';
import type { Policy, Score, StepResult } from '../trainer/round.ts';
import { type BatchShape, buildEvalGraph, buildTrainStep } from '../trainer/step.ts';
import type { Base } from './base.ts';
import { adapterFeeds } from './forward.ts';
import { createSession, float32, int64, type Session, type Tensor } from './runtime.ts';

/** Gradients are clipped to this norm; beyond the limit a step is dropped. */
const MAX_NORM = 1;
const NORM_LIMIT = 100;
/** Slope of KTO's sigmoid in the log-ratio, and its reference point in nats. */
const KTO_BETA = 0.1;
const KTO_Z = 0;

export class SessionPolicy implements Policy {
  readonly shape: BatchShape;
  readonly #base: Base;
  readonly #threads: number;
  readonly #lora: Adapter['shape'];
  #open: { readonly key: string; readonly session: Session } | null = null;
  #vector: Float32Array;
  #mean: Float32Array;
  #square: Float32Array;
  #steps = 0;

  /** @param start is copied; training goes on from it with fresh moments */
  constructor(base: Base, start: Adapter, shape: BatchShape, threads: number) {
    this.#base = base;
    this.#lora = start.shape;
    this.#vector = start.vector.slice();
    this.#mean = new Float32Array(start.vector.length);
    this.#square = new Float32Array(start.vector.length);
    this.shape = shape;
    this.#threads = threads;
  }

  async step(batch: Batch, learningRate: number): Promise<StepResult> {
    const scalar = (value: number): Tensor => float32([], [value]);
    const scalars = stepScalars(this.#steps + 1, { lr: learningRate, maxNorm: MAX_NORM, normLimit: NORM_LIMIT });
    const session = await this.#session('train', () =>
      buildTrainStep(this.#base.model.config, mapped(this.#base.weights), this.#lora, {
        ...this.shape,
        objectives: [crossEntropy(), kto(this.shape.batch)],
      }),
    );
    const out = await session.run(
      {
        ...inputs(batch, this.shape),
        weight: float32([this.shape.rows], batch.weight),
        sequence: int64([this.shape.rows], batch.sequence),
        'kto.label': float32([this.shape.batch], batch.kto.label),
        'kto.weight': float32([this.shape.batch], batch.kto.weight),
        'kto.reference': float32([this.shape.batch], batch.kto.reference),
        'kto.beta': scalar(KTO_BETA),
        'kto.z': scalar(KTO_Z),
        lora: this.#state(this.#vector),
        'lora.mean': this.#state(this.#mean),
        'lora.square': this.#state(this.#square),
        ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, scalar(value)])),
      },
      ['loss', 'norm', 'applied', 'lora.next', 'lora.mean.next', 'lora.square.next'],
    );
    const floats = (name: string): Float32Array => out[name]!.data as Float32Array;
    this.#vector = floats('lora.next');
    this.#mean = floats('lora.mean.next');
    this.#square = floats('lora.square.next');
    const applied = floats('applied')[0] === 1;
    if (applied) this.#steps++;
    return { loss: floats('loss')[0]!, norm: floats('norm')[0]!, applied };
  }

  async score(examples: readonly Example[]): Promise<Score[]> {
    if (examples.length === 0) return [];
    const { batch } = this.shape;
    const shape = shapeFor(examples, batch);
    const { config } = this.#base.model;
    const session = await this.#session(`score ${shape.time}x${shape.rows}`, () =>
      buildEvalGraph(config, mapped(this.#base.weights), this.#lora, shape),
    );
    const adapter = adapterFeeds(config, this.#lora, this.#vector);
    const scores: Score[] = [];
    for (let at = 0; at < examples.length; at += batch) {
      const part = examples.slice(at, at + batch);
      const filled = makeBatch(part, shape);
      const { logprobs } = await session.run({ ...inputs(filled, shape), ...adapter });
      const sums = new Float64Array(batch + 1);
      for (const [row, owner] of filled.sequence.entries()) sums[owner]! += logprobs!.data[row] as number;
      for (const [i, e] of part.entries()) scores.push({ logprob: sums[i]!, tokens: e.ids.length - e.targetStart });
    }
    return scores;
  }

  parameters(): Float32Array {
    return this.#vector.slice();
  }

  restore(parameters: Float32Array): void {
    this.#vector = parameters.slice();
  }

  async release(): Promise<void> {
    await this.#open?.session.release();
    this.#open = null;
  }

  /**
   * One session at a time: each maps the base's weights into memory for itself (half a gigabyte), and building one
   * takes half a second.
   */
  async #session(key: string, build: () => Graph): Promise<Session> {
    if (this.#open?.key === key) return this.#open.session;
    await this.release();
    // Weights stay in the mapped file, which the serving process shares, instead of a private copy.
    const session = await createSession(build(), { threads: this.#threads, folder: this.#base.folder, prepack: false });
    this.#open = { key, session };
    return session;
  }

  #state(vector: Float32Array): Tensor {
    return float32([vector.length], vector);
  }
}

function inputs(batch: Batch, { batch: B, time: T, rows: N }: BatchShape): Record<string, Tensor> {
  return { ids: int64([B, T], batch.ids), rows: int64([N], batch.rows), labels: int64([N], batch.labels) };
}
