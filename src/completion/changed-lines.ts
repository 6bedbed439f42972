/** Which lines of a text were changed since an earlier one, as an editor that watched would have told it. */
import { diffArrays } from 'diff';

/** Lines `from` to `to` (exclusive) of the earlier text gave way to lines `fromNow` to `toNow`. */
export interface ChangedLines {
  readonly from: number;
  readonly to: number;
  readonly fromNow: number;
  readonly toNow: number;
}

/** Lines that are compared one by one, and how many of them may differ: beyond that nothing is said. */
export const COMPARED = { lines: 4_000, changes: 400 } as const;

/**
 * The changes between two texts in order, at least one unchanged line between any two of them. Where lines only went or
 * only came, the line above is part of the change (or the one below, at the beginning), as where somebody typed them.
 *
 * @returns null where the texts are too different to tell
 */
export function changedLines(before: readonly string[], now: readonly string[]): ChangedLines[] | null {
  const least = Math.min(before.length, now.length);
  let head = 0;
  while (head < least && before[head] === now[head]) head++;
  let tail = 0;
  while (tail < least - head && before.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const [old, new_] = [before.slice(head, before.length - tail), now.slice(head, now.length - tail)];
  if (Math.max(old.length, new_.length) > COMPARED.lines) return null;
  const parts = diffArrays(old, new_, { maxEditLength: COMPARED.changes });
  if (parts === undefined) return null;

  const changes: ChangedLines[] = [];
  let [at, atNow] = [head, head];
  for (const { added, removed, count } of parts) {
    if (added || removed) {
      const last = changes.at(-1);
      const [to, toNow] = [at + (removed ? count : 0), atNow + (added ? count : 0)];
      if (last?.to === at && last.toNow === atNow) changes[changes.length - 1] = { ...last, to, toNow };
      else changes.push({ from: at, to, fromNow: atNow, toNow });
    }
    if (!added) at += count;
    if (!removed) atNow += count;
  }
  return joined(changes.map((change) => withNeighbour(change, before.length)));
}

function withNeighbour(change: ChangedLines, lines: number): ChangedLines {
  const { from, to, fromNow, toNow } = change;
  if (from < to && fromNow < toNow) return change;
  if (from > 0) return { ...change, from: from - 1, fromNow: fromNow - 1 };
  return to < lines ? { ...change, to: to + 1, toNow: toNow + 1 } : change;
}

/** Changes that touch one another are one. */
function joined(changes: readonly ChangedLines[]): ChangedLines[] {
  const result: ChangedLines[] = [];
  for (const change of changes) {
    const last = result.at(-1);
    if (last !== undefined && change.from <= last.to) {
      result[result.length - 1] = { ...last, to: change.to, toNow: change.toNow };
    } else result.push(change);
  }
  return result;
}
