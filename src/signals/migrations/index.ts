/**
 * Migrations, in order; append only. The schema's version is how many have been applied: `user_version`, and one row
 * each in `migration`, both written in the migration's own transaction.
 */
import type { Database } from 'better-sqlite3';
import * as m001 from './m001_signals.ts';
import * as m002 from './m002_edits.ts';
import * as m003 from './m003_shown.ts';
import * as m004 from './m004_deleted.ts';
import * as m005 from './m005_judgements.ts';
import * as m006 from './m006_remembered.ts';
import * as m007 from './m007_forgotten.ts';
import * as m008 from './m008_written.ts';
import * as m009 from './m009_gone_on.ts';

export interface Migration {
  readonly name: string;
  readonly up: (db: Database) => void;
}

export const MIGRATIONS: readonly Migration[] = [m001, m002, m003, m004, m005, m006, m007, m008, m009];

/** Marks the file as Knack's (`file` and SQLite's `application_id`): "KNCK". */
export const APPLICATION_ID = 0x4b4e434b;

/**
 * Brings a database up to the newest schema, one transaction for each step, so that a process that dies between two
 * leaves a valid older schema. Processes that open it at once wait for each other.
 */
export function migrate(db: Database, clock: () => number, migrations: readonly Migration[] = MIGRATIONS): void {
  const step = db.transaction((): boolean => {
    const version = db.pragma('user_version', { simple: true }) as number;
    const next = migrations[version];
    if (next === undefined) return false;
    if (version === 0) {
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.exec(
        'CREATE TABLE migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT',
      );
    }
    next.up(db);
    db.prepare('INSERT INTO migration VALUES (?, ?, ?)').run(version + 1, next.name, clock());
    db.pragma(`user_version = ${version + 1}`);
    return true;
  });
  while (step.immediate());
}
