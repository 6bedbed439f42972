import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { placeInWindow, rangeInWindow } from '../../src/completion/edit.ts';
import type { Offered } from '../../src/signals/signal.ts';
import { type ExampleRow, openStore } from '../../src/signals/store.ts';
import { ROW_LIMITS } from '../../src/signals/store-rows.ts';
import { offered, outcome, survival, typedInstead, written } from './events.ts';
import { folderFor, storeFor } from './folder.ts';
import { PLANTED } from './planted.ts';

test('what was recorded is what training reads', (t) => {
  const { store } = storeFor(t);
  const events = [offered('a'), outcome('a'), survival('a', 30_000, 1), survival('a', 120_000, 0.5)];
  assert.deepEqual(
    store.record(events),
    events.map((e) => e.eventId),
  );
  const { suggestion, snapshot } = offered('a');
  assert.deepEqual(store.exampleRows({ limit: 10 }), [
    {
      seq: 2,
      suggestionId: 'a',
      at: 1_000,
      snapshot,
      edit: suggestion.edit,
      tokenLogprobs: suggestion.tokenLogprobs,
      checkpoint: 'base',
      promptHash: suggestion.promptHash,
      promptFormat: 'prefix-1',
      trigger: 'automatic',
      shownAs: 'ghost',
      latencyMs: 84.5,
      remembered: null,
      redactions: 0,
      outcome: 'accepted',
      observed: true,
      reason: 'command',
      shown: 'inferred',
      jumped: false,
      acceptedChars: 13,
      typedChars: 0,
      typedInstead: null,
      survival: 0.5,
      goneOn: false,
    },
  ]);
});

test('what was remembered for a suggestion is stored with it, as ids and numbers', (t) => {
  const { store } = storeFor(t);
  const remembered = { entries: ['one', 'two:typed'], steps: [{ at: 0, kind: 13, share: 0.25 }] };
  const { suggestion } = offered('a');
  store.record([offered('a', { suggestion: { ...suggestion, remembered } }), outcome('a')]);
  assert.deepEqual(store.exampleRows({ limit: 1 })[0]!.remembered, remembered);
  assert.deepEqual(store.entry('a')!.offer!.remembered, remembered);
});

test('what was deleted anywhere can be noticed', (t) => {
  const { store, path } = storeFor(t);
  store.record([offered('a'), outcome('a'), offered('b'), outcome('b')]);
  const version = store.version();
  const deletions = store.deletions();
  const other = openStore({ path, clock: Date.now }).store;
  t.after(() => other.close());
  other.deleteSelected({ by: 'id', id: 'a' });
  assert.notEqual(store.version(), version);
  assert.notEqual(store.deletions(), deletions);
});

test('sent again, stored once', (t) => {
  const { store } = storeFor(t);
  const events = [offered('a'), outcome('a'), typedInstead('a', 'x'), survival('a', 30_000, 1)];
  const ids = events.map((e) => e.eventId);
  assert.deepEqual(store.record(events), ids);
  assert.deepEqual(store.record([...events, ...events]), [...ids, ...ids]);
  const { suggestions, outcomes, typedInstead: typed, survivals, lastSeq } = store.stats();
  assert.deepEqual([suggestions, outcomes, typed, survivals, lastSeq], [1, { accepted: 1 }, 1, 1, 4]);
});

test('events in any order: nothing is lost', (t) => {
  const { store } = storeFor(t);
  store.record([survival('a', 30_000, 0.75)]);
  store.record([typedInstead('a', 'other')]);
  store.record([outcome('a', { kind: 'rejected' })]);
  assert.deepEqual(store.exampleRows({ limit: 1 }), [], 'no example without the offer');
  store.record([offered('a')]);
  const [row] = store.exampleRows({ limit: 1 });
  assert.deepEqual([row?.outcome, row?.typedInstead, row?.survival], ['rejected', 'other', 0.75]);
  assert.equal(row?.goneOn, false);
  store.record([{ ...survival('a', 120_000, 0.75), goneOn: true }]);
  assert.equal(store.exampleRows({ limit: 1 })[0]?.goneOn, true);
});

