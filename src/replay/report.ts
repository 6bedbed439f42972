/** The report of a replay: what the protocol calls --out, and the table for people. All but `cost` is reproducible. */
import { type Part, PRIOR_ARM, REFERENCE } from './arms.ts';
import type { Forgotten } from './canary.ts';
import { blockTallies, type CurvePoint, curve, type Lift, lift, sweep, withInterval } from './compare.ts';
import { change, percent, plain, ranged } from './figures.ts';
import { type QualityFigures, qualityFigures } from './quality-figures.ts';
import { type Interval, interval } from './resample.ts';
import type { Learned } from './run.ts';
import {
  acceptRate,
  acceptRateWithoutShort,
  BLOCK,
  type ByPoint,
  exactness,
  falseAlarms,
  type Run,
  ratio,
  reward,
  savedShare,
  sum,
} from './tally.ts';
import { POINTS } from './typist.ts';
import { type Fate, walk } from './walk.ts';

/** One arm in one or several sources. */
export interface ArmRuns {
  readonly name: string;
  readonly threshold: number;
  readonly learns: boolean;
  readonly runs: readonly Run[];
  /** Milliseconds of each answer. */
  readonly times: readonly number[];
  /** Milliseconds of each look at an answer's quality. */
  readonly checks: readonly number[];
  readonly learned: Learned | null;
  /** null without a canary. */
  readonly forgotten: Forgotten | null;
  /** Bytes. */
  readonly peakMemory: number;
}

export interface Cost {
  readonly askMs: { readonly p50: number | null; readonly p95: number | null };
  /** Of a look at an answer's syntax, reversal and deletions. */
  readonly checkMs: { readonly p50: number | null; readonly p95: number | null };
  readonly peakMemory: number;
  /** null for an arm that does not learn. */
  readonly training: Learned | null;
}

/** Shares of the canary's asks at arrival that are answered right. */
export interface Forgetting {
  readonly asks: number;
  readonly before: number;
  readonly after: number;
}

export interface SignalsPoint {
  /** Signals so far, over all sources in turn. */
  readonly signals: number;
  /** Among the signals since the point before. */
  readonly accepted: number;
  readonly partly: number;
  readonly rejected: number;
  readonly acceptRate: number | null;
  /** Its interval. */
  readonly low: number | null;
  readonly high: number | null;
}

export interface Lifts {
  readonly all: Lift;
  readonly lastHalf: Lift;
}

export interface ArmReport {
  readonly name: string;
  readonly threshold: number;
  readonly asks: ByPoint<number>;
  readonly shown: number;
  readonly accepted: number;
  readonly partly: number;
  readonly rejected: number;
  readonly acceptRate: number | null;
  readonly acceptRateWithoutShort: number | null;
  readonly saved: number | null;
  readonly reward: number | null;
  readonly exact: ByPoint<number | null>;
  readonly falseAlarms: number | null;
  /** What became of the asks at the live threshold. */
  readonly fates: ByPoint<Readonly<Record<Fate, number>>>;
  readonly intervals: { readonly acceptRate: Interval; readonly saved: Interval; readonly reward: Interval };
  /** null without the arm `frozen`. */
  readonly lift: Lifts | null;
  /** Of a gate and more, against the gate alone, if that was played: what the other parts bring. */
  readonly overGate?: Lifts;
  /** Of a gate, alone or with more, against its prior, if that was played: what is learned along the way. */
  readonly overPrior?: Lifts;
  /** Of all answers, and of those shown and not covered. */
  readonly quality: { readonly given: QualityFigures; readonly shown: QualityFigures };
  /** null without `--canary`. */
  readonly forgetting: Forgetting | null;
  /** counterfactual: the arm learned from what it showed at its live threshold, and would have learned other things. */
  readonly curveIs: 'exact' | 'counterfactual';
  readonly curve: readonly CurvePoint[];
  readonly bySignals: readonly SignalsPoint[];
  /** `frozen` only: its live accept rate over theirs where they save as much. */
  readonly vs?: Readonly<Record<string, Interval>>;
  readonly cost: Cost;
}

/** Arms that begin with it are held against it, too. */
const GATE: Part = 'gate';

/** Signals of a point of `bySignals`. */
export const SIGNALS_STEP = 100;

