/**
 * A bar chart of the panel, as data in the page: `webview/charts.ts` draws it. A screen reader hears the summary; the
 * figures are in a table beside it.
 */
import { type Html, html } from './html.ts';

export interface Bar {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  /** At least 0; null: nothing is known of that day. */
  readonly value: number | null;
  /** The bar in a sentence, for a pointer that rests on it. */
  readonly title: string;
}

/** What `data-chart` of a canvas holds, as JSON. */
export interface Chart {
  /** Every day, oldest first. */
  readonly bars: readonly Bar[];
  /** Top of the scale; the greatest value if that is more. */
  readonly top: number;
  /** How the scale is written: a share of 1 in per cent, or a number. */
  readonly unit: 'share' | 'number';
  /** BCP 47; one that Intl knows. */
  readonly locale: string;
}

/** @param summary the chart in a sentence */
export function chartHtml(summary: string, chart: Chart): Html {
  return html`<div class="chart"><canvas role="img" aria-label="${summary}" data-chart="${JSON.stringify(chart)}"></canvas></div>`;
}

/** Every day from `from` to `to`, both included, as `YYYY-MM-DD` of this machine's calendar. */
export function daysBetween(from: number, to: number): string[] {
  const days: string[] = [];
  const day = new Date(from);
  day.setHours(12, 0, 0, 0); // a day with another length has a noon all the same
  for (; localDay(day.getTime()) <= localDay(to); day.setDate(day.getDate() + 1)) days.push(localDay(day.getTime()));
  return days;
}

export function localDay(at: number): string {
  const date = new Date(at);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