test('an edit: as it was last told; taken back, too long or with a secret, without a line', (t) => {
  const refused: string[] = [];
  const { store, path } = storeFor(t, { onRefused: (id) => refused.push(id) });
  const lines = () => store.writtenRows(0, 9).map(({ id, lines }) => [id, lines?.added ?? null]);
  const first = written('w/1', ['a'], ['a', 'b']);
  store.record([first, written('w/2', ['c'], ['d'])]);
  store.record([first]);
  assert.deepEqual(lines(), [
    ['w/1', ['a', 'b']],
    ['w/2', ['d']],
  ]);
  const [, second] = store.writtenRows(0, 9);
  assert.deepEqual(second!.lines, { removed: ['c'], added: ['d'], above: 'above', below: null });

  store.record([written('w/1', ['a'], ['a', 'b', 'c'], {}, 2)]);
  assert.deepEqual(
    store.writtenRows(second!.seq, 9).map(({ id }) => id),
    ['w/1'],
    'it is new again',
  );
  store.record([written('w/1', ['a'], ['a'], {}, 3)]);
  const key = `ghp_${'a1B2'.repeat(9)}`;
  const pem = ['-----BEGIN RSA PRIVATE KEY-----', 'MIIEpAIBAAKCAQEA7bq3yYVq0Cz8o6d1XzUuYQ'];
  store.record([
    written('w/2', ['c'], [`const key = "${key}";`], {}, 2),
    written('w/3', [`const key = "${key}";`], ['const key = read();']),
    written('w/4', [''], [pem[1]!], { above: pem[0]! }),
    written('w/5', [''], ['x'.repeat(20_000)]),
  ]);
  assert.deepEqual(
    lines(),
    ['w/1', 'w/2', 'w/3', 'w/4', 'w/5'].map((id) => [id, null]),
  );
  assert.ok(!`${readFileSync(path, 'latin1')}${readFileSync(`${path}-wal`, 'latin1')}`.includes(key));

  store.record([{ ...written('w/6', [], []), added: 'x' } as never, { ...written('w/7', [], []), path: 1 } as never]);
  assert.deepEqual(refused, ['w/6/1', 'w/7/1']);
  // Gone on with after it was deleted, it stays deleted.
  store.deleteSelected({ by: 'id', id: 'w/2' });
  store.record([written('w/2', ['c'], ['d', 'e'], {}, 3)]);
  assert.deepEqual(store.entry('w/2'), null);
  assert.deepEqual(store.exampleRows({ limit: 9 }), [], 'nothing that weights are trained on');
  assert.equal(store.newSignalsSince(0), 0);
});

test('one outcome: a second one is acknowledged, refused, and told', (t) => {
  const refused: string[] = [];
  const { store } = storeFor(t, { onRefused: (id, why) => refused.push(`${id}: ${why}`) });
  store.record([offered('a'), outcome('a', { kind: 'ignored' })]);
  assert.deepEqual(store.record([outcome('a', { eventId: 'another', kind: 'accepted' })]), ['another']);
  assert.equal(store.exampleRows({ limit: 1 })[0]?.outcome, 'ignored');
  assert.deepEqual(refused, ['another: a second outcome of one suggestion']);
});

test('an event that is none of ours is refused, the others are stored', (t) => {
  const refused: string[] = [];
  const { store } = storeFor(t, { onRefused: (id) => refused.push(id) });
  const bad = [
    { ...outcome('b'), kind: 'loved' },
    { ...survival('c', 30_000, 1), share: Number.NaN },
    { ...offered('d'), at: 'now' },
    { type: 'future', eventId: 'e', suggestionId: 'e', at: 1 },
    { ...offered('f'), suggestion: null },
    { type: 'typed-instead', eventId: 'g', at: 1, suggestionId: 'g' },
  ] as unknown as Offered[];
  const acked = store.record([...bad, offered('a'), outcome('a')]);
  assert.equal(acked.length, 8);
  assert.equal(refused.length, 6);
  assert.equal(store.stats().suggestions, 1);
});

