/** The part of the database that the gate learns from: what it said of each suggestion, and what that was worth. */
import type { Database } from 'better-sqlite3';
import type { Offered, OutcomeKind } from './signal.ts';
import type { Selection } from './view.ts';

/** What the gate said of a suggestion. */
export interface JudgementRow {
  readonly suggestionId: string;
  readonly at: number;
  /** Asks so far. */
  readonly ask: number;
  readonly version: number;
  readonly p: number;
  /** Whether it was too unlikely to be shown unasked. */
  readonly held: boolean;
  readonly path: string;
  readonly language: string;
  readonly line: number;
  readonly digest: number;
  readonly features: readonly number[];
}

/** One that there is something to learn from. */
export interface ToldRow extends JudgementRow {
  /** 0 to 1. */
  readonly worth: number;
  /** Counts them, in the order in which they became known. */
  readonly told: number;
}

/**
 * What an outcome is worth to the gate. Observed and inferred ones count alike: an accept by words can only be
 * inferred, and so can the commonest refusal, typing something else; without them the rest would be no fair sample.
 * Who sees a suggestion and goes elsewhere did not take it. Of what nobody saw, and what gave way to another
 * suggestion, it is not known whether it was wanted.
 */
export const OUTCOME_WORTH: Readonly<Record<OutcomeKind, number | null>> = {
  accepted: 1,
  'partly-accepted': 0.5,
  rejected: 0,
  ignored: 0,
  superseded: null,
  'never-seen': null,
};

/** Judgements kept at most, the newest ones: learning from as many takes less than half a second when an engine starts. */
export const MOST_JUDGEMENTS = 5_000;

export class GateTables {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  add({ held, features, ...row }: JudgementRow): void {
    this.#db
      .prepare(
        `INSERT INTO judgement (suggestion_id, at, ask, version, p, held, path, language, line, digest, features)
         VALUES (@suggestionId, @at, @ask, @version, @p, @held, @path, @language, @line, @digest, @features)
         ON CONFLICT (suggestion_id) DO NOTHING`,
      )
      .run({ ...row, held: held ? 1 : 0, features: JSON.stringify(features) });
  }

  /** Asks at the newest judgement. */
  lastAsk(): number {
    return this.#db.prepare('SELECT coalesce(max(ask), 0) FROM judgement').pluck().get() as number;
  }

  /** Within the transaction that stores an outcome: what it was worth, unless the user had asked for the suggestion. */
  tell(suggestion: number, kind: OutcomeKind): void {
    const offer = this.#db
      .prepare('SELECT s.id, f."trigger" FROM suggestion s LEFT JOIN offer f ON f.suggestion = s.n WHERE s.n = ?')
      .get(suggestion) as { id: string; trigger: Offered['trigger'] | null };
    if (offer.trigger === 'explicit') return;
    this.#db
      .prepare(
        `UPDATE judgement SET worth = @worth, told = CASE WHEN @worth IS NULL THEN NULL
           ELSE (SELECT coalesce(max(told), 0) + 1 FROM judgement) END WHERE suggestion_id = @id`,
      )
      .run({ id: offer.id, worth: OUTCOME_WORTH[kind] });
  }

  /** What became known after `told`, in that order. */
  told(after: number): ToldRow[] {
    const rows = this.#db
      .prepare(
        `SELECT suggestion_id AS suggestionId, at, ask, version, p, held, path, language, line, digest, features, worth, told
         FROM judgement WHERE told > ? ORDER BY told`,
      )
      .all(after) as (Omit<ToldRow, 'held' | 'features'> & { held: number; features: string })[];
    return rows.map(({ held, features, ...row }) => ({ ...row, held: held === 1, features: JSON.parse(features) }));
  }

  /** Changes whenever `told(0)` does. */
  toldMark(): string {
    const row = this.#db
      .prepare('SELECT count(told), total(told), total(n * told) FROM judgement WHERE told IS NOT NULL')
      .raw()
      .get() as number[];
    return row.join(' ');
  }

  /** Forecasts of which it is known what came, the newest `limit`. */
  forecasts(limit: number): { p: number; worth: number }[] {
    return this.#db
      .prepare('SELECT p, worth FROM judgement WHERE told IS NOT NULL ORDER BY told DESC LIMIT ?')
      .all(limit) as { p: number; worth: number }[];
  }

  /** Suggestions that were held back and not asked for either: how many since `from`, and the newest of them. */
  held(
    from: number,
    limit: number,
  ): { count: number; newest: { at: number; path: string; line: number; p: number }[] } {
    const rest = `FROM judgement WHERE held = 1 AND at >= ? AND suggestion_id NOT IN (SELECT id FROM suggestion)`;
    return {
      count: this.#db.prepare(`SELECT count(*) ${rest}`).pluck().get(from) as number,
      newest: this.#db.prepare(`SELECT at, path, line, p ${rest} ORDER BY n DESC LIMIT ?`).all(from, limit) as {
        at: number;
        path: string;
        line: number;
        p: number;
      }[],
    };
  }

  /** Those that were held back on a day or in a file; the others go with their suggestions. */
  delete(selection: Selection): void {
    if (selection.by === 'id') return;
    const day = `strftime('%Y-%m-%d', at / 1000.0, 'unixepoch', 'localtime')`;
    const [what, wanted] = selection.by === 'day' ? [day, selection.day] : ['path', selection.path];
    this.#db.prepare(`DELETE FROM judgement WHERE ${what} = ?`).run(wanted);
  }

  /** Those without a suggestion's row go by their own age; and the oldest, where there are too many. */
  deleteOlderThan(before: number): void {
    this.#db
      .prepare('DELETE FROM judgement WHERE at < ? AND suggestion_id NOT IN (SELECT id FROM suggestion)')
      .run(before);
    this.#db
      .prepare('DELETE FROM judgement WHERE n <= (SELECT n FROM judgement ORDER BY n DESC LIMIT 1 OFFSET ?)')
      .run(MOST_JUDGEMENTS);
  }
}
