/**
 * How a suggested edit is shown: as ghost text where VS Code draws that, else as a next edit; as small as it can be.
 *
 * A model may answer with the whole line, or with lines that it leaves as they are. What is shown, stored and accepted
 * is the part that changes something.
 */
import { drawable, fit } from './drawable.ts';
import { cursorOf, type Edit, editAtCursor, placeInWindow, rangeInWindow, type Window } from './edit.ts';
import type { None } from './suggestion.ts';

export interface Presented {
  readonly as: 'ghost' | 'next-edit';
  readonly edit: Edit;
}

/**
 * @returns `empty` where the edit changes nothing, `malformed` where it reaches out of the window that the model saw
 *   or has line ends that are none (a carriage return)
 */
export function present(window: Window, edit: Edit): Presented | None {
  const range = rangeInWindow(window, edit);
  if (range === null || edit.text.includes('\r')) return { none: 'malformed' };
  const { from, to } = range;
  const all = window.before + window.after;
  if (all.slice(from, to) === edit.text) return { none: 'empty' };
  const ghost = asGhost(window, from, to, edit.text);
  if (ghost) return { as: 'ghost', edit: ghost };
  const less = narrow(all.slice(from, to), edit.text);
  const start = placeInWindow(window, from + less.from);
  return { as: 'next-edit', edit: { start, end: placeInWindow(window, from + less.to), text: less.text } };
}

/** The same change of the window, as text at the cursor that VS Code draws; null if there is none. */
function asGhost(window: Window, from: number, to: number, text: string): Edit | null {
  const { before, after } = window;
  const cursor = before.length;
  const rest = after.split('\n', 1)[0]!;
  const candidate = (added: string, replaceAfter: number): Edit | null => {
    const edit = editAtCursor(window, added, replaceAfter);
    const line = before.slice(before.lastIndexOf('\n') + 1) + rest;
    return drawable(edit, cursorOf(window), line) ? edit : null;
  };
  if (from === cursor && to - from <= rest.length) {
    const asIs = candidate(text, to - from);
    if (asIs) return asIs;
  }
  const all = before + after;
  const changed = all.slice(0, from) + text + all.slice(to);
  if (!changed.startsWith(before)) return null;
  const beyond = changed.slice(cursor);
  const below = after.slice(rest.length);
  if (!beyond.endsWith(below)) return null;
  const stands = beyond.slice(0, beyond.length - below.length);
  const fitted = fit(stands, rest);
  // Some of the rest may be left out of what is replaced, but none of it may be lost.
  if ('none' in fitted || fitted.text + rest.slice(fitted.replaceAfter) !== stands) return null;
  return candidate(fitted.text, fitted.replaceAfter);
}

/**
 * A replacement of `replaced` without the text that it leaves as it is at both ends.
 *
 * @returns offsets into `replaced`, and what stands there then
 */
export function narrow(replaced: string, text: string): { from: number; to: number; text: string } {
  const most = Math.min(replaced.length, text.length);
  let start = 0;
  while (start < most && replaced[start] === text[start]) start++;
  if (splitsPair(replaced, start) || splitsPair(text, start)) start--;
  let end = 0;
  while (end < most - start && replaced.at(-1 - end) === text.at(-1 - end)) end++;
  if (splitsPair(replaced, replaced.length - end) || splitsPair(text, text.length - end)) end--;
  return { from: start, to: replaced.length - end, text: text.slice(start, text.length - end) };
}

function splitsPair(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return at > 0 && unit >= 0xdc00 && unit <= 0xdfff;
}
