/** How sure the model has to be before its suggestion is shown unasked: `knack.eagerness`. */
import type { Suggestion } from './suggestion.ts';

export const EAGERNESS = ['low', 'medium', 'high'] as const;
export type Eagerness = (typeof EAGERNESS)[number];

/** Least confidence. */
export const LEAST_CONFIDENCE: Readonly<Record<Eagerness, number>> = { low: 0.75, medium: 0.4, high: 0 };

type Chances = Pick<Suggestion, 'tokenLogprobs' | 'tokenChances'>;

/**
 * Geometric mean of the probabilities of a suggestion's tokens among those that could come, 0 to 1: what the model gives
 * a token on average.
 */
export function confidenceOf({ tokenLogprobs, tokenChances = tokenLogprobs }: Chances): number {
  if (tokenChances.length === 0) return 0;
  return Math.exp(tokenChances.reduce((sum, chance) => sum + chance, 0) / tokenChances.length);
}

/** Whether a suggestion is to be shown to somebody who did not ask for it. */
export function isSureEnough(suggestion: Chances, eagerness: Eagerness): boolean {
  return confidenceOf(suggestion) >= LEAST_CONFIDENCE[eagerness];
}
