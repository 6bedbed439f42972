/** The half of the database that signals live in: storing them once each, reading them for training, letting go. */
import type { Database } from 'better-sqlite3';
import type { Edit } from '../completion/edit.ts';
import type { RecentEdit, Snapshot } from '../completion/snapshot.ts';
import type { Remembered } from '../completion/suggestion.ts';
import { SEEN_MS } from './lifecycle.ts';
import type { Offered, Outcome, OutcomeKind, SignalEvent, Survival, TypedInstead } from './signal.ts';
import { GateTables } from './store-gate.ts';
import {
  type OfferRow,
  offerRow,
  outcomeRow,
  suggestionOf,
  survivalRow,
  typedText,
  type WrittenLines,
  type WrittenRow,
  writtenRow,
} from './store-rows.ts';

/** Outcomes that training learns from; what was typed instead is the other signal. */
const TRAINABLE = `('accepted', 'partly-accepted', 'rejected')`;

/** A window without any event for so long is gone, even if a process has its old id. */
const WINDOW_GONE_MS = 24 * 3_600_000;

/** Suggestions deleted in one transaction, so that other processes never wait long. */
const DELETE_BATCH = 200;

/** One suggestion and what became of it: what training needs. Texts are redacted. */
export interface ExampleRow {
  /** Grows with each signal about the suggestion; `afterSeq` of the next read. */
  readonly seq: number;
  readonly suggestionId: string;
  readonly at: number;
  readonly snapshot: Snapshot;
  readonly edit: Edit;
  readonly tokenLogprobs: readonly number[];
  readonly checkpoint: string;
  /** Null if a secret was cut, so that the stored text has another prompt. */
  readonly promptHash: string | null;
  readonly promptFormat: string;
  readonly trigger: Offered['trigger'];
  readonly shownAs: Offered['shownAs'];
  readonly latencyMs: number;
  readonly remembered: Remembered | null;
  /** Secrets cut from the row: above 0, text and log-probabilities no longer belong together. */
  readonly redactions: number;
  readonly outcome: OutcomeKind;
  readonly observed: boolean;
  readonly reason: string;
  readonly shown: Outcome['shown'];
  readonly jumped: boolean;
  readonly acceptedChars: number;
  readonly typedChars: number;
  readonly typedInstead: string | null;
  /** Share that stood at the last look, or null if nobody has looked yet. */
  readonly survival: number | null;
  /** Whether something was seen to be put in right behind the accepted text. */
  readonly goneOn: boolean;
}

/** An edit that the developer made, without secrets. */
export interface StoredWritten {
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  readonly path: string;
  /** null: it was taken back, or is not to be kept. */
  readonly lines: WrittenLines | null;
}

export interface SignalStats {
  readonly suggestions: number;
  /** Edits that were made beside. */
  readonly written: number;
  readonly outcomes: Readonly<Partial<Record<OutcomeKind, number>>>;
  readonly typedInstead: number;
  readonly survivals: number;
  readonly lastSeq: number;
  /** Arrival of the oldest suggestion, or null if there is none. */
  readonly oldestAt: number | null;
}

export interface RecordResult {
  /** Ids that are durable, or that never will be (`refused`): the sender may forget them. */
  readonly acked: readonly string[];
  /** Events that are none of ours, or a second outcome for one suggestion; a bug, to be logged. */
  readonly refused: readonly { readonly eventId: string; readonly why: string }[];
}

export class SignalTables {
  readonly #db: Database;
  readonly #clock: () => number;

  constructor(db: Database, clock: () => number) {
    this.#db = db;
    this.#clock = clock;
  }

