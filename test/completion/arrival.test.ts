import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arrival, type Cursor, EDITING_MS } from '../../src/completion/arrival.ts';

const at = (line: number, more: Partial<Cursor> = {}): Cursor => ({
  at: 1_000,
  document: 'a',
  version: 1,
  line,
  isSingle: true,
  ...more,
});

function edited(): Arrival {
  const arrival = new Arrival();
  arrival.edited(0);
  arrival.moved(at(3));
  return arrival;
}

test('a cursor that goes to another line soon after an edit has arrived', () => {
  assert.ok(edited().moved(at(7)));
  assert.ok(edited().moved(at(3, { document: 'b' })));
});

test('within its line, with the text, with a selection, or where nothing was edited lately, it has not', () => {
  assert.ok(!edited().moved(at(3)));
  assert.ok(!edited().moved(at(4, { version: 2 })));
  assert.ok(!edited().moved(at(7, { isSingle: false })));
  assert.ok(!edited().moved(at(7, { at: EDITING_MS + 1 })));
  assert.ok(!new Arrival().moved(at(7)));
  const unedited = new Arrival();
  unedited.moved(at(3));
  assert.ok(!unedited.moved(at(7)));
});

test('moving on within the line before it has stayed puts the question off, and does not drop it', () => {
  const arrival = edited();
  arrival.moved(at(7));
  assert.ok(arrival.moved(at(7)));
  arrival.asked();
  assert.ok(!arrival.moved(at(7)));
  arrival.moved(at(8));
  arrival.edited(1_000);
  assert.ok(!arrival.moved(at(8)));
});

test('after the text has taken the cursor along, it arrives from there', () => {
  const arrival = edited();
  arrival.moved(at(4, { version: 2 }));
  assert.ok(arrival.moved(at(5, { version: 2 })));
  assert.ok(arrival.moved(at(4, { version: 2 })));
});
