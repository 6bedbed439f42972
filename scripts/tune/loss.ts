/** The loss of an adapter on sequences that are not trained on. */
import type { Base } from '../../src/engine/base.ts';
import { adapterFeeds } from '../../src/engine/forward.ts';
import { createSession, int64 } from '../../src/engine/runtime.ts';
import type { Adapter } from '../../src/model/adapter.ts';
import { mapped } from '../../src/model/network.ts';
import type { Sequence } from '../../src/trainer/log-sequences.ts';
import { type BatchShape, buildEvalGraph } from '../../src/trainer/step.ts';
import { weightedBatch } from '../../src/trainer/weighted.ts';

/** Weighted mean loss a token, nats. */
export async function heldOutLoss(
  base: Base,
  adapter: Adapter,
  sequences: readonly Sequence[],
  shape: BatchShape,
  threads: number,
): Promise<number> {
  const { config } = base.model;
  const graph = buildEvalGraph(config, mapped(base.weights), adapter.shape, shape);
  const session = await createSession(graph, { threads, folder: base.folder, prepack: false });
  try {
    const feeds = adapterFeeds(config, adapter.shape, adapter.vector);
    let [sum, total] = [0, 0];
    for (let at = 0; at < sequences.length; at += shape.batch) {
      const part = sequences.slice(at, at + shape.batch);
      const { ids, rows, labels, weight } = weightedBatch(part, shape);
      const scale = part.reduce((s, each) => s + each.weights.reduce((a, b) => a + b, 0), 0);
      const { logprobs } = await session.run({
        ids: int64([shape.batch, shape.time], ids),
        rows: int64([shape.rows], rows),
        labels: int64([shape.rows], labels),
        ...feeds,
      });
      for (const [i, w] of weight.entries()) sum -= scale * w * (logprobs!.data[i] as number);
      total += scale;
    }
    return sum / total;
  } finally {
    await session.release();
  }
}
