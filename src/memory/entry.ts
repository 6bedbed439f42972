/** What is remembered: one edit that the developer made or accepted, as a hunk of whole lines. */
import { applyEdit, type Edit, offsetAt } from '../completion/edit.ts';
import type { LeftEdit } from '../completion/recent.ts';
import { type Change, hunkOf } from '../prompt/hunk.ts';

/** accepted: a suggestion was taken; typed: this was written where one was refused; written: of the developer's own accord. */
export type EntryKind = 'accepted' | 'typed' | 'written';

export interface Entry {
  /** Of the suggestion that it comes from (with what was typed instead of it, `:typed` follows), or of the edit. */
  readonly id: string;
  /** When it happened; any clock that never goes back. */
  readonly at: number;
  readonly path: string;
  readonly kind: EntryKind;
  readonly change: Change;
}

/**
 * What an edit changes in a text.
 *
 * @param text the document, or a window of it that begins with a whole line; LF line ends
 * @param edit places in that text
 * @returns null where the edit does not lie in the text, or changes no line of it
 */
export function changeOf(text: string, edit: Edit): Change | null {
  const [from, to] = [offsetAt(text, edit.start), offsetAt(text, edit.end)];
  const after = applyEdit(text, edit);
  if (from === null || to === null || after === null) return null;
  const begin = from === 0 ? 0 : text.lastIndexOf('\n', from - 1) + 1;
  const stop = lineEnd(text, to);
  const removed = text.slice(begin, stop).split('\n');
  const added = after.slice(begin, stop + after.length - text.length).split('\n');
  const above = begin === 0 ? null : text.slice(text.lastIndexOf('\n', begin - 2) + 1, begin - 1);
  const below = stop === text.length ? null : text.slice(stop + 1, lineEnd(text, stop + 1));
  return changeBetween({ removed, added, above, below });
}

/** What whole lines became. @returns null where both are alike */
export function changeBetween({
  removed,
  added,
  above,
  below,
}: Pick<LeftEdit, 'removed' | 'added' | 'above' | 'below'>): Change | null {
  const hunk = hunkOf(removed, added, above);
  if (hunk === null) return null;
  // Lines that both sides end with were taken off the hunk: the first of them is what stands below it.
  const tail = commonTail(removed, added);
  return { hunk, below: tail > 0 ? added[added.length - tail]! : below };
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

/** Lines that `hunkOf` takes off the end of both sides. */
function commonTail(removed: readonly string[], added: readonly string[]): number {
  let head = 0;
  const most = Math.min(removed.length, added.length);
  while (head < most && removed[head] === added[head]) head++;
  let tail = 0;
  while (tail < most - head && removed.at(-1 - tail) === added.at(-1 - tail)) tail++;
  return tail;
}
