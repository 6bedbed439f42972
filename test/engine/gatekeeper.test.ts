/** The gate on a real database: it learns from outcomes of any window, and forgets with what is deleted. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Gatekeeper } from '../../src/engine/gatekeeper.ts';
import type { OutcomeKind } from '../../src/signals/signal.ts';
import type { Store } from '../../src/signals/store.ts';
import { offered, outcome } from '../signals/events.ts';
import { storeFor } from '../signals/folder.ts';
import { at, type Bench, makeBench, openWindow } from './real-engine.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => bench.dispose());

/** A suggestion judged, offered, and what became of it. */
function live(gatekeeper: Gatekeeper, store: Store, id: string, kind: OutcomeKind, over = {}): number {
  const event = offered(id, over);
  const { snapshot, suggestion } = event;
  const { judged, keep } = gatekeeper.judge(snapshot, suggestion, gatekeeper.asked(snapshot), 'medium');
  keep();
  store.record([{ ...event, suggestion: judged }, outcome(id, { kind })]);
  gatekeeper.follow();
  return judged.likely!;
}

/** What it would say now of a suggestion like all the others. */
function forecast(gatekeeper: Gatekeeper): number {
  const { snapshot, suggestion } = offered('asked');
  return gatekeeper.judge(snapshot, suggestion, { at: 1e3, still: 0 }, 'medium').judged.likely!;
}

test('rejects lower what it says of the like, accepts raise it; another window and the next start know it too', (t) => {
  const { store, path } = storeFor(t);
  const one = new Gatekeeper(store);
  const other = new Gatekeeper(storeFor(t, { path }).store);
  const before = forecast(one);
  for (let n = 0; n < 12; n++) live(one, store, `r${n}`, 'rejected');
  const low = forecast(one);
  assert.ok(low < before, `${before} to ${low}`);
  for (let n = 0; n < 30; n++) live(one, store, `a${n}`, 'accepted');
  assert.ok(forecast(one) > low);
  assert.equal(one.signals, 42);
  other.follow();
  assert.deepEqual(other.weights, one.weights);
  assert.deepEqual(new Gatekeeper(store).weights, one.weights);
});

test('what nobody saw, what gave way, and what was asked for teach nothing', (t) => {
  const { store } = storeFor(t);
  const gatekeeper = new Gatekeeper(store);
  live(gatekeeper, store, 'unseen', 'never-seen');
  live(gatekeeper, store, 'gone', 'superseded');
  live(gatekeeper, store, 'asked', 'accepted', { trigger: 'explicit' });
  assert.equal(gatekeeper.signals, 0);
  live(gatekeeper, store, 'seen', 'ignored');
  live(gatekeeper, store, 'part', 'partly-accepted');
  assert.deepEqual(
    store.toldJudgements(0).map(({ suggestionId, worth }) => [suggestionId, worth]),
    [
      ['seen', 0],
      ['part', 0.5],
    ],
  );
});

test('forgetting a signal, a file or everything is never having learned it', (t) => {
  const { store } = storeFor(t);
  const gatekeeper = new Gatekeeper(store);
  const untaught = gatekeeper.weights;
  const { snapshot } = offered('x');
  for (let n = 0; n < 5; n++) live(gatekeeper, store, `kept${n}`, n % 2 === 0 ? 'accepted' : 'rejected');
  const kept = gatekeeper.weights;
  live(gatekeeper, store, 'one', 'rejected');
  for (let n = 0; n < 3; n++) {
    live(gatekeeper, store, `file${n}`, 'rejected', { snapshot: { ...snapshot, path: 'secret.ts' } });
  }
  store.deleteSelected({ by: 'file', path: 'secret.ts' });
  store.deleteSelected({ by: 'id', id: 'one' });
  gatekeeper.follow();
  assert.deepEqual(gatekeeper.weights, kept);
  store.deleteAll();
  gatekeeper.follow();
  assert.deepEqual(gatekeeper.weights, untaught);
  assert.equal(gatekeeper.signals, 0);
});

