/** Whole rounds of training: the engine's process, the trainer's process, a tiny model, a real database. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { editAtCursor } from '../../src/completion/edit.ts';
import { isSuggestion } from '../../src/completion/suggestion.ts';
import { checkpointDir, checkpointsDir } from '../../src/engine/storage.ts';
import type { SignalEvent } from '../../src/signals/signal.ts';
import { successors } from '../model/tiny.ts';
import { accepted, at, type Bench, isAlive, makeBench, openWindow, type Window } from './real-engine.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => bench.dispose());

interface RoundRow {
  readonly n: number;
  readonly started: number;
  readonly ended: number | null;
  readonly decision: string | null;
  readonly reason: string | null;
  readonly signals: number;
  readonly steps: number | null;
  readonly loss_before: number;
  readonly loss_after: number;
  readonly parent: string | null;
  readonly checkpoint: string | null;
}

const rounds = (w: Window): RoundRow[] => w.query<RoundRow>('SELECT * FROM round ORDER BY n');
const checkpoints = (w: Window): string[] =>
  existsSync(checkpointsDir(w.storageDir)) ? readdirSync(checkpointsDir(w.storageDir)) : [];

/** A round that goes on until it is stopped: far more to learn than there is time for. */
const LONG = { minSignals: 8, idleSeconds: 1, tokenBudget: 10_000_000 };
const SHORT = { minSignals: 8, idleSeconds: 1, tokenBudget: 4_000 };
const MANY = Array.from({ length: 250 }, (_, i) => accepted(1, `total(${i});`, i)).flat();

/** A place that none of the signals is in. */
const PLACE = at('const price999 = 1;\nprint');
const NEW = { snapshot: PLACE, edit: editAtCursor(PLACE, 'total();', 0) };

