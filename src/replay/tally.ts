/** Counts over a walk, and the figures that they make; counts of several stretches add up to those of the whole. */
import { POINTS, type Point } from './typist.ts';
import { type Answered, type HunkSize, SHORT, walk } from './walk.ts';

/** Counts, as a fixed list of numbers: resampling adds up thousands of them. */
export const COUNTS = ['asks', 'shown', 'accepted', 'partly', 'short', 'saved', 'typed', 'restShown', 'rest'] as const;
export type Tally = Readonly<Record<(typeof COUNTS)[number], number>>;

/** Commits in one block of the bootstrap. */
export const BLOCK = 10;

export type ByPoint<T> = Readonly<Record<Point, T>>;

/** What is logged of one arm in one source. */
export interface Run {
  readonly asks: readonly Answered[];
  readonly hunks: readonly HunkSize[];
}

export function emptyTally(): Record<(typeof COUNTS)[number], number> {
  return { asks: 0, shown: 0, accepted: 0, partly: 0, short: 0, saved: 0, typed: 0, restShown: 0, rest: 0 };
}

export function add(into: Record<(typeof COUNTS)[number], number>, other: Tally): void {
  for (const name of COUNTS) into[name] += other[name];
}

/**
 * Counts by block of BLOCK commits.
 *
 * @param from index of the first ask that counts; those before are walked all the same
 */
export function tallyBlocks({ asks, hunks }: Run, threshold: number, from: number): Map<number, Tally> {
  const blocks = new Map<number, Record<(typeof COUNTS)[number], number>>();
  const block = (commit: number) => {
    const n = Math.floor(commit / BLOCK);
    let found = blocks.get(n);
    if (!found) blocks.set(n, (found = emptyTally()));
    return found;
  };
  for (const { ask, fate, saved } of walk(asks, threshold)) {
    if (ask.index < from) continue;
    const tally = block(ask.commit);
    tally.asks++;
    tally.saved += saved;
    if (ask.point === 'rest') tally.rest++;
    if (fate === 'silent' || fate === 'covered') continue;
    tally.shown++;
    if (ask.point === 'rest') tally.restShown++;
    if (fate === 'accepted') tally.accepted++;
    if (fate === 'partly') tally.partly++;
    if (fate === 'accepted' && saved < SHORT) tally.short++;
  }
  for (const hunk of hunks) if (hunk.index >= from) block(hunk.commit).typed += hunk.total;
  return blocks;
}

export function sum(tallies: Iterable<Tally>): Tally {
  const total = emptyTally();
  for (const tally of tallies) add(total, tally);
  return total;
}

/** Shares; null where there is nothing to divide by. */
export function acceptRate({ shown, accepted, partly }: Tally): number | null {
  return ratio(accepted + partly / 2, shown);
}

/** Without accepts of fewer than SHORT visible characters. */
export function acceptRateWithoutShort({ shown, accepted, partly, short }: Tally): number | null {
  return ratio(accepted - short + partly / 2, shown - short);
}

export function savedShare({ saved, typed }: Tally): number | null {
  return ratio(saved, typed);
}

/** Per 100 asks. */
export function reward({ asks, shown, accepted, partly }: Tally): number | null {
  const rejected = shown - accepted - partly;
  return ratio(100 * (0.75 * accepted + 0.25 * partly - 0.25 * rejected), asks);
}

export function falseAlarms({ restShown, rest }: Tally): number | null {
  return ratio(restShown, rest);
}

/** Asks by point, and the share of them that was answered right, shown or not. */
export function exactness(runs: readonly Run[]): { asks: ByPoint<number>; exact: ByPoint<number | null> } {
  const asks = { far: 0, arrival: 0, typing: 0, rest: 0 };
  const right = { far: 0, arrival: 0, typing: 0, rest: 0 };
  for (const run of runs) {
    for (const { point, outcome } of run.asks) {
      asks[point]++;
      if (outcome === 'right') right[point]++;
    }
  }
  const exact = Object.fromEntries(POINTS.map((p) => [p, ratio(right[p], asks[p])])) as ByPoint<number | null>;
  return { asks, exact };
}

export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
