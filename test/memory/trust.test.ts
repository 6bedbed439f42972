import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS, kindOf, Trust } from '../../src/memory/trust.ts';

const even = (share: number): number[] => new Array(KINDS).fill(share);

test('longer matches and such that go on alike are kinds of their own', () => {
  assert.deepEqual(
    [2, 3, 5, 6, 13, 22, 48].map((n) => kindOf('edit', n, true)),
    [1, 3, 5, 7, 9, 13, 13],
  );
  assert.equal(kindOf('nearby', 48, false), KINDS - 2);
  assert.throws(() => new Trust([0.5]), RangeError);
});

test('it is believed more where it was right and less where it was wrong, and never wholly', () => {
  const trust = new Trust(even(0.5));
  assert.equal(trust.share(3), 0.5);
  for (let i = 0; i < 24; i++) trust.learn(3, 1);
  assert.ok(Math.abs(trust.share(3) - 0.75) < 1e-9);
  assert.equal(trust.share(5), 0.5);
  for (let i = 0; i < 10_000; i++) trust.learn(3, 1);
  assert.ok(trust.share(3) > 0.9 && trust.share(3) <= 0.95);
  // However often it was right before: a few hundred refusals count.
  for (let i = 0; i < 400; i++) trust.learn(3, 0);
  assert.ok(trust.share(3) < 0.2);
});

test('what is no share teaches nothing', () => {
  const trust = new Trust(even(0.5));
  for (const share of [Number.NaN, -1, 2, Number.POSITIVE_INFINITY]) trust.learn(3, share);
  trust.learn(-1, 1);
  trust.learn(KINDS, 1);
  trust.learn(0.5, 1);
  assert.deepEqual(
    Array.from({ length: KINDS }, (_, kind) => trust.share(kind)),
    even(0.5),
  );
});
