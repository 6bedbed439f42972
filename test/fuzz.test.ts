/** A few of the damaged inputs of `npm run fuzz`, each kind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { damagedBytes, damagedJson } from '../scripts/fuzz/mutate.ts';
import { fuzz } from '../scripts/fuzz/run.ts';
import { KINDS } from '../scripts/fuzz/targets.ts';
import { seeded } from '../src/trainer/random.ts';

const RUNS = 60;

for (const kind of KINDS) {
  test(`${kind}: ${RUNS} damaged inputs are read or refused`, async () => {
    const { counts, findings } = await fuzz(kind, 7, 0, RUNS);
    assert.deepEqual(findings, []);
    assert.equal(
      Object.values(counts).reduce((a, b) => a + b),
      RUNS,
    );
    assert.ok(Object.keys(counts).length > 1, 'all were taken the same way, so nothing was damaged');
  });
}

test('the same seed does the same damage, another one other damage', () => {
  const bytes = Buffer.from('a few bytes, long enough to be damaged in many ways');
  const value = { a: [1, 2, { b: 'c' }], d: null };
  const damage = (seed: number): unknown[] => {
    const random = seeded(seed);
    return Array.from({ length: 20 }, () => [damagedBytes(bytes, 40, random), damagedJson(value, random)]);
  };
  assert.deepEqual(damage(1), damage(1));
  assert.notDeepEqual(damage(1), damage(2));
});
