/**
 * What a next edit looks like, as values: what is marked as going, the box with what comes and where it stands, the
 * hint at the cursor, and what Tab does. Pure; next-edit-draw.ts makes decorations of it.
 */
import { diffWordsWithSpace } from 'diff';
import { eastAsianWidth } from 'get-east-asian-width';
import type { Edit, Place } from '../completion/edit.ts';

/** What the view depends on. */
export interface Scene {
  readonly edit: Edit;
  readonly lineCount: number;
  /** Text of a line, 0 <= n < lineCount. */
  readonly line: (n: number) => string;
  readonly cursor: Place;
  /** Lines on the screen, both included; a gap between two ranges is folded. */
  readonly visible: readonly { readonly from: number; readonly to: number }[];
  readonly tabSize: number;
  /** Column at which lines wrap, or null. What stands beside text has to end before it. */
  readonly wrapColumn: number | null;
  /** Another feature has Tab at the cursor, such as Emmet after an abbreviation. */
  readonly tabIsTaken: boolean;
  /** The user is going from edit to edit: Tab goes on with it also where it would indent. */
  readonly inFlow: boolean;
}

export interface Span {
  readonly start: Place;
  readonly end: Place;
}

/** A line of the box; columns as the editor counts them, tabs made spaces. */
export interface BoxLine {
  readonly text: string;
  /** Zero-based line of the text as it will be, and the column of that line at which `text` begins. */
  readonly line: number;
  readonly skipped: number;
  /** UTF-16 units of `text` that are new, [from, to). */
  readonly added: readonly { readonly from: number; readonly to: number }[];
}

export interface Box {
  /** The box is anchored at this place, which is at the end or the start of a line. */
  readonly anchor: Place;
  /** From the anchor to the box's left edge, in columns; may be negative. */
  readonly shift: number;
  /** From the anchor's line to the box's first line. */
  readonly down: number;
  readonly columns: number;
  readonly lines: readonly BoxLine[];
}

/** `none`: Tab does what it does without a next edit. */
export type TabAction = 'jump' | 'apply' | 'none';

export interface Hint {
  /** End of the cursor's line. */
  readonly at: Place;
  /** Where the edit is, seen from the cursor. */
  readonly where: 'here' | 'in-view' | 'above' | 'below' | 'folded';
  /** One-based number of the edit's first line, and how many lines that is away. */
  readonly line: number;
  readonly distance: number;
}

export interface NextEditView {
  /** What goes. */
  readonly removed: readonly Span[];
  /** Lines that change, both included; `to < from` where only new lines come in, before `from`. */
  readonly lines: { readonly from: number; readonly to: number };
  readonly box: Box | null;
  readonly hint: Hint;
  readonly tab: TabAction;
}

/** Columns that are likely to be on the screen: VS Code tells no extension how wide an editor is. */
const SCREEN_COLUMNS = 84;
const GAP = 3;
/** Columns that the hint takes, about. */
const HINT_COLUMNS = 42;
/** A box shows so many lines and columns; the rest is cut. */
export const BOX_LIMITS = { lines: 24, columns: 120 } as const;

export function viewOf(scene: Scene): NextEditView {
  const change = changedLines(scene);
  const hint = hintOf(scene, change);
  return {
    removed: change.removed,
    lines: { from: change.from, to: change.from + change.old.length - 1 },
    box: boxOf(scene, change),
    hint,
    tab: tabOf(scene, hint),
  };
}

interface Change {
  /** First line that changes, or before which lines come in. */
  readonly from: number;
  readonly old: readonly string[];
  readonly now: readonly { readonly text: string; readonly added: readonly { from: number; to: number }[] }[];
  readonly removed: readonly Span[];
}