  /**
   * Stores events in one transaction: all of them or, if it throws, none. An event that is there already is
   * acknowledged and changes nothing. Events may come in any order: one about an unknown suggestion is kept.
   */
  record(events: readonly SignalEvent[]): RecordResult {
    const known = this.#db.prepare('SELECT 1 FROM event WHERE event_id = ?').pluck();
    const refused: { eventId: string; why: string }[] = [];
    const fresh = events.filter((e) => typeof e?.eventId === 'string' && known.get(e.eventId) === undefined);
    // Looking for secrets is most of the work: done before other processes have to wait for this one.
    const rows = new Map<string, OfferRow | WrittenRow>();
    const valid = fresh.filter((event) => {
      try {
        suggestionOf(event);
        if (event.type === 'offered') rows.set(event.eventId, offerRow(event));
        else if (event.type === 'written') rows.set(event.eventId, writtenRow(event));
        else if (event.type === 'outcome') outcomeRow(event);
        else if (event.type === 'survival') survivalRow(event);
        else if (event.type === 'typed-instead') typedText(event.text, null);
        else throw new TypeError('unknown type');
        return true;
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        refused.push({ eventId: event.eventId, why: error.message });
        return false;
      }
    });
    const store = this.#db.transaction(() => {
      for (const event of valid) {
        const why = this.#store(event, rows.get(event.eventId));
        if (why !== null) refused.push({ eventId: event.eventId, why });
      }
    });
    if (valid.length > 0) store.immediate();
    return { acked: events.map((e) => e?.eventId).filter((id) => typeof id === 'string'), refused };
  }

  /** @returns why the event was not stored, or null */
  #store(event: SignalEvent, row: OfferRow | WrittenRow | undefined): string | null {
    const id = suggestionOf(event);
    // The user has deleted it, perhaps in another window: what becomes known of it later is not kept.
    if (this.#db.prepare('SELECT 1 FROM deleted_suggestion WHERE id = ?').pluck().get(id) !== undefined) return null;
    const suggestion = this.#suggestion(id);
    const added = this.#db
      .prepare(
        `INSERT INTO event (event_id, suggestion, type, at, stored_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (event_id) DO NOTHING`,
      )
      .run(event.eventId, suggestion, event.type, Math.round(event.at), this.#clock());
    if (added.changes === 0) return null; // twice in one message
    const seq = Number(added.lastInsertRowid);
    switch (event.type) {
      case 'offered':
        return this.#storeOffer(suggestion, seq, row as OfferRow);
      case 'written':
        return this.#storeWritten(suggestion, seq, row as WrittenRow);
      case 'outcome':
        return this.#storeOutcome(suggestion, seq, event);
      case 'typed-instead':
        return this.#storeTyped(suggestion, seq, event);
      case 'survival':
        return this.#storeSurvival(suggestion, seq, event);
    }
  }

  #suggestion(id: string): number {
    const n = this.#db.prepare('SELECT n FROM suggestion WHERE id = ?').pluck().get(id) as number | undefined;
    if (n !== undefined) return n;
    return Number(
      this.#db.prepare('INSERT INTO suggestion (id, first_at) VALUES (?, ?)').run(id, this.#clock()).lastInsertRowid,
    );
  }

  #storeOffer(suggestion: number, seq: number, row: OfferRow): string | null {
    const added = this.#db
      .prepare(
        `INSERT INTO offer (suggestion, seq, at, window_id, "trigger", shown_as, checkpoint, prompt_hash, prompt_format, path,
           language, start_line, before, after, recent, text, edit_start_line, edit_start_character, edit_end_line,
           edit_end_character, token_logprobs, latency_ms, remembered, redactions)
         VALUES (@suggestion, @seq, @at, @window_id, @trigger, @shown_as, @checkpoint, @prompt_hash, @prompt_format, @path,
           @language, @start_line, @before, @after, @recent, @text, @edit_start_line, @edit_start_character,
           @edit_end_line, @edit_end_character, @token_logprobs, @latency_ms, @remembered, @redactions)
         ON CONFLICT (suggestion) DO NOTHING`,
      )
      .run({ suggestion, seq, ...row });
    if (added.changes === 0) return 'a second offer of one suggestion';
    // What was typed came first, and was looked at for secrets without the text around it.
    const typed = this.#db.prepare('SELECT text FROM typed_instead WHERE suggestion = ?').pluck().get(suggestion);
    if (typed !== undefined) {
      const text = typedText(typed as string, row);
      this.#db.prepare('UPDATE typed_instead SET text = ? WHERE suggestion = ?').run(text, suggestion);
    }
    return null;
  }

  /** The first outcome stays; one that the store itself had to infer gives way to the editor's. */
  #storeOutcome(suggestion: number, seq: number, event: Outcome): string | null {
    const added = this.#db
      .prepare(
        `INSERT INTO outcome (suggestion, seq, at, kind, observed, reason, shown, jumped, accepted_chars, typed_chars, source)
         VALUES (@suggestion, @seq, @at, @kind, @observed, @reason, @shown, @jumped, @accepted_chars, @typed_chars, 'editor')
         ON CONFLICT (suggestion) DO UPDATE SET
           seq = excluded.seq, at = excluded.at, kind = excluded.kind, observed = excluded.observed,
           reason = excluded.reason, shown = excluded.shown, jumped = excluded.jumped, accepted_chars = excluded.accepted_chars, typed_chars = excluded.typed_chars,
           source = excluded.source
         WHERE outcome.source = 'store'`,
      )
      .run({ suggestion, seq, ...outcomeRow(event) });
    if (added.changes === 0) return 'a second outcome of one suggestion';
    new GateTables(this.#db).tell(suggestion, event.kind);
    if (event.typedInstead !== undefined && event.typedInstead !== '') {
      this.#storeTyped(suggestion, seq, { ...event, type: 'typed-instead', text: event.typedInstead });
    }
    return null;
  }

  #storeTyped(suggestion: number, seq: number, event: TypedInstead): string | null {
    const around = this.#db.prepare('SELECT before, after FROM offer WHERE suggestion = ?').get(suggestion);
    const text = typedText(event.text, (around as { before: string; after: string } | undefined) ?? null);
    const added = this.#db
      .prepare('INSERT INTO typed_instead VALUES (?, ?, ?, ?) ON CONFLICT (suggestion) DO NOTHING')
      .run(suggestion, seq, Math.round(event.at), text);
    return added.changes === 0 ? 'typed instead, a second time' : null;
  }

  #storeSurvival(suggestion: number, seq: number, event: Survival): string | null {
    const added = this.#db
      .prepare(
        `INSERT INTO survival (suggestion, after_ms, seq, at, share, observed, gone_on)
         VALUES (@suggestion, @after_ms, @seq, @at, @share, @observed, @gone_on) ON CONFLICT DO NOTHING`,
      )
      .run({ suggestion, seq, ...survivalRow(event) });
    return added.changes === 0 ? 'the same look at survival, a second time' : null;
  }

  /** Events of an edit come in order, so the last one is what it is. */
  #storeWritten(suggestion: number, seq: number, row: WrittenRow): null {
    this.#db
      .prepare(
        `INSERT INTO written VALUES (@suggestion, @seq, @at, @path, @lines)
         ON CONFLICT (suggestion) DO UPDATE SET seq = @seq, at = @at, path = @path, lines = @lines`,
      )
      .run({ suggestion, seq, ...row });
    return null;
  }

  /** The first `limit` edits after `afterSeq`, in order of arrival; of one that was gone on with, what it is now. */
  writtenRows(afterSeq: number, limit: number): StoredWritten[] {
    const rows = this.#db
      .prepare(
        `SELECT w.seq, s.id, w.at, w.path, w.lines FROM written w JOIN suggestion s ON s.n = w.suggestion
         WHERE w.seq > ? ORDER BY w.seq LIMIT ?`,
      )
      .all(afterSeq, limit) as (Omit<StoredWritten, 'lines'> & { lines: string | null })[];
    return rows.map((row) => ({ ...row, lines: row.lines === null ? null : (JSON.parse(row.lines) as WrittenLines) }));
  }

  lastSeq(): number {
    return this.#db.prepare('SELECT coalesce(max(seq), 0) FROM event').pluck().get() as number;
  }

  /** Suggestions with something to learn from that arrived after `seq`. */
  newSignalsSince(seq: number): number {
    return this.#db
      .prepare(
        `SELECT count(DISTINCT suggestion) FROM (
           SELECT suggestion FROM outcome WHERE seq > @seq AND kind IN ${TRAINABLE}
           UNION ALL SELECT suggestion FROM typed_instead WHERE seq > @seq)`,
      )
      .pluck()
      .get({ seq }) as number;
  }

  /**
   * Suggestions that have an offer and an outcome, in the order in which their last signal arrived.
   *
   * With `afterSeq`, the first `limit` after it; without, the newest `limit`.
   */
  exampleRows({ afterSeq, limit }: { afterSeq?: number; limit: number }): ExampleRow[] {
    const newest = afterSeq === undefined;
    const rows = this.#db
      .prepare(
        `WITH last AS (
           SELECT o.suggestion AS suggestion, max(o.seq, coalesce(t.seq, 0)) AS seq
           FROM outcome o LEFT JOIN typed_instead t USING (suggestion)
           WHERE EXISTS (SELECT 1 FROM offer f WHERE f.suggestion = o.suggestion)),
         chosen AS (SELECT * FROM last WHERE seq > @after ORDER BY seq ${newest ? 'DESC' : 'ASC'} LIMIT @limit)
         SELECT f.*, chosen.seq AS seq, s.id AS suggestion_id, o.kind, o.observed, o.reason, o.shown, o.jumped, o.accepted_chars, o.typed_chars, t.text AS typed,
           (SELECT share FROM survival v WHERE v.suggestion = s.n ORDER BY after_ms DESC LIMIT 1) AS survival,
           (SELECT max(gone_on) FROM survival v WHERE v.suggestion = s.n) AS gone_on
         FROM chosen JOIN suggestion s ON s.n = chosen.suggestion JOIN offer f ON f.suggestion = s.n
         JOIN outcome o ON o.suggestion = s.n LEFT JOIN typed_instead t ON t.suggestion = s.n
         ORDER BY chosen.seq`,
      )
      .all({ after: afterSeq ?? 0, limit }) as JoinedRow[];
    return rows.map(exampleOf);
  }

  /**
   * Gives an outcome to offers whose window is gone, since nobody else will: ignored if the window was seen alive long
   * enough after the offer, else never seen; inferred.
   *
   * @param alive whether the process with this id runs
   * @returns how many there were
   */
  closeOrphans(now: number, alive: (pid: number) => boolean): number {
    const close = this.#db.transaction((): number => {
      const open = this.#db
        .prepare(
          `SELECT s.n, s.id, f.at, f.shown_as, w.pid, w.last_activity FROM offer f JOIN suggestion s ON s.n = f.suggestion
           LEFT JOIN outcome o ON o.suggestion = s.n LEFT JOIN editor_window w ON w.id = f.window_id
           WHERE o.suggestion IS NULL ORDER BY s.n`,
        )
        .all() as {
        n: number;
        id: string;
        at: number;
        shown_as: Offered['shownAs'];
        pid: number | null;
        last_activity: number | null;
      }[];
      let closed = 0;
      for (const o of open) {
        const last = Math.max(o.at, o.last_activity ?? 0);
        const gone = (o.pid !== null && !alive(o.pid)) || now - last > WINDOW_GONE_MS;
        if (!gone) continue;
        const seq = this.#db
          .prepare(
            `INSERT INTO event (event_id, suggestion, type, at, stored_at) VALUES (?, ?, 'outcome', ?, ?)
             ON CONFLICT (event_id) DO NOTHING`,
          )
          .run(`${o.id}/orphan`, o.n, now, this.#clock()).lastInsertRowid;
        const kind: OutcomeKind = last - o.at >= SEEN_MS ? 'ignored' : 'never-seen';
        const shown = kind === 'never-seen' ? 'no' : o.shown_as === 'ghost' ? 'inferred' : 'observed';
        this.#db
          .prepare(
            `INSERT INTO outcome (suggestion, seq, at, kind, observed, reason, shown, accepted_chars, typed_chars, source)
             VALUES (?, ?, ?, ?, 0, 'window-closed', ?, 0, 0, 'store')`,
          )
          .run(o.n, seq, now, kind, shown);
        new GateTables(this.#db).tell(o.n, kind);
        closed++;
      }
      return closed;
    });
    return close.immediate();
  }

  /** Deletes suggestions that arrived before `before`. @returns how many */
  deleteOlderThan(before: number): number {
    const some = this.#db.prepare(
      'DELETE FROM suggestion WHERE n IN (SELECT n FROM suggestion WHERE first_at < ? ORDER BY n LIMIT ?)',
    );
    let deleted = 0;
    for (;;) {
      const { changes } = some.run(before, DELETE_BATCH);
      deleted += changes;
      if (changes < DELETE_BATCH) return deleted;
    }
  }

  /** Forgets the ids of deleted suggestions that arrived before `before`: nothing more will be heard of them. */
  forgetDeleted(before: number): void {
    this.#db.prepare('DELETE FROM deleted_suggestion WHERE first_at < ?').run(before);
  }

  /** Deletes the oldest suggestions of one batch. @returns how many; 0 if there are none left */
  deleteOldest(): number {
    return this.#db
      .prepare('DELETE FROM suggestion WHERE n IN (SELECT n FROM suggestion ORDER BY n LIMIT ?)')
      .run(DELETE_BATCH).changes;
  }

  stats(): SignalStats {
    const count = (table: string): number => this.#db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
    const kinds = this.#db.prepare('SELECT kind, count(*) AS n FROM outcome GROUP BY kind').all();
    return {
      suggestions: count('suggestion') - count('written'),
      written: count('written'),
      outcomes: Object.fromEntries((kinds as { kind: OutcomeKind; n: number }[]).map(({ kind, n }) => [kind, n])),
      typedInstead: count('typed_instead'),
      survivals: count('survival'),
      lastSeq: this.lastSeq(),
      oldestAt: this.#db.prepare('SELECT min(first_at) FROM suggestion').pluck().get() as number | null,
    };
  }
}