/** Reports of arms that answered the same asks of the same sources. */
export function reportArms(arms: readonly ArmRuns[], seed: number): ArmReport[] {
  const overReference = liftsOver(arms, REFERENCE, seed);
  const overGate = liftsOver(arms, GATE, seed);
  const overPrior = liftsOver(arms, PRIOR_ARM, seed);
  return arms.map((arm) => {
    const { name, threshold, runs } = arm;
    const live = blockTallies(runs, threshold, false);
    const total = sum(live.flat());
    const hasGate = name.split('+').includes(GATE);
    return {
      name,
      threshold,
      ...exactnessOf(runs),
      shown: total.shown,
      accepted: total.accepted,
      partly: total.partly,
      rejected: total.shown - total.accepted - total.partly,
      acceptRate: acceptRate(total),
      acceptRateWithoutShort: acceptRateWithoutShort(total),
      saved: savedShare(total),
      reward: reward(total),
      falseAlarms: falseAlarms(total),
      fates: fatesOf(runs, threshold),
      quality: qualityFigures(runs, threshold),
      intervals: {
        acceptRate: withInterval(live, seed, acceptRate),
        saved: withInterval(live, seed, savedShare),
        reward: withInterval(live, seed, reward),
      },
      lift: overReference?.(arm) ?? null,
      ...(hasGate && name !== GATE && overGate !== null && { overGate: overGate(arm) }),
      ...(hasGate && overPrior !== null && { overPrior: overPrior(arm) }),
      forgetting: forgettingOf(arm.forgotten),
      curveIs: arm.learns ? 'counterfactual' : 'exact',
      curve: curve(sweep(runs, threshold), seed),
      bySignals: bySignals(arm, seed),
      ...(name === REFERENCE ? { vs: versus(arm, arms, seed) } : {}),
      cost: {
        askMs: { p50: quantile(arm.times, 0.5), p95: quantile(arm.times, 0.95) },
        checkMs: { p50: quantile(arm.checks, 0.5), p95: quantile(arm.checks, 0.95) },
        peakMemory: arm.peakMemory,
        training: arm.learned,
      },
    };
  });
}

/** Arms of several sources as one: their runs side by side. */
export function pool(sources: readonly (readonly ArmRuns[])[]): ArmRuns[] {
  return sources[0]!.map(({ name, threshold, learns }, i) => {
    const all = sources.map((arms) => arms[i]!);
    return {
      name,
      threshold,
      learns,
      runs: all.flatMap((a) => a.runs),
      times: all.flatMap((a) => a.times),
      checks: all.flatMap((a) => a.checks),
      learned: added(all.map((a) => a.learned)),
      forgotten: added(all.map((a) => a.forgotten)),
      peakMemory: Math.max(...all.map((a) => a.peakMemory)),
    };
  });
}

