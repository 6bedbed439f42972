/**
 * The walk: over the asks that an arm has answered, what the developer would have seen, accepted and been spared.
 *
 * A pure function of the logged answers and a threshold; it runs once for the live figures and once for each
 * threshold of a curve.
 */
import type { Quality } from './quality.ts';
import type { AskPlace, Verdict } from './typist.ts';

/** An answered ask, as it is logged: all that figures are made of. */
export interface Answered extends AskPlace, Verdict {
  /** Place in the order of the source's asks. */
  readonly index: number;
  /** null: silence, which is never shown. */
  readonly confidence: number | null;
  /** null: silence. */
  readonly quality: Quality | null;
  /** Right or not, this developer takes no such suggestion (taste.ts). */
  readonly isRefused?: boolean;
}

/** Visible characters that a hunk's token diff deletes and types. */
export interface HunkSize {
  readonly commit: number;
  readonly file: number;
  readonly hunk: number;
  readonly total: number;
  /** Index of the first ask at or after which the hunk was typed. */
  readonly index: number;
}

export type Fate = 'accepted' | 'partly' | 'rejected' | 'silent' | 'covered';

/** Accepts that supply fewer visible characters than this count as short. */
export const SHORT = 4;

/** What became of one ask; `saved` is 0 unless accepted, whole or partly. */
export interface Step {
  readonly ask: Answered;
  readonly fate: Fate;
  readonly saved: number;
}

/** The developer at a source's asks, one after the other. */
export class Walker {
  #file = '';
  /** Hunk -> index of the text that accepts have led to; Infinity: the whole hunk, by a far accept. */
  #reached = new Map<number, number>();

  /** @param threshold least confidence that is shown */
  step(ask: Answered, threshold: number): Step {
    const now = `${ask.commit}/${ask.file}`;
    if (now !== this.#file) {
      this.#file = now;
      this.#reached = new Map();
    }
    const isRest = ask.point === 'rest';
    const isCovered =
      !isRest &&
      ((this.#reached.get(ask.hunk) ?? 0) > ask.text || (ask.target !== null && this.#reached.has(ask.target)));
    if (isCovered) return { ask, fate: 'covered', saved: 0 };
    if (ask.confidence === null || ask.confidence < threshold) return { ask, fate: 'silent', saved: 0 };
    if (ask.outcome === 'wrong' || isRest || ask.isRefused) return { ask, fate: 'rejected', saved: 0 };
    if (ask.target !== null) this.#reached.set(ask.target, Number.POSITIVE_INFINITY);
    else this.#reached.set(ask.hunk, ask.reach!);
    return { ask, fate: ask.outcome === 'right' ? 'accepted' : 'partly', saved: ask.supplied };
  }
}

/**
 * @param asks of one source, in order
 * @param threshold least confidence that is shown
 */
export function* walk(asks: Iterable<Answered>, threshold: number): Generator<Step> {
  const walker = new Walker();
  for (const ask of asks) yield walker.step(ask, threshold);
}
