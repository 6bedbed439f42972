/**
 * An edit of a document: what a suggestion is, whoever makes it and however it is shown.
 *
 * Places are the document's own, as an editor counts them, also where only a window of the document is known: a
 * snapshot says at which line its window begins, and windows begin at a line's start.
 */
import type { Snapshot } from './snapshot.ts';

/** Zero-based line, and UTF-16 units into it. */
export interface Place {
  readonly line: number;
  readonly character: number;
}

/** A replacement of the text from `start` to `end`, places as an editor counts them; LF line ends in `text`. */
export interface Edit {
  readonly start: Place;
  readonly end: Place;
  readonly text: string;
}

/**
 * The document after an edit, with the document's own line ends.
 *
 * @returns null where the edit does not lie in the document, or changes nothing
 */
export function applyEdit(document: string, { start, end, text }: Edit): string | null {
  const from = offsetAt(document, start);
  const to = offsetAt(document, end);
  if (from === null || to === null || to < from) return null;
  const crlf = /^[^\n]*\r\n/.test(document);
  const result = document.slice(0, from) + (crlf ? text.replace(/\r?\n/g, '\r\n') : text) + document.slice(to);
  return result === document ? null : result;
}

/** The edit's text up to its first line break, replacing only the first line of its range; null if that is the edit. */
export function firstLineOf(document: string, { start, end, text }: Edit): Edit | null {
  if (end.line === start.line && !text.includes('\n')) return null;
  const character = end.line === start.line ? end.character : (lineAt(document, start.line)?.length ?? start.character);
  return { start, end: { line: start.line, character }, text: text.split('\n', 1)[0]! };
}

/** UTF-16 offset of a place, or null if the document does not have it. */
export function offsetAt(document: string, { line, character }: Place): number | null {
  const from = lineStart(document, line);
  const text = from === null ? null : lineAt(document, line);
  return from === null || text === null || character < 0 || character > text.length ? null : from + character;
}

/** Text of a line without its line end, or null if there is no such line. */
export function lineAt(document: string, line: number): string | null {
  const from = lineStart(document, line);
  if (from === null) return null;
  const end = document.indexOf('\n', from);
  return document.slice(from, end < 0 ? document.length : end).replace(/\r$/, '');
}

export function placeAt(document: string, offset: number): Place {
  let line = 0;
  let from = 0;
  for (let at = document.indexOf('\n'); at >= 0 && at < offset; at = document.indexOf('\n', at + 1)) {
    line++;
    from = at + 1;
  }
  return { line, character: Math.min(offset - from, lineAt(document, line)!.length) };
}

function lineStart(document: string, line: number): number | null {
  if (!Number.isInteger(line) || line < 0) return null;
  let from = 0;
  for (let n = 0; n < line; n++) {
    from = document.indexOf('\n', from) + 1;
    if (from === 0) return null;
  }
  return from;
}

/** Where a snapshot's cursor stands in the document. */
export function cursorOf({ before, startLine }: Pick<Snapshot, 'before' | 'startLine'>): Place {
  const { line, character } = placeAt(before, before.length);
  return { line: startLine + line, character };
}

/** The edit that puts `text` in at a snapshot's cursor, in place of `replaceAfter` UTF-16 units after it on its line. */
export function editAtCursor(
  snapshot: Pick<Snapshot, 'before' | 'startLine'>,
  text: string,
  replaceAfter: number,
): Edit {
  const start = cursorOf(snapshot);
  return { start, end: { line: start.line, character: start.character + replaceAfter }, text };
}

/** The part of a document that a snapshot shows. */
export type Window = Pick<Snapshot, 'before' | 'after' | 'startLine'>;

/**
 * The UTF-16 offsets in `before + after` of what an edit replaces.
 *
 * @returns null if it reaches out of the window
 */
export function rangeInWindow(
  { before, after, startLine }: Window,
  { start, end }: Pick<Edit, 'start' | 'end'>,
): { readonly from: number; readonly to: number } | null {
  const text = before + after;
  const offset = ({ line, character }: Place) => offsetAt(text, { line: line - startLine, character });
  const from = offset(start);
  const to = offset(end);
  return from === null || to === null || to < from ? null : { from, to };
}

/** The place in the document of an offset in `before + after`. */
export function placeInWindow({ before, after, startLine }: Window, offset: number): Place {
  const { line, character } = placeAt(before + after, offset);
  return { line: startLine + line, character };
}

/**
 * An edit as text at the cursor, which is what the model's prompt ends with.
 *
 * @returns what goes in and the text that follows it, or null if the edit does not begin at the cursor
 */
export function continuation(window: Window, edit: Edit): { readonly text: string; readonly rest: string } | null {
  const range = rangeInWindow(window, edit);
  if (range?.from !== window.before.length) return null;
  return { text: edit.text, rest: window.after.slice(range.to - window.before.length) };
}
