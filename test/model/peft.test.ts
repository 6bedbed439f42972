/** An adapter that Python's peft trained is the same function in Knack. The other direction: `npm run check:peft`. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readAdapter } from '../../src/model/adapter.ts';
import { adaptedLogits, baseLogits, config, logitsOf, PEFT_FOLDER } from './peft-model.ts';

function largestDifference(a: Float32Array, b: Float32Array): number {
  assert.equal(a.length, b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

test('the base has transformers’ logits', async () => {
  assert.ok(largestDifference(await logitsOf(null), baseLogits) < 1e-4);
});

test('an adapter that peft trained loads, and gives peft’s logits', async () => {
  const adapter = await readAdapter(join(PEFT_FOLDER, 'adapter'), { config, sha256: 'any' });
  assert.deepEqual(adapter.shape.layers, [1, 2]);
  assert.ok(largestDifference(adaptedLogits, baseLogits) > 0.1, 'it changes something');
  const difference = largestDifference(await logitsOf(adapter), adaptedLogits);
  assert.ok(difference < 1e-4, `${difference}`);
});
