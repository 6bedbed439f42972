/** The database as people look at it: by day and by file, entry by entry; and letting go of some of it. */
import type { Database } from 'better-sqlite3';
import type { RecentEdit } from '../completion/snapshot.ts';
import type { Remembered } from '../completion/suggestion.ts';
import type { OutcomeKind } from './signal.ts';
import type { WrittenLines } from './store-rows.ts';
import type { DayStats, Selection, StoredEntry, StoredGroup, StoredSummary } from './view.ts';

/** The day on which a suggestion arrived, on this machine's calendar. */
const DAY = `strftime('%Y-%m-%d', s.first_at / 1000.0, 'unixepoch', 'localtime')`;

/** Path of a suggestion's offer, or of an edit; empty where there is none (yet). */
const PATH = `coalesce(f.path, w.path, '')`;

/** A suggestion or edit, with what tells where it was. */
const PLACED = 'suggestion s LEFT JOIN offer f ON f.suggestion = s.n LEFT JOIN written w ON w.suggestion = s.n';

/** Suggestions deleted in one transaction, so that other processes never wait long. */
const DELETE_BATCH = 200;

export class ViewTables {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Days on which something was offered since `from` (epoch milliseconds), oldest first. */
  days(from: number): DayStats[] {
    return this.#db
      .prepare(
        `SELECT ${DAY} AS day, count(*) AS offered,
           coalesce(sum(o.kind IN ('accepted', 'partly-accepted', 'rejected', 'ignored')), 0) AS seen,
           coalesce(sum(o.kind IN ('accepted', 'partly-accepted')), 0) AS accepted,
           coalesce(sum(o.kind = 'rejected'), 0) AS rejected,
           coalesce(sum(max(o.accepted_chars - o.typed_chars, 0)), 0) AS saved
         FROM suggestion s JOIN offer f ON f.suggestion = s.n LEFT JOIN outcome o ON o.suggestion = s.n
         WHERE s.first_at >= ? GROUP BY day ORDER BY day`,
      )
      .all(from) as DayStats[];
  }

  /** Everything stored, by day or by file, newest first; also where there is nothing but suggestions held back. */
  groups(by: 'day' | 'file'): StoredGroup[] {
    const key = by === 'day' ? DAY : PATH;
    const heldKey = by === 'day' ? DAY.replace('s.first_at', 'at') : 'path';
    return this.#db
      .prepare(
        `SELECT key, sum(is_entry) AS entries, max(at) AS newest FROM (
           SELECT ${key} AS key, 1 AS is_entry, s.first_at AS at FROM ${PLACED}
           UNION ALL SELECT ${heldKey}, 0, at FROM judgement WHERE suggestion_id NOT IN (SELECT id FROM suggestion))
         GROUP BY key ORDER BY newest DESC`,
      )
      .all() as StoredGroup[];
  }

  /** The newest `limit` suggestions and edits of a selection, newest first. */
  list(selection: Selection, limit: number): StoredSummary[] {
    return this.#db
      .prepare(
        `SELECT s.id, s.first_at AS at, ${PATH} AS path,
           substr(coalesce(f.text, (SELECT group_concat(value, char(10)) FROM json_each(w.lines, '$.added')), ''), 1, 200) AS text,
           CASE WHEN w.suggestion IS NULL THEN o.kind ELSE 'written' END AS outcome
         FROM ${PLACED} LEFT JOIN outcome o ON o.suggestion = s.n
         WHERE ${where(selection)} ORDER BY s.n DESC LIMIT @limit`,
      )
      .all({ wanted: wanted(selection), limit }) as StoredSummary[];
  }

