/** How likely a suggestion has to be accepted before it is shown unasked: `knack.eagerness`. */
import type { Suggestion } from './suggestion.ts';

export const EAGERNESS = ['low', 'medium', 'high'] as const;
export type Eagerness = (typeof EAGERNESS)[number];

/**
 * Least probability of being accepted, as the gate says (docs/gate.md). medium: an accept is worth three rejects, so
 * showing pays from a quarter on; low: as if it were worth one; high: whatever there is.
 */
export const LEAST_LIKELY: Readonly<Record<Eagerness, number>> = { low: 0.5, medium: 0.25, high: 0 };

type Chances = Pick<Suggestion, 'tokenLogprobs' | 'tokenChances'>;

/**
 * Geometric mean of the probabilities of a suggestion's tokens among those that could come, 0 to 1: what the model gives
 * a token on average.
 */
export function confidenceOf({ tokenLogprobs, tokenChances = tokenLogprobs }: Chances): number {
  if (tokenChances.length === 0) return 0;
  return Math.exp(tokenChances.reduce((sum, chance) => sum + chance, 0) / tokenChances.length);
}

/** Whether a suggestion is to be shown to somebody who did not ask for it; one that nothing judged is. */
export function isLikelyEnough({ tried }: Pick<Suggestion, 'tried'>, eagerness: Eagerness): boolean {
  return tried === undefined || tried >= LEAST_LIKELY[eagerness];
}
