/** The small Llama of scripts/golden/adapter.py, and its logits in Knack. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { adapterFeeds } from '../../src/engine/forward.ts';
import { createSession, float32, int64 } from '../../src/engine/runtime.ts';
import type { Adapter } from '../../src/model/adapter.ts';
import { parseConfig } from '../../src/model/config.ts';
import { expectedTensors } from '../../src/model/layout.ts';
import { buildServeGraph, type Weights } from '../../src/model/network.ts';
import { readTensors } from './golden.ts';

export const PEFT_FOLDER = fileURLToPath(new URL('../golden/peft/', import.meta.url));
export const config = parseConfig(JSON.parse(readFileSync(`${PEFT_FOLDER}base/config.json`, 'utf8')));
const tensors = readTensors('peft/base/model');
export const weights: Weights = new Map(
  [...expectedTensors(config)].map(([name, shape]) => [name, { dtype: 'float32', shape, data: tensors.floats(name) }]),
);

const values = readTensors('peft/values');
export const [batch, time] = values.shape('ids') as [number, number];
export const ids = values.ints('ids');
/** (batch, time, vocab), by transformers and peft. */
export const baseLogits = values.floats('base_logits');
export const adaptedLogits = values.floats('logits');

/** (batch, time, vocab), by the graph that serves. */
export async function logitsOf(adapter: Adapter | null): Promise<Float32Array> {
  const { layers, kvHeads, headDim, vocab } = config;
  const session = await createSession(buildServeGraph(config, weights, adapter?.shape ?? null), { threads: 2 });
  const every = Array.from({ length: time }, (_, i) => i);
  const mask = every.flatMap((row) => every.map((column) => (column > row ? -1e9 : 0)));
  const none = float32([1, kvHeads, 0, headDim], []);
  const past = Array.from({ length: layers }, (_, i) => [`past.${i}.key`, `past.${i}.value`]).flat();
  const all = new Float32Array(batch * time * vocab);
  for (let row = 0; row < batch; row++) {
    const { logits } = await session.run(
      {
        ids: int64([time], ids.slice(row * time, (row + 1) * time)),
        positions: int64([time], every),
        mask: float32([time, time], mask),
        rows: int64([time], every),
        ...Object.fromEntries(past.map((name) => [name, none])),
        ...(adapter ? adapterFeeds(config, adapter.shape, adapter.vector) : {}),
      },
      ['logits'],
    );
    all.set(logits!.data as Float32Array, row * time * vocab);
  }
  await session.release();
  return all;
}
