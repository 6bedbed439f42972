/**
 * What VS Code draws as ghost text, and how the model's text is made to fit it.
 *
 * Measured on VS Code 1.139 with stable API:
 *
 * | item | drawn |
 * |---|---|
 * | insert at the cursor, one or many lines | ghost text |
 * | range on the cursor's line, text before the cursor kept, the rest a subsequence of the new text | ghost text, split |
 * | the same with further lines after it | ghost text |
 * | a replacement that is no subsequence; a deletion | nothing |
 * | a range, or a pure insert, on another line; a multi-line range | nothing |
 */
import type { Edit, Place } from './edit.ts';
import type { None } from './suggestion.ts';

/** VS Code diffs the two texts, and gives up where either is longer than this (UTF-16 units). */
export const DIFF_LIMIT = 5000;

/** Whether VS Code draws an edit as ghost text; `line` is the text of the cursor's line. */
export function drawable({ start, end, text }: Edit, cursor: Place, line: string): boolean {
  if (start.line !== cursor.line || end.line !== cursor.line) return false;
  if (start.character > cursor.character || end.character < cursor.character || end.character > line.length)
    return false;
  const kept = line.slice(start.character, cursor.character);
  const rest = line.slice(cursor.character, end.character);
  if (!text.startsWith(kept)) return false;
  const added = text.slice(kept.length);
  return added.length > rest.length && added.length <= DIFF_LIMIT && isSubsequence(rest, added);
}

/** How model text goes in: `text` in place of `replaceAfter` units after the cursor, on its line. */
export interface Fit {
  readonly text: string;
  readonly replaceAfter: number;
}

/** Nothing but what editors close by themselves, and ends of statements. */
export const CLOSERS = /^[\s)\]}>'"`;,:]*$/;

/**
 * Fits the model's text, which says what should stand from the cursor on, to `rest`, the line's text after the
 * cursor. The whole rest is replaced where that can be drawn; of a rest that is only closing marks, as much as the
 * text itself brings at its end. `not-drawable` where the text would push other code aside.
 */
export function fit(text: string, rest: string): Fit | None {
  if (text === '' || text === rest) return { none: 'empty' };
  if (text.length > DIFF_LIMIT) return { none: 'not-drawable' };
  if (rest.trim() === '') return { text, replaceAfter: 0 };
  if (text.length > rest.length && (text.endsWith(rest) || isSubsequence(rest, text.split('\n', 1)[0]!))) {
    return { text, replaceAfter: rest.length };
  }
  if (!CLOSERS.test(rest)) return { none: 'not-drawable' };
  let replaceAfter = rest.length - 1;
  while (!text.endsWith(rest.slice(0, replaceAfter))) replaceAfter--;
  return text.length > replaceAfter ? { text, replaceAfter } : { none: 'empty' };
}

/** Whether `part` can be had from `whole` by leaving characters out. */
export function isSubsequence(part: string, whole: string): boolean {
  let at = 0;
  for (let i = 0; i < whole.length && at < part.length; i++) if (whole[i] === part[at]) at++;
  return at === part.length;
}
