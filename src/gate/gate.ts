/**
 * When to stay silent: how likely a suggestion is to be accepted, learned from what became of those before.
 *
 * An accept is worth 0.75, a reject costs 0.25, silence is worth nothing: showing pays where p > 0.25 (SHOW).
 * A gate is a function of its prior and of what it was told, in order: there is nothing else to store.
 */
import { addedText, type Candidate, digestOf, FEATURE_NAMES, featuresOf, type Moment, VERSION } from './features.ts';
import { Habits, type Seldom } from './habits.ts';
import { type Bounds, Logistic, type Prior } from './logistic.ts';
import { type Outcome, Past } from './past.ts';
import { fixed, PRIOR } from './prior.ts';

/** Least probability at which showing is worth more than silence. */
export const SHOW = 0.25;

/** What a suggestion is worth to learning: 0.25 of reward for a part is what a coin's toss of an accept is worth. */
export const WORTH = { accepted: 1, partly: 0.5, rejected: 0 } as const;

/**
 * A gate that shows nothing learns nothing. The longer it has shown nothing, the more of what it does not know it takes
 * for granted: one standard deviation for each `asks`, up to `most` (an upper confidence bound, as in Li et al. 2010, "A
 * contextual-bandit approach to personalized news article recommendation"). So it tries what is likely and what it knows
 * little of, and never what it knows to be hopeless.
 */
export const CURIOSITY = { asks: 30, most: 3 } as const;

export const BOUNDS: Bounds = { radius: 5, memory: 5_000 };

/** A judgement; with `worth` it is all that `learn` needs. */
export interface Judgement {
  readonly version: number;
  readonly at: number;
  /** How likely it is to be accepted, 0 to 1. */
  readonly p: number;
  /** p, or more out of curiosity: what is held against SHOW. */
  readonly tried: number;
  readonly features: readonly number[];
  readonly path: string;
  readonly languageId: string;
  /** Zero-based line on which the edit begins. */
  readonly line: number;
  /** 16 bits of what is put in, as Past compares it. */
  readonly digest: number;
}

export class Gate {
  readonly #logistic: Logistic;
  /** null: it is told nothing. */
  readonly #habits: Habits | null;
  readonly #past = new Past();
  /** Asks at the newest example. */
  #at = 0;

  /** @param habits null: what is taken seldom is not looked for */
  constructor(prior: Prior = PRIOR, bounds: Bounds = BOUNDS, habits: Habits | null = new Habits()) {
    this.#logistic = new Logistic(prior, bounds);
    this.#habits = habits;
  }

  /** Changes nothing. */
  judge(candidate: Candidate, moment: Moment): Judgement {
    const features = featuresOf(candidate, moment, this.#past);
    const { at } = moment;
    const { path, languageId } = candidate.snapshot;
    const factor = this.#habits?.factor({ features, path, languageId }, at) ?? 1;
    const p = factor * this.#logistic.predict(features, at - this.#at);
    const digest = digestOf(addedText(candidate));
    const since = Math.min(this.#past.since(at) ?? at, at - (moment.shown ?? Number.NEGATIVE_INFINITY));
    const deviations = Math.min(CURIOSITY.most, Math.max(0, since / CURIOSITY.asks || 0));
    const tried = factor * this.#logistic.predict(features, at - this.#at, deviations);
    return { version: VERSION, at, p, tried, features, path, languageId, line: candidate.edit.start.line, digest };
  }

  /**
   * A judged suggestion was shown, and this came of it. One of another version's features teaches nothing; of features
   * that were added since, one that is older says 0.
   */
  learn(judgement: Judgement, worth: number): void {
    const { version, at, features } = judgement;
    if (version === VERSION) this.#habits?.learn(judgement, this.#logistic.predict(features, at - this.#at), worth, at);
    this.imagine(judgement, worth);
    this.#past.add(outcomeOf(judgement, worth));
  }

  /** A judged suggestion was not shown; what was typed tells what it would have been worth. */
  imagine({ version, at, features }: Judgement, worth: number): void {
    if (version !== VERSION || features.length > FEATURE_NAMES.length) return;
    this.#logistic.age(at - this.#at);
    if (Number.isFinite(at)) this.#at = Math.max(this.#at, at);
    this.#logistic.learn(
      FEATURE_NAMES.map((_, i) => features[i] ?? 0),
      worth,
    );
  }

  /** Kinds of suggestions that are taken seldom, for people. */
  get seldom(): readonly Seldom[] {
    return this.#habits?.seldom(this.#at) ?? [];
  }

  /** Each feature's weight and how sure it is, for people. */
  get weights(): readonly { readonly name: string; readonly weight: number; readonly deviation: number }[] {
    const { weights, variances } = this.#logistic;
    return FEATURE_NAMES.map((name, i) => ({ name, weight: weights[i]!, deviation: Math.sqrt(variances[i]!) }));
  }
}

/** A gate that nothing moves: what the prior alone is worth. */
export function fixedGate(prior: Prior = PRIOR): Gate {
  return new Gate(fixed(prior), BOUNDS, null);
}

function outcomeOf({ at, path, digest }: Judgement, worth: number): Outcome {
  return { at, worth, path, digest };
}
