/** A stored signal as an outcome that the memory learns from. */
import { continuation, type Edit, editAtCursor } from '../completion/edit.ts';
import type { Remembered } from '../completion/suggestion.ts';
import type { PromptInput } from '../prompt/format.ts';
import type { Outcome } from './edit-memory.ts';

/** A suggestion and its fate, as the store holds it: without secrets, places in the window that is stored. */
export interface StoredSignal {
  readonly suggestionId: string;
  readonly at: number;
  readonly snapshot: PromptInput;
  readonly edit: Edit;
  readonly outcome: string;
  /** UTF-16 units of the edit's text that were taken. */
  readonly acceptedChars: number;
  readonly typedInstead: string | null;
  /** Share of the accepted text that stood at the last look, 0 to 1; null if nobody looked yet. */
  readonly survival: number | null;
  readonly remembered: Remembered | null;
}

/** An accepted edit of which less than this share survived was not what the developer wanted. */
export const SURVIVED = 0.5;

/** @returns null for what says nothing of what the developer writes: ignored, superseded, never seen, soon deleted */
export function outcomeOf(signal: StoredSignal): Outcome | null {
  const { suggestionId: id, at, snapshot, edit, remembered } = signal;
  const outcome = (isAccepted: boolean, typed: Edit | null): Outcome => {
    return { id, at, snapshot, edit, isAccepted, typed, remembered };
  };
  const isAtCursor = continuation(snapshot, edit) !== null;
  switch (signal.outcome) {
    case 'accepted':
      return (signal.survival ?? 1) < SURVIVED ? null : outcome(true, null);
    case 'partly-accepted':
      // Text is taken in part only where it goes in at the cursor.
      return isAtCursor && signal.acceptedChars > 0
        ? outcome(false, { ...edit, end: edit.start, text: edit.text.slice(0, signal.acceptedChars) })
        : null;
    case 'rejected':
      return outcome(false, isAtCursor && signal.typedInstead ? editAtCursor(snapshot, signal.typedInstead, 0) : null);
    default:
      return null;
  }
}
