/** Parts of an edit that can be taken alone: its next word, its next line. */
import { diffWordsWithSpace } from 'diff';

/** What is left of an edit, LF line ends: `replaced` gives way to `text`. */
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
  const end = text.indexOf('\n', text.startsWith('\n') ? 1 : 0);
  if (end < 0) return { replaced: replaced.length, text: text.length };
  const oldEnd = replaced.indexOf('\n', text.startsWith('\n') && replaced.startsWith('\n') ? 1 : 0);
  return { replaced: oldEnd < 0 ? replaced.length : oldEnd, text: end };
}