interface JoinedRow extends OfferRow {
  readonly seq: number;
  readonly suggestion_id: string;
  readonly kind: OutcomeKind;
  readonly observed: number;
  readonly reason: string;
  readonly shown: Outcome['shown'];
  readonly jumped: number;
  readonly accepted_chars: number;
  readonly typed_chars: number;
  readonly typed: string | null;
  readonly survival: number | null;
  readonly gone_on: number | null;
}

function exampleOf(r: JoinedRow): ExampleRow {
  return {
    seq: r.seq,
    suggestionId: r.suggestion_id,
    at: r.at,
    snapshot: {
      path: r.path,
      languageId: r.language,
      before: r.before,
      after: r.after,
      startLine: r.start_line,
      recent: JSON.parse(r.recent) as RecentEdit[],
    },
    edit: {
      start: { line: r.edit_start_line, character: r.edit_start_character },
      end: { line: r.edit_end_line, character: r.edit_end_character },
      text: r.text,
    },
    tokenLogprobs: JSON.parse(r.token_logprobs) as number[],
    checkpoint: r.checkpoint,
    promptHash: r.prompt_hash,
    promptFormat: r.prompt_format,
    trigger: r.trigger as Offered['trigger'],
    shownAs: r.shown_as as Offered['shownAs'],
    latencyMs: r.latency_ms,
    remembered: r.remembered === null ? null : (JSON.parse(r.remembered) as Remembered),
    redactions: r.redactions,
    outcome: r.kind,
    observed: r.observed === 1,
    reason: r.reason,
    shown: r.shown,
    jumped: r.jumped === 1,
    acceptedChars: r.accepted_chars,
    typedChars: r.typed_chars,
    typedInstead: r.typed,
    survival: r.survival,
    goneOn: r.gone_on === 1,
  };
}
