/** Where a gate begins: its weights, and how much each may differ between people and models. */
import { FEATURE_NAMES, isOfLanguage } from './features.ts';
import { FITTED } from './fitted.ts';
import type { Prior } from './logistic.ts';

/**
 * Variances of the weights from one developer to the next: how much is accepted at all differs most, and what a language
 * is worth is not known before. Larger ones show too much at first, as what is not known pulls forecasts towards 1/2
 * (docs/log.md, 2026-12-01).
 */
const VARIANCE = { always: 0.35, language: 0.35, other: 0.04 } as const;

/** @param fitted weights by feature's name; a feature that is not named begins at 0 */
export function priorOf(fitted: Readonly<Record<string, number>>, scale = 1): Prior {
  return {
    weights: FEATURE_NAMES.map((name) => fitted[name] ?? 0),
    variances: FEATURE_NAMES.map(
      (name) => scale * (name === 'always' ? VARIANCE.always : isOfLanguage(name) ? VARIANCE.language : VARIANCE.other),
    ),
  };
}

export const PRIOR: Prior = priorOf(FITTED);

/** A prior that nothing moves: what a gate is worth before it has learned anything. */
export function fixed({ weights, variances }: Prior): Prior {
  return { weights, variances: variances.map(() => 1e-9) };
}
