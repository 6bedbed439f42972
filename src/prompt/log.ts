/**
 * The prompt format for edits, `log-1`: the model goes on with a log of edits.
 *
 *     FILE path ⏎ lines …                 the file around the cursor, as it stood before the edits listed below
 *     REMOVED ⏎ lines … ADDED ⏎ lines … END          a recent edit of this file, oldest first
 *     ANCHOR ⏎ line above ADDED ⏎ lines … END        one that removes nothing
 *
 * and, where the last change ends at the cursor, that hunk up to the cursor: the model goes on with it, and after its
 * end with the next hunk. Elsewhere `CURSOR ⏎ line` says where the cursor is, and the model writes the next hunk. NONE
 * in place of a hunk: nothing will change. Recent edits of other files stand first, each after `FILE path`.
 *
 * What changes last stands last, and an answer has the form of the history, so that the KV cache of one keystroke
 * serves the next, and one sequence trains every hunk of a commit. Each line is preceded by its line end and not
 * followed by it, so that a line has the same tokens in the window, in a removed and in an added part.
 */
import { hashIds, healed, type Prompt, type PromptTokenizer } from '../model/prompt.ts';
import type { PromptInput } from './format.ts';
import { type Hunk, hunkOf, type Opened, openHunk, openLine, type Stretch, stands, stretchOf, undone } from './hunk.ts';
import type { Marks } from './marks.ts';

export const LOG_FORMAT = 'log-1';

/** Most tokens of each part of a prompt; what the log leaves of its share goes to the window. */
export const LOG_BUDGET = { prompt: 448, others: 80, path: 24, window: 208, log: 160 } as const;
/** Lines by which the window's ends move. */
const BLOCK = 4;
/** Ids by which the beginning of a long open hunk moves. */
const CUT = 32;
/** Lines by which the beginning of a long insertion moves into the window while it is typed. */
const STEP = 4;
/** Characters of a line that are shown where it only says where something is. */
const PLACE_CHARS = 160;

export interface LogPrompt extends Prompt {
  /** Whether the answer goes on with the text at the cursor; else it is a hunk of its own. */
  readonly isTyping: boolean;
  /** The line to which the cursor has gone since the last edit, as an index in the input's lines: a hunk is of this line. */
  readonly place: number | null;
  /** While typing: closing marks behind the cursor that the editor put there, which the prompt does not show. */
  readonly closed: string;
}

/**
 * @param most ids of the prompt, at most LOG_BUDGET.prompt: with fewer each part has less
 * @returns a prompt of at most so many ids
 */
