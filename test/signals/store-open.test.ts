import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { APPLICATION_ID, MIGRATIONS, migrate } from '../../src/signals/migrations/index.ts';
import { openStore, Store, StoreError, type StoreErrorCode } from '../../src/signals/store.ts';
import { openDatabase } from '../../src/signals/store-open.ts';
import { offered, outcome } from './events.ts';
import { folderFor, storeFor } from './folder.ts';

const clock = (): number => Date.UTC(2026, 0, 2, 3, 4, 5);

const isStoreError =
  (code: StoreErrorCode, message: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof StoreError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };

/** A database with this many suggestions in it, closed. */
function filled(t: TestContext, n: number): string {
  const path = join(folderFor(t), 'knack.db');
  const { store } = openStore({ path, clock });
  const { snapshot } = offered('a');
  for (let from = 0; from < n; from += 100) {
    const ids = Array.from({ length: Math.min(100, n - from) }, (_, i) => `${from + i}`);
    const before = (id: string): string => `${id} `.repeat(4_000).slice(0, 8_000);
    store.record(ids.flatMap((id) => [offered(id, { snapshot: { ...snapshot, before: before(id) } }), outcome(id)]));
  }
  store.close();
  return path;
}

const hash = (path: string): string =>
  existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'absent';

/** Overwrites part of a file. */
function scribble(path: string, from: number, bytes: number): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(bytes, 0xa5), 0, bytes, from);
  closeSync(fd);
}

test('the promises of the connection hold', (t) => {
  const { db } = openDatabase(join(folderFor(t), 'knack.db'), clock);
  const pragma = (name: string): unknown => db.pragma(name, { simple: true });
  assert.equal(pragma('journal_mode'), 'wal');
  assert.equal(pragma('synchronous'), 2, 'FULL');
  assert.equal(pragma('foreign_keys'), 1);
  assert.equal(pragma('secure_delete'), 1);
  assert.equal(pragma('auto_vacuum'), 2, 'INCREMENTAL');
  assert.equal(pragma('busy_timeout'), 5_000);
  assert.equal(pragma('application_id'), APPLICATION_ID);
  assert.equal(pragma('user_version'), MIGRATIONS.length);
  db.close();
});

test('the owner alone may read it, whatever the umask and whatever was there', {
  skip: process.platform === 'win32',
}, (t) => {
  const before = process.umask(0);
  t.after(() => process.umask(before));
  const { store, path } = storeFor(t);
  store.record([offered('a')]);
  const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8);
  assert.equal(mode(dirname(path)), '700');
  for (const suffix of ['', '-wal', '-shm']) assert.equal(mode(path + suffix), '600', suffix);

  for (const suffix of ['', '-wal', '-shm']) chmodSync(path + suffix, 0o644);
  storeFor(t, { path });
  for (const suffix of ['', '-wal', '-shm']) assert.equal(mode(path + suffix), '600', suffix);
});

test('text at the cursor in place of so many units becomes the same edit by its places', (t) => {
  const path = join(folderFor(t), 'knack.db');
  const db = new Sqlite(path);
  migrate(db, clock, MIGRATIONS.slice(0, 1));
  db.exec(`INSERT INTO suggestion (n, id, first_at) VALUES (1, 's', 1);
    INSERT INTO offer VALUES (1, 1, 1, 'w', 'automatic', 'base', 'aa', 'prefix-1', 'a.ts', 'ts', 41, 'one

😀 = f(', ')
', '[]',
      'a)', 1, '[]', 1, 0);
    INSERT INTO outcome VALUES (1, 2, 1, 'ignored', 0, 'moved-away', 0, 0, 'editor');`);
  db.close();
  const { store } = storeFor(t, { path });
  const at = (character: number) => ({ line: 43, character });
  assert.deepEqual(store.exampleRows({ limit: 1 })[0]?.edit, { start: at(7), end: at(8), text: 'a)' });
});

test('every old schema is brought up to date, with what it holds', async (t) => {
  const fixtures = readdirSync(new URL('schemas/', import.meta.url)).sort();
  assert.equal(fixtures.length, MIGRATIONS.length, 'one fixture for each schema');
  for (const [i, fixture] of fixtures.entries()) {
    await t.test(fixture, (t) => {
      const path = join(folderFor(t), 'knack.db');
      const db = new Sqlite(path);
      migrate(db, clock, MIGRATIONS.slice(0, i + 1));
      db.exec(readFileSync(new URL(`schemas/${fixture}`, import.meta.url), 'utf8'));
      db.close();

      const { store } = storeFor(t, { path });
      const rows = store.exampleRows({ limit: 9 });
      assert.deepEqual(
        rows.map((r) => [r.suggestionId, r.outcome, r.typedInstead, r.survival, r.checkpoint, r.tokenLogprobs]),
        [
          ['old-accepted', 'accepted', null, 1, 'base', [-0.5, -0.25]],
          ['old-rejected', 'rejected', 'y', null, 'c1', [-1]],
        ],
      );
      assert.deepEqual(
        rows.map(({ edit: { start, end, text } }) => [start.line, start.character, end.line, end.character, text]),
        [
          [0, 8, 0, 8, '1'],
          [10, 25, 10, 25, 'x'],
        ],
      );
      assert.equal(rows[0]!.goneOn, i >= 8, 'not known before');
      assert.equal(store.current('hash')?.id, 'c1');
      assert.equal(store.newSignals('hash'), 1);
      assert.equal(store.rounds('hash')[0]?.decision, 'promoted');
      assert.deepEqual(store.canary('hash:c1'), { loss: 1.25 });
      store.record([offered('new'), outcome('new')]);
      assert.equal(store.exampleRows({ limit: 9 }).length, 3);
    });
  }
});

