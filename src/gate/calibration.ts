/** Whether probabilities mean what they say: a table of forecasts against what came, and two figures of it. */

/** A forecast and what came of it, both 0 to 1. */
export interface Forecast {
  readonly p: number;
  readonly worth: number;
}

/** Forecasts of nearly the same probability. */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Mean forecast, and mean of what came; null without any. */
  readonly forecast: number | null;
  readonly came: number | null;
}

export interface Calibration {
  readonly count: number;
  readonly bins: readonly Bin[];
  /** Mean squared error (Brier 1950, "Verification of forecasts expressed in terms of probability"); null without any. */
  readonly brier: number | null;
  /** Expected calibration error: mean distance of forecast and outcome over the bins, weighted by count. */
  readonly ece: number | null;
}

/** Narrower where suggestions are: most are refused, and a quarter is where showing begins to pay. */
export const EDGES = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1] as const;

/** @param forecasts those that are no probabilities are left out */
export function calibrationOf(forecasts: Iterable<Forecast>, edges: readonly number[] = EDGES): Calibration {
  const sums = edges.slice(1).map(() => ({ count: 0, p: 0, worth: 0 }));
  let [count, squares] = [0, 0];
  for (const { p, worth } of forecasts) {
    if (!(p >= 0 && p <= 1 && worth >= 0 && worth <= 1)) continue;
    const above = edges.findIndex((edge, i) => i > 0 && p < edge);
    const sum = sums[above < 0 ? sums.length - 1 : above - 1]!;
    sum.count++;
    sum.p += p;
    sum.worth += worth;
    squares += (p - worth) ** 2;
    count++;
  }
  const bins = sums.map(({ count, p, worth }, i) => ({
    from: edges[i]!,
    to: edges[i + 1]!,
    count,
    forecast: count === 0 ? null : p / count,
    came: count === 0 ? null : worth / count,
  }));
  const distance = sums.reduce((total, { p, worth }) => total + Math.abs(p - worth), 0);
  return { count, bins, brier: count === 0 ? null : squares / count, ece: count === 0 ? null : distance / count };
}
