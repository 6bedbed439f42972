/** An edit as a change of lines: what goes and what comes, word by word. Pure. */
import { diffWordsWithSpace } from 'diff';
import type { Edit, Place } from '../completion/edit.ts';

export interface Span {
  readonly start: Place;
  readonly end: Place;
}

export interface Change {
  /** First line that changes, or before which lines come in. */
  readonly from: number;
  readonly old: readonly string[];
  readonly now: readonly { readonly text: string; readonly added: readonly { from: number; to: number }[] }[];
  readonly removed: readonly Span[];
}

/** The change by whole lines, without lines at either end that stay as they are. */
export function changedLines({ start, end, text }: Edit, line: (n: number) => string): Change {
  const old = Array.from({ length: end.line - start.line + 1 }, (_, i) => line(start.line + i));
  const prefix = old[0]!.slice(0, start.character);
  const suffix = old.at(-1)!.slice(end.character);
  const now = (prefix + text + suffix).split('\n');
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head++;
  let tail = 0;
  const most = Math.min(old.length, now.length) - head;
  while (tail < most && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const from = start.line + head;
  const before = old.slice(head, old.length - tail);
  const after = now.slice(head, now.length - tail);
  return { from, old: before, ...pieces(before, after, from) };
}

/** What goes and what comes, word by word. */
function pieces(old: readonly string[], now: readonly string[], from: number): Pick<Change, 'now' | 'removed'> {
  const added = now.map((): { from: number; to: number }[] => []);
  const removed: Span[] = [];
  let at: Place = { line: from, character: 0 };
  let row = 0;
  let unit = 0;
  const step = (place: Place, text: string): Place => {
    const lines = text.split('\n');
    const last = lines.at(-1)!.length;
    return lines.length === 1
      ? { line: place.line, character: place.character + last }
      : { line: place.line + lines.length - 1, character: last };
  };
  const walk = (text: string, isNew: boolean): void => {
    for (const [i, piece] of text.split('\n').entries()) {
      if (i > 0) {
        row++;
        unit = 0;
      }
      if (isNew && piece !== '') added[row]?.push({ from: unit, to: unit + piece.length });
      unit += piece.length;
    }
  };
  // Of whole lines that go or come, nothing is compared with nothing.
  const changes =
    old.length === 0 || now.length === 0
      ? [
          { value: old.join('\n'), removed: true, added: false },
          { value: now.join('\n'), removed: false, added: true },
        ]
      : diffWordsWithSpace(old.join('\n'), now.join('\n'));
  for (const { value, removed: gone, added: came } of changes) {
    if (gone) {
      const end = step(at, value);
      if (value !== '') removed.push({ start: at, end });
      at = end;
    } else if (came) {
      walk(value, true);
    } else {
      at = step(at, value);
      walk(value, false);
    }
  }
  return { now: now.map((text, i) => ({ text, added: added[i]! })), removed };
}
