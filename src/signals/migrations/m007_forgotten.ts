import type { Database } from 'better-sqlite3';

/**
 * Rounds that learned, or may have, from something that was deleted since: their signals count as new again, and what is
 * left of them is learned anew.
 */
export const name = 'forgotten';

export function up(db: Database): void {
  db.exec('ALTER TABLE round ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0 CHECK (forgotten IN (0, 1))');
}
