import type { Database } from 'better-sqlite3';

/**
 * The first schema. A shipped migration is never edited: what changes is a new migration.
 *
 * `event` is the ledger: one row for each event that was acknowledged, in the order of arrival; its `event_id` makes
 * sending again harmless and its `seq` is what training counts by. Whatever belongs to one suggestion hangs on
 * `suggestion`, which the first event to name it makes, so that events may arrive in any order and deleting a
 * suggestion deletes all of it.
 */
export const name = 'signals';

export function up(db: Database): void {
  db.exec(`
    CREATE TABLE suggestion (
      n INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      first_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX suggestion_first_at ON suggestion (first_at);

    CREATE TABLE event (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      event_id TEXT NOT NULL UNIQUE,
      suggestion INTEGER NOT NULL REFERENCES suggestion (n) ON DELETE CASCADE,
      type TEXT NOT NULL,
      at INTEGER NOT NULL,
      stored_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX event_suggestion ON event (suggestion);

    CREATE TABLE offer (
      suggestion INTEGER PRIMARY KEY REFERENCES suggestion (n) ON DELETE CASCADE,
      seq INTEGER NOT NULL,
      at INTEGER NOT NULL,
      window_id TEXT NOT NULL,
      "trigger" TEXT NOT NULL,
      checkpoint TEXT NOT NULL,
      prompt_hash TEXT,              -- NULL if a secret was cut: the stored text has another hash, and a hash can be guessed at
      prompt_format TEXT NOT NULL,
      path TEXT NOT NULL,
      language TEXT NOT NULL,
      start_line INTEGER NOT NULL,
      before TEXT NOT NULL,
      after TEXT NOT NULL,
      recent TEXT NOT NULL,          -- JSON: RecentEdit[]
      text TEXT NOT NULL,
      replace_after INTEGER NOT NULL,
      token_logprobs TEXT NOT NULL,  -- JSON: number[]
      latency_ms REAL NOT NULL,
      redactions INTEGER NOT NULL    -- secrets cut from this row
    ) STRICT;
    CREATE INDEX offer_at ON offer (at);
    CREATE INDEX offer_path ON offer (path);

    CREATE TABLE outcome (
      suggestion INTEGER PRIMARY KEY REFERENCES suggestion (n) ON DELETE CASCADE,
      seq INTEGER NOT NULL UNIQUE,
      at INTEGER NOT NULL,
      kind TEXT NOT NULL CHECK (kind IN ('accepted', 'partly-accepted', 'rejected', 'ignored', 'superseded', 'never-seen')),
      observed INTEGER NOT NULL CHECK (observed IN (0, 1)),
      reason TEXT NOT NULL,
      accepted_chars INTEGER NOT NULL,
      typed_chars INTEGER NOT NULL,
      source TEXT NOT NULL CHECK (source IN ('editor', 'store'))  -- store: the window went away without telling
    ) STRICT;

    CREATE TABLE typed_instead (
      suggestion INTEGER PRIMARY KEY REFERENCES suggestion (n) ON DELETE CASCADE,
      seq INTEGER NOT NULL UNIQUE,
      at INTEGER NOT NULL,
      text TEXT NOT NULL
    ) STRICT;

    CREATE TABLE survival (
      suggestion INTEGER NOT NULL REFERENCES suggestion (n) ON DELETE CASCADE,
      after_ms INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      at INTEGER NOT NULL,
      share REAL NOT NULL CHECK (share BETWEEN 0 AND 1),
      observed INTEGER NOT NULL CHECK (observed IN (0, 1)),
      PRIMARY KEY (suggestion, after_ms)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE checkpoint (
      id TEXT PRIMARY KEY,
      base_hash TEXT NOT NULL,
      parent TEXT,                   -- NULL: made from the base
      created INTEGER NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('candidate', 'current', 'refused', 'retired', 'rolled-back')),
      reason TEXT NOT NULL,
      metrics TEXT NOT NULL,         -- JSON
      path TEXT NOT NULL
    ) STRICT;
    CREATE INDEX checkpoint_base ON checkpoint (base_hash, created);

    CREATE TABLE checkpoint_log (
      n INTEGER PRIMARY KEY AUTOINCREMENT,
      base_hash TEXT NOT NULL,
      checkpoint TEXT,               -- NULL: the base itself
      at INTEGER NOT NULL,
      state TEXT NOT NULL,
      reason TEXT NOT NULL,
      metrics TEXT NOT NULL          -- JSON
    ) STRICT;

    -- Which checkpoint serves, by base; no row: the base itself.
    CREATE TABLE current (
      base_hash TEXT PRIMARY KEY,
      checkpoint TEXT NOT NULL REFERENCES checkpoint (id),
      at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE round (
      n INTEGER PRIMARY KEY AUTOINCREMENT,
      base_hash TEXT NOT NULL,
      started INTEGER NOT NULL,
      ended INTEGER,
      device TEXT NOT NULL,
      parent TEXT,
      through_seq INTEGER NOT NULL,  -- signals up to this event were there when it began
      signals INTEGER NOT NULL,
      steps INTEGER,
      tokens INTEGER,
      loss_before REAL,
      loss_after REAL,
      decision TEXT CHECK (decision IN ('promoted', 'refused', 'stopped', 'failed')),
      reason TEXT,
      checkpoint TEXT
    ) STRICT;
    CREATE INDEX round_base ON round (base_hash, n);

    CREATE TABLE editor_window (
      id TEXT PRIMARY KEY,
      pid INTEGER NOT NULL,
      last_activity INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE lease (
      name TEXT PRIMARY KEY,
      owner TEXT NOT NULL,
      pid INTEGER NOT NULL,
      expires INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE canary (
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL,           -- JSON
      at INTEGER NOT NULL
    ) STRICT;
  `);
}
