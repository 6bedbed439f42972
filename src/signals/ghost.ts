/**
 * The suggestion that stands in the editor, matched against what happens at its place.
 *
 * Typing along leaves it standing; so does what VS Code itself puts in (closing brackets) and what IntelliSense
 * replaces, as long as the place can still become the suggestion.
 */
import { applyChanges, type Change, end, type Stretch, withoutCommonPrefix } from './stretch.ts';

/** How the selection moved, as VS Code tells it; `none` where it gives no kind. */
export type SelectionKind = 'keyboard' | 'mouse' | 'command' | 'none';

/** A document's changes in one editor event, each against the text that the ones before it left. */
export interface DocumentChange {
  readonly type: 'changed';
  readonly at: number;
  readonly document: string;
  readonly version: number;
  readonly changes: readonly Change[];
  readonly cause: 'undo' | 'redo' | 'other';
}

/** Who put in a unit of the suggestion: `t` typed by hand, `a` accepted. One letter for each unit up to the cursor. */
export type Marks = string;

/** A run of the suggestion that came in with a change whose selection event is still to come. */
export interface Arrival {
  readonly at: number;
  /** Where in the marks the run begins; its marks are provisional. */
  readonly from: number;
  /** One change, nothing removed: what an accept by word or line looks like. */
  readonly pureInsert: boolean;
  /** The place no longer agrees with the suggestion, unless the cursor says otherwise (auto-closed brackets). */
  readonly diverged: 'typed-other' | 'deleted' | 'undo' | null;
  /** Text before the suggestion's place was changed with it: what came in answers another prompt. */
  readonly rewritten: boolean;
}

/** The suggestion that stands. */
export interface Live {
  readonly id: string;
  readonly document: string;
  readonly at: number;
  /** The suggestion in the document's line ends. */
  readonly target: string;
  /** Known text before the suggestion's place; ends where `place` begins. */
  readonly before: Stretch;
  /** From the suggestion's place on: what has come in, then the text that it replaces. */
  readonly place: Stretch;
  /** The text it replaces. */
  readonly replaced: string;
  /** Its length is where the cursor stands in `place`. */
  readonly marks: Marks;
  readonly arrival: Arrival | null;
}

/** Whether the place, with the cursor at `caret`, can still become the suggestion. */
export function agrees(live: Live, caret: number): boolean {
  const { target, place } = live;
  if (!target.startsWith(place.text.slice(0, caret))) return false;
  // At the suggestion's end, a bracket that VS Code closed by itself may follow.
  return caret === target.length || isSubsequence(place.text.slice(caret), target.slice(caret));
}

/** Whether `text` can be made from `of` by leaving units out: what VS Code can draw ghost text around. */
function isSubsequence(text: string, of: string): boolean {
  let i = 0;
  for (let j = 0; j < of.length && i < text.length; j++) if (of[j] === text[i]) i++;
  return i === text.length;
}

/** The suggestion after a change event: unchanged, moved along, or with an arrival to be judged. */
export function afterChanges(live: Live, e: DocumentChange): Live {
  let { before, place } = live;
  let caret = live.marks.length;
  let touched = false;
  let crossed = false;
  let rewritten = false;
  let grew = false;
  const pureInsert = e.changes.length === 1 && e.changes[0]!.removed === 0;
  for (const raw of e.changes) {
    const change = withoutCommonPrefix(raw, { offset: before.offset, text: before.text + place.text });
    const changeEnd = change.offset + change.removed;
    if (change.removed === 0 && change.text === '') {
      // Put back what it removed, up to here: the cursor ends there.
      const reached = change.offset - place.offset;
      if (reached >= 0 && reached <= place.text.length) {
        touched = true;
        caret = reached;
      }
      continue;
    }
    if (changeEnd < place.offset || (changeEnd === place.offset && change.offset < changeEnd && change.text === '')) {
      // Backspace right before the place takes away what the suggestion was made for.
      if (changeEnd === place.offset) crossed = rewritten = touched = true;
      before = applyChanges(before, [change], 'out');
      place = { ...place, offset: place.offset + change.text.length - change.removed };
      if (before.offset + before.text.length !== place.offset) before = { offset: place.offset, text: '' };
      continue;
    }
    if (change.offset > end(place)) continue;
    touched = true;
    grew ||= change.text !== '';
    if (change.offset < place.offset) crossed = rewritten = true;
    if (changeEnd > end(place)) crossed = true;
    const from = Math.max(0, change.offset - place.offset);
    place = {
      offset: Math.min(place.offset, change.offset),
      text: place.text.slice(0, from) + change.text + place.text.slice(Math.max(0, changeEnd - place.offset)),
    };
    caret = from + change.text.length;
  }
  const moved: Live = { ...live, before, place };
  if (!touched) return moved;
  const from = Math.min(live.marks.length, caret);
  if (crossed || !(agrees(moved, caret) || completes(moved))) {
    const diverged = e.cause !== 'other' ? 'undo' : grew ? 'typed-other' : 'deleted';
    // What had come in before counts as far as it still stands.
    const marks = rewritten ? '' : live.marks.slice(0, commonPrefix(place.text, live.target));
    return { ...moved, marks, arrival: { at: e.at, from, pureInsert, diverged, rewritten } };
  }
  const reached = completes(moved) ? live.target.length : caret;
  const marks = live.marks.slice(0, from).padEnd(reached, 't');
  return { ...moved, marks, arrival: { at: e.at, from, pureInsert, diverged: null, rewritten } };
}

/** Whether the whole suggestion stands at its place, with nothing left of what it was to replace. */
function completes(live: Live): boolean {
  return live.place.text === live.target;
}

/** The suggestion once the selection event has told where the cursor is and how the last run came in. */
export function attribute(live: Live, caret: number, kind: SelectionKind): Live {
  const { arrival } = live;
  if (arrival === null) return live;
  const mark = kind === 'none' && arrival.pureInsert ? 'a' : 't';
  const from = Math.min(arrival.from, caret);
  const marks = live.marks.slice(0, from).padEnd(caret, mark);
  return { ...live, marks, arrival: caret === live.target.length ? arrival : null };
}

function commonPrefix(a: string, b: string): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}