test('new signals: accepted, partly accepted, rejected and typed instead; each suggestion once', (t) => {
  const { store } = storeFor(t);
  const kinds = ['accepted', 'partly-accepted', 'rejected', 'ignored', 'superseded', 'never-seen'] as const;
  for (const kind of kinds) store.record([offered(kind), outcome(kind, { kind })]);
  assert.equal(store.newSignalsSince(0), 3);
  store.record([typedInstead('rejected', 'x'), typedInstead('never-seen', 'y')]);
  assert.equal(store.newSignalsSince(0), 4);
  assert.equal(store.newSignalsSince(store.stats().lastSeq), 0);
});

test('rows: the newest, or those after a point, always in the order of arrival', (t) => {
  const { store } = storeFor(t);
  for (const id of ['a', 'b', 'c', 'd']) store.record([offered(id), outcome(id, { kind: 'rejected' })]);
  const ids = (query: { afterSeq?: number; limit: number }): string[] =>
    store.exampleRows(query).map((r) => r.suggestionId);
  assert.deepEqual(ids({ limit: 2 }), ['c', 'd']);
  assert.deepEqual(ids({ afterSeq: 2, limit: 2 }), ['b', 'c']);
  store.record([typedInstead('a', 'late')]);
  assert.deepEqual(ids({ afterSeq: 8, limit: 9 }), ['a'], 'it comes again when more is known');
});

test('secrets of every kind stay out of the file, wherever they stand', (t) => {
  const { store, path } = storeFor(t);
  const planted: string[] = [];
  PLANTED.forEach(({ code, secret, pieces }, i) => {
    planted.push(...(pieces ?? [secret, secret.slice(Math.ceil(secret.length / 2))]));
    const text = `a();\n${code(secret)}\nb();\n`;
    const middle = text.indexOf(secret) + Math.floor(secret.length / 2);
    const { snapshot } = offered('x');
    const recent = [{ path: 'p.ts', line: 0, removed: text, added: text }];
    store.record([
      offered(`before-${i}`, { snapshot: { ...snapshot, before: text, recent } }),
      offered(`after-${i}`, { snapshot: { ...snapshot, after: text } }),
      offered(`text-${i}`, {}, text),
      offered(
        `split-${i}`,
        { snapshot: { ...snapshot, before: text.slice(0, middle), after: text.slice(middle) } },
        'x',
      ),
      offered(`completed-${i}`, { snapshot: { ...snapshot, before: text.slice(0, middle) } }, text.slice(middle)),
      typedInstead(`text-${i}`, text),
      outcome(`before-${i}`, { kind: 'rejected', typedInstead: text }),
    ]);
  });
  store.applyRetention({ days: 90, megabytes: 500 }, 10_000); // copies the log into the file
  const bytes = readFileSync(path, 'utf8') + readFileSync(`${path}-wal`, 'utf8');
  assert.ok(bytes.includes('<redacted:'));
  for (const piece of planted) assert.ok(!bytes.includes(JSON.stringify(piece).slice(1, -1)), piece);
});

test('a row that lost a secret says so, and keeps no hash of the prompt that held it', (t) => {
  const { store } = storeFor(t);
  const { snapshot } = offered('a');
  const before = `password = "hunter${'22'}"\n`;
  store.record([offered('a', { snapshot: { ...snapshot, before } }), outcome('a')]);
  const [row] = store.exampleRows({ limit: 1 });
  assert.equal(row!.snapshot.before, 'password = "<redacted:password>"\n');
  assert.equal(row!.promptHash, null);
  assert.ok(row!.redactions > 0);
});

