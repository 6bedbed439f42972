/**
 * How likely it is that a recent edit is done again at a place, told before the model is asked: a logistic regression
 * on what the edit was and where it would be done, fitted on the tune split (docs/edits.md).
 */
import { FITTED } from './fitted-odds.ts';
import type { Application } from './rules.ts';

/**
 * Where the cursor stands: behind what is being typed, so that the edit under way has to end first; at another line than
 * the last edit's, which says where the next one is; or still at the last edit.
 */
export const SITUATIONS = ['typing', 'arrived', 'stayed'] as const;
export type Situation = (typeof SITUATIONS)[number];

/** What is done with a change: what the same change would do beside it, what its edit did, or what any edit did. */
export const ALONG = ['alone', 'alike', 'of its edit', 'of any edit'] as const;
export type Along = (typeof ALONG)[number];

/** What is known of a candidate without a model. */
export interface Facts {
  readonly base: Application;
  /** Lines from the cursor's down to where it begins. */
  readonly away: number;
  /** Places in the window where the change applies. */
  readonly places: number;
  readonly along: Along;
  /** Changes made in its line, and in the lines beside. */
  readonly changes: number;
  readonly beside: number;
  /** Lines that the edit has more than one, once made. */
  readonly addedLines: number;
}

const FEATURES: readonly (readonly [name: string, value: (facts: Facts) => number])[] = [
  ['always', () => 1],
  // What stands here as it stood there.
  ['what goes', ({ base }) => Math.sqrt(Math.min(20, base.own))],
  ['what follows', ({ base }) => Math.log1p(base.right)],
  ['what stands on both sides', ({ base }) => Math.log1p(Math.min(base.left, base.right))],
  ['only adds', ({ base }) => flag(isAddition(base))],
  ['only adds, and what follows', ({ base }) => (isAddition(base) ? Math.log1p(base.right) : 0)],
  // The edit that did it.
  ['the last edit', ({ base }) => flag(base.rule.age === 0)],
  ['edits since', ({ base }) => Math.log1p(base.rule.age)],
  ['changes of the edit', ({ base }) => Math.log1p(base.rule.changes - 1)],
  ['edits that changed the same', ({ base }) => Math.log1p(base.rule.times - 1)],
  ['the last two changed the same', ({ base }) => flag(base.rule.isRunning)],
  // Where it would be done.
  ['lines away', ({ away }) => Math.log1p(Math.abs(away))],
  ['above the cursor', ({ away }) => flag(away < 0)],
  ["in the cursor's line", ({ away }) => flag(away === 0)],
  ['places', ({ places }) => Math.log1p(places - 1)],
  // What would be done with it.
  ['alike', ({ along }) => flag(along === 'alike')],
  ['of any edit', ({ along }) => flag(along === 'of any edit')],
  ['changes in the line', ({ changes }) => Math.log1p(changes - 1)],
  ['changes beside', ({ beside }) => Math.log1p(beside)],
  ['lines', ({ addedLines }) => Math.log1p(addedLines)],
];

export const ODDS_FEATURES: readonly string[] = FEATURES.map(([name]) => name);

/** As many as ODDS_FEATURES. */
export function oddsFeatures(facts: Facts): number[] {
  return FEATURES.map(([, value]) => value(facts));
}

/** Natural log of the odds are held to this: what was never seen is neither impossible nor sure. */
const MOST = 5;
const LEAST = -10;

const WEIGHTS = new Map(
  SITUATIONS.map((situation) => [situation, ODDS_FEATURES.map((name) => FITTED[situation]![name] ?? 0)]),
);

/** Natural log of the odds that just this edit comes next. */
export function logOdds(situation: Situation, facts: Facts): number {
  const weights = WEIGHTS.get(situation)!;
  const sum = oddsFeatures(facts).reduce((total, x, i) => total + x * weights[i]!, 0);
  return Math.min(MOST, Math.max(LEAST, sum));
}

function isAddition({ rule }: Application): boolean {
  return rule.removed.length === 0;
}

function flag(is: boolean): number {
  return is ? 1 : 0;
}
