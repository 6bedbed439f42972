/**
 * Answers that write a stretch of lines again, from the cursor on: what was changed in them, as an edit.
 *
 * The lines above the cursor are given to the model as already written, so it pays only for what may change; and it
 * is stopped as soon as it writes again, after a change, a line that stands there: what follows would be a copy.
 */
import { type Edit, placeInWindow, rangeInWindow } from '../completion/edit.ts';
import type { None } from '../completion/suggestion.ts';
import type { PromptTokenizer } from '../model/prompt.ts';
import type { Answer, PromptInput, Written } from './format.ts';
import { type LineWindow, textOf } from './window.ts';

/** Lines written again as they are before it is clear that nothing will change. */
const UNCHANGED_LINES = 8;

export interface Rewrite {
  readonly input: PromptInput;
  readonly window: LineWindow;
  /** Text before the cursor that the model spells first. */
  readonly heal: string;
  /** Text that ends the rewritten lines, where the format has one made of ordinary tokens. */
  readonly endText: string | null;
}

/** Lines `from` to `to` of what stood there have become `text`'s lines. */
interface Change {
  readonly from: number;
  readonly to: number;
  readonly lines: readonly string[];
}

export function isRewriteOver(written: Written, rewrite: Rewrite, tokenizer: PromptTokenizer): boolean {
  const { text, isWhole } = rewritten(written, rewrite, tokenizer);
  if (isWhole) return true;
  const [old, lines] = [rewrite.window.after.split('\n'), text.split('\n').slice(0, -1)];
  return resync(old, lines) !== null || (same(old, lines) === lines.length && lines.length > UNCHANGED_LINES);
}

export function readRewrite(written: Written, rewrite: Rewrite, tokenizer: PromptTokenizer): Answer | None {
  const { text, isWhole } = rewritten(written, rewrite, tokenizer);
  const old = rewrite.window.after.split('\n');
  const lines = isWhole ? text.split('\n') : text.split('\n').slice(0, -1);
  const change = resync(old, lines) ?? (isWhole ? wholeChange(old, lines) : null);
  if (change === null) {
    const begun = isWhole ? '' : text.slice(text.lastIndexOf('\n') + 1);
    const unchanged = same(old, lines) === lines.length && (old[lines.length] ?? '').startsWith(begun);
    return { none: unchanged ? 'empty' : 'malformed' };
  }
  const edit = editOf(rewrite, old, change);
  if (edit === null) return { none: 'empty' };
  const upTo = lines.slice(0, same(old, lines) + change.lines.length).join('\n').length;
  return { edit, kept: keptIds(written, rewrite.heal, upTo, tokenizer) };
}

/**
 * What the model should have written for an edit: the lines from the cursor to the edit's end and the line after it,
 * by which the answer is known to be whole.
 *
 * @returns null for an edit that begins above the cursor or reaches out of the lines that are written again
 */
export function rewriteTarget(
  edit: Edit,
  isWhole: boolean,
  { input, window, heal }: Rewrite,
  tokenizer: PromptTokenizer,
): number[] | null {
  const range = rangeInWindow(input, edit);
  const at = input.before.length;
  if (range === null || range.from < at || range.to > at + window.after.length) return null;
  const between = input.after.slice(0, range.from - at);
  const head = heal + between + edit.text;
  if (!isWhole) return tokenizer.encode(head);
  const [rest = '', next] = window.after.slice(range.to - at).split('\n');
  return tokenizer.encode(`${head}${rest}\n${next === undefined ? '' : `${next}\n`}`);
}

function rewritten(
  written: Written,
  { heal, endText }: Rewrite,
  tokenizer: PromptTokenizer,
): { readonly text: string; readonly isWhole: boolean } {
  const text = textOf(written, heal, tokenizer);
  const end = endText === null ? -1 : text.indexOf(endText);
  if (end >= 0) return { text: text.slice(0, end), isWhole: true };
  const isWhole = written.ids.length > 0 && tokenizer.isControl(written.ids.at(-1)!);
  // Models end the last line before they end the text.
  return { text: isWhole ? text.replace(/\n$/, '') : text, isWhole };
}

/** Leading lines that are the same. */
function same(old: readonly string[], lines: readonly string[]): number {
  let n = 0;
  while (n < old.length && n < lines.length && old[n] === lines[n]) n++;
  return n;
}

/** The first change, once a line after it (two, if it is blank) stands in the old lines; else null. */
function resync(old: readonly string[], lines: readonly string[]): Change | null {
  const from = same(old, lines);
  // The first is the end of the cursor's line, which is not the same as another line that reads like it.
  for (let j = Math.max(from, 1); j < lines.length; j++) {
    for (let q = from; q < old.length; q++) {
      if (j === from && q === from) continue;
      if (lines[j] !== old[q]) continue;
      if (lines[j]!.trim().length < 2 && (j + 1 >= lines.length || lines[j + 1] !== old[q + 1])) continue;
      return { from, to: q, lines: lines.slice(from, j) };
    }
  }
  return null;
}

/** All that was written is the new text: what is different in the middle. */
function wholeChange(old: readonly string[], lines: readonly string[]): Change | null {
  const from = same(old, lines);
  if (from === old.length && from === lines.length) return null;
  let tail = 0;
  const most = Math.min(old.length, lines.length) - from;
  while (tail < most && old[old.length - 1 - tail] === lines[lines.length - 1 - tail]) tail++;
  return { from, to: old.length - tail, lines: lines.slice(from, lines.length - tail) };
}

/** The change without the characters that both sides begin and end with; null if it changes nothing. */
function editOf({ input }: Rewrite, old: readonly string[], { from, to, lines }: Change): Edit | null {
  const start = old.slice(0, from).reduce((sum, line) => sum + line.length + 1, 0);
  const atEnd = to >= old.length;
  let before = old
    .slice(from, to)
    .map((line) => `${line}\n`)
    .join('');
  let text = lines.map((line) => `${line}\n`).join('');
  if (atEnd) [before, text] = [before.slice(0, -1), text.slice(0, -1)];
  if (before === text) return null;
  let head = 0;
  while (head < before.length && head < text.length && before[head] === text[head]) head++;
  let tail = 0;
  while (tail < before.length - head && tail < text.length - head && before.at(-1 - tail) === text.at(-1 - tail))
    tail++;
  // Never between the halves of a surrogate pair.
  if (/[\ud800-\udbff]/.test(text[head - 1] ?? '')) head--;
  if (tail > 0 && /[\udc00-\udfff]/.test(text[text.length - tail] ?? '')) tail--;
  const at = input.before.length + start;
  return {
    start: placeInWindow(input, at + head),
    end: placeInWindow(input, at + before.length - tail),
    text: text.slice(head, text.length - tail),
  };
}

/** How many of the ids it takes to write `length` characters after the healed ones. */
function keptIds({ ids }: Written, heal: string, length: number, tokenizer: PromptTokenizer): number {
  const written = textOf({ ids }, heal, tokenizer).slice(0, length);
  const wanted = Buffer.byteLength(heal + written);
  let bytes = 0;
  let n = 0;
  for (; n < ids.length && bytes < wanted; n++) {
    if (!tokenizer.isControl(ids[n]!)) bytes += tokenizer.bytes(ids[n]!).length;
  }
  return Math.max(1, n);
}