test('a migration that fails leaves the schema before it, whole; the next try goes on from there', (t) => {
  const db = new Sqlite(join(folderFor(t), 'knack.db'));
  const good = { name: 'good', up: () => db.exec('CREATE TABLE good (x) STRICT') };
  const bad = {
    name: 'bad',
    up: () => {
      db.exec('CREATE TABLE half (x INTEGER) STRICT');
      throw new Error('power cut');
    },
  };
  const better = { name: 'better', up: () => db.exec('CREATE TABLE half (x INTEGER) STRICT') };
  good.up = () => db.exec('CREATE TABLE good (x INTEGER) STRICT');
  assert.throws(() => migrate(db, clock, [good, bad]), /power cut/);
  assert.equal(db.pragma('user_version', { simple: true }), 1);
  migrate(db, clock, [good, better]);
  assert.deepEqual(db.prepare('SELECT version, name FROM migration').all(), [
    { version: 1, name: 'good' },
    { version: 2, name: 'better' },
  ]);
  db.close();
});

test('a newer schema is refused and left as it is', (t) => {
  const path = filled(t, 3);
  const newer = new Sqlite(path);
  newer.pragma(`user_version = ${MIGRATIONS.length + 1}`);
  newer.close();
  const before = hash(path);
  assert.throws(() => openStore({ path, clock }), isStoreError('newer', /newer version of Knack.*Update Knack/));
  assert.equal(hash(path), before);
  assert.deepEqual(readdirSync(dirname(path)), [basename(path)]);
});

test('a newer schema that is still in the log of a running newer Knack is refused too', (t) => {
  const path = filled(t, 3);
  const newer = new Sqlite(path);
  t.after(() => newer.close());
  newer.pragma('wal_autocheckpoint = 0');
  newer.pragma(`user_version = ${MIGRATIONS.length + 1}`);
  const before = [hash(path), hash(`${path}-wal`)];
  assert.throws(() => openStore({ path, clock }), isStoreError('newer', /newer version/));
  assert.deepEqual([hash(path), hash(`${path}-wal`)], before);
});

test('a corrupt database is set aside, a new one is started, and the user is told where the old one is', async (t) => {
  const damages: [string, (path: string) => void][] = [
    ['no database at all', (path) => writeFileSync(path, 'This is a text.\n'.repeat(500))],
    ['a scribbled header', (path) => scribble(path, 0, 100)],
    ['a scribbled page', (path) => scribble(path, 4_096 * 2, 4_096)],
    ['scribbled in the middle', (path) => scribble(path, Math.floor(statSync(path).size / 8_192) * 4_096, 40_960)],
    ['truncated', (path) => truncateSync(path, Math.floor(statSync(path).size / 2))],
    ['truncated within a page', (path) => truncateSync(path, 10_000)],
    [
      'another program’s',
      (path) => {
        writeFileSync(path, '');
        new Sqlite(path).exec('CREATE TABLE bookmarks (url)').close();
      },
    ],
  ];
  for (const [name, damage] of damages) {
    await t.test(name, (t) => {
      const path = filled(t, 40);
      damage(path);
      const damaged = hash(path);
      const { store, notices } = openStore({ path, clock });
      t.after(() => store.close());
      const aside = `${path}.corrupt-2026-01-02T03-04-05.000Z`;
      assert.equal(notices.length, 1);
      assert.ok(notices[0]!.includes(aside), notices[0]);
      assert.equal(hash(aside), damaged);
      assert.deepEqual(store.record([offered('a'), outcome('a')]).length, 2);
      assert.ok(!existsSync(`${path}.recovering`));
      const again = openStore({ path, clock });
      assert.deepEqual(again.notices, []);
      assert.equal(again.store.stats().suggestions, 1);
      again.store.close();
    });
  }
});

test('the log goes along when a database is set aside', (t) => {
  const path = filled(t, 5);
  const writer = new Sqlite(path);
  writer.pragma('wal_autocheckpoint = 0');
  writer.exec("INSERT INTO canary VALUES ('k', '1', 1)");
  const log = readFileSync(`${path}-wal`);
  writer.close();
  writeFileSync(`${path}-wal`, log);
  scribble(path, 0, 4_096);
  const { store } = openStore({ path, clock });
  store.close();
  assert.deepEqual(readFileSync(`${path}.corrupt-2026-01-02T03-04-05.000Z-wal`), log);
});

