/**
 * Whether a candidate may serve: judged on signals it was not trained on and on a canary of ordinary code.
 *
 * The numbers are per token, so that one long edit does not outvote many short ones.
 */

/** Held-out example under both policies: sums of natural-log probabilities over its target tokens. */
export interface HeldOut {
  readonly label: 'pull' | 'push';
  readonly weight: number;
  readonly tokens: number;
  readonly current: number;
  readonly candidate: number;
}

/** Mean loss in nats a token. */
export interface Canary {
  readonly current: number;
  readonly candidate: number;
}

export interface Verdict {
  readonly promote: boolean;
  /** One sentence for people. */
  readonly reason: string;
  readonly metrics: {
    /** Mean loss a token on held-out edits that were kept; null if there are none. */
    readonly lossBefore: number | null;
    readonly lossAfter: number | null;
    /** Mean change of a refused edit's log-probability a token; null if there are none. */
    readonly refusedChange: number | null;
    /** Kept edits' gain less refused edits' gain, nats a token. */
    readonly gain: number;
    /** Relative rise of the canary's loss: 0.01 is one per cent. */
    readonly canaryRise: number;
  };
}

/** No promotion if the canary's loss rises by more than this share. */
export const CANARY_LIMIT = 0.01;
/** A smaller gain (nats a token) is noise: it is not worth another set of weights. */
export const LEAST_GAIN = 0.005;

export function judge(heldOut: readonly HeldOut[], canary: Canary): Verdict {
  const pulls = heldOut.filter((e) => e.label === 'pull');
  const pushes = heldOut.filter((e) => e.label === 'push');
  const change = (e: HeldOut): number => e.candidate - e.current;
  const pulled = perToken(pulls, change);
  const pushed = perToken(pushes, change);
  const metrics = {
    lossBefore: perToken(pulls, (e) => -e.current),
    lossAfter: perToken(pulls, (e) => -e.candidate),
    refusedChange: pushed,
    // Where the refused only fall, that is what was asked; a deeper fall buys nothing.
    gain: (pulled ?? 0) - Math.max(pushed ?? 0, pulls.length === 0 ? -1 : 0),
    canaryRise: canary.candidate / canary.current - 1,
  };
  const refuse = (reason: string): Verdict => ({ promote: false, reason, metrics });
  if (heldOut.length === 0) return refuse('There are too few signals to hold one out and judge by it.');
  if (!Number.isFinite(metrics.gain) || !Number.isFinite(metrics.canaryRise)) {
    return refuse('The candidate gives numbers that are not finite.');
  }
  if (metrics.canaryRise > CANARY_LIMIT) {
    return refuse(
      `Ordinary code became less likely: its loss rose by ${percent(metrics.canaryRise)}, more than ${percent(CANARY_LIMIT)}.`,
    );
  }
  if (metrics.gain < LEAST_GAIN) {
    return refuse(`Held-out signals are not better served: ${metrics.gain.toFixed(4)} nats a token.`);
  }
  return {
    promote: true,
    reason: `Held-out signals are better served by ${metrics.gain.toFixed(3)} nats a token; the canary's loss changed by ${percent(metrics.canaryRise)}.`,
    metrics,
  };
}

function perToken(examples: readonly HeldOut[], value: (e: HeldOut) => number): number | null {
  const weight = examples.reduce((sum, e) => sum + e.weight, 0);
  if (weight === 0) return null;
  return examples.reduce((sum, e) => sum + (e.weight * value(e)) / e.tokens, 0) / weight;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
