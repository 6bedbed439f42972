import type { Database } from 'better-sqlite3';

/** How a suggestion was shown and whether that is known, and whether the user went to it. All before was ghost text. */
export const name = 'shown';

export function up(db: Database): void {
  db.exec(`
    ALTER TABLE offer ADD COLUMN shown_as TEXT NOT NULL DEFAULT 'ghost';
    ALTER TABLE outcome ADD COLUMN shown TEXT NOT NULL DEFAULT 'inferred' CHECK (shown IN ('observed', 'inferred', 'no'));
    ALTER TABLE outcome ADD COLUMN jumped INTEGER NOT NULL DEFAULT 0 CHECK (jumped IN (0, 1));
    UPDATE outcome SET shown = 'no' WHERE kind = 'never-seen';
  `);
}
