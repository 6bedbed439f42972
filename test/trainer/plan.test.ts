import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelConfig } from '../../src/model/config.ts';
import { topLayers } from '../../src/model/lora.ts';
import { batchFor, estimateBytes, LORA_ALPHA, LORA_RANK, loraFor } from '../../src/trainer/plan.ts';

const smol: ModelConfig = {
  family: 'llama',
  layers: 30,
  hidden: 576,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  intermediate: 1536,
  vocab: 49152,
  ropeTheta: 100_000,
  rmsEps: 1e-5,
  tiedHead: true,
  qkvBias: false,
  contextLength: 8192,
  bosId: 1,
  eosIds: [2],
};
const MB = 2 ** 20;

// Peak resident memory of one process, SmolLM2-135M, 2 threads, Linux (docs/log.md).
for (const [layers, batch, time, measured] of [
  [10, 2, 256, 1114],
  [10, 2, 512, 1501],
  [30, 1, 256, 1389],
  [20, 2, 256, 1460],
  [10, 4, 256, 1465],
] as const) {
  test(`memory of ${layers} layers, ${batch} x ${time} is estimated within 8 %`, () => {
    const lora = topLayers(smol, layers, LORA_RANK, LORA_ALPHA);
    const estimate = estimateBytes(smol, lora, { batch, time, rows: batch * 48 }) / MB;
    assert.ok(Math.abs(estimate / measured - 1) < 0.08, `${estimate.toFixed(0)} MB for ${measured} measured`);
  });
}

test('more memory adapts more layers, up to all; what is planned fits', () => {
  const counts = [900, 1200, 1536, 4000].map((mb) => loraFor(smol, mb).layers.length);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  );
  assert.equal(counts.at(-1), 30);
  for (const mb of [1200, 1536, 4000]) {
    const lora = loraFor(smol, mb);
    for (const time of [64, 256, 512]) {
      const batch = batchFor(smol, lora, time, mb, 1);
      assert.ok(batch >= 1 && estimateBytes(smol, lora, { batch, time, rows: batch * 64 }) <= mb * MB);
    }
  }
});

test('after a crash the batch is smaller, but never empty', () => {
  const lora = loraFor(smol, 2000);
  const full = batchFor(smol, lora, 64, 2000, 1);
  assert.ok(batchFor(smol, lora, 64, 2000, 0.5) < full);
  assert.equal(batchFor(smol, lora, 64, 2000, 0.01), 1);
});

test('too little memory: the message says how much is needed and what to do', () => {
  assert.throws(
    () => batchFor(smol, loraFor(smol, 300), 512, 300, 1),
    /needs about \d+ MB; knack.training.memoryMb allows 300/,
  );
});
