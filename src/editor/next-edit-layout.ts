/**
 * Where the box and the hint of a next edit stand, and what of them is shown where there is little room. Pure.
 *
 * VS Code tells no extension how wide an editor is, nor where a line wraps. So what does not surely fit beside the text
 * lies under the line on the screen in which the change is, which the editor itself finds.
 */
import { eastAsianWidth } from 'get-east-asian-width';
import type { Place } from '../completion/edit.ts';
import type { Change } from './next-edit-change.ts';

/** What there is to stand beside. */
export interface Room {
  readonly lineCount: number;
  /** Text of a line, 0 <= n < lineCount. */
  readonly line: (n: number) => string;
  readonly cursor: Place;
  readonly tabSize: number;
  /** Column at which lines wrap, at the earliest, or null. What stands beside text has to end before it. */
  readonly wrapColumn: number | null;
}

/** A line of the box; columns as the editor counts them, tabs made spaces. */
export interface BoxLine {
  /** The part of `whole` that is shown; what is cut at an end is an ellipsis there. */
  readonly text: string;
  /** The line as it will be. */
  readonly whole: string;
  /** Zero-based number of the line in the text as it will be. */
  readonly line: number;
  /** UTF-16 units of `whole` before `text`. */
  readonly skipped: number;
  /** UTF-16 units of `text` that are new, [from, to). */
  readonly added: readonly Stretch[];
}

interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * From where an anchor's `shift` counts, and at which height: `beside` the anchor, at its height; `below` the anchor, at
 * the height of the next line on the screen; `below-start`: there too, but counted from where the anchor's line on the
 * screen begins; `above-start`: over that line.
 */
export type Side = 'beside' | 'below' | 'below-start' | 'above-start';

export interface Box {
  readonly anchor: Place;
  readonly side: Side;
  /** To the box's left edge, in columns; may be negative. */
  readonly shift: number;
  readonly columns: number;
  readonly lines: readonly BoxLine[];
}

/** How the hint at the cursor is drawn: after the text, in full or short, or over a line next to the cursor's. */
export type HintForm = 'full' | 'short' | 'above-start' | 'below-start';

/** Columns that are likely to be on the screen. */
const SCREEN_COLUMNS = 84;
const GAP = 3;
/** Columns that the hint takes, about. */
const HINT_COLUMNS = { full: 42, short: 18 } as const;
/** Lines that sticky scroll lays over the first ones, as VS Code sets it. */
const STICKY_LINES = 5;
/** A box shows so many lines and columns; the rest is cut. */
export const BOX_LIMITS = { lines: 24, columns: 120 } as const;
/** Of a line that does not fit, so many columns before and after what changes. */
const CONTEXT_COLUMNS = 24;

/** The box with what comes, or null if nothing does. */
export function boxOf(room: Room, change: Change, hint: HintForm): Box | null {
  const { lineCount, line, tabSize, wrapColumn } = room;
  const { from, old, now } = change;
  if (!now.some((l) => l.added.length > 0)) return null;
  const expanded = now.slice(0, BOX_LIMITS.lines).map(({ text, added }) => expand(text, added, tabSize));
  const indent = Math.min(...expanded.filter((l) => l.text.trim() !== '').map((l) => l.text.search(/\S/)));
  const skipped = Number.isFinite(indent) ? indent : 0;

  const single = old.length === 1 && now.length === 1;
  const longest = Math.max(...[...old, ...now.map(({ text }) => text)].map((text) => columnsOf(text, tabSize)));
  const most = Math.min(SCREEN_COLUMNS, wrapColumn ?? Number.POSITIVE_INFINITY);
  if (single && longest >= most) return excerptBox(room, change, expanded[0]!, skipped);

  const limit = wrapColumn === null ? BOX_LIMITS.columns : Math.min(BOX_LIMITS.columns, most);
  const lines = expanded.map(({ text, added }, i) => ({
    text: cut(text.slice(skipped), limit),
    whole: text,
    line: from + i,
    skipped,
    added: within(added, skipped, skipped + limit),
  }));
  const columns = widest(lines, tabSize);

  // Beside the text where that leaves room, at the height of what goes or of the line above what comes in.
  const top = Math.min(old.length > 0 ? from : Math.max(0, from - 1), lineCount - 1);
  const rows = Array.from({ length: lines.length }, (_, i) => top + i).filter((n) => n < lineCount);
  const hinted = (n: number): number =>
    n === room.cursor.line && (hint === 'full' || hint === 'short') ? HINT_COLUMNS[hint] : 0;
  const widths = rows.map((n) => columnsOf(line(n), tabSize) + hinted(n));
  const left = Math.max(...widths) + GAP;
  if (left + columns <= SCREEN_COLUMNS && widths.every((w) => w < (wrapColumn ?? w + 1))) {
    const end = line(top);
    const shift = left - columnsOf(end, tabSize);
    return { anchor: { line: top, character: end.length }, side: 'beside', shift, columns, lines };
  }
  // Else over the lines below, at the indentation of what comes.
  const below = from + old.length;
  if (below < lineCount)
    return { anchor: { line: below, character: 0 }, side: 'beside', shift: skipped, columns, lines };
  const end = { line: lineCount - 1, character: line(lineCount - 1).length };
  return { anchor: end, side: 'below-start', shift: skipped, columns, lines };
}

