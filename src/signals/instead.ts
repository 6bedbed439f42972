/**
 * What was typed where a suggestion was turned down: a place that is followed until the cursor leaves it, the user
 * pauses, or as many lines have been typed as the suggestion had.
 */
import type { DocumentChange, Live } from './ghost.ts';
import { applyChanges, type Stretch } from './stretch.ts';

/** Without a change for this long, what was typed instead is taken as finished. */
export const TYPED_INSTEAD_IDLE_MS = 10_000;

/** Longest text kept as typed instead, and how many places are watched for it at once. */
export const TYPED_INSTEAD_LIMIT = { chars: 1_024, places: 8 } as const;

/** A place where a suggestion was turned down. */
export interface Place {
  readonly id: string;
  readonly document: string;
  readonly lastAt: number;
  readonly typed: Stretch;
  /** Line ends that the suggestion had: what is typed instead is followed for as many lines. */
  readonly lines: number;
}

/** The place of a suggestion that ends by Esc or because something else came in. */
export function placeOf(live: Live, reason: 'escape' | 'typed-other', at: number): Place {
  const { place, replaced } = live;
  // The cursor stands behind what was typed along; after that comes what the suggestion would have replaced.
  const typed =
    reason === 'escape'
      ? place.text.slice(0, live.marks.length)
      : place.text.endsWith(replaced)
        ? place.text.slice(0, place.text.length - replaced.length)
        : place.text;
  return {
    id: live.id,
    document: live.document,
    lastAt: at,
    typed: { offset: place.offset, text: typed },
    lines: live.target.split('\n').length,
  };
}

/** The places after a change; `crossed` are those whose start was rewritten: what comes now answers another prompt. */
export function changePlaces(places: readonly Place[], e: DocumentChange): { kept: Place[]; crossed: Place[] } {
  const kept: Place[] = [];
  const crossed: Place[] = [];
  for (const p of places) {
    if (p.document !== e.document) {
      kept.push(p);
    } else if (e.changes.some((c) => c.offset < p.typed.offset && c.offset + c.removed >= p.typed.offset)) {
      crossed.push(p);
    } else {
      const typed = applyChanges(p.typed, e.changes, 'in');
      kept.push(typed.text === p.typed.text ? { ...p, typed } : { ...p, typed, lastAt: e.at });
    }
  }
  return { kept, crossed };
}

/** Whether as much was typed at the place as is kept. */
export function isFull({ typed, lines }: Place): boolean {
  return typed.text.length >= TYPED_INSTEAD_LIMIT.chars || typed.text.split('\n').length > lines;
}

/** What was typed, with LF, as far as it is kept. */
export function typedAt({ typed, lines }: Place): string {
  const kept = typed.text.replaceAll('\r\n', '\n').split('\n').slice(0, lines);
  return kept.join('\n').slice(0, TYPED_INSTEAD_LIMIT.chars);
}
