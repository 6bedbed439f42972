/**
 * Whether what became of suggestions contradicts a promotion: held-out signals and the canary are judged before weights
 * serve, this afterwards.
 *
 * It is looked at after every signal, so a chance deviation has many chances: the limit is far stricter than that of a
 * single look. Of promotions that changed nothing, 200 signals long, fewer than one in twenty is taken back; one after
 * which a fifth as many are accepted is within a few dozen signals (test/trainer/lived.test.ts).
 */
import type { Lived } from '../signals/view.ts';

/** Suggestions on each side from which on they are compared, and at most: the newest before, the first since. */
export const LIVED = { least: 20, most: 200 } as const;

/** Standard errors by which the log-odds of an accept have to have fallen. */
const STANDARD_ERRORS = 2.75;

/** @returns why the promotion is to be taken back, for people; null if it stands */
export function contradiction(before: Lived, since: Lived): string | null {
  if (before.shown < LIVED.least || since.shown < LIVED.least) return null;
  const fall = logOdds(before) - logOdds(since);
  if (fall <= STANDARD_ERRORS * Math.sqrt(variance(before) + variance(since))) return null;
  return `It was accepted less than what served before: ${share(since)} of ${since.shown} suggestions, where it had been ${share(before)} of ${before.shown}.`;
}

/** With half a count added on each side (Haldane 1956, Anscombe 1956), so that none or all of few are finite. */
function logOdds({ shown, taken }: Lived): number {
  return Math.log((taken + 0.5) / (shown - taken + 0.5));
}

function variance({ shown, taken }: Lived): number {
  return 1 / (taken + 0.5) + 1 / (shown - taken + 0.5);
}

function share({ shown, taken }: Lived): string {
  return `${Math.round((100 * taken) / shown)} %`;
}
