import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editAtCursor } from '../../src/completion/edit.ts';
import { outcomeOf, type RememberingSignal } from '../../src/memory/stored.ts';

const snapshot = { path: 'a.ts', before: 'let a = ', after: '\n', startLine: 4, recent: [] };
const signal = (over: Partial<RememberingSignal>): RememberingSignal => ({
  suggestionId: 'id',
  at: 5,
  snapshot,
  edit: editAtCursor(snapshot, 'one + two;', 0),
  outcome: 'accepted',
  acceptedChars: 10,
  typedInstead: null,
  survival: null,
  goneOn: false,
  remembered: null,
  ...over,
});

test('an accepted edit is one unless it did not stay', () => {
  assert.equal(outcomeOf(signal({}))!.isAccepted, true);
  assert.equal(outcomeOf(signal({ survival: 0.5 }))!.isAccepted, true);
  assert.equal(outcomeOf(signal({ survival: 0.4 })), null);
});

test('of a part that was taken, that part was written', () => {
  const { isAccepted, typed } = outcomeOf(signal({ outcome: 'partly-accepted', acceptedChars: 3 }))!;
  assert.deepEqual([isAccepted, typed], [false, editAtCursor(snapshot, 'one', 0)]);
  assert.equal(outcomeOf(signal({ outcome: 'partly-accepted', acceptedChars: 0 })), null);
});

test('of a rejected one what was typed instead, where that is known', () => {
  const typed = outcomeOf(signal({ outcome: 'rejected', typedInstead: 'three;' }))!.typed;
  assert.deepEqual(typed, editAtCursor(snapshot, 'three;', 0));
  assert.equal(outcomeOf(signal({ outcome: 'rejected' }))!.typed, null);
  // Of an edit elsewhere it is not known where it was typed.
  const elsewhere = { start: { line: 4, character: 0 }, end: { line: 4, character: 3 }, text: 'var' };
  assert.equal(outcomeOf(signal({ outcome: 'rejected', typedInstead: 'x', edit: elsewhere }))!.typed, null);
});

test('what nobody judged says nothing', () => {
  for (const outcome of ['ignored', 'superseded', 'never-seen']) assert.equal(outcomeOf(signal({ outcome })), null);
});