export function buildLogPrompt(
  input: PromptInput,
  marks: Marks,
  tokenizer: PromptTokenizer,
  most: number = LOG_BUDGET.prompt,
): LogPrompt {
  const budget = budgetOf(most);
  const lines = (input.before + input.after).split('\n');
  const row = count(input.before, '\n');
  const head = input.before.slice(input.before.lastIndexOf('\n') + 1);
  const recent = input.recent.map(stretchOf);

  const open = openAt(recent.at(-1), input, lines, row, head);
  const tail =
    open === null ? placeIds(lines, row, marks, budget.log) : cut(openIds(open.hunk, marks), budget.log, marks);
  const log: number[][] = [];
  const listed: Stretch[] = open === null ? [] : [open.stretch];
  let left = budget.log - tail.length;
  let isFull = false;
  const others: { readonly path: string; readonly ids: number[] }[] = [];
  let room: number = budget.others;
  for (const stretch of recent.toReversed()) {
    if (stretch === open?.edit) continue;
    const own = stretch.path === input.path;
    if (own && isFull) continue;
    const above = own ? (lines[stretch.line - input.startLine - 1] ?? null) : null;
    const hunk = hunkOf(stretch.removed, stretch.added, above);
    if (hunk === null) continue;
    const ids = hunkIds(hunk, marks);
    if (!own) {
      const path = pathIds(stretch.path, marks);
      if (ids.length + path.length > room) continue;
      room -= ids.length + path.length;
      others.unshift({ path: stretch.path, ids });
      continue;
    }
    // What is listed was taken back in the window: an older edit cannot be, once a newer one is not.
    if (ids.length > left || !stands(lines, input.startLine, stretch)) {
      isFull = true;
      continue;
    }
    left -= ids.length;
    log.unshift(ids);
    listed.push(stretch);
  }
  const older = undone(lines, input.startLine, listed, row);
  const path = pathIds(input.path, marks);
  const shownOthers = others.flatMap((o) => [...pathIds(o.path, marks), ...o.ids]);
  // All parts at their most would be more than the prompt may be: the window gives way.
  const rest = budget.prompt - shownOthers.length - path.length - log.flat().length - tail.length;
  const window = windowOf(older.lines, input.startLine, older.at, marks, Math.min(budget.window, rest));
  const ids = [...shownOthers, ...path, ...window.ids, ...log.flat(), ...tail];
  if (open === null)
    return {
      ids,
      heal: '',
      hash: hashIds(ids),
      isTyping: false,
      closed: '',
      place: isAt(recent.at(-1), input, lines, row) ? null : row,
    };
  const ready = healed(ids, tokenizer, ids.findLastIndex((id) => marks.has(id)) + 1);
  return { ...ready, hash: hashIds(ready.ids), isTyping: true, place: null, closed: open.closed };
}

/** Of a prompt of at most so many ids: each part's share; a path is as long as it is. */
function budgetOf(most: number): { readonly [part in keyof typeof LOG_BUDGET]: number } {
  if (most === LOG_BUDGET.prompt) return LOG_BUDGET;
  const share = (part: number): number => Math.floor((part * most) / LOG_BUDGET.prompt);
  const { others, window, log, path } = LOG_BUDGET;
  return { prompt: most, others: share(others), window: share(window), log: share(log), path };
}

/** Whether the cursor stands where the last edit was made. */
function isAt(edit: Stretch | undefined, input: PromptInput, lines: readonly string[], row: number): boolean {
  if (edit === undefined || edit.path !== input.path || !stands(lines, input.startLine, edit)) return false;
  const at = edit.line - input.startLine;
  return row >= at && row < at + edit.added.length;
}

/** The hunk that is being typed, and the part of its stretch that the window shall not show as done. */
function openAt(
  edit: Stretch | undefined,
  input: PromptInput,
  lines: readonly string[],
  row: number,
  head: string,
): (Pick<Opened, 'hunk' | 'closed'> & { readonly stretch: Stretch; readonly edit: Stretch }) | null {
  if (edit === undefined || edit.path !== input.path || !stands(lines, input.startLine, edit)) return null;
  const at = edit.line - input.startLine;
  const above = lines[at - 1] ?? null;
  const opened = openHunk(edit, row - at, head, above);
  if (opened === null) {
    const line = openLine(edit, row - at, head, above);
    const stretch = { ...edit, line: input.startLine + row, removed: [], added: [lines[row]!] };
    return line && { ...line, stretch, edit };
  }
  const { hunk, closed, below } = opened;
  const over = hunk.added.length - 1 - MOST_OPEN_LINES;
  if (hunk.removed.length > 0 || over <= 0) return { hunk, closed, stretch: edit, edit };
  // A long insertion: its beginning counts as done. What follows the cursor's line was there before.
  const done = Math.ceil(over / STEP) * STEP;
  const first = row - at - (hunk.added.length - 1) + done;
  return {
    hunk: { anchor: hunk.added[done - 1]!, removed: [], added: hunk.added.slice(done) },
    stretch: {
      ...edit,
      line: edit.line + first,
      added: edit.added.slice(first),
      removed: edit.removed.slice(edit.removed.length - below),
    },
    closed,
    edit,
  };
}

/** Whole lines that an open insertion shows above the cursor's. */
export const MOST_OPEN_LINES = 8;

