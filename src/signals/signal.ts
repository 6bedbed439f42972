/**
 * Signals: what became of each suggestion, and what was written beside, as plain values.
 *
 * An event has an id of its own (a UUID, or `<suggestion's UUID>/<what>`), so that sending one again stores it once.
 * Every `offered` gets exactly one `outcome`; which of the two ways it was learned (`observed`) is part of it. Times
 * are epoch milliseconds.
 */
import type { LeftEdit } from '../completion/recent.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import type { Suggestion } from '../completion/suggestion.ts';

/** The suggestion was returned to VS Code, or drawn by Knack. */
export interface Offered {
  readonly type: 'offered';
  readonly eventId: string;
  readonly at: number;
  readonly windowId: string;
  readonly suggestion: Suggestion;
  readonly snapshot: Snapshot;
  /** As ghost text, by VS Code; as a next edit, by Knack. */
  readonly shownAs: 'ghost' | 'next-edit';
  /** explicit: the user asked; automatic: while typing. */
  readonly trigger: 'automatic' | 'explicit';
}

export type OutcomeKind =
  | 'accepted' // all of it
  | 'partly-accepted' // by word or line, then no more
  | 'rejected' // Esc, or something else typed over it
  | 'ignored' // seen long enough, then the cursor or focus went elsewhere
  | 'superseded' // another suggestion took its place
  | 'never-seen'; // cancelled, or gone before it could have been seen

export interface Outcome {
  readonly type: 'outcome';
  readonly eventId: string;
  readonly at: number;
  readonly suggestionId: string;
  readonly kind: OutcomeKind;
  /** True if an event that names the suggestion told it (our accept command, our Esc); false if it was inferred. */
  readonly observed: boolean;
  /** One of REASONS in lifecycle.ts, for example `escape`, `typed-other`, `moved-away`, `window-closed`. */
  readonly reason: string;
  /** UTF-16 units of the suggestion's start that stand in the document; 0 unless (partly) accepted. */
  readonly acceptedChars: number;
  /**
   * Whether it was on the screen: observed where Knack drew it; inferred of ghost text, whose drawing VS Code does not
   * tell; no where it was never seen.
   */
  readonly shown: 'observed' | 'inferred' | 'no';
  /** The user went to a next edit that was elsewhere, whatever came of it. */
  readonly jumped?: boolean;
  /** How many of the suggestion's leading units the user typed by hand; what was saved is acceptedChars less this. */
  readonly typedChars?: number;
  /** What was typed at that place instead, once that is known; LF line ends. */
  readonly typedInstead?: string;
}

/** How much of an accepted edit still stands. */
export interface Survival {
  readonly type: 'survival';
  readonly eventId: string;
  readonly at: number;
  readonly suggestionId: string;
  readonly afterMs: 30_000 | 120_000 | 600_000;
  /** Share of the accepted text's characters that still stand, 0 to 1. */
  readonly share: number;
  /** Whether something was put in right behind it: then it was only the beginning of what was wanted. */
  readonly goneOn: boolean;
  /** False if the document was not open then, so that the share is that of the last look. */
  readonly observed: boolean;
}

/** What was typed where a suggestion was rejected, learned after its outcome. At most one per suggestion. */
export interface TypedInstead {
  readonly type: 'typed-instead';
  readonly eventId: string;
  readonly at: number;
  readonly suggestionId: string;
  readonly text: string;
}

/** An edit that the developer made and left, suggested or not; told again when it was gone on with. */
export interface Written extends Omit<LeftEdit, 'stretch'> {
  readonly type: 'written';
  readonly eventId: string;
  readonly at: number;
  /** Of the edit: the same each time. */
  readonly editId: string;
}

export type SignalEvent = Offered | Outcome | Survival | TypedInstead | Written;
