/** What became of the last suggestions, as far as it says something of the next one: bounded, and a function of what it was told. */

/** A suggestion whose fate is known. */
export interface Outcome {
  /** How many asks there had been when it was suggested. */
  readonly at: number;
  /** 1: accepted; 1/2: in part; 0: rejected. */
  readonly worth: number;
  readonly path: string;
  /** Of what was to be put in; 0 if that was nothing to be seen. */
  readonly digest: number;
}

/** Outcomes that are looked at for the same file, and for the same text. */
const NEAR = 8;
const KEPT = 64;

/** Weights of the newest outcome in the two running means of what suggestions were worth. */
const FAST = 0.2;
const SLOW = 0.03;

/** Where the running means begin: about what suggestions are worth before anything is known. */
const USUAL = 0.3;

/** Asks after which the last outcome counts by e less. */
const FADES = 30;

export class Past {
  #outcomes: Outcome[] = [];
  #fast = USUAL;
  #slow = USUAL;
  #rejectsInARow = 0;

  add(outcome: Outcome): void {
    const { worth } = outcome;
    if (!Number.isFinite(worth)) return;
    this.#outcomes = [...this.#outcomes, outcome].slice(-KEPT);
    this.#fast += FAST * (worth - this.#fast);
    this.#slow += SLOW * (worth - this.#slow);
    this.#rejectsInARow = worth > 0 ? 0 : this.#rejectsInARow + 1;
  }

  /** Asks since the newest suggestion whose fate is known; null if there is none. */
  since(at: number): number | null {
    const last = this.#outcomes.at(-1);
    return last === undefined ? null : Math.max(0, at - last.at || 0);
  }

  /** The last outcome, -1 to 1, fading. */
  last(at: number): number {
    const since = this.since(at);
    return since === null ? 0 : (2 * this.#outcomes.at(-1)!.worth - 1) * Math.exp(-since / FADES);
  }

  /** Means of late and of longer ago, above or below what is usual. */
  get fast(): number {
    return this.#fast - USUAL;
  }
  get slow(): number {
    return this.#slow - USUAL;
  }

  /** 0 to 1: none to five and more. */
  get rejectsInARow(): number {
    return Math.min(5, this.#rejectsInARow) / 5;
  }

  /** How the last few suggestions in a file went: -1 (all rejected) to 1. */
  inFile(path: string): number {
    const near = this.#outcomes.slice(-NEAR).filter((o) => o.path === path);
    return near.reduce((sum, o) => sum + 2 * o.worth - 1, 0) / NEAR;
  }

  /** Whether the same text was lately accepted (1), rejected (-1), both or neither (0). */
  sameText(digest: number): number {
    if (digest === 0) return 0;
    const same = this.#outcomes.filter((o) => o.digest === digest);
    return same.length === 0 ? 0 : Math.sign(same.reduce((sum, o) => sum + 2 * o.worth - 1, 0));
  }
}