test('held back: counted and listed without text, gone with their file, by retention and with everything', (t) => {
  const { store, path } = storeFor(t);
  const gatekeeper = new Gatekeeper(store);
  const hold = (id: string, file: string): void => {
    const { snapshot, suggestion } = offered(id, {}, 'veryRecognisable(12345)');
    const there = { ...snapshot, path: file };
    // As unlikely as can be.
    const doubtful = { ...suggestion, tokenLogprobs: [-9, -9, -9] };
    const { judged, keep } = gatekeeper.judge(there, doubtful, gatekeeper.asked(there), 'medium');
    assert.ok(judged.likely! < 0.25, `${judged.likely}`);
    keep();
    keep(); // a second time changes nothing
  };
  for (const [n, file] of ['a.ts', 'a.ts', 'b.ts'].entries()) hold(`h${n}`, file);
  assert.deepEqual(
    store
      .groups('file')
      .map(({ key, entries }) => `${key} ${entries}`)
      .sort(),
    ['a.ts 0', 'b.ts 0'],
    'listed, so that it can be deleted',
  );
  const { count, newest } = store.heldBack(0, 2);
  assert.equal(count, 3);
  assert.deepEqual(
    newest.map(({ path, line }) => [path, line]),
    [
      ['b.ts', 1],
      ['a.ts', 1],
    ],
  );
  for (const file of [path, `${path}-wal`]) assert.ok(!readFileSync(file, 'latin1').includes('veryRecognisable'));
  // One that the user asked for all the same was not held back.
  store.record([offered('h0', { trigger: 'explicit' })]);
  assert.equal(store.heldBack(0, 9).count, 2);
  store.deleteSelected({ by: 'file', path: 'a.ts' });
  assert.deepEqual(
    store.heldBack(0, 9).newest.map((h) => h.path),
    ['b.ts'],
  );
  store.applyRetention({ days: 1, megabytes: 500 }, Date.now() + 2 * 86_400_000);
  assert.equal(store.heldBack(0, 9).count, 0);
});

test('after long silence one unlikely suggestion is tried, and not the next', (t) => {
  const { store } = storeFor(t);
  const gatekeeper = new Gatekeeper(store);
  const { snapshot, suggestion } = offered('a');
  const doubtful = { ...suggestion, tokenLogprobs: [-1, -1, -0.5] };
  const tried: number[] = [];
  for (let n = 0; n < 150; n++) {
    // Back and forth: who asks again and again where nothing changes is not given anything.
    const there = { ...snapshot, path: `${n % 2}.ts` };
    const moment = gatekeeper.asked(there);
    const { judged } = gatekeeper.judge(there, { ...doubtful, id: `${n}` }, moment, 'medium');
    if (judged.tried! >= 0.25) tried.push(n);
    assert.ok(judged.likely! < 0.25 && judged.tried! >= judged.likely!);
  }
  assert.ok(tried.length >= 1 && tried.length <= 5, `${tried}`);
  assert.ok(tried[0]! > 5 && tried.every((n, i) => i === 0 || n - tried[i - 1]! > 5), `${tried}`);
});

test('without a database it judges by its prior', () => {
  const gatekeeper = new Gatekeeper(null);
  gatekeeper.follow();
  const p = forecast(gatekeeper);
  assert.ok(p > 0 && p < 1);
});

test('the engine says how likely each suggestion is, and what becomes of it teaches the next', async (t) => {
  const w = openWindow(t, bench);
  await w.ready();
  const snapshot = at('let a1 = u');
  const first = await w.suggestion(snapshot);
  assert.ok(first.likely! > 0 && first.likely! < 1);
  for (let n = 0; n < 6; n++) {
    const suggestion = await w.suggestion(at(`let a${n + 2} = u`));
    const { id } = suggestion;
    await w.record([offered(id, { suggestion, snapshot }), outcome(id, { kind: 'rejected' })]);
  }
  assert.ok((await w.suggestion(snapshot)).likely! < first.likely!);
  const { gate } = await w.client.overview();
  assert.equal(gate.signals, 6);
  assert.equal(gate.calibration.count, 6);
  await w.client.deleteAll();
  assert.equal((await w.client.overview()).gate.signals, 0);
});