test('a round in the background: promoted and taken up while requests are answered', {
  timeout: 120_000,
}, async (t) => {
  const w = openWindow(t, bench, { training: { minSignals: 8, idleSeconds: 1 } });
  await w.ready();
  const pid = w.client.pid;
  const likely = (await w.client.score(NEW)).logprob;
  // What a trainer that was killed while it wrote a checkpoint has left behind.
  mkdirSync(join(checkpointsDir(w.storageDir), '6a0f.123-0123456789ab.tmp'), { recursive: true });
  await w.record(accepted(12));
  const served = new Set<string>();
  await w.until('running', () => w.state.training.phase === 'running');
  while (w.state.checkpoint === 'base' || !served.has(w.state.checkpoint)) {
    const answer = await w.complete(at(`let a${served.size} = u`));
    // So small a model may write on without an end once it has learned: an answer all the same.
    assert.ok(isSuggestion(answer) || answer.none === 'malformed', JSON.stringify(answer));
    served.add((await w.client.score(NEW)).checkpoint);
  }
  await w.until('ended', () => w.logs.some((line) => line.includes('Training round ended')));
  const id = w.state.checkpoint;
  assert.deepEqual([...served], ['base', id]);
  assert.equal(w.client.pid, pid, 'without a restart');

  const after = await w.client.score(NEW);
  assert.equal(after.checkpoint, id);
  assert.ok(after.logprob > likely + 1, `${likely} before, ${after.logprob} after`);

  const [round, ...more] = rounds(w);
  assert.deepEqual(more, []);
  assert.equal(round!.decision, 'promoted');
  assert.equal(round!.checkpoint, id);
  assert.equal(round!.signals, 12);
  assert.ok(round!.steps! > 0 && round!.loss_after < round!.loss_before);
  assert.match(round!.reason!, /Held-out signals are better served by .* nats a token/);
  const [row] = w.query<{ state: string; reason: string; parent: string | null; path: string; metrics: string }>(
    'SELECT * FROM checkpoint WHERE id = ?',
    id,
  );
  assert.equal(row!.state, 'current');
  assert.equal(row!.reason, round!.reason);
  assert.equal(row!.parent, null);
  assert.ok((JSON.parse(row!.metrics) as { canaryRise: number }).canaryRise <= 0.01);
  assert.deepEqual(w.query('SELECT checkpoint FROM current'), [{ checkpoint: id }]);
  assert.deepEqual(w.query('SELECT * FROM lease'), []);
  await w.until('counted', () => w.state.training.newSignals === 0);

  assert.deepEqual(checkpoints(w), [id], 'and nothing else');
  const dir = checkpointDir(w.storageDir, id);
  assert.equal(row!.path, dir);
  const files = ['adapter_config.json', 'adapter_model.safetensors', 'knack.json'];
  assert.deepEqual(readdirSync(dir).sort(), files);
  const config = JSON.parse(readFileSync(join(dir, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
  assert.equal(config.peft_type, 'LORA');
  assert.equal(config.r, 8);
  if (process.platform !== 'win32') {
    const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
    assert.deepEqual([mode(dir), ...files.map((name) => mode(join(dir, name)))], ['700', '600', '600', '600']);
  }

  // Everything goes, and the base serves again.
  await w.client.deleteAll();
  assert.equal(w.state.checkpoint, 'base');
  assert.equal((await w.client.score(NEW)).logprob.toFixed(3), likely.toFixed(3));
  assert.deepEqual(checkpoints(w), []);
  for (const table of ['event', 'offer', 'outcome', 'checkpoint', 'current', 'round']) {
    assert.deepEqual(w.query(`SELECT count(*) AS n FROM ${table}`), [{ n: 0 }], table);
  }
  await w.record(accepted(1));
  assert.equal((await w.suggestion(at('let u'))).edit.text, successors('u'));
});

test('a second round goes on from the first one’s checkpoint', async (t) => {
  const w = openWindow(t, bench);
  await w.ready();
  await w.record(accepted(12));
  assert.deepEqual(await w.client.trainNow(), { started: true, reason: 'Started.' });
  assert.equal((await w.client.trainNow()).started, false, 'one at a time');
  await w.until('promoted', () => w.state.checkpoint !== 'base');
  await w.until('ended', () => w.logs.some((line) => line.includes('Training round ended')));
  const first = w.state.checkpoint;
  assert.deepEqual(await w.client.trainNow(), { started: false, reason: 'There are no new signals to learn from.' });
  await w.record(accepted(12, 'total();', 100));
  await w.client.trainNow();
  await w.until('promoted again', () => w.state.checkpoint !== first);
  await w.until('ended', () => rounds(w).every(({ ended }) => ended !== null));
  const second = w.state.checkpoint;
  assert.deepEqual(rounds(w).map(({ parent, checkpoint }) => [parent, checkpoint]), [[null, first], [first, second]]); // biome-ignore format: a table
});

test('what is deleted is forgotten by the weights too, and what is left is learned again', {
  timeout: 120_000,
}, async (t) => {
  // The first two rounds by command: it would wait for an hour of idleness.
  const w = openWindow(t, bench, { training: { ...SHORT, idleSeconds: 3600 } });
  await w.ready();
  const ended = (n: number) => w.until(`${n} rounds`, () => rounds(w).filter((r) => r.ended !== null).length >= n);
  const round = async (n: number): Promise<string> => {
    await w.client.trainNow();
    await ended(n);
    await w.until('taken up', () => w.state.checkpoint === rounds(w).at(-1)!.checkpoint);
    return w.state.checkpoint;
  };
  const secret = { snapshot: PLACE, edit: editAtCursor(PLACE, 'token("hunter2");', 0) };
  await w.record(accepted(12));
  const before = await round(1);
  const innocent = (await w.client.score(secret)).logprob;
  await w.record(accepted(12, 'token("hunter2");', 100));
  const after = await round(2);
  assert.ok((await w.client.score(secret)).logprob > innocent + 1, 'it was learned');

  for (let i = 100; i < 112; i++) {
    const { forgotten } = await w.client.deleteSelected({ by: 'id', id: `suggestion-${i}` });
    assert.deepEqual(forgotten, i === 100 ? [after] : []);
  }
  assert.equal(w.state.checkpoint, before, 'back where it was before the secret');
  // Another split of the prompt over passes sums in another order, and 8 bits may round a last bit's difference apart.
  const again = (await w.client.score(secret)).logprob;
  assert.ok(Math.abs(again - innocent) < 0.05, `${innocent} before, ${again} after`);
  assert.deepEqual(checkpoints(w), [before], 'no file that remembers it');
  assert.deepEqual(w.query('SELECT id FROM checkpoint'), [{ id: before }]);
  assert.equal((await w.client.overview()).rounds[1]!.decision, 'promoted', 'the first round stays on record');

  // What the first round learned from is deleted in part: no checkpoint is left, and the rest is learned again, though
  // fewer than it waits for otherwise.
  const base = (await w.client.score({ ...NEW })).logprob;
  for (let i = 0; i < 6; i++) await w.client.deleteSelected({ by: 'id', id: `suggestion-${i}` });
  assert.equal(w.state.checkpoint, 'base');
  assert.deepEqual(checkpoints(w), []);
  const likely = (await w.client.score(NEW)).logprob;
  assert.ok(likely < base - 1);
  w.train(SHORT);
  await w.until('learned again', () => w.state.checkpoint !== 'base');
  assert.equal(rounds(w).at(-1)!.signals, 6);
  assert.ok((await w.client.score(NEW)).logprob > likely);
});

test('a promotion that lived signals contradict is taken back by itself, and says why', async (t) => {
  const w = openWindow(t, bench, { training: { ...SHORT, idleSeconds: 3600 } });
  await w.ready();
  await w.record(accepted(24));
  await w.client.trainNow();
  await w.until('promoted', () => w.state.checkpoint !== 'base');
  const id = w.state.checkpoint;
  const turned = (events: readonly SignalEvent[]) =>
    events.map((e) => (e.type === 'outcome' ? { ...e, kind: 'rejected' as const, acceptedChars: 0 } : e));
  await w.record(turned(accepted(19, 'total();', 200)));
  assert.equal(w.state.checkpoint, id, 'too few to say so');
  await w.record(turned(accepted(1, 'total();', 300)));
  await w.until('taken back', () => w.state.checkpoint === 'base');
  const [row] = w.query<{ state: string; reason: string }>('SELECT state, reason FROM checkpoint');
  assert.equal(row!.state, 'rolled-back');
  assert.match(row!.reason, /0 % of 20 suggestions, where it had been 100 % of 24/);

  // Who goes back to it all the same, wants it.
  await w.client.goBack(id);
  await w.record(turned(accepted(20, 'total();', 400)));
  assert.equal(w.state.checkpoint, id);
});

test('a round that reads what is deleted meanwhile ends without a checkpoint', async (t) => {
  const w = openWindow(t, bench, { training: LONG });
  await w.ready();
  await w.record(MANY);
  await w.until('steps', () => /step \d+/.test(w.state.training.message));
  w.train({ ...LONG, idleSeconds: 3600 });
  await w.client.deleteSelected({ by: 'id', id: 'suggestion-3' });
  await w.until('ended', () => w.logs.some((line) => line.includes('something that it learned from was deleted')));
  assert.deepEqual(rounds(w).map(({ decision, checkpoint }) => [decision, checkpoint]), [['stopped', null]]); // biome-ignore format: a row
  assert.deepEqual(checkpoints(w), []);
});

for (const [what, training, trusted, reason] of [
  ['switched off', { enabled: false }, true, /switched off/],
  ['in a workspace that is not trusted', {}, false, /not trusted: Knack suggests, but does not learn/],
] as const) {
  test(`no round ${what}, and the state says why`, async (t) => {
    const w = openWindow(t, bench, { trusted, training: { ...SHORT, ...training } });
    await w.ready();
    await w.record(accepted(12));
    await w.until('decided with all signals', () => w.state.training.newSignals === 12);
    assert.equal(w.state.training.phase, 'off');
    assert.match(w.state.training.message, reason);
    if (!trusted) assert.match((await w.client.trainNow()).reason, /not trusted/);
    assert.equal((await w.suggestion(at('let u'))).edit.text, successors('u'));
    assert.deepEqual(rounds(w), []);

    // That was the only reason.
    w.train({ ...SHORT, enabled: true });
    await w.until('promoted', () => w.state.checkpoint !== 'base');
  });
}

test('two windows: one trainer; whoever comes back stops it; both take up what is learned', async (t) => {
  const storageDir = bench.folder();
  const windows = ['a', 'b'].map((windowId) => openWindow(t, bench, { storageDir, windowId, training: LONG }));
  await Promise.all(windows.map((w) => w.ready()));
  await windows[0]!.record(MANY);
  const stepping = (w: Window): boolean => /step \d+/.test(w.state.training.message);
  await windows[0]!.until('a round', () => windows.some(stepping));
  const trains = windows.find(stepping)!;
  const other = windows.find((w) => w !== trains)!;
  await other.until('waits', () => other.state.training.message === 'Another window is training.');
  assert.equal((await other.client.trainNow()).started, false);
  assert.equal(trains.query('SELECT * FROM lease').length, 1);
  assert.deepEqual(other.trainers, []);

  // The other window's user types.
  for (const w of windows) w.train({ ...LONG, idleSeconds: 3600 });
  other.client.activity(Date.now());
  await trains.until('stopped', () => trains.logs.some((l) => l.includes('Stopped: you came back.')));
  assert.deepEqual(rounds(trains).map(({ decision, checkpoint }) => [decision, checkpoint]), [['stopped', null]]); // biome-ignore format: a row
  assert.deepEqual(checkpoints(trains), []);
  assert.deepEqual(trains.query('SELECT * FROM lease'), []);
  assert.ok(!isAlive(trains.trainers[0]!));
  assert.deepEqual(windows.map((w) => w.state.checkpoint), ['base', 'base']); // biome-ignore format: a row

  // The signals count as new again, and the next round is for both.
  for (const w of windows) w.train(SHORT);
  for (const w of windows) await w.until('taken up', () => w.state.checkpoint !== 'base');
  assert.equal(trains.state.checkpoint, other.state.checkpoint);
  for (const w of windows) assert.equal((await w.client.score(NEW)).checkpoint, trains.state.checkpoint);
  await trains.until('ended', () => rounds(trains).every(({ ended }) => ended !== null));
  const [stopped, second] = rounds(trains);
  assert.equal(second!.decision, 'promoted');
  assert.equal(second!.signals, 250);
  assert.ok(second!.started >= stopped!.ended!);

  // Deleted in one window, gone in both.
  await other.client.deleteAll();
  await trains.until('base', () => trains.state.checkpoint === 'base');
  assert.equal((await trains.suggestion(at('let u'))).checkpoint, 'base');
});

test('everything is deleted while another window trains: nothing of it comes back', async (t) => {
  const storageDir = bench.folder();
  const trains = openWindow(t, bench, { storageDir, windowId: 'a', training: { tokenBudget: 10_000_000 } });
  const deletes = openWindow(t, bench, { storageDir, windowId: 'b' });
  await Promise.all([trains.ready(), deletes.ready()]);
  await trains.record(MANY);
  await trains.client.trainNow();
  await trains.until('steps', () => /step \d+/.test(trains.state.training.message));
  await deletes.client.deleteAll();
  await trains.until('stopped', () =>
    trains.logs.some((line) => line.includes('something that it learned from was deleted')),
  );
  assert.deepEqual(rounds(trains), []);
  assert.deepEqual(checkpoints(trains), []);
  assert.deepEqual(trains.query('SELECT * FROM checkpoint'), []);
  // Others: what was deleted is not taken in again.
  await trains.record(accepted(12, 'total();', 1000));
  await trains.client.trainNow();
  await trains.until('promoted', () => trains.state.checkpoint !== 'base');
  assert.match(trains.logs.filter((line) => line.includes('Training round started')).at(-1)!, /batch share 1\)/);
});

test('the trainer is killed: the engine says so, the next round takes less, nothing half-written is seen', async (t) => {
  const w = openWindow(t, bench, { training: LONG });
  await w.ready();
  await w.record(MANY);
  await w.until('steps', () => /step \d+/.test(w.state.training.message));
  const whole = batchSizes(w)[0]!;
  process.kill(w.trainers[0]!, 'SIGKILL');
  await w.until('said', () => w.states.some((s) => /trainer ended unexpectedly \(SIGKILL\)/.test(s.training.message)));
  assert.deepEqual(checkpoints(w), []);
  assert.equal(w.state.checkpoint, 'base');
  assert.equal((await w.suggestion(at('let u'))).edit.text, successors('u'));

  await w.until('the next round', () => batchSizes(w).length === 2 && /step \d+/.test(w.state.training.message));
  assert.equal(batchSizes(w)[1], whole / 2);

  // Now the engine itself: its trainer ends with it, the next engine has the lease and the signals.
  const [engine, trainer] = [w.client.pid!, w.trainers[1]!];
  assert.ok(isAlive(trainer));
  process.kill(engine, 'SIGKILL');
  await w.until('the trainer ends', () => !isAlive(trainer));
  await w.until('another engine', () => w.state.phase === 'ready' && w.client.pid !== engine);
  assert.deepEqual(w.query('SELECT count(*) AS n FROM outcome'), [{ n: 250 }]);
  assert.deepEqual(checkpoints(w), []);
  w.train(SHORT);
  await w.until('promoted', () => w.state.checkpoint !== 'base');
  await w.until('ended', () => rounds(w).at(-1)!.ended !== null);
  assert.deepEqual(rounds(w).map(({ decision }) => decision).filter((d) => d === 'promoted'), ['promoted']); // biome-ignore format: a row
  assert.ok(
    rounds(w).every(({ ended }) => ended !== null),
    JSON.stringify(rounds(w)),
  );
});

/** Batch sizes of the rounds that began, in order. */
function batchSizes(w: Window): number[] {
  return w.logs.flatMap((line) => /batches of (\d+) x/.exec(line)?.slice(1).map(Number) ?? []);
}
