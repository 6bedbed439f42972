/** Storage that is damaged, foreign or cannot be written: the engine serves, says what is the case, and loses nothing. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import { type Base, loadBase } from '../../src/engine/base.ts';
import { checkpointDir, databasePath } from '../../src/engine/storage.ts';
import { writeAdapter } from '../../src/model/adapter.ts';
import { loraSize } from '../../src/model/lora.ts';
import { openStore } from '../../src/signals/store.ts';
import { loraFor } from '../../src/trainer/plan.ts';
import { seeded } from '../../src/trainer/random.ts';
import { successors, writeTinyModel } from '../model/tiny.ts';
import { accepted, at, type Bench, makeBench, openWindow, type Window } from './real-engine.ts';

let bench: Bench;
let base: Base;
let otherModel: string;
let otherBase: Base;

before(async () => {
  bench = await makeBench();
  base = await loadBase(bench.model, bench.cacheDir, () => {});
  otherModel = join(bench.dir, 'other');
  writeTinyModel(otherModel, 2);
  otherBase = await loadBase(otherModel, bench.cacheDir, () => {});
});
after(() => bench.dispose());

/** A storage folder with a database of ours. */
function storageWith(prepare: (path: string) => void): string {
  const dir = bench.folder();
  openStore({ path: databasePath(dir), clock: Date.now }).store.close();
  prepare(databasePath(dir));
  return dir;
}

/** Promotes a checkpoint of some weights for `pointer`'s base that was trained on `trained`. */
async function promoted(storageDir: string, id: string, pointer: Base, trained = pointer): Promise<void> {
  const { config } = trained.model;
  const shape = loraFor(config, 1536);
  const random = seeded(3);
  const vector = Float32Array.from({ length: loraSize(config, shape) }, () => 0.1 * (random() - 0.5));
  const path = checkpointDir(storageDir, id);
  await writeAdapter(path, { shape, vector }, { config, baseSha256: trained.model.sha256 });
  const { store } = openStore({ path: databasePath(storageDir), clock: Date.now });
  store.addCheckpoint({ id, baseHash: pointer.model.sha256, parent: null, path });
  store.promote(pointer.model.sha256, id, 'a test', {});
  store.close();
}

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

async function serves(w: Window, checkpoint = 'base'): Promise<readonly number[]> {
  await w.ready();
  assert.equal(w.state.checkpoint, checkpoint);
  const suggestion = await w.suggestion(at('let u'));
  assert.equal(suggestion.checkpoint, checkpoint);
  return suggestion.tokenLogprobs;
}

/** Signals stay with the client. */
async function storesNothing(w: Window): Promise<void> {
  w.client.record(accepted(2));
  await w.until('refused twice', () => w.logs.filter((l) => l.includes('stored none of 4 signals')).length >= 2);
  assert.equal(w.outbox.pending().length, 4);
}

test('a database of a newer version is left as it is, and nothing is acknowledged', async (t) => {
  const storageDir = storageWith((path) => {
    const db = new Database(path);
    db.pragma('user_version = 999');
    db.close();
  });
  const before = sha256(databasePath(storageDir));
  const w = openWindow(t, bench, { storageDir });
  await serves(w);
  assert.equal(w.state.notices.length, 1);
  assert.match(w.state.notices[0]!, /knack\.db was written by a newer version.*Update Knack/);
  await storesNothing(w);
  assert.deepEqual(await w.client.trainNow(), { started: false, reason: 'The engine is not ready yet.' });
  await assert.rejects(w.client.deleteAll(), /not open; nothing was deleted/);
  assert.equal(sha256(databasePath(storageDir)), before);
});

test('a corrupt database is set aside, the user is told where, and a new one works', async (t) => {
  const storageDir = storageWith((path) => writeFileSync(path, 'garbage '.repeat(1024)));
  const w = openWindow(t, bench, { storageDir });
  await serves(w);
  const [, aside] = /damaged.*set aside as (\S+), and a new one/.exec(w.state.notices.join('\n'))!;
  assert.match(readFileSync(aside!, 'utf8'), /^garbage garbage/);
  await w.record(accepted(2));
  assert.deepEqual(w.query('SELECT count(*) AS n FROM event'), [{ n: 4 }]);
});

test('a storage folder that cannot be made: serves, says so, keeps the signals', async (t) => {
  const file = join(bench.dir, 'a-file');
  writeFileSync(file, '');
  const w = openWindow(t, bench, { storageDir: join(file, 'storage') });
  await serves(w);
  assert.equal(w.state.notices.length, 1);
  assert.ok(w.state.notices[0]!.includes(file), w.state.notices[0]);
  await storesNothing(w);
});

test('a folder in the database’s place: serves, and says so', async (t) => {
  const storageDir = bench.folder();
  mkdirSync(databasePath(storageDir), { recursive: true });
  const w = openWindow(t, bench, { storageDir });
  await serves(w);
  assert.equal(w.state.notices.length, 1, String(w.state.notices));
  assert.ok(w.state.notices[0]!.includes('knack.db'), w.state.notices[0]);
  await storesNothing(w);
  assert.ok(existsSync(databasePath(storageDir)));
});

test('the current checkpoint serves; a damaged one does not, and is left where it is', async (t) => {
  const storageDir = bench.folder();
  await promoted(storageDir, 'learned', base);
  const whole = openWindow(t, bench, { storageDir, windowId: 'whole' });
  const learned = await serves(whole, 'learned');
  await whole.client.stop();

  const weights = join(checkpointDir(storageDir, 'learned'), 'adapter_model.safetensors');
  truncateSync(weights, 1000);
  const w = openWindow(t, bench, { storageDir, windowId: 'damaged' });
  const untouched = await serves(w);
  assert.notDeepEqual(untouched, learned);
  assert.equal(w.state.notices.length, 1);
  assert.match(w.state.notices[0]!, /checkpoint learned cannot be used.*base model serves.*adapter_model.*damaged/);
  assert.equal(readFileSync(weights).length, 1000);
  await w.record(accepted(1));

  await promoted(storageDir, 'next', base);
  await w.until('the next one serves', () => w.state.checkpoint === 'next');
  assert.equal((await w.suggestion(at('let u'))).checkpoint, 'next');
});

test('a checkpoint of another base is never mixed in', async (t) => {
  const storageDir = bench.folder();
  await promoted(storageDir, 'of-the-first', base);
  const w = openWindow(t, bench, { storageDir, modelPath: otherModel });
  const untouched = await serves(w);
  assert.deepEqual(w.state.notices, [], 'it is another base’s affair');

  // Nor if the database says so: of the same shape, but trained on other weights.
  await promoted(storageDir, 'mistaken', otherBase, base);
  await w.until('noticed', () => w.state.notices.length > 0);
  assert.match(w.state.notices.join(), /mistaken cannot be used.*trained on another base/);
  const still = await w.suggestion(at('let u'));
  assert.equal(still.checkpoint, 'base');
  assert.equal(still.edit.text, successors('u'));
  assert.deepEqual(still.tokenLogprobs.map((l) => l.toFixed(4)), untouched.map((l) => l.toFixed(4))); // biome-ignore format: a row
  assert.deepEqual(readdirSync(join(storageDir, 'checkpoints')).sort(), ['mistaken', 'of-the-first']);
});