/** How the hint is drawn so that it is on the screen. @param topLine the first line on the screen */
export function hintFormOf({ line, cursor, tabSize, wrapColumn }: Room, topLine: number): HintForm {
  const columns = columnsOf(line(cursor.line), tabSize);
  const room = wrapColumn === null || columns < wrapColumn ? SCREEN_COLUMNS - columns : 0;
  if (room >= HINT_COLUMNS.full) return 'full';
  if (room >= HINT_COLUMNS.short) return 'short';
  const covered = topLine === 0 ? 0 : STICKY_LINES;
  return cursor.line > topLine + covered ? 'above-start' : 'below-start';
}

/** Of a long line that gives way to another: what is around the change, under the change. */
function excerptBox(
  { line, cursor, tabSize, wrapColumn }: Room,
  { from, removed, old, now }: Change,
  { text, added }: { readonly text: string; readonly added: readonly Stretch[] },
  indent: number,
): Box {
  const shown = excerpt(text, added, indent);
  const lines = [{ ...shown, line: from, whole: text }];
  const columns = widest(lines, tabSize);
  const character = removed[0]?.start.character ?? commonStart(old[0]!, now[0]!.text);
  const anchor = { line: from, character };
  if (wrapColumn !== null) return { anchor, side: 'below-start', shift: 0, columns, lines };
  const at = columnsOf(line(from).slice(0, character), tabSize);
  const before = columnsOf(text.slice(shown.skipped, added[0]!.from), tabSize);
  // The new text under the old, or as near to that as the screen allows. Where the cursor is beyond the screen's width,
  // the editor has been scrolled until it stands at the right edge.
  const scrolled = columnsOf(line(cursor.line).slice(0, cursor.character), tabSize) >= SCREEN_COLUMNS;
  const left = scrolled ? at - columns : Math.max(0, Math.min(at - before, SCREEN_COLUMNS - columns));
  return { anchor, side: 'below', shift: left - at, columns, lines };
}

/** The part of a line around what is new in it. */
function excerpt(text: string, added: readonly Stretch[], indent: number): Pick<BoxLine, 'text' | 'skipped' | 'added'> {
  const first = added[0]!.from;
  const last = added.at(-1)!.to;
  const start = Math.max(indent, first - CONTEXT_COLUMNS);
  const end = Math.min(text.length, last + CONTEXT_COLUMNS, start + BOX_LIMITS.columns);
  const head = start > indent ? '…' : '';
  const tail = end < text.length ? '…' : '';
  const shown = text.slice(start + head.length, end - tail.length).toWellFormed();
  return { text: head + shown + tail, skipped: start, added: within(added, start, end) };
}

/** Stretches of a line as they are in a part of it. */
function within(stretches: readonly Stretch[], start: number, end: number): Stretch[] {
  return stretches
    .map((s) => ({ from: Math.max(start, s.from) - start, to: Math.min(end, s.to) - start }))
    .filter((s) => s.to > s.from);
}

function widest(lines: readonly BoxLine[], tabSize: number): number {
  return Math.max(1, ...lines.map(({ text }) => columnsOf(text, tabSize)));
}

/** UTF-16 units that two texts have in common at their beginning. */
function commonStart(a: string, b: string): number {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return n;
}

/** Tabs as spaces, with the marks moved along. */
function expand(text: string, added: readonly { from: number; to: number }[], tabSize: number) {
  const moved: number[] = [];
  let out = '';
  for (const [i, unit] of text.split('').entries()) {
    moved[i] = out.length;
    out += unit === '\t' ? ' '.repeat(tabSize - (columnsOf(out, tabSize) % tabSize)) : unit;
  }
  moved.push(out.length);
  return { text: out, added: added.map((a) => ({ from: moved[a.from]!, to: moved[a.to]! })) };
}

/** Width of a text in columns: tab stops, and two for wide characters, as the editor draws them. */
export function columnsOf(text: string, tabSize: number): number {
  let columns = 0;
  for (const c of text) {
    if (c === '\t') columns += tabSize - (columns % tabSize);
    else columns += widthOf(c);
  }
  return columns;
}

/** Columns of one character: 0 for what combines with the one before it. */
export function widthOf(character: string): 0 | 1 | 2 {
  if (/^[\p{Mn}\p{Me}\p{Cf}]$/u.test(character)) return 0;
  return eastAsianWidth(character.codePointAt(0)!);
}

function cut(text: string, columns: number): string {
  if (text.length <= columns) return text;
  return `${text.slice(0, columns - 1).toWellFormed()}…`;
}
