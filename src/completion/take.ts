/**
 * Cuts a Snapshot out of a document.
 *
 * Reads only the lines that the window needs, so its cost does not grow with the document; says `unsuitable`
 * where a suggestion would be noise or trouble (binary, minified, huge).
 */
import type { Place } from './edit.ts';
import { type RecentEdit, type Snapshot, WINDOW } from './snapshot.ts';
import type { None } from './suggestion.ts';

/** What is needed of a document; `editor/` implements it over TextDocument. */
export interface TextPort {
  /** Path as in Snapshot.path. */
  readonly path: string;
  readonly languageId: string;
  readonly lineCount: number;
  /** Text of line `n` without its line end, 0 <= n < lineCount. */
  line(n: number): string;
}

/**
 * Documents past one of these are left alone. 300,000 lines is where VS Code itself calls a file large; a line as long
 * as the window was not written by a person, and would have the window begin within it.
 */
export const SUITABLE = { lines: 300_000, lineLength: WINDOW.before } as const;

const UNSUITABLE: None = { none: 'unsuitable' };

/**
 * The window around `cursor` (a place in the document; one outside of it is moved to the nearest inside), or
 * `unsuitable`. `before` begins at a line's start.
 */
export function takeSnapshot(doc: TextPort, cursor: Place, recent: readonly RecentEdit[]): Snapshot | None {
  if (doc.lineCount < 1 || doc.lineCount > SUITABLE.lines) return UNSUITABLE;
  const at = Math.min(Math.max(cursor.line, 0), doc.lineCount - 1);
  const line = doc.line(at);
  if (!suitableLine(line)) return UNSUITABLE;
  const character = Math.min(Math.max(cursor.character, 0), line.length);

  const head = line.slice(0, character);
  const above: string[] = [];
  let startLine = at;
  for (let room = WINDOW.before - head.length; startLine > 0; startLine--) {
    const text = doc.line(startLine - 1);
    if (!suitableLine(text)) return UNSUITABLE;
    room -= text.length + 1;
    if (room < 0) break;
    above.push(text);
  }
  const below: string[] = [line.slice(character)];
  for (let n = at + 1, room = WINDOW.after - below[0]!.length; n < doc.lineCount && room > 0; n++) {
    const text = doc.line(n);
    if (!suitableLine(text)) return UNSUITABLE;
    room -= text.length + 1;
    below.push(text);
  }
  // A document may hold stray carriage returns: a cursor between CR and LF stands at the line's end.
  const after = below.join('\n');
  const before = [...above.reverse(), head].join('\n').replace(after.startsWith('\n') ? /\r$/ : /(?!)/, '');
  return {
    path: doc.path,
    languageId: doc.languageId,
    before: normalise(before),
    after: cutEnd(normalise(after), WINDOW.after),
    startLine,
    recent: recent.slice(-WINDOW.recentEdits),
  };
}

/** LF line ends, well-formed UTF-16 (a lone surrogate becomes U+FFFD). */
export function normalise(text: string): string {
  return text.replace(/\r\n?/g, '\n').toWellFormed();
}

/** The first `limit` units of well-formed text, without half a surrogate pair. */
export function cutEnd(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return text.slice(0, isLowSurrogate(text, limit) ? limit - 1 : limit);
}

function isLowSurrogate(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** No NUL (a binary file), and short enough to have been written by a person. */
function suitableLine(line: string): boolean {
  return line.length <= SUITABLE.lineLength && !line.includes('\0');
}
