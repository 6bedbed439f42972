/** Curves by threshold, and one arm held against another's curve. */
import { type Interval, interval, type Weights } from './resample.ts';
import { acceptRate, type Run, reward, savedShare, sum, type Tally, tallyBlocks } from './tally.ts';

/** Most thresholds of a curve. */
const THRESHOLDS = 100;

/** Counts at each threshold, by source and block: [threshold][source][block]. */
export interface Sweep {
  /** From the surest on. */
  readonly thresholds: readonly number[];
  readonly tallies: readonly (readonly (readonly Tally[])[])[];
}

export interface CurvePoint {
  readonly threshold: number;
  readonly shown: number;
  readonly acceptRate: number | null;
  /** Interval of the accept rate. */
  readonly low: number | null;
  readonly high: number | null;
  readonly saved: number | null;
}

/** Blocks of a source, the same ones for every arm and threshold, as all arms answer the same asks. */
export function blockTallies(runs: readonly Run[], threshold: number, half: boolean): Tally[][] {
  return runs.map((run) => {
    const middle = half ? Math.ceil(run.asks.length / 2) : 0;
    const from = half ? (run.asks[middle]?.index ?? Number.POSITIVE_INFINITY) : Number.NEGATIVE_INFINITY;
    return [...tallyBlocks(run, threshold, from).entries()].sort(([a], [b]) => a - b).map(([, tally]) => tally);
  });
}

/** @param live threshold that is always one of the curve's */
export function sweep(runs: readonly Run[], live: number, half = false): Sweep {
  const seen = runs.flatMap((r) => r.asks.flatMap((a) => (a.confidence === null ? [] : [a.confidence])));
  const distinct = [...new Set(seen)].sort((a, b) => b - a);
  const step = Math.max(1, distinct.length / THRESHOLDS);
  const some = Array.from({ length: Math.min(THRESHOLDS, distinct.length) }, (_, i) => distinct[Math.floor(i * step)]!);
  const last = distinct.at(-1);
  const thresholds = [...new Set([...some, ...(last === undefined ? [] : [last]), live])].sort((a, b) => b - a);
  return { thresholds, tallies: thresholds.map((t) => blockTallies(runs, t, half)) };
}

export function curve({ thresholds, tallies }: Sweep, seed: number): CurvePoint[] {
  return thresholds.map((threshold, i) => {
    const total = sum(tallies[i]!.flat());
    const { value, low, high } = withInterval(tallies[i]!, seed, acceptRate);
    return { threshold, shown: total.shown, acceptRate: value, low, high, saved: savedShare(total) };
  });
}

/** Counts of a resample. */
export function weighted(tallies: readonly (readonly Tally[])[], weights: Weights): Tally {
  const total = { asks: 0, shown: 0, accepted: 0, partly: 0, short: 0, saved: 0, typed: 0, restShown: 0, rest: 0 };
  for (const [s, source] of tallies.entries()) {
    for (const [b, t] of source.entries()) {
      const w = weights[s]![b]!;
      if (w === 0) continue;
      total.asks += w * t.asks;
      total.shown += w * t.shown;
      total.accepted += w * t.accepted;
      total.partly += w * t.partly;
      total.short += w * t.short;
      total.saved += w * t.saved;
      total.typed += w * t.typed;
      total.restShown += w * t.restShown;
      total.rest += w * t.rest;
    }
  }
  return total;
}

export function blockCounts(tallies: readonly (readonly Tally[])[]): number[] {
  return tallies.map((source) => source.length);
}

/** A figure of an arm's live counts, with its interval. */
export function withInterval(
  live: readonly (readonly Tally[])[],
  seed: number,
  figure: (tally: Tally) => number | null,
): Interval {
  return interval(blockCounts(live), seed, (weights) => figure(weighted(live, weights)));
}

export interface Lift {
  readonly acceptRateAtEqualSaved: Interval;
  readonly reward: Interval;
}

/**
 * An arm's live accept rate over the reference's at the same share saved, minus 1, and their rewards' difference.
 *
 * The reference's matching threshold is its surest one that saves at least as much as the arm does, found again in
 * each resample. Null where no threshold saves as much, or as little, and where the arm saves under half of what the
 * reference saves live.
 *
 * @param arm the arm's live counts
 * @param live the reference's threshold
 */
export function lift(arm: readonly (readonly Tally[])[], reference: Sweep, live: number, seed: number): Lift {
  const atLive = reference.tallies[reference.thresholds.indexOf(live)];
  if (atLive === undefined) throw new RangeError("The reference's live threshold is not on its curve.");
  const blocks = blockCounts(arm);
  return {
    acceptRateAtEqualSaved: interval(blocks, seed, (weights) => {
      const mine = weighted(arm, weights);
      const saved = savedShare(mine);
      const rate = acceptRate(mine);
      const usual = savedShare(weighted(atLive, weights));
      if (saved === null || rate === null || usual === null || saved < usual / 2) return null;
      const other = rateAt(reference, weights, saved);
      return other === null || other === 0 ? null : rate / other - 1;
    }),
    reward: interval(blocks, seed, (weights) => {
      const [a, b] = [reward(weighted(arm, weights)), reward(weighted(atLive, weights))];
      return a === null || b === null ? null : a - b;
    }),
  };
}

/** The reference's accept rate where it saves `saved`; saving grows as the threshold falls, so the place is bisected. */
function rateAt({ tallies }: Sweep, weights: Weights, saved: number): number | null {
  const at = (i: number): Tally => weighted(tallies[i]!, weights);
  const saves = (i: number): number => savedShare(at(i)) ?? 0;
  if (tallies.length === 0 || saves(0) > saved || saves(tallies.length - 1) < saved) return null;
  let low = 0;
  let high = tallies.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (saves(middle) >= saved) high = middle;
    else low = middle + 1;
  }
  return acceptRate(at(low));
}
