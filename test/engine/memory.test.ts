/** The engine's memory on a tiny model: one signal is enough, in every window, and what is deleted is forgotten. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { editAtCursor } from '../../src/completion/edit.ts';
import type { SignalEvent } from '../../src/signals/signal.ts';
import { successors } from '../model/tiny.ts';
import { written } from '../signals/events.ts';
import { accepted, at, type Bench, makeBench, openWindow, type Window } from './real-engine.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => bench.dispose());

const HEAD = 'const the_whole_price_of_it = ';
const SUM = 'sum(cents) / 100;';

/** An accepted suggestion of `text` after `HEAD`; or one that was rejected, and `text` typed instead. */
function signals(id: string, kind: 'accepted' | 'rejected', text: string): SignalEvent[] {
  const [offer, outcome] = accepted(1, 'other()');
  if (offer?.type !== 'offered' || outcome?.type !== 'outcome') throw new Error('no signal');
  const snapshot = at(HEAD);
  const edit = editAtCursor(snapshot, kind === 'accepted' ? text : 'other()', 0);
  const suggestion = { ...offer.suggestion, id, edit };
  const events: SignalEvent[] = [
    { ...offer, eventId: `${id}/offered`, snapshot, suggestion },
    { ...outcome, eventId: `${id}/outcome`, suggestionId: id, kind },
  ];
  if (kind === 'accepted') return events;
  return [...events, { type: 'typed-instead', eventId: `${id}/typed`, at: Date.now(), suggestionId: id, text }];
}

const suggested = async (w: Window): Promise<string> => (await w.suggestion(at(`if (x) ${HEAD}`))).edit.text;
const remembers = async (w: Window, expected: string): Promise<void> => {
  for (const end = Date.now() + 30_000; (await suggested(w)) !== expected; )
    assert.ok(Date.now() < end, `never suggested: ${expected}`);
};

test('one accept or one typed line is enough, in both windows and after a restart; deleted it is gone', async (t) => {
  const storageDir = bench.folder();
  const w = openWindow(t, bench, { storageDir });
  const other = openWindow(t, bench, { storageDir, windowId: 'window-2' });
  await w.ready();
  await other.ready();
  const alone = successors(' ');
  assert.equal(await suggested(w), alone);

  await w.record(signals('one', 'rejected', SUM));
  await remembers(w, SUM);
  await remembers(other, SUM);
  const suggestion = await w.suggestion(at(HEAD));
  assert.deepEqual(suggestion.remembered!.entries, ['one:typed']);
  assert.ok(suggestion.tokenLogprobs.every((l) => l <= 0));
  const { entries, size } = await w.client.memory(10);
  assert.equal(size, 1);
  assert.deepEqual(
    entries.map(({ id, sources, path, kind, added }) => ({ id, sources, path, kind, added })),
    [{ id: 'one:typed', sources: ['one'], path: 'src/a.ts', kind: 'typed', added: [HEAD + SUM] }],
  );
  assert.deepEqual((await w.client.memory(10, ['none'])).entries, []);

  const restarted = openWindow(t, bench, { storageDir, windowId: 'window-3' });
  await restarted.ready();
  await remembers(restarted, SUM);

  // Deleted in one window, it is forgotten in all.
  await w.client.deleteSelected({ by: 'id', id: 'one' });
  assert.equal(await suggested(w), alone);
  await remembers(other, alone);
  assert.equal((await w.client.memory(10)).size, 0);

  await w.record(signals('two', 'accepted', SUM));
  await remembers(w, SUM);
  // What did not stay was not wanted.
  const gone = { type: 'survival', eventId: 's', at: Date.now(), suggestionId: 'two' } as const;
  await w.record([{ ...gone, afterMs: 30_000, share: 0.1, goneOn: false, observed: true }]);
  await remembers(w, alone);

  await w.record(signals('three', 'accepted', SUM));
  await remembers(w, SUM);
  await w.client.deleteAll();
  assert.equal(await suggested(w), alone);
});

test('an edit without a suggestion is enough too, in both windows; deleted or taken back it is gone', async (t) => {
  const storageDir = bench.folder();
  const w = openWindow(t, bench, { storageDir });
  const other = openWindow(t, bench, { storageDir, windowId: 'window-2' });
  await w.ready();
  await other.ready();
  const alone = successors(' ');
  const write = (n: number, text: string) =>
    w.record([written('w/1', [''], [HEAD + text], { path: 'src/c.ts', above: null }, n)]);
  await write(1, 'vat(');
  await write(2, SUM);
  await remembers(w, SUM);
  await remembers(other, SUM);
  assert.deepEqual((await w.suggestion(at(HEAD))).remembered!.entries, ['w/1']);
  const { entries } = await other.client.memory(10);
  assert.deepEqual(
    entries.map(({ id, sources, path, kind, added }) => ({ id, sources, path, kind, added })),
    [{ id: 'w/1', sources: ['w/1'], path: 'src/c.ts', kind: 'written', added: [HEAD + SUM] }],
  );
  // Accepted and left so, it is one thing to a person, and forgotten as one.
  await w.record(signals('one', 'accepted', SUM));
  for (const end = Date.now() + 30_000; ; ) {
    const [first, ...more] = (await w.client.memory(10)).entries;
    if (first?.sources.length === 2) {
      assert.deepEqual([first.sources, more], [['one', 'w/1'], []]);
      break;
    }
    assert.ok(Date.now() < end, 'never taken in');
  }
  await w.client.deleteSelected({ by: 'id', id: 'one' });
  await w.record([written('w/1', [''], [''], { path: 'src/c.ts', above: null }, 3)]);
  await remembers(w, alone);
  await write(4, SUM);
  await remembers(other, SUM);
  await other.client.deleteSelected({ by: 'id', id: 'w/1' });
  await remembers(w, alone);
  assert.equal((await w.client.memory(10)).size, 0);
});

test('switched off, it has no part in suggestions; a line with a secret in it is not remembered', async (t) => {
  const storageDir = bench.folder();
  const off = openWindow(t, bench, { storageDir, memory: false });
  const on = openWindow(t, bench, { storageDir, windowId: 'window-2' });
  await off.ready();
  await on.ready();
  await off.record(signals('secret', 'accepted', `"ghp_${'a1B2'.repeat(9)}";`));
  await off.record(signals('one', 'accepted', SUM));
  await remembers(on, SUM);
  assert.equal(await suggested(off), successors(' '));
  assert.deepEqual(
    (await on.client.memory(10)).entries.map((entry) => entry.id),
    ['one'],
  );
});
