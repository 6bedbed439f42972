/** How figures are written for people, in tables and pages alike. */
import type { Interval } from './resample.ts';

type Show = (x: number | null) => string;

/** A share, 0 to 1. */
export const percent: Show = (x) => (x === null ? '–' : `${(100 * x).toFixed(1)} %`);

export const plain: Show = (x) => (x === null ? '–' : x.toFixed(2).replace('-', '−'));

/** A change, 0.25 of which is +25 %. */
export const change: Show = (x) => (x === null ? '–' : `${x < 0 ? '−' : '+'}${(100 * Math.abs(x)).toFixed(0)} %`);

/** A figure with its interval, where it has one. */
export function ranged({ value, low, high }: Interval, show: Show): string {
  return value === null || low === null || high === null
    ? show(value)
    : `${show(value)} (${show(low)} to ${show(high)})`;
}
