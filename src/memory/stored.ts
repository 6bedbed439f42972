/** A stored signal as an outcome that the memory learns from. */
import { continuation, type Edit, editAtCursor } from '../completion/edit.ts';
import { type StoredSignal, SURVIVED, takenPart } from '../completion/kept.ts';
import type { Remembered } from '../completion/suggestion.ts';
import type { Outcome } from './edit-memory.ts';

/** As the store holds it. */
export interface RememberingSignal extends StoredSignal {
  readonly remembered: Remembered | null;
}

/** @returns null for what says nothing of what the developer writes: ignored, superseded, never seen, soon deleted */
export function outcomeOf(signal: RememberingSignal): Outcome | null {
  const { suggestionId: id, at, snapshot, edit, remembered } = signal;
  const outcome = (isAccepted: boolean, typed: Edit | null): Outcome => {
    return { id, at, snapshot, edit, isAccepted, typed, remembered };
  };
  switch (signal.outcome) {
    case 'accepted':
      return (signal.survival ?? 1) < SURVIVED ? null : outcome(true, null);
    case 'partly-accepted': {
      const taken = takenPart(signal);
      return taken === null ? null : outcome(false, taken);
    }
    case 'rejected':
      return outcome(
        false,
        continuation(snapshot, edit) !== null && signal.typedInstead
          ? editAtCursor(snapshot, signal.typedInstead, 0)
          : null,
      );
    default:
      return null;
  }
}