/** `FILE path` */
export function pathIds(path: string, marks: Marks): number[] {
  return [marks.file, ...marks.encode(path).slice(-LOG_BUDGET.path)];
}

/** Each line after its line end. */
export function lineIds(lines: readonly string[], marks: Marks): number[] {
  return lines.length === 0 ? [] : marks.encode(`\n${lines.join('\n')}`);
}

/** A hunk up to the end of its added lines. */
export function openIds({ anchor, removed, added }: Hunk, marks: Marks): number[] {
  const before = removed.length > 0 ? removed : anchor === null ? [] : [anchor];
  return [
    removed.length > 0 ? marks.removed : marks.anchor,
    ...lineIds(before, marks),
    marks.added,
    ...lineIds(added, marks),
  ];
}

export function hunkIds(hunk: Hunk, marks: Marks): number[] {
  return [...openIds(hunk, marks), marks.end];
}

/** The cursor's line; below the last line that has text, where it has none of its own. */
export function placeIds(lines: readonly string[], row: number, marks: Marks, most: number = LOG_BUDGET.log): number[] {
  let from = row;
  if (lines[row]!.trim() === '') while (from > 0 && row - from < 3 && lines[from]!.trim() === '') from--;
  const shown = lines.slice(from, row + 1).map((line) => line.slice(0, PLACE_CHARS));
  // A character may take several tokens: a line of emoji would push the prompt over its budget.
  return [marks.cursor, ...lineIds(shown, marks).slice(0, most - 1)];
}

/**
 * As many lines around `at` as the budget allows, in whole blocks: the one that holds it, then the next and the one
 * before in turn.
 *
 * @param startLine line of the document of `lines[0]`
 * @returns the lines' ids, and the range of lines that they show
 */
export function windowOf(
  lines: readonly string[],
  startLine: number,
  at: number,
  marks: Marks,
  budget: number,
): { readonly ids: number[]; readonly from: number; readonly to: number } {
  const block = (line: number): number => Math.floor((startLine + line) / BLOCK) * BLOCK - startLine;
  let from = Math.max(0, block(at));
  let to = Math.min(lines.length, block(at) + BLOCK);
  let used = size(lines, from, to, marks);
  if (used > budget) {
    const ids = lineIds([lines[at]!.slice(0, 4 * budget)], marks).slice(0, budget);
    return { ids, from: at, to: at + 1 };
  }
  let above = from > 0;
  let below = to < lines.length;
  for (let up = true; above || below; up = !up) {
    if (up ? !above : !below) continue;
    const [a, b] = up ? [Math.max(0, from - BLOCK), from] : [to, Math.min(lines.length, to + BLOCK)];
    const more = size(lines, a, b, marks);
    if (used + more > budget) {
      if (up) above = false;
      else below = false;
      continue;
    }
    used += more;
    if (up) above = (from = a) > 0;
    else below = (to = b) < lines.length;
  }
  // Tokens may join where blocks meet, and never part.
  return { ids: lineIds(lines.slice(from, to), marks).slice(0, budget), from, to };
}

function size(lines: readonly string[], from: number, to: number, marks: Marks): number {
  const text = lines.slice(from, to);
  // Far more characters than the window has room for: not worth counting.
  if (text.reduce((sum, line) => sum + line.length, 0) > 12_000) return Number.POSITIVE_INFINITY;
  return lineIds(text, marks).length;
}

/**
 * The end of an open hunk that is too long, after the mark of the part in which it begins. The place where it begins
 * moves by several ids at a time, so that most keystrokes leave it, and the KV cache of what follows, alone.
 */
function cut(ids: readonly number[], budget: number, marks: Marks): number[] {
  if (ids.length <= budget) return [...ids];
  const end = ids.slice(CUT * Math.ceil((ids.length - budget + 1) / CUT));
  return [end.includes(marks.added) ? ids[0]! : marks.added, ...end];
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}