/** The change by whole lines, without lines at either end that stay as they are. */
function changedLines({ edit: { start, end, text }, line }: Scene): Change {
  const old = Array.from({ length: end.line - start.line + 1 }, (_, i) => line(start.line + i));
  const prefix = old[0]!.slice(0, start.character);
  const suffix = old.at(-1)!.slice(end.character);
  const now = (prefix + text + suffix).split('\n');
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head++;
  let tail = 0;
  const most = Math.min(old.length, now.length) - head;
  while (tail < most && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const from = start.line + head;
  const before = old.slice(head, old.length - tail);
  const after = now.slice(head, now.length - tail);
  return { from, old: before, ...pieces(before, after, from) };
}

/** What goes and what comes, word by word. */
function pieces(old: readonly string[], now: readonly string[], from: number): Pick<Change, 'now' | 'removed'> {
  const added = now.map((): { from: number; to: number }[] => []);
  const removed: Span[] = [];
  let at: Place = { line: from, character: 0 };
  let row = 0;
  let unit = 0;
  const step = (place: Place, text: string): Place => {
    const lines = text.split('\n');
    const last = lines.at(-1)!.length;
    return lines.length === 1
      ? { line: place.line, character: place.character + last }
      : { line: place.line + lines.length - 1, character: last };
  };
  const walk = (text: string, isNew: boolean): void => {
    for (const [i, piece] of text.split('\n').entries()) {
      if (i > 0) {
        row++;
        unit = 0;
      }
      if (isNew && piece !== '') added[row]?.push({ from: unit, to: unit + piece.length });
      unit += piece.length;
    }
  };
  // Of whole lines that go or come, nothing is compared with nothing.
  const changes =
    old.length === 0 || now.length === 0
      ? [
          { value: old.join('\n'), removed: true, added: false },
          { value: now.join('\n'), removed: false, added: true },
        ]
      : diffWordsWithSpace(old.join('\n'), now.join('\n'));
  for (const { value, removed: gone, added: came } of changes) {
    if (gone) {
      const end = step(at, value);
      if (value !== '') removed.push({ start: at, end });
      at = end;
    } else if (came) {
      walk(value, true);
    } else {
      at = step(at, value);
      walk(value, false);
    }
  }
  return { now: now.map((text, i) => ({ text, added: added[i]! })), removed };
}

function boxOf(scene: Scene, { from, old, now }: Change): Box | null {
  const { lineCount, line, tabSize, wrapColumn } = scene;
  if (!now.some((l) => l.added.length > 0)) return null;
  const expanded = now.slice(0, BOX_LIMITS.lines).map(({ text, added }) => expand(text, added, tabSize));
  const indent = Math.min(...expanded.filter((l) => l.text.trim() !== '').map((l) => l.text.search(/\S/)));
  const skipped = Number.isFinite(indent) ? indent : 0;
  const lines = expanded.map(({ text, added }, i) => ({
    text: cut(text.slice(skipped), BOX_LIMITS.columns),
    line: from + i,
    skipped,
    added: added
      .map((a) => ({ from: Math.max(0, a.from - skipped), to: Math.max(0, a.to - skipped) }))
      .filter((a) => a.to > a.from),
  }));
  const columns = Math.max(1, ...lines.map((l) => columnsOf(l.text, tabSize)));

  // Beside the text where that leaves room, at the height of what goes or of the line above what comes in.
  const top = old.length > 0 ? from : Math.max(0, from - 1);
  const anchor = Math.min(top, lineCount - 1);
  const rows = Array.from({ length: lines.length }, (_, i) => anchor + i).filter((n) => n < lineCount);
  const widths = rows.map((n) => columnsOf(line(n), tabSize) + (n === scene.cursor.line ? HINT_COLUMNS : 0));
  const left = Math.max(...widths) + GAP;
  const unwrapped = wrapColumn === null || widths.every((w) => w < wrapColumn);
  if (left + columns <= SCREEN_COLUMNS && unwrapped) {
    const end = line(anchor);
    return {
      anchor: { line: anchor, character: end.length },
      shift: left - columnsOf(end, tabSize),
      down: 0,
      columns,
      lines,
    };
  }
  // Else over the lines below, at the indentation of what comes.
  const below = from + old.length;
  if (below < lineCount) return { anchor: { line: below, character: 0 }, shift: skipped, down: 0, columns, lines };
  const last = lineCount - 1;
  const text = line(last);
  const shift = skipped - columnsOf(text, tabSize);
  return { anchor: { line: last, character: text.length }, shift, down: 1, columns, lines };
}

function hintOf({ edit, cursor, visible, line }: Scene, { from, old }: Change): Hint {
  const to = from + Math.max(0, old.length - 1);
  const isVisible = (n: number): boolean => visible.some((v) => n >= v.from && n <= v.to);
  const first = Math.min(...visible.map((v) => v.from));
  const last = Math.max(...visible.map((v) => v.to));
  const on = cursor.line >= edit.start.line && cursor.line <= Math.max(edit.end.line, to);
  const where =
    on && isVisible(cursor.line)
      ? 'here'
      : isVisible(from)
        ? 'in-view'
        : from < first
          ? 'above'
          : from > last
            ? 'below'
            : 'folded';
  return {
    at: { line: cursor.line, character: line(cursor.line).length },
    where,
    line: from + 1,
    distance: from > cursor.line ? from - cursor.line : Math.max(0, cursor.line - to),
  };
}

/** In the white space at the start of a line, Tab goes on indenting, unless the edit is right here. */
function tabOf({ cursor, line, inFlow, tabIsTaken }: Scene, hint: Hint): TabAction {
  if (tabIsTaken) return 'none';
  if (hint.where === 'here') return 'apply';
  const text = line(cursor.line);
  const before = text.slice(0, cursor.character);
  const indents = before.trim() === '' && (before !== '' || text.trim() === '');
  return indents && !inFlow ? 'none' : 'jump';
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
