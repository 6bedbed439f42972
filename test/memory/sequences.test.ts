import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LONGEST, Sequences } from '../../src/memory/sequences.ts';
import { seeded } from '../../src/trainer/random.ts';

/** The longest end of the context that stands in a sequence with a token after it, and all those tokens. */
function bruteForce(sequences: ReadonlyMap<number, readonly number[]>, context: readonly number[]) {
  let length = 0;
  let next: { token: number; sequence: number }[] = [];
  for (const [sequence, ids] of sequences) {
    for (let at = 1; at < ids.length; at++) {
      let n = 0;
      while (n < LONGEST && n < at && n < context.length && ids[at - 1 - n] === context[context.length - 1 - n]) n++;
      if (n < 2 || n < length) continue;
      if (n > length) next = [];
      length = n;
      next.push({ token: ids[at]!, sequence });
    }
  }
  return length === 0 ? null : { length, next: next.reverse() };
}

test('finds what brute force finds, while sequences come and go', () => {
  const random = seeded(7);
  const draw = (below: number): number => Math.floor(random() * below);
  const index = new Sequences();
  const kept = new Map<number, number[]>();
  let found = 0;
  for (let round = 0; round < 3000; round++) {
    const ids = Array.from({ length: draw(14) }, () => draw(6));
    if (random() < 0.7) kept.set(index.add(ids), ids);
    const oldest = kept.keys().next().value;
    if (oldest !== undefined && kept.size > 12) {
      index.remove(oldest);
      kept.delete(oldest);
    }
    const context = Array.from({ length: draw(10) }, () => draw(6));
    const expected = bruteForce(kept, context);
    const actual = index.find(context);
    if (expected !== null) found++;
    assert.equal(actual?.length ?? 0, expected?.length ?? 0);
    assert.deepEqual(actual?.next ?? [], expected?.next.slice(0, 32) ?? []);
    assert.equal(
      index.tokens,
      [...kept.values()].reduce((sum, s) => sum + s.length, 0),
    );
  }
  assert.ok(found > 1000);
});

test('a token that does not fit is passed over for a shorter match', () => {
  const index = new Sequences();
  index.add([1, 2, 3, 4]);
  index.add([9, 2, 3, 5]);
  assert.deepEqual(index.find([1, 2, 3])?.next, [{ token: 4, sequence: 0 }]);
  assert.deepEqual(
    index.find([1, 2, 3], (id) => id !== 4),
    { length: 2, next: [{ token: 5, sequence: 1 }] },
  );
  assert.equal(
    index.find([1, 2, 3], () => false),
    null,
  );
});

test('tokens that were removed are nowhere any more, and their room is used again', () => {
  const index = new Sequences();
  const secret = [1234, 5678, 4321];
  const one = index.add(secret);
  index.remove(one);
  index.remove(one);
  assert.equal(index.find([1234, 5678]), null);
  const bytes = index.bytes;
  for (let i = 0; i < 2000; i++) index.remove(index.add([1, 2, 3, 4, 5, 6, 7, 8]));
  assert.equal(index.tokens, 0);
  assert.equal(index.bytes, bytes);
});

test('a hundred thousand edits of the same words cost no more than a bounded look', () => {
  const index = new Sequences();
  for (let i = 0; i < 100_000; i++) index.add([7, 7, 7, 7, 7, 7, i + 8]);
  const began = performance.now();
  const found = index.find([7, 7, 7, 7, 7, 7]);
  // What is asserted is the bound on looks, not a speed: a walk over all would take some seconds.
  assert.ok(performance.now() - began < 1000);
  assert.equal(found?.length, 6);
  assert.deepEqual(found?.next[0], { token: 100_007, sequence: 99_999 });
  assert.ok(index.bytes < 80e6);
});
