import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPARED, changedLines } from '../../src/completion/changed-lines.ts';
import { seeded } from './text.ts';

const told = (before: string, now: string) =>
  changedLines(before.split(' '), now.split(' '))?.map(({ from, to, fromNow, toNow }) => [from, to, fromNow, toNow]);

test('a changed line, two that stand apart, and two that touch', () => {
  assert.deepEqual(told('a b c', 'a B c'), [[1, 2, 1, 2]]);
  assert.deepEqual(told('a b c d', 'A b c D'), [[0, 1, 0, 1], [3, 4, 3, 4]]); // biome-ignore format: a row
  assert.deepEqual(told('a b c d', 'a B C d'), [[1, 3, 1, 3]]);
  assert.deepEqual(told('a b', 'a b'), []);
});

test('lines that only came or went are told with the line above, or below at the beginning', () => {
  assert.deepEqual(told('a b', 'a x b'), [[0, 1, 0, 2]]);
  assert.deepEqual(told('a x b', 'a b'), [[0, 2, 0, 1]]);
  assert.deepEqual(told('a b', 'x a b'), [[0, 1, 0, 2]]);
  // With the line above the second change touches the first one.
  assert.deepEqual(told('a b c', 'A b x c'), [[0, 2, 0, 3]]);
});

test('texts that are too different are not told apart', () => {
  const many = (text: string): string[] => Array.from({ length: COMPARED.changes }, (_, n) => `${text} ${n}`);
  assert.equal(changedLines(many('a'), many('b')), null);
  const long = Array.from({ length: COMPARED.lines + 2 }, (_, n) => `${n}`);
  assert.equal(changedLines(['x', ...long, 'x'], ['y', ...long, 'y']), null);
  assert.deepEqual(
    changedLines(long, [...long.slice(0, -1), 'x'])?.length,
    1,
    'what is alike at both ends costs nothing',
  );
});

test('what gave way, put back, makes the earlier text; unchanged lines stand between', () => {
  const random = seeded(7);
  const pick = (n: number): number => Math.floor(random() * n);
  for (let i = 0; i < 500; i++) {
    const before = Array.from({ length: 1 + pick(12) }, () => `${pick(4)}`);
    const now = [...before];
    for (let n = pick(4); n > 0; n--)
      now.splice(pick(now.length + 1), pick(3), ...Array.from({ length: pick(3) }, () => `${pick(4)}`));
    if (now.length === 0) continue;
    const changes = changedLines(before, now)!;
    const back = [...now];
    for (const { from, to, fromNow, toNow } of changes.toReversed())
      back.splice(fromNow, toNow - fromNow, ...before.slice(from, to));
    assert.deepEqual(back, before);
    for (const [n, { from, fromNow }] of changes.entries()) {
      const last = changes[n - 1];
      if (last) assert.ok(from > last.to && fromNow > last.toNow, JSON.stringify(changes));
    }
  }
});