test('what was typed is looked at together with the text before it, whichever comes first', (t) => {
  const { store } = storeFor(t);
  const { snapshot } = offered('a');
  const typed = `Sommer${'2023'}!";`;
  const offer = (id: string): Offered =>
    offered(id, { snapshot: { ...snapshot, before: 'db_password = "', after: '\n' } });
  store.record([offer('a'), outcome('a', { kind: 'rejected' }), typedInstead('a', typed)]);
  store.record([typedInstead('b', typed), outcome('b', { kind: 'rejected' }), offer('b')]);
  assert.deepEqual(
    store.exampleRows({ limit: 2 }).map((r) => r.typedInstead),
    ['<redacted:password>";', '<redacted:password>";'],
  );
});

test('rows are bounded, whatever is sent', (t) => {
  const { store, path } = storeFor(t);
  const long = 'word '.repeat(200_000);
  const recent = Array.from({ length: 50 }, () => ({ path: long, line: 0, removed: long, added: long }));
  const { snapshot } = offered('a');
  const large = { ...snapshot, before: `${long}END`, after: long, path: long, languageId: long, recent };
  const offer = offered('a', { snapshot: large }, long);
  store.record([
    { ...offer, suggestion: { ...offer.suggestion, tokenLogprobs: Array.from({ length: 90_000 }, () => -1) } },
    outcome('a', { reason: long }),
    typedInstead('a', long),
  ]);
  const [row] = store.exampleRows({ limit: 1 });
  assert.equal(row!.snapshot.before.length, 8_192);
  assert.ok(row!.snapshot.before.endsWith('END'), 'what is nearest to the cursor stays');
  assert.equal(row!.snapshot.recent.length, 8);
  assert.equal(row!.edit.text.length, ROW_LIMITS.text);
  assert.equal(row!.tokenLogprobs.length, ROW_LIMITS.logprobs);
  assert.ok(statSync(path).size + statSync(`${path}-wal`).size < 500_000);
});

/** A suggestion that replaces what stands between `[` and `]` by `text`, asked for at `|`. */
function replacing(id: string, marked: string, text: string): Offered {
  const plain = (of: string): string => of.replace(/[[\]|]/g, '');
  const [before, after] = marked.split('|').map(plain) as [string, string];
  const window = { ...offered(id).snapshot, before, after, startLine: 7 };
  const place = (mark: string) => placeInWindow(window, plain(marked.slice(0, marked.indexOf(mark))).length);
  const edit = { start: place('['), end: place(']'), text };
  return offered(id, { snapshot: window, suggestion: { ...offered(id).suggestion, edit } });
}

/** The stored window with `[` and `]` around what the edit replaces. */
function stored({ snapshot, edit }: ExampleRow): string {
  const { from, to } = rangeInWindow(snapshot, edit)!;
  const all = snapshot.before + snapshot.after;
  return `${all.slice(0, from)}[${all.slice(from, to)}]${all.slice(to)}`;
}

for (const [name, marked, expected] of [
  ['on the cursor', 'ab[|]cd', 'ab[]cd'],
  ['after the cursor', 'a|b\nc[d\ne]f', 'ab\nc[d\ne]f'],
  ['before the cursor', 'a[b\ncd]\ne|f', 'a[b\ncd]\nef'],
  ['around the cursor', 'a[b\nc|d\ne]f', 'a[b\ncd\ne]f'],
  ['a deletion of everything', '[a|b]', '[ab]'],
  ['behind a secret', 'password = "hunter22|hunter"; a[b]c', 'password = "<redacted:password>"; a[b]c'],
  ['before a secret', 'a[b]c; password = "hunter22hunter"; |', 'a[b]c; password = "<redacted:password>"; '],
  ['of a secret', 'password = "[hunter22hunter]";|', 'password = "[<redacted:password>]";'],
] as const) {
  test(`an edit ${name} is stored at its place in what is stored`, (t) => {
    const { store } = storeFor(t);
    store.record([replacing('a', marked, 'new'), outcome('a')]);
    const [row] = store.exampleRows({ limit: 1 });
    assert.equal(stored(row!), expected);
    assert.equal(row!.snapshot.startLine, 7);
  });
}

