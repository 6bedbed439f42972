/** How sure the model has to be before its suggestion is shown unasked: `knack.eagerness`. */
import type { Suggestion } from './suggestion.ts';

export const EAGERNESS = ['low', 'medium', 'high'] as const;
export type Eagerness = (typeof EAGERNESS)[number];

/** Least geometric mean of the probabilities of a suggestion's tokens. */
export const LEAST_CONFIDENCE: Readonly<Record<Eagerness, number>> = { low: 0.75, medium: 0.4, high: 0 };

/** Geometric mean of the probabilities of a suggestion's tokens, 0 to 1: what the model gives a token on average. */
export function confidenceOf({ tokenLogprobs }: Pick<Suggestion, 'tokenLogprobs'>): number {
  if (tokenLogprobs.length === 0) return 0;
  return Math.exp(tokenLogprobs.reduce((sum, logprob) => sum + logprob, 0) / tokenLogprobs.length);
}

/** Whether a suggestion is to be shown to somebody who did not ask for it. */
export function isSureEnough(suggestion: Pick<Suggestion, 'tokenLogprobs'>, eagerness: Eagerness): boolean {
  return confidenceOf(suggestion) >= LEAST_CONFIDENCE[eagerness];
}
