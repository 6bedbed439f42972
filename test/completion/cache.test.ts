import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type At, type Entry, TypeAlong } from '../../src/completion/cache.ts';
import { type Edit, editAtCursor } from '../../src/completion/edit.ts';
import type { Suggestion } from '../../src/completion/suggestion.ts';
import { takeSnapshot } from '../../src/completion/take.ts';
import { marked } from './text.ts';

function at(text: string, document = 'file:///a.ts'): At {
  const { doc, cursor } = marked(text);
  const snapshot = takeSnapshot(doc, cursor, []);
  assert.ok(!('none' in snapshot));
  return { document, cursor, snapshot };
}

/** A suggestion at the cursor of `then`. */
function entry(then: At, text: string, replaceAfter = 0, id = 'one'): Entry {
  return { at: then, as: 'ghost', suggestion: suggestion(editAtCursor(then.snapshot, text, replaceAfter), id) };
}

function suggestion(edit: Edit, id = 'one'): Suggestion {
  return {
    id,
    edit,
    tokenLogprobs: [-0.5],
    checkpoint: 'base',
    promptHash: '0'.repeat(64),
    promptFormat: 'prefix-1',
    latencyMs: 5,
  };
}

/** What is left at `now` of `text`, suggested at `then`: `[typed, text, replaceAfter]`. */
function check(then: string, text: string, replaceAfter: number, now: string, expect: [number, string, number] | null) {
  const cache = new TypeAlong();
  cache.add(entry(at(then), text, replaceAfter));
  const hit = cache.find(at(now));
  const left = hit && { text: hit.edit.text, replaceAfter: hit.edit.end.character - hit.edit.start.character };
  assert.deepEqual(hit && [hit.typed, left!.text, left!.replaceAfter], expect, now);
  if (hit) assert.deepEqual(hit.edit.start, at(now).cursor);
}

test('the place that it was made for', () => check('a\nlet x|\nb', ' = 1;', 0, 'a\nlet x|\nb', [0, ' = 1;', 0]));
test('typing along', () => check('let x|\nb', ' = 1;', 0, 'let x =|\nb', [2, ' 1;', 0]));
test('typing along over a line break', () => {
  check('if (a) {|', '\n  b();\n}', 0, 'if (a) {\n  |', [3, 'b();\n}', 0]);
  check('if (a) {|', '\n  b();\n}', 0, 'if (a) {\n  b();\n|', [8, '}', 0]);
});
test('typing something else', () => check('let x|\nb', ' = 1;', 0, 'let x +|\nb', null));
test('typing past its end', () => {
  check('let x|\nb', ' = 1;', 0, 'let x = 1;|\nb', null);
  check('let x|\nb', ' = 1;', 0, 'let x = 1; |\nb', null);
});
test('deleting into what was there before', () => check('let x|\nb', ' = 1;', 0, 'let |\nb', null));
test('another place', () => {
  check('let x|\nlet x', ' = 1;', 0, 'let x\nlet x|', null);
  check('a\nlet x|', ' = 1;', 0, 'let x|', null);
});
test('text above that changed', () => check('one\nlet x|', ' = 1;', 0, 'two\nlet x|', null));
test('text below that changed', () => check('let x|\none', ' = 1;', 0, 'let x|\ntwo', null));
test('brackets that the editor closed', () => {
  check('call|\nb', '(a, b);', 0, 'call(|)\nb', [1, 'a, b);', 1]);
  check('call|', '(a, b);\nnext();', 0, 'call(a|)', [2, ', b);\nnext();', 1]);
  check('s = |', '"a" + b', 0, 's = "|"', [1, 'a" + b', 1]);
});
test('other text that came after the cursor', () => check('call|\nb', '(a, b);', 0, 'call(|x\nb', null));
test('a replaced bracket, before and after it is typed over', () => {
  check('call(|)', 'a);', 1, 'call(a|)', [1, ');', 1]);
  check('call(|)', 'a);', 1, 'call(a)|', [2, ';', 0]);
});
test('line ends of either kind', () => check('a\r\nlet x|\r\nb', ' = 1;', 0, 'a\nlet x =|\nb', [2, ' 1;', 0]));
test('a window that has moved on', () => {
  const above = 'a line of code that is here;\n'.repeat(400);
  check(`${above}let x|`, '\n = 1;', 0, `${above}let x\n =|`, [3, ' 1;', 0]);
});

test('backspace brings back what was typed', () => {
  const cache = new TypeAlong();
  cache.add(entry(at('let x|'), ' = 1;'));
  assert.equal(cache.find(at('let x = 2|')), null);
  assert.equal(cache.find(at('let x = |'))?.edit.text, '1;');
  assert.equal(cache.find(at('let x|'))?.edit.text, ' = 1;');
});

test('the newest that still stands is taken; another document has none; a forgotten one is gone', () => {
  const cache = new TypeAlong();
  cache.add(entry(at('x|'), 'abc', 0, 'old'));
  cache.add(entry(at('xa|'), 'bd', 0, 'new'));
  assert.equal(cache.find(at('xa|'))?.entry.suggestion.id, 'new');
  assert.equal(cache.find(at('xabc|')), null);
  assert.equal(cache.find(at('xab|'))?.edit.text, 'd');
  assert.equal(cache.find(at('xa|', 'file:///b.ts')), null);
  cache.forget('new');
  assert.equal(cache.find(at('xab|'))?.entry.suggestion.id, 'old');
  cache.clear();
  assert.equal(cache.find(at('xab|')), null);
});

test('only so many are kept', () => {
  const cache = new TypeAlong(2);
  for (const id of ['1', '2', '3']) cache.add(entry(at(`${id}|`), 'a', 0, id));
  assert.equal(cache.find(at('1|')), null);
  assert.equal(cache.find(at('3|'))?.entry.suggestion.id, '3');
});

test('an edit away from the cursor stands wherever the cursor is, until the text changes', () => {
  const cache = new TypeAlong();
  const edit: Edit = { start: { line: 2, character: 0 }, end: { line: 3, character: 3 }, text: 'const d;' };
  cache.add({ at: at('let a|\nb\nold\nold\nz'), as: 'next-edit', suggestion: suggestion(edit) });
  for (const now of ['let a|\nb\nold\nold\nz', 'let a\nb\no|ld\nold\nz'])
    assert.deepEqual(cache.find(at(now))?.edit, edit);
  for (const now of ['let a|\nb\nnew\nold\nz', 'let a\nb|\nold\nold\ny', 'let a|'])
    assert.equal(cache.find(at(now)), null);
});
