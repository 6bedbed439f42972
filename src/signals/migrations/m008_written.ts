import type { Database } from 'better-sqlite3';

/**
 * Edits that the developer made, suggested or not, as whole lines without secrets. One hangs on a row of `suggestion`,
 * as an outcome does, so that whatever deletes suggestions deletes edits too. An edit that is gone on with replaces what
 * it was; one that was taken back, or that holds a secret, has no lines.
 */
export const name = 'written';

export function up(db: Database): void {
  db.exec(`
    CREATE TABLE written (
      suggestion INTEGER PRIMARY KEY REFERENCES suggestion (n) ON DELETE CASCADE,
      seq INTEGER NOT NULL UNIQUE,
      at INTEGER NOT NULL,
      path TEXT NOT NULL,
      lines TEXT CHECK (lines IS NULL OR json_valid(lines)) -- JSON: removed, added, above, below
    ) STRICT;
    CREATE INDEX written_path ON written (path);
  `);
}
