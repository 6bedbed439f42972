/**
 * How much of an accepted edit still stands after 30 s, 2 min and 10 min.
 *
 * An accepted edit is a stretch that later changes move, edit or remove. Each change costs what it touches; texts are
 * compared only when a share falls due, and only the accepted text with what stands in its place. Undoing an accept
 * does not change its outcome: the share of 0 tells it. What is put in right behind it is no part of it, and is told
 * apart: whoever goes on there wanted more.
 */
import { diffArrays } from 'diff';
import type { Survival } from './signal.ts';
import { applyChange, type Change, end, type Stretch } from './stretch.ts';

export const SURVIVAL_AT = [30_000, 120_000, 600_000] as const;

/** Accepted edits watched at once; the oldest gives up its remaining looks first (reported as not observed). */
export const WATCH_LIMIT = 256;

/** Edit distance in tokens above which a comparison stops: a text that far away has not survived. */
const MAX_TOKEN_EDITS = 250;

/** Text that came in with a suggestion, in the document's own line ends. */
export interface AcceptedEdit {
  readonly suggestionId: string;
  readonly document: string;
  /** When it was accepted. */
  readonly at: number;
  /** The accepted text as it came in. */
  readonly text: string;
  /** What stands there now: differs from `text` if it was edited before the outcome was known. */
  readonly now: Stretch;
}

interface Watched {
  readonly edit: AcceptedEdit;
  readonly now: Stretch;
  readonly goneOn: boolean;
  readonly open: boolean;
  /** Index into SURVIVAL_AT of the next look. */
  readonly next: number;
}

export interface SurvivalState {
  readonly watched: readonly Watched[];
}

export const NO_SURVIVAL: SurvivalState = { watched: [] };

interface Step {
  readonly state: SurvivalState;
  readonly emit: readonly Survival[];
}

export function watch(state: SurvivalState, edit: AcceptedEdit): Step {
  const added: Watched = { edit, now: edit.now, goneOn: false, open: true, next: 0 };
  const watched = [...state.watched.filter((w) => w.edit.suggestionId !== edit.suggestionId), added];
  const dropped = watched.slice(0, Math.max(0, watched.length - WATCH_LIMIT));
  return {
    state: { watched: watched.slice(dropped.length) },
    emit: dropped.flatMap((w) => remaining(w, edit.at)),
  };
}

/** Applies a document's changes. Looks that fell due before the change are taken first. */
export function changed(
  state: SurvivalState,
  event: { at: number; document: string; changes: readonly Change[]; cause: 'undo' | 'redo' | 'other' },
): Step {
  const due = tick(state, event.at);
  // Undo and redo put back exactly what stood there, so an insertion at the edge is the edit's own text.
  const edges = event.cause === 'other' ? 'out' : 'in';
  const watched = due.state.watched.map((w) =>
    w.open && w.edit.document === event.document
      ? event.changes.reduce((each, change) => after(each, change, edges), w)
      : w,
  );
  return { state: { watched }, emit: due.emit };
}

function after(w: Watched, change: Change, edges: 'in' | 'out'): Watched {
  const isBehind = edges === 'out' && change.removed === 0 && change.offset === end(w.now) && change.text !== '';
  return { ...w, now: applyChange(w.now, change, edges), goneOn: w.goneOn || isBehind };
}

/** The document is gone from the editor: later looks report the share of now, as not observed. */
export function closed(state: SurvivalState, document: string, at: number): Step {
  const due = tick(state, at);
  const watched = due.state.watched.map((w) => (w.edit.document === document ? { ...w, open: false } : w));
  return { state: { watched }, emit: due.emit };
}

/** Takes every look that is due at `now` (epoch ms). A clock that jumped back delays looks; it breaks none. */
export function tick(state: SurvivalState, now: number): Step {
  const emit: Survival[] = [];
  const watched: Watched[] = [];
  for (const w of state.watched) {
    let next = w.next;
    for (; next < SURVIVAL_AT.length && now - w.edit.at >= SURVIVAL_AT[next]!; next++) {
      emit.push(look(w, SURVIVAL_AT[next]!, now, w.open));
    }
    if (next === w.next) watched.push(w);
    else if (next < SURVIVAL_AT.length) watched.push({ ...w, next });
  }
  return { state: emit.length === 0 ? state : { watched }, emit };
}

/** The window is closing: every look that is left reports the share of now, as not observed. */
export function finish(state: SurvivalState, at: number): Step {
  const due = tick(state, at);
  return { state: NO_SURVIVAL, emit: [...due.emit, ...due.state.watched.flatMap((w) => remaining(w, at))] };
}

function remaining(w: Watched, at: number): Survival[] {
  return SURVIVAL_AT.slice(w.next).map((afterMs) => look(w, afterMs, at, false));
}

function look(w: Watched, afterMs: Survival['afterMs'], at: number, observed: boolean): Survival {
  return {
    type: 'survival',
    eventId: `${w.edit.suggestionId}/survival-${afterMs}`,
    at,
    suggestionId: w.edit.suggestionId,
    afterMs,
    share: survivingShare(w.edit.text, w.now.text),
    goneOn: w.goneOn,
    observed,
  };
}

/**
 * Share (0 to 1) of `original`'s UTF-16 units that stand in `current`, in order.
 *
 * Compared by words, runs of white space and single marks, so that letters which two unrelated words happen to share
 * do not count; a word that was changed counts by its common start and end.
 */
export function survivingShare(original: string, current: string): number {
  if (original === '' || current === '') return original === current ? 1 : 0;
  if (original === current || current.includes(original)) return 1;
  const parts = diffArrays(tokens(original), tokens(current), { maxEditLength: MAX_TOKEN_EDITS });
  if (parts === undefined) return commonEnds(original, current) / original.length;
  let standing = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    const text = part.value.join('');
    if (!part.added && !part.removed) standing += text.length;
    const other = parts[i + 1];
    if (part.removed && other?.added) standing += commonWords(part.value, other.value);
  }
  return standing / original.length;
}

function tokens(text: string): string[] {
  return text.match(/\w+|\s+|[^\w\s]/gu) ?? [];
}

/** Of tokens that were replaced one for one, the units that their common starts and ends hold. */
function commonWords(removed: readonly string[], added: readonly string[]): number {
  if (removed.length !== added.length) return 0;
  return removed.reduce((sum, token, i) => sum + commonEnds(token, added[i]!), 0);
}

function commonEnds(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start++;
  let stop = 0;
  while (stop < most - start && a[a.length - 1 - stop] === b[b.length - 1 - stop]) stop++;
  return start + stop;
}