test('an edit outside of the text that it was made for is refused', (t) => {
  const refused: string[] = [];
  const { store } = storeFor(t, { onRefused: (_, why) => refused.push(why) });
  const offer = offered('a');
  const edit = { start: { line: 9, character: 0 }, end: { line: 9, character: 0 }, text: 'x' };
  store.record([{ ...offer, suggestion: { ...offer.suggestion, edit } }]);
  assert.match(refused.join(), /outside of the text/);
  assert.deepEqual(store.exampleRows({ limit: 1 }), []);
});

test('lone surrogates become something that SQLite can hold', (t) => {
  const { store } = storeFor(t);
  store.record([offered('a', {}, 'x\ud800y'), outcome('a')]);
  assert.equal(store.exampleRows({ limit: 1 })[0]!.edit.text, 'x\ufffdy');
});

test('offers of windows that are gone get their outcome; those of living windows wait', (t) => {
  const alive = new Set([1, 2]);
  const { store } = storeFor(t, { clock: () => 50_000, alive: (pid) => alive.has(pid) });
  store.activity('living', 40_000, 1);
  store.activity('dead', 40_000, 2);
  for (const [id, windowId, at] of [
    ['seen', 'dead', 30_000],
    ['flash', 'dead', 39_900],
    ['open', 'living', 30_000],
    ['done', 'dead', 30_000],
  ] as const) {
    store.record([offered(id, { windowId, at })]);
  }
  store.record([outcome('done')]);
  alive.delete(2);
  assert.equal(store.closeOrphans(50_000), 2);
  assert.equal(store.closeOrphans(50_000), 0);
  const fates = store.exampleRows({ limit: 9 }).map((r) => [r.suggestionId, r.outcome, r.observed, r.reason]);
  assert.deepEqual(fates, [
    ['done', 'accepted', true, 'command'],
    ['seen', 'ignored', false, 'window-closed'],
    ['flash', 'never-seen', false, 'window-closed'],
  ]);
});

test('an outcome of the editor that comes late takes the place of the one that the store inferred', (t) => {
  const { store } = storeFor(t, { clock: () => 50_000, alive: () => false });
  store.activity('window-1', 40_000, 1);
  store.record([offered('a')]);
  assert.equal(store.closeOrphans(50_000), 1);
  const { lastSeq } = store.stats();
  store.record([outcome('a')]);
  assert.deepEqual(
    store.exampleRows({ afterSeq: lastSeq, limit: 1 }).map((r) => [r.outcome, r.observed]),
    [['accepted', true]],
  );
  store.record([outcome('a', { eventId: 'third', kind: 'ignored' })]);
  assert.equal(store.stats().outcomes.accepted, 1);
});

test('idleness is over all windows; a clock that was ahead does not keep everyone waiting', (t) => {
  const { store } = storeFor(t, { clock: () => 10_000 });
  assert.equal(store.lastActivity(), null);
  store.activity('one', 4_000);
  store.activity('two', 3_000);
  assert.equal(store.lastActivity(), 4_000);
  store.activity('two', 9e12);
  assert.equal(store.lastActivity(), 10_000);
});

test('retention by age and by size keeps the newest', (t) => {
  let now = 0;
  const { store, path } = storeFor(t, { clock: () => now });
  const { snapshot } = offered('a');
  for (let i = 0; i < 600; i++) {
    now = i * 86_400_000;
    const before = `${i} `.repeat(2_000).slice(0, 8_000);
    store.record([offered(`${i}`, { at: now, snapshot: { ...snapshot, before } }), outcome(`${i}`)]);
  }
  assert.equal(store.applyRetention({ days: 500, megabytes: 500 }, now), 99);
  assert.equal(store.stats().suggestions, 501);
  store.applyRetention({ days: 500, megabytes: 2 }, now);
  const left = store.exampleRows({ limit: 1_000 }).map((r) => Number(r.suggestionId));
  assert.ok(left.length > 50 && left.length < 300, `${left.length}`);
  assert.equal(left.at(-1), 599);
  assert.ok(statSync(path).size < 2_100_000, 'the file shrinks');
});

