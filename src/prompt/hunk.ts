/**
 * Recent edits as hunks of whole lines, the text as it stood before them, and the hunk that is being typed.
 */
import type { Edit } from '../completion/edit.ts';
import type { RecentEdit } from '../completion/snapshot.ts';
import { WINDOW } from '../completion/snapshot.ts';
import { closedIn, isClosing } from './closers.ts';

/** A change of whole lines. */
export interface Hunk {
  /** The line above; shown where nothing is removed, to say where the added lines go. null: the file's beginning. */
  readonly anchor: string | null;
  readonly removed: readonly string[];
  readonly added: readonly string[];
}

/** A hunk, and the line below it; null at the text's end. */
export interface Change {
  readonly hunk: Hunk;
  readonly below: string | null;
}

/** The hunk at the cursor: its last added line ends there. */
export interface OpenHunk extends Hunk {
  /** Index of its first line in the lines that it was taken from. */
  readonly line: number;
}

/**
 * A hunk without the lines that both sides begin and end with.
 *
 * @param above the line above both sides; null at the file's beginning
 * @returns null if the sides are equal
 */
export function hunkOf(removed: readonly string[], added: readonly string[], above: string | null): Hunk | null {
  const head = commonHead(removed, added);
  let tail = 0;
  const most = Math.min(removed.length, added.length) - head;
  while (tail < most && removed[removed.length - 1 - tail] === added[added.length - 1 - tail]) tail++;
  if (head + tail === removed.length && head + tail === added.length) return null;
  return {
    anchor: head > 0 ? removed[head - 1]! : above,
    removed: removed.slice(head, removed.length - tail),
    added: added.slice(head, added.length - tail),
  };
}

/**
 * Whole lines give way to others.
 *
 * @param lines a window of a document whose first line is the document's `startLine`-th
 * @param at the first line that goes, as an index in `lines`; or, where none goes, the one that the new ones stand before
 */
export function lineEdit(
  lines: readonly string[],
  startLine: number,
  at: number,
  count: number,
  added: readonly string[],
): Edit {
  const place = (line: number, character: number) => ({ line: startLine + line, character });
  const endOf = (line: number) => place(line, lines[line]!.length);
  const begin = place(at, 0);
  if (added.length > 0) {
    if (count > 0) return { start: begin, end: endOf(at + count - 1), text: added.join('\n') };
    if (at === 0) return { start: begin, end: begin, text: `${added.join('\n')}\n` };
    return { start: endOf(at - 1), end: endOf(at - 1), text: `\n${added.join('\n')}` };
  }
  // A deletion takes a line end with it: the one below, or at the document's end the one above.
  if (at + count < lines.length) return { start: begin, end: place(at + count, 0), text: '' };
  return { start: at === 0 ? begin : endOf(at - 1), end: endOf(at + count - 1), text: '' };
}

/** A recent edit with its sides as lines. */
export interface Stretch {
  readonly path: string;
  /** Zero-based line of the document, after all edits. */
  readonly line: number;
  readonly removed: readonly string[];
  readonly added: readonly string[];
  /** Whether both sides are there whole: long ones were cut when they were kept. */
  readonly whole: boolean;
}

export function stretchOf({ path, line, removed, added }: RecentEdit): Stretch {
  // Cut texts end one unit early where a surrogate pair would be split.
  const whole = removed.length < WINDOW.edit - 1 && added.length < WINDOW.edit - 1;
  return { path, line, removed: removed.split('\n'), added: added.split('\n'), whole };
}

/** Whether the stretch stands in the document's lines, the first of which is line `startLine` of it. */
export function stands(lines: readonly string[], startLine: number, stretch: Stretch): boolean {
  const at = stretch.line - startLine;
  return (
    stretch.whole &&
    at >= 0 &&
    at + stretch.added.length <= lines.length &&
    stretch.added.every((line, i) => lines[at + i] === line)
  );
}

/**
 * The lines as they were before the stretches, which stand in them and do not overlap.
 *
 * @param at an index in `lines`
 * @returns the older lines, and the index in them of what stands at `at` now, or stood there
 */
