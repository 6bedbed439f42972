/** What was done to a line like one that stands here, done again: edits that the memory knows by the line they begin at. */
import { visible } from '../completion/text.ts';
import type { Candidate, PromptInput } from '../prompt/format.ts';
import { type Hunk, lineEdit } from '../prompt/hunk.ts';
import type { Entry } from './entry.ts';

/** Visible characters of a line that tells what is done to it; a brace alone does not. */
const LEAST_LINE = 8;
/** Natural log of the odds that it is right, as of other candidates: four times in five (docs/log.md). */
const WEIGHT = Math.log(4);

/** By which an entry is found: the first line that goes, or where none goes the line above. null: it tells too little. */
export function lineKey({ removed, anchor }: Hunk): string | null {
  const line = removed.length > 0 ? removed[0]! : anchor;
  return line === null ? null : keyOf(line);
}

export function keyOf(line: string): string | null {
  const key = line.trim();
  return visible(key) < LEAST_LINE ? null : key;
}

/** Whether two do the same, however deep. */
export function isAlike(a: Hunk, b: Hunk): boolean {
  const same = (x: readonly string[], y: readonly string[]): boolean =>
    x.length === y.length && x.every((line, i) => line.trim() === y[i]!.trim());
  return same(a.removed, b.removed) && same(a.added, b.added);
}

/**
 * @param known what was done to a line like this one, the newest first
 * @param line of the input, as an index in its lines
 * @returns what the first of them did that can be done there; null if there is none
 */
export function again(
  known: (line: string) => Iterable<Entry>,
  { before, after, startLine }: PromptInput,
  line: number,
): Candidate | null {
  const lines = (before + after).split('\n');
  for (const { id, change } of known(lines[line] ?? '')) {
    const { removed, added, anchor } = change.hunk;
    const old = removed.length > 0 ? removed : [anchor!];
    const moved = shiftOf(old, lines.slice(line, line + old.length))?.(added) ?? null;
    if (moved === null) continue;
    const at = removed.length > 0 ? line : line + 1;
    // What comes between two lines comes between two such lines: it may stand there already.
    if (removed.length === 0 && (change.below ?? '').trim() !== (lines[at] ?? '').trim()) continue;
    return { edit: lineEdit(lines, startLine, at, removed.length, moved), weight: WEIGHT, entry: id };
  }
  return null;
}

/**
 * How lines that stood beside `old` are indented where `now` stands instead.
 *
 * @returns null if the two differ in more than how deep they are
 */
function shiftOf(
  old: readonly string[],
  now: readonly string[],
): ((lines: readonly string[]) => string[] | null) | null {
  if (old.length !== now.length || old.some((line, i) => line.trim() !== now[i]!.trim())) return null;
  if (old.every((line, i) => line === now[i])) return (lines) => [...lines];
  const [from, to] = [indentOf(old[0]!), indentOf(now[0]!)];
  const move = (line: string): string | null =>
    line.trim() === '' ? line : line.startsWith(from) ? to + line.slice(from.length) : null;
  if (old.some((line, i) => move(line) !== now[i])) return null;
  return (lines) => {
    const moved = lines.map(move);
    return moved.every((line) => line !== null) ? moved : null;
  };
}

function indentOf(line: string): string {
  return /^\s*/.exec(line)![0];
}
