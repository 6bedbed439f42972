/** What a stored signal says that the developer kept: what the memory and training both begin with. */
import { continuation, type Edit } from './edit.ts';
import type { Snapshot } from './snapshot.ts';

/** A suggestion and its fate, as the store holds it: without secrets, places in the window that is stored. */
export interface StoredSignal {
  readonly suggestionId: string;
  readonly at: number;
  readonly snapshot: Omit<Snapshot, 'languageId'>;
  readonly edit: Edit;
  readonly outcome: string;
  /** UTF-16 units of the edit's text that were taken. */
  readonly acceptedChars: number;
  readonly typedInstead: string | null;
  /** Share of the accepted text that stood at the last look, 0 to 1; null if nobody looked yet. */
  readonly survival: number | null;
  /** Whether something was seen to be put in right behind the accepted text: it was only a beginning. */
  readonly goneOn: boolean;
}

/** An accepted edit of which less than this share survived was not what the developer wanted. */
export const SURVIVED = 0.5;

/** How every mark that stands for a secret begins: a text with one is not what was written. */
export const REDACTED = '<redacted:';

/** The part of an edit that was taken; null for none. Text is taken in part only where it goes in at the cursor. */
export function takenPart({ snapshot, edit, acceptedChars }: StoredSignal): Edit | null {
  if (acceptedChars === 0 || continuation(snapshot, edit) === null) return null;
  return { ...edit, end: edit.start, text: edit.text.slice(0, acceptedChars) };
}
