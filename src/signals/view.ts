/** What people see of the database, as plain values: days, files, single entries, and what a deletion leaves behind. */
import type { Place } from '../completion/edit.ts';
import type { RecentEdit } from '../completion/snapshot.ts';
import type { Remembered } from '../completion/suggestion.ts';
import type { OutcomeKind } from './signal.ts';

/** One day of suggestions, by the machine's local time. */
export interface DayStats {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  readonly offered: number;
  /** Offered, and surely looked at: accepted, partly accepted, rejected or ignored. */
  readonly seen: number;
  /** Accepted, all or a part. */
  readonly accepted: number;
  readonly rejected: number;
  /** UTF-16 units that stand in documents and were not typed. */
  readonly saved: number;
}

/** Suggestions and edits of one day or one file. */
export interface StoredGroup {
  /** The day (`YYYY-MM-DD`), or the path as in Snapshot.path; empty for what has no offer (yet). */
  readonly key: string;
  readonly entries: number;
  /** Arrival of the newest, epoch milliseconds. */
  readonly newest: number;
}

/** One suggestion, or edit, in a list. */
export interface StoredSummary {
  readonly id: string;
  readonly at: number;
  readonly path: string;
  /** The beginning of what was suggested, or written; at most 200 units. */
  readonly text: string;
  /** `written`: it is no suggestion, but an edit. null: not known yet. */
  readonly outcome: OutcomeKind | 'written' | null;
}

/** All that is stored of one suggestion or edit; texts as they are stored, without secrets. Null where nothing is stored. */
export interface StoredEntry extends Omit<StoredSummary, 'path'> {
  readonly offer: {
    readonly path: string;
    readonly language: string;
    readonly startLine: number;
    readonly before: string;
    readonly after: string;
    readonly recent: readonly RecentEdit[];
    /** What `text` replaces. */
    readonly start: Place;
    readonly end: Place;
    readonly checkpoint: string;
    readonly trigger: string;
    readonly latencyMs: number;
    readonly tokenLogprobs: readonly number[];
    readonly promptHash: string | null;
    readonly promptFormat: string;
    readonly windowId: string;
    readonly remembered: Remembered | null;
    readonly redactions: number;
  } | null;
  /** Of an edit: whole lines. Without any, it was taken back, or held a secret, so that nothing of it is kept. */
  readonly written: {
    readonly path: string;
    readonly removed: readonly string[];
    readonly added: readonly string[];
    readonly above: string | null;
    readonly below: string | null;
  } | null;
  readonly observed: boolean | null;
  readonly reason: string | null;
  readonly acceptedChars: number | null;
  readonly typedInstead: string | null;
  readonly survival: readonly {
    readonly afterMs: number;
    readonly share: number;
    readonly observed: boolean;
    /** Whether something was put in right behind it. */
    readonly goneOn: boolean;
  }[];
}

/** Which suggestions and edits are meant. */
export type Selection =
  | { readonly by: 'id'; readonly id: string }
  | { readonly by: 'day'; readonly day: string }
  | { readonly by: 'file'; readonly path: string };

/** Suggestions that were shown unasked, and came to an end that the developer chose. */
export interface Lived {
  readonly shown: number;
  /** Accepted ones; one that was accepted in part counts half. */
  readonly taken: number;
}

export interface Deleted {
  /** Suggestions and edits. */
  readonly entries: number;
  /** Checkpoints, newest first, that may have learned from some of it: they serve no more, and what is left is learned anew. */
  readonly forgotten: readonly string[];
}
