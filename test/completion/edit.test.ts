import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  applyEdit,
  continuation,
  cursorOf,
  type Edit,
  editAtCursor,
  offsetAt,
  placeAt,
  placeInWindow,
  rangeInWindow,
} from '../../src/completion/edit.ts';
import { takeSnapshot } from '../../src/completion/take.ts';
import { noise, port, seeded } from './text.ts';

const at = (line: number, character: number) => ({ line, character });

test('an edit keeps the line ends of the document', () => {
  const edit: Edit = { start: at(0, 1), end: at(1, 0), text: 'x\ny' };
  assert.equal(applyEdit('a\nb', edit), 'ax\nyb');
  assert.equal(applyEdit('a\r\nb', edit), 'ax\r\nyb');
});

test('what does not lie in the document, or changes nothing, is no edit', () => {
  for (const [start, end, text] of [
    [at(0, 2), at(0, 2), 'x'],
    [at(2, 0), at(2, 0), 'x'],
    [at(0, 1), at(0, 0), 'x'],
    [at(-1, 0), at(0, 0), 'x'],
    [at(0, 0), at(0, 1), 'a'],
  ] as const) {
    assert.equal(applyEdit('a\nb', { start, end, text }), null);
  }
});

test('an edit in the window, and out of it', () => {
  const window = { before: 'one\ntwo\nth', after: 'ree\nfour', startLine: 10 };
  assert.deepEqual(cursorOf(window), at(12, 2));
  assert.deepEqual(rangeInWindow(window, { start: at(11, 1), end: at(12, 3) }), { from: 5, to: 11 });
  assert.deepEqual(rangeInWindow(window, { start: at(13, 4), end: at(13, 4) }), { from: 18, to: 18 });
  for (const place of [at(9, 0), at(13, 5), at(14, 0)]) {
    assert.equal(rangeInWindow(window, { start: place, end: place }), null);
  }
});

test('only an edit that begins at the cursor goes on from there', () => {
  const window = { before: 'f(', after: ')\nx', startLine: 4 };
  assert.deepEqual(editAtCursor(window, 'a)', 1), { start: at(4, 2), end: at(4, 3), text: 'a)' });
  assert.deepEqual(continuation(window, editAtCursor(window, 'a)', 1)), { text: 'a)', rest: '\nx' });
  assert.deepEqual(continuation(window, { start: at(4, 2), end: at(5, 1), text: '' }), { text: '', rest: '' });
  assert.equal(continuation(window, { start: at(4, 1), end: at(4, 2), text: '[' }), null);
});

test('places in a window are those in the document, and lead back to the same text', () => {
  const random = seeded(5);
  for (let round = 0; round < 1000; round++) {
    const text = noise(random, 40).replaceAll('\r', '').toWellFormed();
    const cursor = placeAt(text, Math.floor(random() * (text.length + 1)));
    const snapshot = takeSnapshot(port(text), cursor, []);
    assert.ok(!('none' in snapshot));
    assert.deepEqual(cursorOf(snapshot), cursor);
    const offset = Math.floor(random() * (text.length + 1));
    const place = placeInWindow(snapshot, offset);
    assert.equal(offsetAt(text, place), offset);
    assert.deepEqual(rangeInWindow(snapshot, { start: place, end: place }), { from: offset, to: offset });
  }
});