test('delete all: nothing of it is left in the files', (t) => {
  const { store, path } = storeFor(t);
  const { snapshot } = offered('a');
  for (let i = 0; i < 50; i++) {
    const before = `xyzzy-${i} `.repeat(500);
    store.record([
      offered(`${i}`, { snapshot: { ...snapshot, before } }),
      outcome(`${i}`),
      typedInstead(`${i}`, 'xyzzy'),
    ]);
  }
  store.addCheckpoint({ id: 'c', baseHash: 'h', parent: null, path: 'xyzzy' });
  store.promote('h', 'c', 'xyzzy', {});
  store.putCanary('xyzzy', 1);
  store.deleteAll();
  assert.equal(store.stats().suggestions, 0);
  assert.equal(store.current('h'), null);
  for (const file of [path, `${path}-wal`]) assert.ok(!readFileSync(file, 'latin1').includes('xyzzy'), file);
  store.record([offered('new'), outcome('new')]);
  assert.equal(store.exampleRows({ limit: 9 }).length, 1);
});

test('checkpoints: candidate, promoted, refused, rolled back; each step is on record', (t) => {
  let now = 0;
  const { store } = storeFor(t, { clock: () => ++now });
  assert.equal(store.current('base-1'), null);
  for (const [id, parent] of [
    ['c1', null],
    ['c2', 'c1'],
    ['c3', 'c2'],
  ] as const) {
    store.addCheckpoint({ id, baseHash: 'base-1', parent, path: `checkpoints/${id}` });
  }
  store.promote('base-1', 'c1', 'better on 12 held-out signals', { lossBefore: 2, lossAfter: 1.5 });
  store.promote('base-1', 'c2', 'better', {});
  store.refuse('base-1', 'c3', 'the canary rose by 2 %', { canary: 1.02 });
  assert.equal(store.current('base-1')?.id, 'c2');
  assert.equal(store.current('base-2'), null, 'each base has its own');
  store.rollBack('base-1', 'c1', 'the user asked');
  assert.deepEqual(
    store.checkpoints('base-1').map((c) => [c.id, c.state, c.parent]),
    [
      ['c3', 'refused', 'c2'],
      ['c2', 'rolled-back', 'c1'],
      ['c1', 'current', null],
    ],
  );
  assert.deepEqual(store.checkpoints('base-1').at(-1)!.metrics, { lossBefore: 2, lossAfter: 1.5 });
  store.rollBack('base-1', null, 'the user asked');
  assert.equal(store.current('base-1'), null);
  assert.deepEqual(
    store.checkpointLog('base-1').map((l) => `${l.checkpoint} ${l.state}: ${l.reason}`),
    [
      'c1 current: better on 12 held-out signals',
      'c1 retired: better',
      'c2 current: better',
      'c3 refused: the canary rose by 2 %',
      'c2 rolled-back: the user asked',
      'c1 current: the user asked',
      'c1 rolled-back: the user asked',
      'null current: the user asked',
    ],
  );
});

test('a promotion of what is not there changes nothing', (t) => {
  const { store } = storeFor(t);
  store.addCheckpoint({ id: 'c1', baseHash: 'base-1', parent: null, path: 'x' });
  store.promote('base-1', 'c1', 'better', {});
  assert.throws(() => store.promote('base-1', 'nothing', 'better', {}), /no checkpoint nothing/);
  assert.throws(() => store.promote('base-2', 'c1', 'better', {}), /no checkpoint c1 of base base-2/);
  assert.equal(store.current('base-1')?.state, 'current');
});

