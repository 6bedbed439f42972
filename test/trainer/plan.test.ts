import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelConfig } from '../../src/model/config.ts';
import { topLayers } from '../../src/model/lora.ts';
import type { Example } from '../../src/trainer/examples.ts';
import { batchFor, estimateBytes, loraFor, newestWithin } from '../../src/trainer/plan.ts';

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

// Peak resident memory of one process as `npm run bench -- train --grow` printed it (docs/log.md).
for (const [layers, batch, time, rank, measured] of [
  [10, 4, 64, 8, 796],
  [10, 4, 128, 8, 940],
  [10, 4, 256, 8, 1197],
  [10, 4, 512, 8, 1822],
  [10, 1, 256, 8, 845],
  [10, 2, 256, 8, 965],
  [10, 8, 256, 8, 1670],
  [10, 4, 256, 32, 1311],
  [10, 4, 256, 128, 1519],
  [1, 4, 256, 8, 842],
  [5, 4, 256, 8, 1012],
  [20, 4, 256, 8, 1599],
  [30, 4, 256, 8, 1976],
] as const) {
  test(`memory of ${layers} layers, rank ${rank}, ${batch} x ${time} is estimated within 8 %`, () => {
    const lora = topLayers(smol, layers, rank, 2 * rank);
    const estimate = estimateBytes(smol, lora, { batch, time, rows: (batch * time) / 4 }) / MB;
    assert.ok(Math.abs(estimate / measured - 1) < 0.08, `${estimate.toFixed(0)} MB for ${measured} measured`);
  });
}

test('more memory adapts more layers, up to two thirds; what is planned fits', () => {
  const counts = [900, 1200, 1536, 4000].map((mb) => loraFor(smol, mb).layers.length);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  );
  assert.equal(counts.at(-1), 20);
  for (const mb of [1200, 1536, 4000]) {
    const lora = loraFor(smol, mb);
    for (const time of [64, 256, 512]) {
      const batch = batchFor(smol, lora, 100, time, mb, 1);
      assert.ok(batch >= 1 && estimateBytes(smol, lora, { batch, time, rows: batch * 64 }) <= mb * MB);
    }
  }
});

test('after a crash the batch is smaller, but never empty', () => {
  const lora = loraFor(smol, 2000);
  const full = batchFor(smol, lora, 100, 64, 2000, 1);
  assert.ok(batchFor(smol, lora, 100, 64, 2000, 0.5) < full);
  assert.equal(batchFor(smol, lora, 100, 64, 2000, 0.01), 1);
  assert.equal(batchFor(smol, lora, 15, 64, 2000, 1), 1, 'few examples want many steps');
});

test('too little memory: the message says how much is needed and what to do', () => {
  assert.throws(
    () => batchFor(smol, loraFor(smol, 300), 100, 512, 300, 1),
    /needs about \d+ MB; knack.training.memoryMb allows 300/,
  );
});

const example = (id: number, answer: number, length = 100, label: Example['label'] = 'pull'): Example => {
  const ids = [...Array.from({ length: length - 1 }, (_, i) => (id + i) % 97), answer];
  return { id: `${id}`, label, weight: 1, ids, targetStart: length - 1 };
};
const ids = (examples: readonly Example[]): string[] => examples.map((e) => e.id);

test('a round takes the newest that it can go over twice, in their order', () => {
  const all = Array.from({ length: 50 }, (_, i) => example(i, i));
  assert.deepEqual(ids(newestWithin(all, 2_000)), ['40', '41', '42', '43', '44', '45', '46', '47', '48', '49']);
  assert.deepEqual(ids(newestWithin(all, 10)), ['49'], 'at least one');
  assert.deepEqual(newestWithin(all, 1_000_000), all);
  assert.deepEqual(newestWithin([], 2_000), []);
});

test('what is extra is taken where room is left, the newest first', () => {
  const all = [0, 1, 2, 3].flatMap((i) => [
    example(i, i),
    { ...example(i, i), id: `${i}:bare`, isExtra: true as const },
  ]);
  assert.deepEqual(ids(newestWithin(all, 1_200)), ['0', '1', '2', '2:bare', '3', '3:bare']);
  assert.deepEqual(ids(newestWithin(all, 600)), ['1', '2', '3']);
});

test('a thousand times the same accept is one habit among others, and a refusal of it counts by itself', () => {
  const others = Array.from({ length: 20 }, (_, i) => example(i, i));
  const leaned = Array.from({ length: 1000 }, (_, i) => example(100 + i, 7777));
  const refused = example(9999, 7777, 100, 'push');
  const chosen = ids(newestWithin([...others, ...leaned, refused], 20_000));
  assert.deepEqual(chosen, [...ids(others), ...ids(leaned.slice(-16)), '9999']);
});
