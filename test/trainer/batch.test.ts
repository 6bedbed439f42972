import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeBatch, shapeFor } from '../../src/trainer/batch.ts';
import type { Example } from '../../src/trainer/examples.ts';

const pull: Example = { id: 'a', label: 'pull', weight: 1, ids: [10, 11, 12, 13], targetStart: 2 };
const push: Example = { id: 'b', label: 'push', weight: 0.5, ids: [20, 21, 22], targetStart: 2 };
const shape = { batch: 2, time: 8, rows: 6 };

test('rows point at the token before each target; weights of pulls are means, pushes carry a reference', () => {
  const batch = makeBatch([pull, push], shape, new Map([['b', -7]]));
  assert.deepEqual(batch.ids, [10, 11, 12, 13, 0, 0, 0, 0, 20, 21, 22, 0, 0, 0, 0, 0]);
  assert.deepEqual(batch.rows, [1, 2, 9, 0, 0, 0]);
  assert.deepEqual(batch.labels, [12, 13, 22, 0, 0, 0]);
  assert.deepEqual(batch.weight, [0.25, 0.25, 0, 0, 0, 0]);
  assert.deepEqual(batch.sequence, [0, 0, 1, 2, 2, 2]);
  assert.deepEqual(batch.kto, { label: [1, -1], weight: [0, 0.25], reference: [0, -7] });
  assert.equal(batch.tokens, 7);
});

test('a lone example weighs as much as a full batch', () => {
  const { weight } = makeBatch([pull], shape);
  assert.equal(
    weight.reduce((a, b) => a + b),
    1,
  );
});

test('shapes are rounded up, so that few graphs serve many rounds', () => {
  assert.deepEqual(shapeFor([pull, push], 3), { batch: 3, time: 64, rows: 48 });
  assert.deepEqual(shapeFor([], 1), { batch: 1, time: 64, rows: 16 });
});

for (const [name, examples] of [
  ['no example', []],
  ['too many', [pull, pull, pull]],
  ['one too long', [{ ...pull, ids: new Array<number>(9).fill(1) }]],
  ['too many targets', [{ ...pull, ids: [1, 2, 3, 4, 5], targetStart: 1 }]],
  ['a target without a token before it', [{ ...pull, targetStart: 0 }]],
  ['nothing to predict', [{ ...pull, targetStart: 4 }]],
] as const) {
  test(`${name}: refused`, () => assert.throws(() => makeBatch(examples, shape), RangeError));
}
