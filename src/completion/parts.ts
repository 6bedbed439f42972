/** Parts of an edit that can be taken alone: its next word, its next line. */
import { diffWordsWithSpace } from 'diff';

/** What is left of an edit, with the document's line ends: `replaced` gives way to `text`. */
export interface Left {
  readonly replaced: string;
  readonly text: string;
}

/** The first `replaced` units of what is left give way to the first `text` units of what comes. */
export interface Part {
  readonly replaced: number;
  readonly text: number;
}

/**
 * Up to the end of the first word that changes something: of text that only comes in, one word with the white space
 * before it; what gives way to other text, as a whole.
 *
 * @returns all of it where nothing would be left
 */
export function nextWord({ replaced, text }: Left): Part {
  let old = 0;
  let now = 0;
  const pieces = diffWordsWithSpace(replaced, text);
  for (const [i, piece] of pieces.entries()) {
    const next = pieces[i + 1];
    if (!piece.added && !piece.removed) {
      old += piece.value.length;
      now += piece.value.length;
    } else if (piece.removed) {
      return { replaced: old + piece.value.length, text: now + (next?.added ? next.value.length : 0) };
    } else {
      const word = /^\s*(\w+|[^\w\s]+)?/.exec(piece.value)![0];
      return { replaced: old, text: now + (word.length || piece.value.length) };
    }
  }
  return { replaced: replaced.length, text: text.length };
}

/** Its text up to the first line break, in place of the first line of what it replaces, or all of it. */
export function nextLine({ replaced, text }: Left): Part {
  const lead = lineEndAt(text, 0);
  const end = endOfLine(text, lead);
  if (end === null) return { replaced: replaced.length, text: text.length };
  return { replaced: endOfLine(replaced, lead > 0 ? lineEndAt(replaced, 0) : 0) ?? replaced.length, text: end };
}

/** Length of the line end that stands at an offset; 0 if none does. */
function lineEndAt(text: string, at: number): number {
  return text.startsWith('\r\n', at) ? 2 : text[at] === '\n' ? 1 : 0;
}

/** Offset of the first line end from an offset on; null if there is none. */
function endOfLine(text: string, from: number): number | null {
  const end = text.indexOf('\n', from);
  if (end < 0) return null;
  return end > from && text[end - 1] === '\r' ? end - 1 : end;
}
