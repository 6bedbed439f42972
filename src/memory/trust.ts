/**
 * How far what is remembered is believed: a share of the next token's probability, by how the match looks.
 *
 * The share of a kind of match is the posterior mean of how often the memory, and not the model, brought the token that
 * was then typed (one step of expectation-maximisation for a mixture's weight at each outcome, Neal and Hinton 1998;
 * Jelinek-Mercer smoothing finds its weights so). It begins with a prior that was fitted on other people's histories.
 */

/** Match lengths, in tokens, at which another kind begins. */
const LENGTHS = [2, 3, 4, 6, 9, 14, 22] as const;

/** Where a match stands: in a remembered edit, or in the text around the cursor. */
export type Place = 'edit' | 'nearby';

/** Kinds of matches: by place, by length, and by whether all that was found goes on alike. */
export const KINDS = 4 * LENGTHS.length;

/** The memory never takes all: what it does not know must stay possible. */
const MOST = 0.95;
/** Outcomes that the prior of each kind weighs. */
const PRIOR_WEIGHT = 24;
/** Outcomes of a kind that are remembered, so that the newest always count. */
const MOST_OUTCOMES = 200;

/** @returns the kind of a match, 0 to KINDS - 1 */
export function kindOf(place: Place, length: number, isUnanimous: boolean): number {
  let band = 0;
  while (band + 1 < LENGTHS.length && LENGTHS[band + 1]! <= length) band++;
  return (place === 'edit' ? 0 : KINDS / 2) + 2 * band + (isUnanimous ? 1 : 0);
}

export class Trust {
  readonly #prior: readonly number[];
  /** By kind: outcomes, and the sum of the memory's shares in them. */
  readonly #outcomes: number[] = new Array(KINDS).fill(0);
  readonly #shares: number[] = new Array(KINDS).fill(0);

  /** @param prior share by kind, each 0 to 1 */
  constructor(prior: readonly number[]) {
    if (prior.length !== KINDS) throw new RangeError(`There are ${KINDS} kinds of matches, not ${prior.length}.`);
    this.#prior = prior;
  }

  /** The memory's share of the next token's probability, below 1. */
  share(kind: number): number {
    const [n, sum] = [this.#outcomes[kind]!, this.#shares[kind]!];
    return Math.min(MOST, (PRIOR_WEIGHT * this.#prior[kind]! + sum) / (PRIOR_WEIGHT + n));
  }

  /**
   * @param share how likely it is that the memory brought the token that was typed: 0 if another one was typed than it
   *   named, else its part of the token's probability. Anything else than a number from 0 to 1 is left out
   */
  learn(kind: number, share: number): void {
    if (!Number.isInteger(kind) || kind < 0 || kind >= KINDS || !(share >= 0 && share <= 1)) return;
    if (this.#outcomes[kind]! >= MOST_OUTCOMES) {
      this.#shares[kind]! *= 1 - 1 / MOST_OUTCOMES;
      this.#outcomes[kind]! -= 1;
    }
    this.#outcomes[kind]! += 1;
    this.#shares[kind]! += share;
  }
}
