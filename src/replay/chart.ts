/** Charts as SVG text: pure functions of their figures. Colours are classes, which the page's style sheet has. */
import { t } from '@vscode/l10n';

/** Text as HTML or SVG content and attribute. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly low: number | null;
  readonly high: number | null;
  /** Said when the pointer rests on it. */
  readonly title: string;
}

export interface Line {
  readonly name: string;
  /** Number of its colour. */
  readonly color: number;
  readonly points: readonly Point[];
  /** Drawn apart: where the arm really is. */
  readonly live: Point | null;
  /** Broken: what did not happen like this. */
  readonly dashed: boolean;
}

interface Axis {
  readonly label: string;
  readonly format: (value: number) => string;
}

const WIDTH = 560;
const HEIGHT = 300;
const FRAME = { left: 62, right: 22, top: 14, bottom: 44 };

/** So many points of a line are drawn as dots. */
const FEW = 15;

/** Lines with their intervals as bands, over two axes that begin at 0. */
export function lineChart(title: string, lines: readonly Line[], x: Axis, y: Axis): string {
  const all = lines.flatMap((l) => [...l.points, ...(l.live ? [l.live] : [])]);
  if (all.length === 0)
    return `<p class="nothing">${escaped(t('Nothing was shown, so there is nothing to draw.'))}</p>`;
  const right = top(Math.max(...all.map((p) => p.x)));
  const up = Math.min(top(Math.max(...all.map((p) => p.high ?? p.y))), y.format(1) === '100 %' ? 1 : Number.MAX_VALUE);
  const px = (v: number): string => num(FRAME.left + (v / right) * (WIDTH - FRAME.left - FRAME.right));
  const py = (v: number): string =>
    num(HEIGHT - FRAME.bottom - (Math.min(v, up) / up) * (HEIGHT - FRAME.top - FRAME.bottom));
  const grid = [
    ...ticks(up).map(
      (v) =>
        `<line class="grid" x1="${px(0)}" x2="${px(right)}" y1="${py(v)}" y2="${py(v)}"/>` +
        `<text x="${FRAME.left - 8}" y="${py(v)}" dy="4" text-anchor="end">${escaped(y.format(v))}</text>`,
    ),
    ...ticks(right).map(
      (v) => `<text x="${px(v)}" y="${HEIGHT - FRAME.bottom + 18}" text-anchor="middle">${escaped(x.format(v))}</text>`,
    ),
  ];
  const drawn = lines.map(({ name, color, points, live, dashed }) => {
    const banded = points.filter((p) => p.low !== null && p.high !== null);
    const band = [
      ...banded.map((p) => `${px(p.x)},${py(p.high!)}`),
      ...banded.toReversed().map((p) => `${px(p.x)},${py(p.low!)}`),
    ];
    const path = points.map((p) => `${px(p.x)},${py(p.y)}`).join(' ');
    const dots = points.map(
      (p) => `<circle class="dot" cx="${px(p.x)}" cy="${py(p.y)}" r="3"><title>${escaped(p.title)}</title></circle>`,
    );
    const here = live
      ? (live.low === null || live.high === null
          ? ''
          : `<line class="whisker" x1="${px(live.x)}" x2="${px(live.x)}" y1="${py(live.low)}" y2="${py(live.high)}"/>`) +
        `<circle class="live" cx="${px(live.x)}" cy="${py(live.y)}" r="6"><title>${escaped(live.title)}</title></circle>`
      : '';
    return (
      `<g class="c${color}${dashed ? ' dashed' : ''}${points.length <= FEW ? ' few' : ''}" aria-label="${escaped(name)}">` +
      (band.length > 2 ? `<polygon class="band" points="${band.join(' ')}"/>` : '') +
      `<polyline class="line" points="${path}"/>${dots.join('')}${here}</g>`
    );
  });
  return (
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">${grid.join('')}` +
    `<line class="axis" x1="${px(0)}" x2="${px(right)}" y1="${py(0)}" y2="${py(0)}"/>` +
    `<text class="label" x="${(FRAME.left + WIDTH - FRAME.right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escaped(x.label)}</text>` +
    `<text class="label" x="12" y="${(HEIGHT - FRAME.bottom) / 2}" text-anchor="middle" transform="rotate(-90 12 ${(HEIGHT - FRAME.bottom) / 2})">${escaped(y.label)}</text>` +
    `${drawn.join('')}</svg>`
  );
}

export interface Bar {
  readonly label: string;
  readonly note: string;
  /** Shares of the bar in order, each with its class. */
  readonly parts: readonly { readonly share: number; readonly class: string; readonly title: string }[];
}

const BAR = { height: 16, gap: 8, label: 74, note: 118 };

/** Bars of parts, one below the other, each as long as the others. */
export function stackedBars(title: string, bars: readonly Bar[]): string {
  const width = WIDTH - BAR.label - BAR.note;
  const rows = bars.map(({ label, note, parts }, i) => {
    const y = i * (BAR.height + BAR.gap) + 4;
    let at = 0;
    const rects = parts.map((part) => {
      const x = BAR.label + at * width;
      at += part.share;
      return part.share === 0
        ? ''
        : `<rect class="${part.class}" x="${num(x)}" y="${y}" width="${num(Math.max(1, part.share * width))}" height="${BAR.height}"><title>${escaped(part.title)}</title></rect>`;
    });
    return (
      `<text x="${BAR.label - 8}" y="${y + 12}" text-anchor="end">${escaped(label)}</text>${rects.join('')}` +
      `<text class="note" x="${WIDTH - BAR.note + 8}" y="${y + 12}">${escaped(note)}</text>`
    );
  });
  const height = bars.length * (BAR.height + BAR.gap) + 4;
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">${rows.join('')}</svg>`;
}

/** The least round number that is not below: where an axis ends. */
function top(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((n) => n * power).find((n) => n >= value * (1 - 1e-9))!;
}

function ticks(end: number): number[] {
  const power = 10 ** Math.floor(Math.log10(end));
  const lead = Math.round((end / power) * 10) / 10;
  const parts = lead === 1 || lead === 5 || lead === 10 ? 5 : lead === 3 || lead === 1.5 || lead === 6 ? 3 : 4;
  return Array.from({ length: parts + 1 }, (_, i) => (end * i) / parts);
}

function num(value: number): string {
  return (Math.round(value * 10) / 10).toString();
}
