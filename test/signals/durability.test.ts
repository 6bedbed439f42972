import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Sqlite from 'better-sqlite3';
import { Outbox } from '../../src/signals/outbox.ts';
import { openStore, type Store, StoreError } from '../../src/signals/store.ts';
import { offered, outcome, survival, typedInstead } from './events.ts';
import { folderFor, storeFor } from './folder.ts';

const WRITER = fileURLToPath(new URL('writer.ts', import.meta.url));

/** Starts a process that stores signals; collects what it said was acknowledged. */
function writer(path: string, prefix: string, batches: number): { child: ChildProcess; acked: string[] } {
  const acked: string[] = [];
  const child = fork(WRITER, [path, prefix, String(batches)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  child.on('message', (ids: string[]) => acked.push(...ids));
  return { child, acked };
}

function stored(store: Store): Set<string> {
  return new Set(
    store.exampleRows({ limit: 100_000 }).flatMap((r) => [`${r.suggestionId}/offered`, `${r.suggestionId}/outcome`]),
  );
}

test('kill -9 while writing: every acknowledged event is there, and sending again stores once', async (t) => {
  const path = join(folderFor(t), 'knack.db');
  const everAcked: string[] = [];
  for (let round = 0; round < 3; round++) {
    const { child, acked } = writer(path, `r${round}`, 100_000);
    while (acked.length < 60 * (round + 1)) await once(child, 'message');
    child.kill('SIGKILL');
    await once(child, 'close');
    everAcked.push(...acked);

    const { store, notices } = openStore({ path, clock: Date.now });
    assert.deepEqual(notices, [], 'the file is whole');
    const there = stored(store);
    for (const id of acked) assert.ok(there.has(id), `${id} was acknowledged and is lost`);
    assert.ok(there.size - new Set(everAcked).size <= 4 * (round + 1), 'at most the batch in flight is there besides');
    store.close();
  }
  // The client, which saw no answer to the last batch, sends all of it again.
  const { store } = storeFor(t, { path });
  const before = stored(store).size;
  const again = [...new Set(everAcked)].map((id) => id.split('/')[0]!);
  store.record([...new Set(again)].flatMap((id) => [offered(id), outcome(id)]));
  assert.equal(stored(store).size, before);
});

test('two processes that start at once on no file, and write at once', async (t) => {
  const path = join(folderFor(t), 'new', 'knack.db');
  const writers = ['one', 'two'].map((prefix) => writer(path, prefix, 60));
  const codes = await Promise.all(writers.map(async ({ child }) => (await once(child, 'close'))[0] as number));
  assert.deepEqual(codes, [0, 0]);
  const { store } = storeFor(t, { path });
  const there = stored(store);
  assert.equal(there.size, 2 * 60 * 4);
  for (const { acked } of writers) for (const id of acked) assert.ok(there.has(id), id);
});

test('outbox and store: whatever fails between them, each event is stored exactly once, in order', (t) => {
  const path = join(folderFor(t), 'knack.db');
  const outbox = new Outbox();
  let seed = 11;
  const below = (n: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return (seed >>> 8) % n;
  };
  let { store } = openStore({ path, clock: () => 10_000 });
  let sent = 0;
  const flush = (): void => {
    const batch = outbox.pending().slice(0, 1 + below(5));
    if (batch.length === 0) return;
    const fate = below(4);
    if (fate === 0) return; // the engine was gone before it read the message
    sent += batch.length;
    const acked = store.record(batch);
    if (fate === 1) {
      // The engine died between storing and answering.
      store.close();
      store = openStore({ path, clock: () => 10_000 }).store;
      return;
    }
    outbox.ack(acked);
  };
  for (let i = 0; i < 120; i++) {
    const events = [
      offered(`${i}`),
      outcome(`${i}`, { kind: 'rejected' }),
      typedInstead(`${i}`, 'x'),
      survival(`${i}`, 30_000, 1),
    ];
    for (const event of events) {
      outbox.add(event);
      flush();
    }
  }
  while (outbox.pending().length > 0) flush();
  const { suggestions, outcomes, typedInstead: typed, survivals, lastSeq } = store.stats();
  assert.deepEqual([suggestions, outcomes, typed, survivals, lastSeq], [120, { rejected: 120 }, 120, 120, 480]);
  assert.ok(sent > 480, `${sent} sent: some went twice`);
  assert.deepEqual(
    store.exampleRows({ limit: 200 }).map((r) => r.suggestionId),
    Array.from({ length: 120 }, (_, i) => `${i}`),
  );
  store.close();
});

test('while another program locks the store, the outbox keeps what it has', (t) => {
  const { store, path } = storeFor(t, { busyMs: 50 });
  const other = new Sqlite(path);
  t.after(() => other.close());
  const outbox = new Outbox();
  outbox.add(offered('a'));
  other.exec('BEGIN IMMEDIATE');
  assert.throws(() => store.record(outbox.pending()), StoreError);
  assert.equal(outbox.pending().length, 1);
  other.exec('ROLLBACK');
  outbox.ack(store.record(outbox.pending()));
  assert.deepEqual([outbox.pending().length, store.stats().suggestions], [0, 1]);
});
