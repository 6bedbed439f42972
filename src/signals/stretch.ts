/**
 * A stretch of one document's text, followed through the document's changes without holding the document.
 *
 * All the bookkeeping of this folder (what is left of a suggestion, what was typed instead, what survives) rests on
 * it. Offsets are UTF-16 units in the document as the editor counts them, so `\r\n` is two. Cost of a change: the
 * length of the stretch and of the inserted text, never that of the document.
 */

/** One replacement: `removed` units from `offset` on give way to `text`. */
export interface Change {
  readonly offset: number;
  readonly removed: number;
  readonly text: string;
}

export interface Stretch {
  /** Where `text` begins in the document. */
  readonly offset: number;
  readonly text: string;
}

/** Longest text that a stretch grows to; what is inserted beyond it is not followed. */
export const STRETCH_LIMIT = 16_384;

export const end = (s: Stretch): number => s.offset + s.text.length;

/** The change without the leading text that it removes and puts back, as far as the stretch knows that text. */
export function withoutCommonPrefix(change: Change, known: Stretch): Change {
  const from = change.offset - known.offset;
  if (from < 0) return change;
  const removed = known.text.slice(from, from + change.removed);
  let same = 0;
  while (same < removed.length && same < change.text.length && removed[same] === change.text[same]) same++;
  return same === 0
    ? change
    : { offset: change.offset + same, removed: change.removed - same, text: change.text.slice(same) };
}

/**
 * The stretch after one change.
 *
 * `edges` says who owns an insertion exactly at the stretch's start or end: the stretch ('in') or its neighbours
 * ('out'). A change that reaches over an edge takes away the part inside; its inserted text stays outside. One that
 * replaces the whole stretch keeps what can be found of it again in the inserted text (a formatter or a reload
 * replaces much and changes little).
 */
export function applyChange(s: Stretch, change: Change, edges: 'in' | 'out'): Stretch {
  const { offset, removed, text } = change;
  const changeEnd = offset + removed;
  const delta = text.length - removed;
  const stop = end(s);
  const at = (o: number, t: string): Stretch => ({ offset: o, text: t.slice(0, STRETCH_LIMIT) });

  if (removed === 0 && (offset === s.offset || offset === stop)) {
    if (edges === 'in') return at(s.offset, offset === stop ? s.text + text : text + s.text);
    return offset === s.offset ? { offset: s.offset + delta, text: s.text } : s;
  }
  if (changeEnd <= s.offset) return { offset: s.offset + delta, text: s.text };
  if (offset >= stop) return s;
  if (offset >= s.offset && changeEnd <= stop) {
    // Inside. If it took the whole text from edge to edge, the new text is the edit's new state.
    return at(s.offset, s.text.slice(0, offset - s.offset) + text + s.text.slice(changeEnd - s.offset));
  }
  if (offset <= s.offset && changeEnd >= stop) return refound(s, change);
  if (offset < s.offset) return at(offset + text.length, s.text.slice(changeEnd - s.offset));
  return at(s.offset, s.text.slice(0, offset - s.offset));
}

/** Where the text of a stretch is again after all of it was replaced, or an empty stretch. */
function refound(s: Stretch, change: Change): Stretch {
  const expected = s.offset - change.offset;
  if (s.text === '') return { offset: change.offset + Math.min(expected, change.text.length), text: '' };
  const later = change.text.indexOf(s.text, expected);
  const earlier = change.text.lastIndexOf(s.text, expected);
  const candidates = [later, earlier].filter((i) => i >= 0);
  if (candidates.length > 0) {
    const best = candidates.reduce((a, b) => (Math.abs(a - expected) <= Math.abs(b - expected) ? a : b));
    return { offset: change.offset + best, text: s.text };
  }
  // Not word for word: look at what stands at the same place, as far as the replacement reaches.
  const start = Math.min(expected, change.text.length);
  const tail = change.offset + change.removed - end(s);
  const stop = Math.max(start, change.text.length - tail);
  return { offset: change.offset + start, text: change.text.slice(start, stop).slice(0, STRETCH_LIMIT) };
}

/** The stretch after all changes of one editor event, applied one after the other in the order given. */
export function applyChanges(s: Stretch, changes: readonly Change[], edges: 'in' | 'out'): Stretch {
  return changes.reduce((stretch, change) => applyChange(stretch, change, edges), s);
}
