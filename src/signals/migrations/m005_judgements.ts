import type { Database } from 'better-sqlite3';

/**
 * What the gate said of each suggestion, and what came of it: all that its learning is made of. `told` counts the rows
 * whose worth is known in the order in which it became known. There is no text in it but the file's path.
 *
 * A row goes with its suggestion; a suggestion that was held back has no other row.
 */
export const name = 'judgements';

export function up(db: Database): void {
  db.exec(`
    CREATE TABLE judgement (
      n INTEGER PRIMARY KEY AUTOINCREMENT,
      suggestion_id TEXT NOT NULL UNIQUE,
      at INTEGER NOT NULL,
      ask INTEGER NOT NULL,          -- asks so far, the gate's clock
      version INTEGER NOT NULL,      -- of the features
      p REAL NOT NULL CHECK (p BETWEEN 0 AND 1),
      held INTEGER NOT NULL CHECK (held IN (0, 1)),
      path TEXT NOT NULL,
      language TEXT NOT NULL,
      line INTEGER NOT NULL,
      digest INTEGER NOT NULL,       -- 16 bits of the text put in: enough to see it again, too little to guess it
      features TEXT NOT NULL,        -- JSON: number[]
      worth REAL CHECK (worth BETWEEN 0 AND 1),
      told INTEGER UNIQUE
    ) STRICT;
    CREATE INDEX judgement_at ON judgement (at);
    CREATE INDEX judgement_path ON judgement (path);
    CREATE TRIGGER judgement_goes AFTER DELETE ON suggestion BEGIN
      DELETE FROM judgement WHERE suggestion_id = OLD.id;
    END;
  `);
}