/** A table for people: shares in percent. */
export function table(arms: readonly ArmReport[]): string {
  const rows = [
    [
      'arm',
      'shown',
      'accept rate',
      'saved',
      'reward per 100 asks',
      'exact far',
      'arrival',
      'typing',
      'rest',
      'false alarms',
      'ask p50',
    ],
    ...arms.map((a) => [
      a.name,
      `${a.shown}`,
      ranged(a.intervals.acceptRate, percent),
      ranged(a.intervals.saved, percent),
      ranged(a.intervals.reward, plain),
      ...(['far', 'arrival', 'typing', 'rest'] as const).map((p) => percent(a.exact[p])),
      percent(a.falseAlarms),
      a.cost.askMs.p50 === null ? '–' : `${a.cost.askMs.p50.toFixed(1)} ms`,
    ]),
  ];
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((r) => r[c]!.length)));
  return rows
    .map((r) =>
      r
        .map((cell, c) => cell.padEnd(widths[c]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What an arm brings over the gate alone, and over the gate's prior, as far as these were played; a line each. */
export function overTexts({ name, overGate, overPrior }: ArmReport): string[] {
  const said = ({ acceptRateAtEqualSaved: rate, reward: difference }: Lift): string =>
    `${ranged(difference, plain)} per 100 asks${rate.value === null ? '' : `, accept rate at equal saved ${ranged(rate, change)}`}`;
  const text = (what: string, lifts: Lifts | undefined): string[] =>
    lifts === undefined ? [] : [`${name} against ${what}: ${said(lifts.all)}; last half ${said(lifts.lastHalf)}`];
  return [...text('the gate alone', overGate), ...text("the gate's prior", overPrior)];
}

/** What the table has no column for, a line each: arms against each other, forgetting, syntax, training. */
export function notes(arms: readonly ArmReport[]): string {
  const changed = (found: Interval): string =>
    found.value === null ? 'no figure (out of range, or saves too little)' : ranged(found, change);
  const lines = arms.flatMap((a) => {
    const { shown } = a.quality;
    const { training } = a.cost;
    return [
      ...Object.entries(a.vs ?? {}).map(([n, v]) => `${a.name}: accept rate at equal saved against ${n} ${changed(v)}`),
      ...(a.lift && a.name !== REFERENCE
        ? [
            `${a.name}: lift ${changed(a.lift.all.acceptRateAtEqualSaved)}, last half ${changed(a.lift.lastHalf.acceptRateAtEqualSaved)}`,
          ]
        : []),
      ...overTexts(a),
      ...(a.forgetting
        ? [
            `${a.name}: exact at arrival in the canary ${percent(a.forgetting.before)} before, ${percent(a.forgetting.after)} after`,
          ]
        : []),
      ...(training
        ? [`${a.name}: ${training.labels} lessons, ${training.steps} steps, ${training.tokens} tokens trained`]
        : []),
      ...(shown.answers > 0
        ? [
            `${a.name}: of those shown ${percent(shown.newErrors)} bring syntax errors (right ones ${percent(shown.newErrorsByOutcome.right)}, ` +
              `wrong ones ${percent(shown.newErrorsByOutcome.wrong)}), ${percent(shown.undoes)} undo the last edit, ${percent(shown.removesLines)} delete lines`,
          ]
        : []),
    ];
  });
  return lines.join('\n');
}

/** What lifts arms have over one of them; null where that was not played. */
function liftsOver(arms: readonly ArmRuns[], name: string, seed: number): ((arm: ArmRuns) => Lifts) | null {
  const reference = arms.find((a) => a.name === name);
  if (reference === undefined) return null;
  const curves = [false, true].map((half) => sweep(reference.runs, reference.threshold, half));
  const over = ({ runs, threshold }: ArmRuns, half: boolean): Lift =>
    lift(blockTallies(runs, threshold, half), curves[half ? 1 : 0]!, reference.threshold, seed);
  return (arm) => ({ all: over(arm, false), lastHalf: over(arm, true) });
}

function exactnessOf(runs: readonly Run[]) {
  const { asks, exact } = exactness(runs);
  return { asks, exact };
}

/** The frozen arm against every other one's curve. */
function versus(frozen: ArmRuns, arms: readonly ArmRuns[], seed: number): Record<string, Interval> {
  const live = blockTallies(frozen.runs, frozen.threshold, false);
  const others = arms.filter((a) => a !== frozen && (a.name === 'zeroshot' || a.name === 'copy'));
  return Object.fromEntries(
    others.map((a) => [a.name, lift(live, sweep(a.runs, a.threshold), a.threshold, seed).acceptRateAtEqualSaved]),
  );
}

/** Accept rates of SIGNALS_STEP signals each; their intervals draw the blocks of commits in which they were shown. */
function bySignals({ runs, threshold }: ArmRuns, seed: number): SignalsPoint[] {
  const points: SignalsPoint[] = [];
  let signals = 0;
  let blocks = new Map<string, { shown: number; accepted: number; partly: number }>();
  const end = (): void => {
    const counts = [...blocks.values()];
    const total = (name: 'shown' | 'accepted' | 'partly'): number => counts.reduce((n, c) => n + c[name], 0);
    const [shown, accepted, partly] = [total('shown'), total('accepted'), total('partly')];
    const rate = interval([counts.length], seed, ([weights]) => {
      const weigh = (value: (c: (typeof counts)[number]) => number): number =>
        counts.reduce((n, c, i) => n + weights![i]! * value(c), 0);
      return ratio(
        weigh((c) => c.accepted + c.partly / 2),
        weigh((c) => c.shown),
      );
    });
    points.push({
      signals,
      accepted,
      partly,
      rejected: shown - accepted - partly,
      acceptRate: rate.value,
      low: rate.low,
      high: rate.high,
    });
    blocks = new Map();
  };
  for (const [source, run] of runs.entries()) {
    for (const { ask, fate } of walk(run.asks, threshold)) {
      if (fate === 'silent' || fate === 'covered') continue;
      signals++;
      const block = `${source}/${Math.floor(ask.commit / BLOCK)}`;
      let counts = blocks.get(block);
      if (counts === undefined) blocks.set(block, (counts = { shown: 0, accepted: 0, partly: 0 }));
      counts.shown++;
      if (fate === 'accepted') counts.accepted++;
      if (fate === 'partly') counts.partly++;
      if (signals % SIGNALS_STEP === 0) end();
    }
  }
  if (signals % SIGNALS_STEP !== 0) end();
  return points;
}

function fatesOf(runs: readonly Run[], threshold: number): ArmReport['fates'] {
  const none = (): Record<Fate, number> => ({ accepted: 0, partly: 0, rejected: 0, silent: 0, covered: 0 });
  const fates = Object.fromEntries(POINTS.map((p) => [p, none()])) as ByPoint<Record<Fate, number>>;
  for (const run of runs) for (const { ask, fate } of walk(run.asks, threshold)) fates[ask.point][fate]++;
  return fates;
}

function forgettingOf(forgotten: Forgotten | null): Forgetting | null {
  if (forgotten === null) return null;
  const { asks, before, after } = forgotten;
  return { asks, before: before / asks, after: after / asks };
}

/** Sums of records of numbers; null if one is missing. */
function added<T extends Readonly<Record<keyof T, number>>>(all: readonly (T | null)[]): T | null {
  return all.reduce((a, b) => {
    if (a === null || b === null) return null;
    return Object.fromEntries(Object.entries(a).map(([key, n]) => [key, (n as number) + b[key as keyof T]])) as T;
  });
}

function quantile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  return values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))]!;
}
