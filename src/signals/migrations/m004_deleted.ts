import type { Database } from 'better-sqlite3';

/**
 * Ids of suggestions that were deleted, so that what another window learns of one later, such as what was typed in its
 * place, is not stored again. An id is random and says nothing; it is kept for as long as such news may come.
 */
export const name = 'deleted';

export function up(db: Database): void {
  db.exec(`
    CREATE TABLE deleted_suggestion (id TEXT PRIMARY KEY, first_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TRIGGER suggestion_deleted AFTER DELETE ON suggestion BEGIN
      INSERT OR IGNORE INTO deleted_suggestion VALUES (OLD.id, OLD.first_at);
    END;
  `);
}