test('a round ends with its checkpoint, or with nothing of it', (t) => {
  const { store } = storeFor(t);
  const begin = (): number => store.beginRound({ baseHash: 'h', device: 'cpu', parent: null });
  const checkpoint = (id: string) => ({ id, baseHash: 'h', parent: null, path: id });
  const end = { reason: 'better', steps: 8, tokens: 900, lossBefore: 2.5, lossAfter: 2 };
  const round = begin();
  assert.ok(store.roundIsOpen(round));
  store.promoteFrom(round, checkpoint('c1'), { gain: 1 }, end);
  assert.ok(!store.roundIsOpen(round));
  assert.equal(store.current('h')?.id, 'c1');
  assert.deepEqual(store.rounds('h').map((r) => [r.decision, r.checkpoint]), [['promoted', 'c1']]); // biome-ignore format: a row

  const deleted = begin();
  store.deleteAll();
  assert.ok(!store.roundIsOpen(deleted));
  assert.throws(() => store.promoteFrom(deleted, checkpoint('c2'), {}, end), /never began/);
  assert.deepEqual(store.checkpoints('h'), []);
  assert.equal(store.current('h'), null);
});

test('rounds use signals up once they came to a decision', (t) => {
  const { store } = storeFor(t);
  const start = { baseHash: 'h', device: 'cpu', parent: null };
  const end = { reason: 'r', steps: 8, tokens: 900, lossBefore: 2.5, lossAfter: Number.NaN, checkpoint: null };
  store.record([offered('a'), outcome('a')]);
  const stopped = store.beginRound(start);
  store.endRound(stopped, { ...end, decision: 'stopped' });
  assert.equal(store.newSignals('h'), 1, 'a round that was stopped uses nothing up');
  const refused = store.beginRound(start);
  store.record([offered('b'), outcome('b')]);
  store.endRound(refused, { ...end, decision: 'refused' });
  assert.equal(store.newSignals('h'), 1, 'what came during the round is new');
  assert.equal(store.newSignals('another base'), 2);
  const killed = store.beginRound(start);
  store.beginRound(start);
  assert.deepEqual(
    store.rounds('h').map((r) => [r.decision, r.signals, r.lossAfter]),
    [
      [null, 1, null],
      ['failed', 1, null],
      ['refused', 1, null],
      ['stopped', 1, null],
    ],
  );
  assert.throws(() => store.endRound(killed, { ...end, decision: 'promoted' }), /has ended already/);
});

test('the lease: one holder, until it lets go, is late, or its process is gone', (t) => {
  let now = 0;
  const alive = new Set([1, 2]);
  const path = `${folderFor(t)}/knack.db`;
  const options = { path, clock: () => now, alive: (pid: number) => alive.has(pid) };
  const one = storeFor(t, options).store;
  const two = storeFor(t, options).store;
  assert.ok(one.acquireLease('trainer', 'one', 60_000, 1));
  assert.ok(!two.acquireLease('trainer', 'two', 60_000, 2));
  assert.ok(one.acquireLease('trainer', 'one', 60_000, 1), 'its own again');
  now = 59_000;
  assert.ok(one.renewLease('trainer', 'one', 60_000));
  now = 100_000;
  assert.ok(!two.acquireLease('trainer', 'two', 60_000, 2), 'it was renewed');
  now = 200_000;
  assert.ok(two.acquireLease('trainer', 'two', 60_000, 2), 'it is late');
  assert.ok(!one.renewLease('trainer', 'one', 60_000), 'and is told so');
  alive.delete(2);
  assert.ok(one.acquireLease('trainer', 'one', 60_000, 1), 'its process is gone');
  one.releaseLease('trainer', 'two');
  assert.ok(!two.acquireLease('trainer', 'two', 60_000, 2), 'only the holder lets go');
  one.releaseLease('trainer', 'one');
  assert.ok(two.acquireLease('trainer', 'two', 60_000, 2));
});

test('canary results are kept by key', (t) => {
  const { store } = storeFor(t);
  assert.equal(store.canary('k'), null);
  store.putCanary('k', { loss: 1.25 });
  store.putCanary('k', { loss: 1.5 });
  assert.deepEqual(store.canary('k'), { loss: 1.5 });
});