export function undone(
  lines: readonly string[],
  startLine: number,
  stretches: readonly Stretch[],
  at: number,
): { readonly lines: string[]; readonly at: number } {
  const older = [...lines];
  let moved = at;
  for (const { line, removed, added } of stretches.toSorted((a, b) => b.line - a.line)) {
    const from = line - startLine;
    older.splice(from, added.length, ...removed);
    if (at >= from + added.length) moved += removed.length - added.length;
    else if (at >= from) moved = from + Math.min(at - from, removed.length - 1);
  }
  return { lines: older, at: moved };
}

/** A hunk that is being typed. */
export interface Opened {
  readonly hunk: Hunk;
  /** Closing marks behind the cursor that the editor put there: no part of the hunk, and not what was there before. */
  readonly closed: string;
  /** Lines of the stretch below the cursor's that were there before. */
  readonly below: number;
}

/**
 * The hunk that a stretch opens, if its last change ends at the cursor: then all that follows the cursor in it is as it
 * was before, but for closing marks that editors put there.
 *
 * @param row the cursor's line, as an index in the stretch's added lines
 * @param head the cursor's line up to the cursor
 * @param above the line above the stretch
 */
export function openHunk(stretch: Stretch, row: number, head: string, above: string | null): Opened | null {
  if (row < 0 || row >= stretch.added.length || !stretch.added[row]!.startsWith(head)) return null;
  const lines = stretch.added.slice(row);
  const after = [lines[0]!.slice(head.length), ...lines.slice(1)].join('\n');
  // Whole lines may have gone in above the first one: its line end then stands in front of what was there.
  const old = `\n${stretch.removed.join('\n')}`;
  const added = [...stretch.added.slice(0, row), head];
  const typed = `\n${added.join('\n')}`;
  for (const closed of closedIn(after)) {
    const left = after.slice(closed.length);
    // Marks that stood there before were not put there now.
    if (!old.endsWith(left) || (closed !== '' && old.endsWith(closed + left))) continue;
    // The change ends where the common end begins; an insertion may as well end later, while it begins and ends alike.
    const now = typed + left;
    const isInserted = old.length - left.length <= commonStart(old, now);
    if (left.length !== commonTail(old, now) && !isInserted) continue;
    const below = left.split('\n').length - 1;
    const removed = stretch.removed.slice(0, stretch.removed.length - below);
    const common = Math.min(commonHead(removed, added), added.length - 1);
    const anchor = common > 0 ? removed[common - 1]! : above;
    return { hunk: { anchor, removed: removed.slice(common), added: added.slice(common) }, closed, below };
  }
  return null;
}

/**
 * The line that is being typed in the midst of lines that went in just before: as a hunk of its own, where the others
 * stand.
 *
 * @param row the cursor's line, as an index in the stretch's added lines
 * @param head the cursor's line up to the cursor
 * @param above the line above the stretch
 */
export function openLine(
  { removed, added }: Stretch,
  row: number,
  head: string,
  above: string | null,
): Pick<Opened, 'hunk' | 'closed'> | null {
  const line = added[row];
  if (line === undefined || !line.startsWith(head)) return null;
  const rest = line.slice(head.length);
  if (rest.trim() !== '' && !isClosing(rest)) return null;
  // Else it may be an old line that changes, and what it was is not known.
  const first = commonHead(removed, added);
  const tail = commonHead(removed.slice(first).toReversed(), added.slice(first).toReversed());
  if (first + tail < removed.length || row < first || row >= added.length - tail) return null;
  const anchor = row > 0 ? added[row - 1]! : above;
  return { hunk: { anchor, removed: [], added: [head] }, closed: rest.trim() === '' ? '' : rest };
}

function commonHead(a: readonly string[], b: readonly string[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

function commonStart(a: string, b: string): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

function commonTail(a: string, b: string): number {
  let n = 0;
  while (n < a.length && n < b.length && a[a.length - 1 - n] === b[b.length - 1 - n]) n++;
  return n;
}
