/**
 * What a developer takes seldom or never, whatever else speaks for it: nothing in comments, no deletions, nothing in
 * tests. A suggestion belongs to several kinds, and the forecast is multiplied by a factor for each. Of each kind it is
 * supposed beforehand that it hardly ever matters (LEVELS), and what becomes of suggestions decides by Bayes' rule, a
 * kind at a time while the others stay as they are (assumed density filtering, Maybeck 1982, "Stochastic models,
 * estimation, and control", volume 1).
 *
 * Logistic regression shifts all that is like a refused suggestion a little; this tells after a handful of refusals that
 * a whole kind is not wanted. Forecasts are never raised by it.
 */
import { FEATURE_NAMES } from './features.ts';

/** Factors that a kind may have, and how likely each is before anything is known. The first is that it does not matter. */
export const LEVELS = [
  { factor: 1, prior: 0.98 },
  { factor: 0.5, prior: 0.01 },
  { factor: 0.1, prior: 0.01 },
] as const;

/** Asks after which what was learned of a kind counts e times less: what is not shown any more gets another chance, about a day later. */
const MEMORY = 2_000;
/** Log-odds of another factor against none: no more than this for it, nor this below its prior. */
const MOST = 3;
/** Kinds that are kept, those told of lately: files and folders are kinds, and there is no end of them. */
const KEPT = 5_000;
/** A forecast that was all but sure, of either, says little of the kinds. */
const LEAST_FORECAST = 0.02;
const MOST_FORECAST = 0.95;

/** Visible characters, put in and taken away, of what is short; put in, of what is long. */
const SHORT = 8;
const LONG = 40;

/** What is looked at: as a judgement is stored. */
export interface Judged {
  readonly features: readonly number[];
  readonly path: string;
  readonly languageId: string;
}

export const TRAITS = [
  'short',
  'long',
  'lines',
  'removes',
  'next',
  'prose',
  'tests',
  'word',
  'again',
  'here',
  'away',
] as const;
export type Trait = (typeof TRAITS)[number];

/** A kind of suggestion; for a folder, a file and a language, which. */
export type Kind = { readonly is: Trait } | { readonly is: 'folder' | 'file' | 'language'; readonly name: string };

/** Whether a path looks like that of a test. */
export function isTest(path: string): boolean {
  return /(^|\/)(tests?|__tests__|spec)\/|[._-](test|spec)\.\w+$|(^|\/)test_[^/]*$/i.test(path);
}

const INDEX = new Map(FEATURE_NAMES.map((name, i) => [name, i]));

export function kindsOf({ features, path, languageId }: Judged): Kind[] {
  const value = (name: string): number => features[INDEX.get(name)!] ?? 0;
  // As features.ts has them: log1p(characters) / 3.
  const characters = (name: string): number => Math.round(Math.expm1(3 * value(name)));
  const [added, removed] = [characters('characters'), characters('removes')];
  const here = value('at the last edit') > 0;
  const has: Record<Trait, boolean> = {
    short: added + removed < SHORT,
    long: added > LONG,
    lines: value('lines') > 0,
    removes: value('takes away') > 0,
    next: value('lines from the cursor') !== 0,
    prose: value('prose') > 0 || value('in a comment') > 0,
    tests: isTest(path),
    word: value('in a word') > 0,
    again: value('does an edit again') > 0,
    here,
    away: !here,
  };
  return [
    ...TRAITS.filter((is) => has[is]).map((is) => ({ is })),
    { is: 'folder', name: path.slice(0, Math.max(0, path.lastIndexOf('/'))) },
    { is: 'file', name: path },
    { is: 'language', name: languageId },
  ];
}

/** What is known of one kind. */
interface Known {
  readonly kind: Kind;
  /** Log-odds of each level against the first. */
  readonly odds: readonly number[];
  /** Asks when it was learned last. */
  readonly at: number;
  readonly shown: number;
  /** What those were worth, summed up. */
  readonly taken: number;
}

/** A kind that is taken less often than others, for people. */
export interface Seldom {
  readonly kind: Kind;
  /** What forecasts are multiplied by, 0 to 1. */
  readonly factor: number;
  readonly shown: number;
  /** Of these; what was taken in part counts as half. */
  readonly taken: number;
}

const PRIOR_ODDS = LEVELS.map(({ prior }) => Math.log(prior / LEVELS[0].prior));

export class Habits {
  /** By name, those told of last at the end. */
  readonly #known = new Map<string, Known>();

  /** @param at asks so far @returns above 0, at most 1 */
  factor(judged: Judged, at: number): number {
    return kindsOf(judged).reduce((product, kind) => product * meanFactor(this.#odds(kind, at)), 1);
  }

  /**
   * A suggestion was shown.
   *
   * @param p its forecast without habits, 0 to 1
   * @param worth 0 to 1
   * @param at asks when it was suggested
   */
  learn(judged: Judged, p: number, worth: number, at: number): void {
    if (![p, worth, at].every(Number.isFinite)) return;
    const forecast = Math.min(MOST_FORECAST, Math.max(LEAST_FORECAST, p));
    const y = Math.min(1, Math.max(0, worth));
    const kinds = kindsOf(judged);
    const before = kinds.map((kind) => this.#odds(kind, at));
    const factors = before.map(meanFactor);
    for (const [n, kind] of kinds.entries()) {
      const others = factors.reduce((product, factor, m) => (m === n ? product : product * factor), forecast);
      const likelihood = LEVELS.map(
        ({ factor }) => y * Math.log(factor * others) + (1 - y) * Math.log(1 - factor * others),
      );
      const odds = before[n]!.map((o, level) =>
        Math.min(MOST, Math.max(PRIOR_ODDS[level]! - MOST, o + likelihood[level]! - likelihood[0]!)),
      );
      const name = nameOf(kind);
      const { shown, taken } = this.#known.get(name) ?? { shown: 0, taken: 0 };
      // Deleted first: those told of last stand at the end.
      this.#known.delete(name);
      this.#known.set(name, { kind, odds, at, shown: shown + 1, taken: taken + y });
    }
    for (const name of this.#known.keys()) {
      if (this.#known.size <= KEPT) break;
      this.#known.delete(name);
    }
  }

  /** Kinds that are taken less than two thirds as often as others, least first. */
  seldom(at: number): Seldom[] {
    return [...this.#known.values()]
      .map(({ kind, shown, taken }) => ({ kind, factor: meanFactor(this.#odds(kind, at)), shown, taken }))
      .filter(({ factor }) => factor < 2 / 3)
      .sort((a, b) => a.factor - b.factor);
  }

  #odds(kind: Kind, now: number): readonly number[] {
    const known = this.#known.get(nameOf(kind));
    if (known === undefined) return PRIOR_ODDS;
    const left = Math.exp(-Math.max(0, now - known.at || 0) / MEMORY);
    return PRIOR_ODDS.map((prior, level) => prior + left * (known.odds[level]! - prior));
  }
}

function meanFactor(odds: readonly number[]): number {
  const weights = odds.map(Math.exp);
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.reduce((sum, w, level) => sum + w * LEVELS[level]!.factor, 0) / total;
}

function nameOf(kind: Kind): string {
  return 'name' in kind ? `${kind.is} ${kind.name}` : kind.is;
}
