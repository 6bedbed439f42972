/**
 * Opens the database file: permissions, checks, setting a damaged one aside, migrations.
 *
 * Contract: WAL with synchronous=FULL, so that a commit is on the disk before it is acknowledged; foreign keys on;
 * freed pages are overwritten (secure_delete), since what was deleted may have been private; the file, its -wal and
 * its -shm are readable by the owner alone (on Windows: whoever may read the user's profile).
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import { APPLICATION_ID, MIGRATIONS, migrate } from './migrations/index.ts';
import { asStoreError, codeOf, isCorruption, StoreError } from './store-error.ts';

/** How long a statement waits for another process's transaction, if nothing else is asked for. */
export const BUSY_MS = 5_000;

/** Largest file that is checked whole when it is opened (about 0.3 s for 100 MB). */
const QUICK_CHECK_BYTES = 128 * 1024 * 1024;

/** Offsets in the database header: https://www.sqlite.org/fileformat.html#the_database_header */
const HEADER = { bytes: 100, magic: 'SQLite format 3\0', userVersion: 60, applicationId: 68 } as const;

export interface Opened {
  readonly db: Database;
  /** For the user: a damaged database was set aside, and where it is. */
  readonly notice: string | null;
}

/**
 * @throws StoreError: 'newer' (the file is left as it is), 'unwritable', 'full', 'locked', or 'corrupt' if a damaged
 * file could not be renamed
 */
export function openDatabase(path: string, clock: () => number, busyMs = BUSY_MS): Opened {
  try {
    makeFolder(dirname(path));
    refuseNewer(path, busyMs);
    ownerOnly(path);
    try {
      return { db: connect(path, clock, busyMs), notice: null };
    } catch (error) {
      if (!isCorruption(error)) throw error;
      return setAside(path, clock, busyMs, (error as Error).message);
    }
  } catch (error) {
    throw asStoreError(error, path);
  }
}

/** Not mkdirSync's `recursive`, which never returns where a folder's parent exists and yet takes no folders (/proc). */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it in between.
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

function connect(path: string, clock: () => number, busyMs: number): Database {
  // Before SQLite sees it: closing a file that is no database would delete the log beside it.
  if (sizeOf(path) > 0 && readHeader(path) === null) {
    throw new Sqlite.SqliteError('the file has no database header', 'SQLITE_NOTADB');
  }
  const db = new Sqlite(path, { timeout: busyMs });
  try {
    check(db, path);
    db.pragma('auto_vacuum = INCREMENTAL'); // has effect before the first table
    untilFree(() => db.pragma('journal_mode = WAL'), busyMs);
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma('secure_delete = ON');
    migrate(db, clock);
    ownerOnly(path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** @throws an SqliteError of kind SQLITE_CORRUPT or SQLITE_NOTADB */
function check(db: Database, path: string): void {
  const id = db.pragma('application_id', { simple: true });
  const tables = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
  if (id !== APPLICATION_ID && !(id === 0 && tables === 0)) {
    throw new Sqlite.SqliteError('the file is another program’s database', 'SQLITE_NOTADB');
  }
  if (statSync(path).size > QUICK_CHECK_BYTES) return;
  const said = db.pragma('quick_check(1)', { simple: true });
  if (said !== 'ok') throw new Sqlite.SqliteError(String(said), 'SQLITE_CORRUPT');
}

/**
 * Refuses a schema that this version does not know, without writing a byte: the header is read as a file, and a
 * write-ahead log through a read-only connection, since closing any other one would copy it into the file.
 */
function refuseNewer(path: string, busyMs: number): void {
  const header = readHeader(path);
  if (header === null) return;
  let version = header.userVersion;
  if (version <= MIGRATIONS.length && sizeOf(`${path}-wal`) > 0) version = versionInLog(path, busyMs) ?? version;
  if (header.applicationId === APPLICATION_ID && version > MIGRATIONS.length) {
    throw new StoreError(
      'newer',
      `${path} was written by a newer version of Knack (schema ${version}; this one knows ${MIGRATIONS.length}). ` +
        'It is left as it is. Update Knack: until then it suggests, but stores and learns nothing.',
    );
  }
}

/** @returns null if there is no file, or none with a database header */
function readHeader(path: string): { userVersion: number; applicationId: number } | null {
  if (sizeOf(path) < HEADER.bytes) return null;
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(HEADER.bytes);
    readSync(fd, bytes, 0, HEADER.bytes, 0);
    if (bytes.toString('latin1', 0, HEADER.magic.length) !== HEADER.magic) return null;
    return {
      userVersion: bytes.readUInt32BE(HEADER.userVersion),
      applicationId: bytes.readUInt32BE(HEADER.applicationId),
    };
  } finally {
    closeSync(fd);
  }
}

/** The schema's version as the log has it, or null if the file is damaged, which is found out later. */
function versionInLog(path: string, busyMs: number): number | null {
  let db: Database | null = null;
  try {
    db = new Sqlite(path, { readonly: true, timeout: busyMs });
    return db.pragma('user_version', { simple: true }) as number;
  } catch (error) {
    if (isCorruption(error)) return null;
    throw error;
  } finally {
    db?.close();
  }
}

/**
 * Renames a damaged database, with its log, and starts a new one. Processes that find the damage at once take turns;
 * the second finds a good file and keeps it.
 */
function setAside(path: string, clock: () => number, busyMs: number, why: string): Opened {
  const turn = `${path}.recovering`;
  untilFree(() => takeTurn(turn), busyMs);
  try {
    try {
      return { db: connect(path, clock, busyMs), notice: null };
    } catch (error) {
      if (!isCorruption(error)) throw error;
    }
    const aside = `${path}.corrupt-${new Date(clock()).toISOString().replaceAll(':', '-')}`;
    renameSync(path, aside);
    for (const suffix of ['-wal', '-shm']) {
      if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
    }
    ownerOnly(path);
    return {
      db: connect(path, clock, busyMs),
      notice: `Knack's database was damaged (${why}). It was set aside as ${aside}, and a new one was started.`,
    };
  } finally {
    rmdirSync(turn);
  }
}

/** A folder as a lock; one older than 30 s was left by a process that died. */
function takeTurn(turn: string): void {
  try {
    mkdirSync(turn);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (Date.now() - statSync(turn).mtimeMs > 30_000) rmdirSync(turn);
    throw new Sqlite.SqliteError('another process is recovering the database', 'SQLITE_BUSY');
  }
}

/** Tries again while another process is in the way: these two steps do not use SQLite's own waiting. */
function untilFree(step: () => unknown, busyMs: number): void {
  for (let waited = 0; ; waited += 25) {
    try {
      step();
      return;
    } catch (error) {
      if (!/^SQLITE_BUSY|^ENOENT/.test(codeOf(error)) || waited >= busyMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 25);
    }
  }
}

/** Makes the file if it is not there, and takes every right from others. SQLite gives -wal and -shm the file's own. */
function ownerOnly(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  restrict(dirname(path), 0o700);
  for (const file of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(file)) restrict(file, 0o600);
}

function restrict(path: string, mode: number): void {
  if (process.platform === 'win32' || (statSync(path).mode & 0o777) === mode) return;
  chmodSync(path, mode);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
