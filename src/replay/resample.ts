/**
 * The two-level bootstrap: repositories are drawn with replacement, then in each of them blocks of commits.
 *
 * Edits of one commit, and commits of one week, are alike: single asks drawn at random would promise too much.
 */
import { seeded } from '../trainer/random.ts';

export interface Interval {
  readonly value: number | null;
  /** 2.5 % and 97.5 % quantiles; null for a single block, and where fewer than half of the resamples have a value. */
  readonly low: number | null;
  readonly high: number | null;
}

/** How often each block of each source counts: [source][block]. */
export type Weights = readonly (readonly number[])[];

export const RESAMPLES = 1000;

/**
 * @param blocks number of blocks of each source
 * @returns RESAMPLES weights, a function of `blocks` and `seed`
 */
export function* resamples(blocks: readonly number[], seed: number): Generator<Weights> {
  const random = seeded(seed);
  for (let n = 0; n < RESAMPLES; n++) {
    const weights = blocks.map((count) => new Array<number>(count).fill(0));
    for (let drawn = 0; drawn < blocks.length; drawn++) {
      const source = weights[Math.floor(random() * blocks.length)]!;
      for (let i = 0; i < source.length; i++) source[Math.floor(random() * source.length)]!++;
    }
    yield weights;
  }
}

/** A statistic of the sample itself, with its interval. */
export function interval(
  blocks: readonly number[],
  seed: number,
  statistic: (weights: Weights) => number | null,
): Interval {
  const value = statistic(blocks.map((count) => new Array<number>(count).fill(1)));
  // One block drawn again and again is always itself: that is no certainty.
  if (blocks.reduce((a, b) => a + b, 0) < 2) return { value, low: null, high: null };
  const values: number[] = [];
  for (const weights of resamples(blocks, seed)) {
    const v = statistic(weights);
    if (v !== null) values.push(v);
  }
  if (value === null || values.length < RESAMPLES / 2) return { value, low: null, high: null };
  values.sort((a, b) => a - b);
  const quantile = (share: number): number => values[Math.round(share * (values.length - 1))]!;
  return { value, low: quantile(0.025), high: quantile(0.975) };
}
