/** docs/learning.md of the reports beside it: arms by repositories, figures with their intervals, curves, cost. */
import type { CurvePoint } from '../../src/replay/compare.ts';
import { change, percent, plain, ranged } from '../../src/replay/figures.ts';
import { type ArmReport, overTexts } from '../../src/replay/report.ts';
import type { Span } from '../../src/replay/run.ts';

/** What `npm run replay -- --out` writes, as far as the page needs it; a commit with `+` had changes on top of it. */
export interface ReplayReport {
  readonly seed: number;
  readonly commit: string;
  readonly protocol: number;
  readonly options: Span & { readonly refuses?: string };
  readonly sources: readonly { readonly name: string; readonly commits: number; readonly arms: readonly ArmReport[] }[];
  readonly pooled: { readonly arms: readonly ArmReport[] };
}

export interface NamedReport {
  /** File name in docs/learning. */
  readonly file: string;
  readonly report: ReplayReport;
}

/** Points of a curve that are shown. */
const CURVE_POINTS = 6;

/** @param notes by hand, in Markdown: what the figures say, and what did not help */
export function learningPage(reports: readonly NamedReport[], notes: string): string {
  const head = `<!-- Made by npm run learning-report of docs/learning/*.json and docs/learning/notes.md; not edited by hand. -->
# Learning

What suggestions are worth in real histories, and what learning adds: by the rules of [replay.md](replay.md), each table of the report named above it. Intervals are 95 %. *Lift* is an arm's accept rate over that of \`frozen\` where both save as much, minus 1, and the difference of their rewards per 100 asks.

${notes.trim()}`;
  return `${[head, ...reports.map(section)].join('\n\n')}\n`;
}

function section({ file, report }: NamedReport): string {
  const { seed, commit, options, sources, pooled } = report;
  const { since, every, signals, limit, refuses } = options;
  const flags = [
    since === null ? null : `--since ${new Date(since * 1000).toISOString().slice(0, 10)}`,
    limit === null ? null : `--limit ${limit}`,
    signals === null ? null : `--signals ${signals}`,
    every === 1 ? null : `--every ${every}`,
    refuses === undefined ? null : `--refuses ${refuses}`,
    `--seed ${seed}`,
  ].filter((flag) => flag !== null);
  const arms = pooled.arms.map((a) => a.name).join(',');
  const outside =
    every === 1
      ? ''
      : ' Not every ask was put, so this is outside of the protocol: what is saved is a share of little.';
  const parts = [
    `## ${file.replace(/\.json$/, '')}`,
    `\`npm run replay -- ${sources.map((s) => s.name).join(' ')} --arms ${arms} ${flags.join(' ')}\`, Knack ${commit.replace(/^(.{12})[^+]*/, '$1')}, [${file}](learning/${file}).${outside}`,
    armsTable([...sources.map((s) => [s.name, s.arms] as const), ['pooled', pooled.arms]]),
    over(pooled.arms),
    curves(pooled.arms),
    costs(pooled.arms),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function armsTable(rows: readonly (readonly [string, readonly ArmReport[]])[]): string {
  const titles = ['source', 'arm', 'asks', 'shown', 'accept rate', 'saved', 'reward per 100 asks', 'exact: far, arrival, typing', 'false alarms', 'lift: accept rate; reward', 'lift, last half']; // biome-ignore format: a row
  const body = rows.flatMap(([source, arms]) =>
    arms.map((a) => [
      source,
      a.name,
      `${Object.values(a.asks).reduce((n, asks) => n + asks, 0)}`,
      `${a.shown}`,
      ranged(a.intervals.acceptRate, percent),
      ranged(a.intervals.saved, percent),
      ranged(a.intervals.reward, plain),
      [a.exact.far, a.exact.arrival, a.exact.typing].map(percent).join(', '),
      percent(a.falseAlarms),
      ...[a.lift?.all, a.lift?.lastHalf].map((lift) =>
        a.name === 'frozen' || !lift
          ? ''
          : `${ranged(lift.acceptRateAtEqualSaved, change)}; ${ranged(lift.reward, plain)}`,
      ),
    ]),
  );
  return markdown(titles, body);
}

/** What memory and weights bring beside the gate, and what the gate learns, pooled. */
function over(arms: readonly ArmReport[]): string {
  return arms
    .flatMap(overTexts)
    .map((line) => `- ${line}.`)
    .join('\n');
}

/** Accept rate against what is saved, from what is surest to everything. */
function curves(arms: readonly ArmReport[]): string {
  const rows = arms.flatMap(({ name, curve, curveIs }) =>
    curve.length === 0 ? [] : [[curveIs === 'exact' ? name : `${name} (${curveIs})`, ...spread(curve).map(point)]],
  );
  const most = Math.max(0, ...rows.map((r) => r.length));
  if (most < 2) return '';
  const filled = rows.map((r) => [...r, ...Array.from({ length: most - r.length }, () => '')]);
  return `Accept rate at what is saved, from the surest suggestions to all, pooled:\n\n${markdown(['arm', ...Array.from({ length: most - 1 }, (_, i) => `${i + 1}`)], filled)}`;
}

function spread(curve: readonly CurvePoint[]): CurvePoint[] {
  const last = curve.length - 1;
  const at = Array.from({ length: CURVE_POINTS }, (_, i) => Math.round((i * last) / (CURVE_POINTS - 1)));
  return [...new Set(at)].map((i) => curve[i]!);
}

function point({ acceptRate, saved }: CurvePoint): string {
  return `${percent(acceptRate)} at ${saved === null ? '–' : `${(100 * saved).toFixed(2)} %`}`;
}

function costs(arms: readonly ArmReport[]): string {
  const rows = arms.map(({ name, cost: { askMs, peakMemory, training }, forgetting }) => [
    name,
    `${plain(askMs.p50)}, ${plain(askMs.p95)}`,
    `${Math.round(peakMemory / 2 ** 20)}`,
    training === null ? '' : `${training.labels}`,
    training === null
      ? ''
      : `${training.steps}, ${training.tokens}, ${Math.round(training.seconds)}, ${training.promoted ?? '–'}`,
    forgetting === null ? '' : `${percent(forgetting.before)} → ${percent(forgetting.after)} of ${forgetting.asks}`,
  ]);
  return markdown(['arm', 'ask p50, p95 (ms)', 'memory (MB)', 'lessons', 'training: steps, tokens, seconds, promotions', 'canary, exact at arrival'], rows); // biome-ignore format: a row
}

function markdown(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}
