import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeOf, type Entry } from '../../src/memory/entry.ts';
import { Memory } from '../../src/memory/memory.ts';
import type { Change } from '../../src/prompt/hunk.ts';

/** Each character is a token. */
const spell = ({ hunk }: Change): number[] => [...(hunk.anchor ?? ''), '\n', ...hunk.added.join('\n')].map(code);
const code = (character: string): number => character.codePointAt(0)!;
const context = (text: string): number[] => [...text].map(code);

function entry(id: string, added: string, anchor: string | null = null): Entry {
  const hunk = { anchor, removed: [], added: added.split('\n') };
  return { id, at: 0, path: 'a.ts', kind: 'accepted', change: { hunk, below: null } };
}

/** The text that the memory would write on, greedily. */
function goesOn(memory: Memory, before: string): string {
  let text = '';
  for (let next = memory.recall(context(before)); next !== null && text.length < 40; ) {
    text += String.fromCodePoint(next.next[0]!.token);
    next = memory.recall(context(before + text));
  }
  return text;
}

test('one edit is enough, and forgotten it is gone', () => {
  const memory = new Memory(spell);
  memory.remember(entry('one', 'const price = cents / 100;'));
  assert.equal(goesOn(memory, '  const price'), ' = cents / 100;');
  const recall = memory.recall(context('const price'))!;
  assert.equal(recall.length, 11);
  assert.deepEqual(recall.next, [{ token: code(' '), mass: 1, entries: ['one'] }]);
  assert.equal(memory.forget('one'), true);
  assert.equal(memory.forget('one'), false);
  assert.equal(memory.recall(context('const price')), null);
  assert.deepEqual([memory.size, [...memory.entries()]], [0, []]);
});

test('of two continuations the newer one weighs twice as much; masses sum to one', () => {
  const memory = new Memory(spell);
  memory.remember(entry('old', 'total = 1'));
  memory.remember(entry('new', 'total = 2'));
  const { next } = memory.recall(context('total = '))!;
  assert.deepEqual(
    next.map((n) => [n.token, n.entries]),
    [
      [code('2'), ['new']],
      [code('1'), ['old']],
    ],
  );
  assert.equal(next[0]!.mass, 2 / 3);
  assert.equal(
    next.reduce((sum, n) => sum + n.mass, 0),
    1,
  );
});

test('a thousand equal accepts weigh as one, and name the newest', () => {
  const memory = new Memory(spell);
  memory.remember(entry('other', 'total = 1'));
  for (let i = 0; i < 1000; i++) memory.remember(entry(`same ${i}`, 'total = 2'));
  const { next } = memory.recall(context('total = '))!;
  assert.equal(next.find((n) => n.token === code('1'))!.mass, 1 / 3);
  assert.deepEqual(next[0]!.entries, ['same 999', 'same 998', 'same 997', 'same 996']);
  for (let i = 0; i < 1000; i++) memory.forget(`same ${i}`);
  assert.deepEqual(
    memory.recall(context('total = '))!.next.map((n) => n.token),
    [code('1')],
  );
});

test('an entry with the id of another takes its place', () => {
  const memory = new Memory(spell);
  memory.remember(entry('id', 'first text'));
  memory.remember(entry('id', 'second text'));
  assert.equal(memory.recall(context('first')), null);
  assert.equal(goesOn(memory, 'second'), ' text');
  assert.equal(memory.size, 1);
});

test('over its bounds it lets go of what was not remembered again for longest', () => {
  const memory = new Memory(spell, { entries: 3 });
  for (const id of ['a', 'b', 'c']) memory.remember(entry(id, `${id}${id}${id}`));
  memory.remember(entry('a again', 'aaa'));
  assert.deepEqual(
    [...memory.entries()].map((e) => e.id),
    ['a again', 'a', 'c'],
  );
  memory.remember(entry('d', 'ddd'));
  memory.remember(entry('e', 'eee'));
  assert.deepEqual(
    [...memory.entries()].map((e) => e.id),
    ['e', 'd', 'a again'],
  );
  const small = new Memory(spell, { tokens: 100 });
  for (let i = 0; i < 50; i++) small.remember(entry(`${i}`, `line number ${i}`));
  assert.ok(small.size >= 4 && small.size <= 8);
  assert.equal(small.recall(context('line number 1')), null);
  assert.equal(goesOn(small, 'line number 4'), '9');
});

test('an edit becomes the lines that it changes', () => {
  const at = (line: number, character: number) => ({ line, character });
  const text = 'one\ntwo\nthree\n';
  assert.deepEqual(changeOf(text, { start: at(1, 3), end: at(1, 3), text: ' and more' }), {
    hunk: { anchor: 'one', removed: ['two'], added: ['two and more'] },
    below: 'three',
  });
  assert.deepEqual(changeOf(text, { start: at(0, 3), end: at(0, 3), text: '\nnew' }), {
    hunk: { anchor: 'one', removed: [], added: ['new'] },
    below: 'two',
  });
  assert.deepEqual(changeOf('x = 1\n  y\n  z', { start: at(0, 4), end: at(1, 0), text: '2\n  w\n' }), {
    hunk: { anchor: null, removed: ['x = 1'], added: ['x = 2', '  w'] },
    below: '  y',
  });
  assert.deepEqual(changeOf(text, { start: at(1, 0), end: at(2, 0), text: '' }), {
    hunk: { anchor: 'one', removed: ['two'], added: [] },
    below: 'three',
  });
  assert.equal(changeOf(text, { start: at(1, 0), end: at(1, 3), text: 'two' }), null);
  assert.equal(changeOf(text, { start: at(9, 0), end: at(9, 0), text: 'x' }), null);
});
