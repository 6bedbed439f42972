/**
 * A bar chart as SVG: one bar a day, colours from the theme by CSS classes. A screen reader hears the summary; the
 * figures are in a table beside it.
 */
import { type Html, html } from './html.ts';

export interface Bar {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  /** At least 0; null: nothing is known of that day. */
  readonly value: number | null;
  /** What a pointer that rests on it is told. */
  readonly title: string;
}

export interface ChartOptions {
  readonly id: string;
  /** The chart in a sentence. */
  readonly summary: string;
  /** Top of the scale; the greatest value if that is more. */
  readonly top: number;
  readonly format: (value: number) => string;
}

/** Units of the view box. */
const SIZE = { width: 640, height: 140, left: 44, bottom: 18, top: 8 } as const;

/** Draws a bar for each day; `bars` has every day, oldest first. */
export function barChart(bars: readonly Bar[], { id, summary, top, format }: ChartOptions): Html {
  const scale = niceTop(Math.max(top, ...bars.map(({ value }) => value ?? 0)));
  const inner = { width: SIZE.width - SIZE.left, height: SIZE.height - SIZE.bottom - SIZE.top };
  const step = inner.width / Math.max(1, bars.length);
  const y = (value: number): number => SIZE.top + inner.height * (1 - value / scale);
  const drawn = bars.map(({ value, title }, i) => {
    if (value === null) return html``;
    const height = Math.max(value > 0 ? 1.5 : 0.5, inner.height * (value / scale));
    const x = SIZE.left + i * step + step * 0.15;
    return html`<rect class="bar" x="${round(x)}" y="${round(SIZE.top + inner.height - height)}" width="${round(step * 0.7)}" height="${round(height)}"><title>${title}</title></rect>`;
  });
  const lines = [0, scale / 2, scale].map(
    (value) =>
      html`<line class="grid" x1="${SIZE.left}" x2="${SIZE.width}" y1="${round(y(value))}" y2="${round(y(value))}"/><text class="tick" x="${SIZE.left - 6}" y="${round(y(value) + 4)}" text-anchor="end">${format(value)}</text>`,
  );
  const first = bars[0]?.day ?? '';
  const last = bars.at(-1)?.day ?? '';
  return html`<svg class="chart" role="img" aria-labelledby="${id}-summary" viewBox="0 0 ${SIZE.width} ${SIZE.height}"><title id="${id}-summary">${summary}</title>${lines}${drawn}<text class="tick" x="${SIZE.left}" y="${SIZE.height - 4}">${first}</text><text class="tick" x="${SIZE.width}" y="${SIZE.height - 4}" text-anchor="end">${last}</text></svg>`;
}

/** The least of 1, 2, 4, 5 and 10, times a power of ten, that is not less. */
export function niceTop(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 4, 5, 10].find((n) => n * power >= value * (1 - 1e-9)) ?? 10);
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

const round = (value: number): number => Math.round(value * 10) / 10;
