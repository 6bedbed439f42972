import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partsOf } from '../../scripts/tune/commits.ts';
import { packed } from '../../scripts/tune/stream.ts';
import { type CommitHunk, type FileEdits, logSequences, type Sequence } from '../../src/trainer/log-sequences.ts';
import { seeded } from '../../src/trainer/random.ts';
import { weightedBatch } from '../../src/trainer/weighted.ts';
import { bench } from '../prompt/shown.ts';

const hunk = (line: number, removed: string[], added: string[]): CommitHunk => {
  const change = { line, removed, added };
  return { ...change, parts: partsOf(change) };
};
const FILE: FileEdits = {
  path: 'a.ts',
  before: ['import a', 'one(a)', 'two(a)', 'three', 'four(a)', ''],
  hunks: [
    hunk(0, ['import a'], ['import b']),
    hunk(1, ['one(a)', 'two(a)'], ['one(b)', 'two(b)']),
    hunk(4, [], ['new']),
  ],
  earlier: [{ path: 'b.ts', hunk: { anchor: null, removed: ['x'], added: ['y'] } }],
};

test('a hunk is cut where its token diff keeps a line end', () => {
  assert.deepEqual(partsOf({ line: 7, removed: ['f(a)', 'same', 'g(a)'], added: ['f(b)', 'same', 'g(b)'] }), [
    { line: 7, removed: ['f(a)'], added: ['f(b)'] },
    { line: 9, removed: ['g(a)'], added: ['g(b)'] },
  ]);
  const insertion = { line: 3, removed: [], added: ['a', 'b'] };
  assert.deepEqual(partsOf(insertion), [insertion]);
});

test('the parts of a hunk, made one after the other, are the hunk', () => {
  const random = seeded(5);
  const line = (): string => ['a', 'b(c)', '', '  d', '}'][Math.floor(random() * 5)]!;
  for (let i = 0; i < 300; i++) {
    const lines = (): string[] => Array.from({ length: Math.floor(random() * 5) }, line);
    const [removed, added] = [lines(), lines()];
    if (removed.join('\n') === added.join('\n')) continue;
    const text = [...removed];
    for (const part of partsOf({ line: 0, removed, added }).toReversed()) {
      assert.deepEqual(text.slice(part.line, part.line + part.removed.length), part.removed);
      text.splice(part.line, part.removed.length, ...part.added);
    }
    assert.deepEqual(text, added, JSON.stringify({ removed, added }));
  }
});

test('every hunk carries loss, whole or in parts, and what was there before carries none', () => {
  const { marks, show } = bench();
  for (let seed = 0; seed < 20; seed++) {
    const [sequence, ...more] = [...logSequences(FILE, marks, 400, 4, seeded(seed))];
    assert.equal(more.length, 0);
    const { ids, weights } = sequence!;
    const loss = show(ids.filter((_, i) => weights[i]! > 0));
    for (const added of ['import b[END]', 'one(b)', 'two(b)[END]', '[@]', 'new[END]'])
      assert.ok(loss.includes(added), loss);
    assert.ok(!loss.includes('a.ts') && !loss.includes('[CURSOR]') && !loss.includes('x[+]'), loss);
    assert.match(show(ids), /\[FILE\]a\.ts\nimport a\none\(a\)\ntwo\(a\)/);
  }
});

test('the same seed makes the same sequences', () => {
  const { marks } = bench();
  const make = (seed: number): Sequence[] => [...logSequences(FILE, marks, 400, 4, seeded(seed))];
  assert.deepEqual(make(1), make(1));
  assert.notDeepEqual(make(1), make(2));
});

test('sequences never exceed their length', () => {
  const { marks } = bench();
  const before = Array.from({ length: 300 }, (_, i) => `line ${i} of a text`);
  const hunks = Array.from({ length: 40 }, (_, i) =>
    hunk(
      i * 7,
      [before[i * 7]!],
      Array.from({ length: 1 + (i % 30) }, (_, n) => `new ${n}`),
    ),
  );
  for (let seed = 0; seed < 10; seed++) {
    for (const { ids, weights } of logSequences({ ...FILE, before, hunks }, marks, 300, 9, seeded(seed))) {
      assert.ok(ids.length <= 300 && ids.length === weights.length);
    }
  }
});

test('rows are filled with whole sequences, and none is lost or repeated', () => {
  const all = Array.from({ length: 100 }, (_, n): Sequence => {
    const ids = new Array<number>(10 + ((n * 37) % 80)).fill(n);
    return { ids, weights: ids.map(() => 1) };
  });
  const rows = [...packed(all[Symbol.iterator](), 100)];
  assert.ok(rows.every((row) => row.ids.length <= 100));
  const ids = rows.flatMap((row) => row.ids);
  for (const [n, { ids: own }] of all.entries()) assert.equal(ids.filter((id) => id === n).length, own.length);
  assert.ok(ids.length / (100 * rows.length) > 0.9, `${ids.length} of ${100 * rows.length}`);
});

test('a batch’s weights are its sequences’, and sum to 1; what has no row is left out evenly', () => {
  const sequence = (weights: number[]): Sequence => ({ ids: weights.map((_, i) => i + 1), weights });
  const batch = weightedBatch([sequence([0, 0, 1, 3]), sequence([1, 0, 4])], { batch: 2, time: 5, rows: 6 });
  assert.deepEqual(batch.ids, [1, 2, 3, 4, 0, 1, 2, 3, 0, 0]);
  assert.deepEqual(batch.rows.slice(0, 3), [1, 2, 6]);
  assert.deepEqual(batch.labels.slice(0, 3), [3, 4, 3]);
  assert.deepEqual(batch.weight, [1 / 8, 3 / 8, 4 / 8, 0, 0, 0]);
  const full = weightedBatch([sequence([0, 1, 1, 1]), sequence([0, 1, 1, 1])], { batch: 2, time: 5, rows: 4 });
  assert.deepEqual(full.rows, [0, 1, 5, 6]);
  assert.throws(() => weightedBatch([sequence([1, 1, 1])], { batch: 1, time: 2, rows: 2 }), RangeError);
});
