import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { At } from '../../src/completion/cache.ts';
import { editAtCursor } from '../../src/completion/edit.ts';
import { REFUSAL_LIMITS, Refusals } from '../../src/completion/refusals.ts';
import { takeSnapshot } from '../../src/completion/take.ts';
import { marked } from './text.ts';

function at(text: string, document = 'a'): At {
  const { doc, cursor } = marked(text);
  const snapshot = takeSnapshot(doc, cursor, []);
  assert.ok(!('none' in snapshot));
  return { document, cursor, snapshot };
}

/** Whether `text` at the cursor is held back. */
const covers = (refusals: Refusals, place: At, text: string, now = 1_000): boolean =>
  refusals.covers(place, editAtCursor(place.snapshot, text, 0), now);

test('what was turned down is not suggested again in its place, also a key later', () => {
  const refusals = new Refusals();
  const place = at('above\nlet x|\nbelow');
  refusals.refused(place, editAtCursor(place.snapshot, ' = 1;', 0), 0);
  assert.ok(covers(refusals, place, ' = 1;'));
  assert.ok(covers(refusals, at('above\nlet x |\nbelow'), '= 1;'));
  assert.ok(covers(refusals, at('new\nnew\nabove\nlet x|\nbelow'), ' = 1;'), 'it moved down');
  assert.ok(!covers(refusals, place, ' = 2;'), 'another one');
  assert.ok(!covers(refusals, at('elsewhere\nlet x|'), ' = 1;'), 'another place');
  assert.ok(!covers(refusals, at('above\nlet x|\nbelow', 'b'), ' = 1;'), 'another file');
  assert.ok(!covers(refusals, place, ' = 1;', REFUSAL_LIMITS.refusedMs), 'a while later');
});

test('text that was just deleted is not suggested again', () => {
  const refusals = new Refusals();
  refusals.deleted('a', 1, 'let x = total;', 0);
  assert.ok(covers(refusals, at('above\nlet x|'), ' = total;'));
  assert.ok(covers(refusals, at('above\nlet x|'), ' = total;\nmore();'), 'with more behind it');
  assert.ok(!covers(refusals, at('above\nlet x|'), ' = sum;'), 'something else');
  assert.ok(!covers(refusals, at('above\nlet x = tota|'), 'l;'), 'most of it was typed again by hand');
  assert.ok(!covers(refusals, at('let x|'), ' = total;'), 'another line');
  assert.ok(!covers(refusals, at('above\nlet x|'), ' = total;', REFUSAL_LIMITS.deletedMs), 'a while later');
});

test('whole lines that were deleted', () => {
  const refusals = new Refusals();
  refusals.deleted('a', 1, 'first();', 0);
  refusals.deleted('a', 2, 'second();', 0);
  assert.ok(covers(refusals, at('above\n|\nend'), 'first();\nsecond();'));
  assert.ok(!covers(refusals, at('above\n|\nend'), 'third();'));
});

test('only the newest are kept', () => {
  const refusals = new Refusals();
  const place = (n: number): At => at(`let x${n}|`);
  for (let n = 0; n <= REFUSAL_LIMITS.kept; n++) refusals.refused(place(n), editAtCursor(place(n).snapshot, '!', 0), 0);
  assert.ok(!covers(refusals, place(0), '!'));
  assert.ok(covers(refusals, place(1), '!'));
  refusals.clear();
  assert.ok(!covers(refusals, place(1), '!'));
});
