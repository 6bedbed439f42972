import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Store } from '../../src/signals/store.ts';
import { offered, outcome, survival, typedInstead, written } from './events.ts';
import { storeFor } from './folder.ts';

const DAY = 86_400_000;
/** Noon by this machine's calendar, so that an hour more or less stays in the day. */
const FIRST = new Date(2026, 4, 1, 12).getTime();

/** One suggestion that arrives on a day, in a file. */
function put(
  store: Store,
  clock: { now: number },
  day: number,
  id: string,
  kind?: 'accepted' | 'rejected' | 'never-seen',
  path = 'src/add.ts',
): void {
  clock.now = FIRST + day * DAY;
  const offer = offered(id, { at: clock.now, snapshot: { ...offered(id).snapshot, path } });
  store.record(
    kind === undefined
      ? [offer]
      : [
          offer,
          outcome(id, { kind, acceptedChars: kind === 'accepted' ? 13 : 0, typedChars: kind === 'accepted' ? 3 : 0 }),
        ],
  );
}

function filled(t: Parameters<typeof storeFor>[0]) {
  const clock = { now: FIRST };
  const { store, path } = storeFor(t, { clock: () => clock.now });
  put(store, clock, 0, 'a', 'accepted');
  put(store, clock, 0, 'b', 'never-seen', 'src/b.ts');
  put(store, clock, 2, 'c', 'rejected', 'src/b.ts');
  put(store, clock, 2, 'd', undefined, 'src/b.ts');
  return { store, path, clock };
}

const isThere = (_: string): boolean => true;

test('days: what was offered, seen, taken and saved; what was never seen is not refused', (t) => {
  const { store } = filled(t);
  assert.deepEqual(store.days(0), [
    { day: '2026-05-01', offered: 2, seen: 1, accepted: 1, rejected: 0, saved: 10 },
    { day: '2026-05-03', offered: 2, seen: 1, accepted: 0, rejected: 1, saved: 0 },
  ]);
  assert.equal(store.days(FIRST + DAY).length, 1);
});

test('groups and lists: newest first', (t) => {
  const { store } = filled(t);
  const groups = (by: 'day' | 'file') => store.groups(by).map(({ key, entries }) => `${key} ${entries}`);
  assert.deepEqual(groups('day'), ['2026-05-03 2', '2026-05-01 2']);
  assert.deepEqual(groups('file'), ['src/b.ts 3', 'src/add.ts 1']);
  const list = store.list({ by: 'file', path: 'src/b.ts' }, 2);
  assert.deepEqual(
    list.map(({ id, outcome: kind, text }) => [id, kind, text]),
    [
      ['d', null, 'return a + b;'],
      ['c', 'rejected', 'return a + b;'],
    ],
  );
  assert.deepEqual(
    store.list({ by: 'day', day: '2026-05-01' }, 9).map((s) => s.id),
    ['b', 'a'],
  );
});

test('an entry: all that is stored of it', (t) => {
  const { store } = filled(t);
  store.record([typedInstead('c', 'other'), survival('a', 30_000, 0.5)]);
  const entry = store.entry('a')!;
  assert.deepEqual(entry.offer?.recent, offered('a').snapshot.recent);
  assert.deepEqual(entry.offer?.tokenLogprobs, [-0.25, -1.5, -0.125]);
  assert.deepEqual(entry.survival, [{ afterMs: 30_000, share: 0.5, observed: true, goneOn: false }]);
  assert.deepEqual([entry.outcome, entry.observed, entry.acceptedChars], ['accepted', true, 13]);
  assert.equal(store.entry('c')!.typedInstead, 'other');
  assert.equal(store.entry('d')!.outcome, null);
  assert.equal(store.entry('nobody'), null);
});

test('an edit stands among the suggestions of its day and its file, and is deleted with them', (t) => {
  const { store, clock } = filled(t);
  clock.now = FIRST + 2 * DAY;
  store.record([written('w/1', ['const a = 1;'], ['const a = 2;', 'const b = 3;'], { path: 'src/b.ts' })]);
  assert.deepEqual(
    store.groups('file').map(({ key, entries }) => `${key} ${entries}`),
    ['src/b.ts 4', 'src/add.ts 1'],
  );
  const [first] = store.list({ by: 'file', path: 'src/b.ts' }, 1);
  assert.deepEqual([first?.id, first?.outcome, first?.text], ['w/1', 'written', 'const a = 2;\nconst b = 3;']);
  const entry = store.entry('w/1')!;
  assert.deepEqual([entry.outcome, entry.offer], ['written', null]);
  assert.deepEqual(entry.written, {
    ...{ path: 'src/b.ts', removed: ['const a = 1;'], added: ['const a = 2;', 'const b = 3;'] },
    ...{ above: 'above', below: null },
  });
  assert.equal(store.entry('a')!.written, null);
  assert.deepEqual([store.stats().suggestions, store.stats().written], [4, 1]);

  const deletions = store.deletions();
  assert.deepEqual(store.deleteSelected({ by: 'file', path: 'src/b.ts' }), { entries: 4, forgotten: [] });
  assert.notEqual(store.deletions(), deletions, 'other engines see it');
  assert.deepEqual(store.writtenRows(0, 9), []);
});

test('an entry whose offer has not arrived', (t) => {
  const { store } = storeFor(t);
  store.record([typedInstead('late', 'text')]);
  assert.deepEqual([store.entry('late')!.offer, store.entry('late')!.typedInstead], [null, 'text']);
  assert.deepEqual(
    store.list({ by: 'file', path: '' }, 9).map((s) => s.id),
    ['late'],
  );
});

