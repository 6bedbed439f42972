import type { Database } from 'better-sqlite3';

/**
 * Which remembered edits had a part in a suggestion, as JSON (Suggestion.remembered; NULL: none), and how many
 * suggestions were ever deleted: by that an engine sees that what it remembers may have been deleted elsewhere.
 */
export const name = 'remembered';

export function up(db: Database): void {
  db.exec(`
    ALTER TABLE offer ADD COLUMN remembered TEXT CHECK (remembered IS NULL OR json_valid(remembered));
    CREATE TABLE deletions (n INTEGER NOT NULL) STRICT;
    INSERT INTO deletions VALUES (0);
    CREATE TRIGGER suggestion_deletions AFTER DELETE ON suggestion BEGIN UPDATE deletions SET n = n + 1; END;
  `);
}