  /** All that is stored of one suggestion or edit, or null. */
  entry(id: string): StoredEntry | null {
    const row = this.#db
      .prepare(
        `SELECT s.n, s.first_at, f.*, o.kind, o.observed, o.reason, o.accepted_chars, t.text AS typed,
           w.path AS written_path, w.lines AS written
         FROM ${PLACED} LEFT JOIN outcome o ON o.suggestion = s.n
         LEFT JOIN typed_instead t ON t.suggestion = s.n WHERE s.id = ?`,
      )
      .get(id) as EntryRow | undefined;
    if (row === undefined) return null;
    const looks = this.#db
      .prepare('SELECT after_ms, share, observed, gone_on FROM survival WHERE suggestion = ? ORDER BY after_ms')
      .all(row.n) as { after_ms: number; share: number; observed: number; gone_on: number | null }[];
    return {
      id,
      at: row.first_at,
      text: row.text ?? '',
      outcome: row.written_path === null ? row.kind : 'written',
      written: row.written_path === null ? null : writtenOf(row.written_path, row.written),
      offer: row.path === null ? null : offerOf(row),
      observed: row.observed === null ? null : row.observed === 1,
      reason: row.reason,
      acceptedChars: row.accepted_chars,
      typedInstead: row.typed,
      survival: looks.map((l) => ({
        afterMs: l.after_ms,
        share: l.share,
        observed: l.observed === 1,
        goneOn: l.gone_on === 1,
      })),
    };
  }

  /** The first signal of a selection: rounds from there on may have learned from it. null if it has none. */
  firstSignal(selection: Selection): number | null {
    return this.#db
      .prepare(`SELECT min(o.seq) FROM ${PLACED} JOIN outcome o ON o.suggestion = s.n WHERE ${where(selection)}`)
      .pluck()
      .get({ wanted: wanted(selection) }) as number | null;
  }

  /** Deletes a selection, with all that hangs on it. @returns how many suggestions and edits */
  delete(selection: Selection): number {
    const parameters = { wanted: wanted(selection) };
    const some = this.#db.prepare(
      `DELETE FROM suggestion WHERE n IN (
         SELECT s.n FROM ${PLACED} WHERE ${where(selection)} LIMIT @limit)`,
    );
    let entries = 0;
    for (;;) {
      const { changes } = some.run({ ...parameters, limit: DELETE_BATCH });
      entries += changes;
      if (changes < DELETE_BATCH) return entries;
    }
  }
}

function where({ by }: Selection): string {
  if (by === 'id') return 's.id = @wanted';
  return by === 'day' ? `${DAY} = @wanted` : `${PATH} = @wanted`;
}

function wanted(selection: Selection): string {
  if (selection.by === 'id') return selection.id;
  return selection.by === 'day' ? selection.day : selection.path;
}

interface EntryRow {
  readonly n: number;
  readonly first_at: number;
  readonly path: string | null;
  readonly language: string;
  readonly start_line: number;
  readonly before: string;
  readonly after: string;
  readonly recent: string;
  readonly edit_start_line: number;
  readonly edit_start_character: number;
  readonly edit_end_line: number;
  readonly edit_end_character: number;
  readonly checkpoint: string;
  readonly trigger: string;
  readonly latency_ms: number;
  readonly token_logprobs: string;
  readonly prompt_hash: string | null;
  readonly prompt_format: string;
  readonly window_id: string;
  readonly remembered: string | null;
  readonly redactions: number;
  readonly text: string | null;
  readonly kind: OutcomeKind | null;
  readonly observed: number | null;
  readonly reason: string | null;
  readonly accepted_chars: number | null;
  readonly typed: string | null;
  readonly written_path: string | null;
  readonly written: string | null;
}

/** @param lines JSON of WrittenLines, or null */
function writtenOf(path: string, lines: string | null): NonNullable<StoredEntry['written']> {
  const none: WrittenLines = { removed: [], added: [], above: null, below: null };
  return { path, ...(lines === null ? none : (JSON.parse(lines) as WrittenLines)) };
}

function offerOf(row: EntryRow): NonNullable<StoredEntry['offer']> {
  return {
    path: row.path!,
    language: row.language,
    startLine: row.start_line,
    before: row.before,
    after: row.after,
    recent: JSON.parse(row.recent) as RecentEdit[],
    start: { line: row.edit_start_line, character: row.edit_start_character },
    end: { line: row.edit_end_line, character: row.edit_end_character },
    checkpoint: row.checkpoint,
    trigger: row.trigger,
    latencyMs: row.latency_ms,
    tokenLogprobs: JSON.parse(row.token_logprobs) as number[],
    promptHash: row.prompt_hash,
    promptFormat: row.prompt_format,
    windowId: row.window_id,
    remembered: row.remembered === null ? null : (JSON.parse(row.remembered) as Remembered),
    redactions: row.redactions,
  };
}
