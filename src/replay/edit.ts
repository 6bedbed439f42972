/** An edit of a document, as arms answer with it. */
import type { Place } from '../completion/take.ts';

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