test('damage that shows only later: set aside, told, and what was to be stored is stored', (t) => {
  const path = filled(t, 2_000); // more than SQLite keeps in memory
  const notices: string[] = [];
  const { store } = storeFor(t, { path, clock, onNotice: (text) => notices.push(text) });
  scribble(path, 4_096, statSync(path).size - 8_192);
  for (let i = 0; i < 300 && notices.length === 0; i++) store.record([offered(`new-${i}`), outcome(`new-${i}`)]);
  if (notices.length === 0) store.exampleRows({ limit: 5_000 });
  assert.equal(notices.length, 1);
  assert.match(notices[0]!, /set aside as .*knack\.db\.corrupt-/);
  assert.deepEqual(store.record([offered('after'), outcome('after')]).length, 2);
});

test('an empty file is a new database', (t) => {
  const path = join(folderFor(t), 'knack.db');
  writeFileSync(path, '');
  const { store, notices } = openStore({ path, clock });
  assert.deepEqual([notices, store.stats().suggestions], [[], 0]);
  store.close();
});

test('a folder that cannot be made or written', async (t) => {
  await t.test('its parent is a file', (t) => {
    const file = join(folderFor(t), 'file');
    writeFileSync(file, '');
    assert.throws(
      () => openStore({ path: join(file, 'storage', 'knack.db'), clock }),
      isStoreError('unwritable', /cannot be written.*make its folder writable/),
    );
  });
  await t.test('the database is a folder', (t) => {
    const path = join(folderFor(t), 'knack.db');
    mkdirSync(path);
    assert.throws(() => openStore({ path, clock }), isStoreError('unwritable', /knack\.db/));
  });
  await t.test('a file system that takes no files', { skip: process.platform !== 'linux' }, () => {
    assert.throws(() => openStore({ path: '/proc/knack/knack.db', clock }), isStoreError('unwritable', /\/proc/));
  });
  await t.test(
    'a folder without write permission',
    { skip: process.getuid?.() === 0 || process.platform === 'win32' },
    (t) => {
      const folder = join(folderFor(t), 'read-only');
      mkdirSync(folder, { mode: 0o500 });
      assert.throws(() => openStore({ path: join(folder, 'x', 'knack.db'), clock }), isStoreError('unwritable', /x/));
    },
  );
});

/** Mounts a small or read-only file system, where that is permitted. */
function mount(t: TestContext, options: string): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  const folder = mkdtempSync(join(tmpdir(), 'knack-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).status === 0;
  t.after(() => {
    if (mounted) spawnSync('umount', ['-l', folder]);
    rmdirSync(folder);
  });
  return mounted ? folder : null;
}

test('a read-only file system', (t) => {
  const folder = mount(t, 'size=4m');
  if (folder === null) return t.skip('mounting is not permitted here');
  const path = join(folder, 'knack.db');
  openStore({ path, clock }).store.close();
  assert.equal(spawnSync('mount', ['-o', 'remount,ro', folder]).status, 0);
  assert.throws(() => openStore({ path, clock }), isStoreError('unwritable', /make its folder writable/));
});

test('a full disk: nothing is acknowledged that is not stored, and it goes on when there is room', (t) => {
  const folder = mount(t, 'size=1m');
  if (folder === null) return t.skip('mounting is not permitted here');
  const path = join(folder, 'knack.db');
  const { store } = storeFor(t, { path, clock });
  fillUntilItThrows(store);
  assert.throws(() => openStore({ path: join(folder, 'other', 'knack.db'), clock }), isStoreError('full', /free some/));
});

test('a database that may not grow: the same', (t) => {
  const path = join(folderFor(t), 'knack.db');
  const { db } = openDatabase(path, clock);
  db.pragma('max_page_count = 100');
  const store = new Store({ path, clock }, db);
  t.after(() => store.close());
  fillUntilItThrows(store);
  db.pragma('max_page_count = 10000');
  assert.equal(store.record([offered('more'), outcome('more')]).length, 2);
});

/** Stores until there is no room; every acknowledged event is there, none of the others. */
function fillUntilItThrows(store: Store): void {
  const { snapshot } = offered('a');
  const acked = new Set<string>();
  let refused: unknown = null;
  for (let i = 0; i < 2_000 && refused === null; i++) {
    const before = `${i} `.repeat(4_000).slice(0, 8_000);
    try {
      const ids = store.record([offered(`${i}`, { snapshot: { ...snapshot, before } }), outcome(`${i}`)]);
      for (const id of ids) acked.add(id);
    } catch (error) {
      refused = error;
    }
  }
  isStoreError('full', /free some/)(refused);
  const rows = store.exampleRows({ limit: 5_000 });
  assert.ok(rows.length > 5);
  assert.deepEqual(new Set(rows.flatMap((r) => [`${r.suggestionId}/offered`, `${r.suggestionId}/outcome`])), acked);
}

test('locked by another program: said so, and it goes on afterwards', (t) => {
  const { store, path } = storeFor(t, { busyMs: 100 });
  const other = new Sqlite(path);
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  assert.throws(() => store.record([offered('a')]), isStoreError('locked', /close it/));
  other.exec('COMMIT');
  assert.deepEqual(store.record([offered('a')]), ['a/offered']);
});