test('a deleted selection is gone from the file, the rest stays', (t) => {
  const { store, path, clock } = filled(t);
  put(store, clock, 3, 'e', 'accepted', 'src/private.ts');
  assert.deepEqual(store.deleteSelected({ by: 'file', path: 'src/private.ts' }), {
    entries: 1,
    forgotten: [],
  });
  assert.deepEqual(store.deleteSelected({ by: 'day', day: '2026-05-01' }), { entries: 2, forgotten: [] });
  assert.deepEqual(store.deleteSelected({ by: 'id', id: 'c' }), { entries: 1, forgotten: [] });
  assert.deepEqual(
    store.list({ by: 'file', path: 'src/b.ts' }, 9).map((s) => s.id),
    ['d'],
  );
  assert.equal(store.stats().suggestions, 1);
  const bytes = readFileSync(path, 'latin1') + readFileSync(`${path}-wal`, 'latin1');
  assert.ok(bytes.includes('src/b.ts'), 'the search would find what is stored');
  assert.ok(!bytes.includes('src/private.ts') && !bytes.includes('src/add.ts\u0000'));
});

test('more than one batch is deleted', (t) => {
  const { store } = storeFor(t);
  for (let i = 0; i < 450; i++) store.record([offered(`s${i}`)]);
  assert.equal(store.deleteSelected({ by: 'file', path: 'src/add.ts' }).entries, 450);
});

test('checkpoints that may have learned from what is deleted are struck off, and what serves goes back before them', (t) => {
  const { store, clock } = filled(t);
  const BASE = 'ba'.repeat(32);
  const begin = () => store.beginRound({ baseHash: BASE, device: 'cpu', parent: store.current(BASE)?.id ?? null });
  const end = { reason: 'better', steps: 1, tokens: 1, lossBefore: 2, lossAfter: 1 };
  const round = (id: string): void => {
    const parent = store.current(BASE)?.id ?? null;
    store.promoteFrom(begin(), { id, baseHash: BASE, parent, path: `/nowhere/${id}` }, {}, end);
  };
  const forget = (id: string, there = isThere) => store.deleteSelected({ by: 'id', id }, there).forgotten;
  const serving = () => store.current(BASE)?.id ?? 'base';
  for (const n of [0, 1, 2, 3]) {
    put(store, clock, 4 + n, `later-${n}`, 'accepted', 'src/late.ts');
    round(`${n}`);
  }
  put(store, clock, 9, 'newest', 'accepted', 'src/late.ts');
  const under = begin();
  assert.deepEqual(forget('newest'), [], 'no round since');
  assert.equal(store.roundIsOpen(under), false, 'but one that was under way, which has read it');
  assert.equal(serving(), '3');
  assert.equal(store.relearns(BASE), false);

  // Refused rounds used signals up as well.
  store.endRound(begin(), { ...end, decision: 'refused', checkpoint: null });
  assert.equal(store.newSignals(BASE), 0);
  assert.deepEqual(forget('later-2'), ['3', '2']);
  assert.equal(serving(), '1');
  assert.equal(store.newSignals(BASE), 1, 'the other one of those rounds');
  assert.equal(store.relearns(BASE), true);
  store.endRound(begin(), { ...end, decision: 'refused', checkpoint: null });
  assert.deepEqual([store.relearns(BASE), store.newSignals(BASE)], [false, 0]);

  assert.deepEqual(
    forget('later-1', (path) => path !== '/nowhere/0'),
    ['1'],
    'what has no files is not gone back to',
  );
  assert.equal(serving(), 'base');
  assert.deepEqual(forget('a'), ['0']);
  assert.deepEqual(store.checkpoints(BASE), []);
  assert.deepEqual(forget('d'), [], 'nothing is learned without an outcome');
  const why = store.checkpointLog(BASE).at(-1)!;
  assert.deepEqual([why.checkpoint, why.reason], [null, 'Something that it had learned from was deleted.']);
});

test('going back ends a round that is under way', (t) => {
  const { store } = storeFor(t);
  const BASE = 'ba'.repeat(32);
  const n = store.beginRound({ baseHash: BASE, device: 'cpu', parent: null });
  store.rollBack(BASE, null, 'Chosen by you.');
  assert.equal(store.roundIsOpen(n), false);
  assert.deepEqual([store.rounds(BASE)[0]!.decision, store.rounds(BASE)[0]!.reason], ['stopped', 'Chosen by you.']);
});

test('what another window learns of a deleted suggestion is not stored', (t) => {
  const { store, clock } = filled(t);
  const late = (id: string) => [typedInstead(id, 'sum += 1'), survival(id, 30_000, 1), outcome(id)];
  store.deleteSelected({ by: 'id', id: 'c' });
  assert.deepEqual(
    store.record(late('c')),
    late('c').map((e) => e.eventId),
    'acknowledged, so that it is not sent again',
  );
  assert.equal(store.stats().suggestions, 3);
  assert.equal(store.stats().typedInstead, 0);
  store.deleteAll();
  store.record([...late('a'), ...late('d')]);
  assert.deepEqual(store.stats().suggestions, 0);
  store.applyRetention({ days: 365, megabytes: 100 }, clock.now + 8 * DAY);
  store.record([outcome('a')]);
  assert.equal(store.stats().suggestions, 1, 'ids are forgotten once nothing more can come');
});
