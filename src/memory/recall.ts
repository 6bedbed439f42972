/** What was found of a context, as a distribution of the next token. */
import type { Found } from './sequences.ts';

/** Each older of two continuations that a context has had weighs so much of the newer one. */
const OLDER = 0.5;
/** Most ids that are named for a token. */
export const NAMED = 4;

export interface Recall {
  /** Tokens of the context that were found. */
  readonly length: number;
  /** What followed them, the likeliest first; masses sum to 1. */
  readonly next: readonly {
    readonly token: number;
    readonly mass: number;
    /** Ids of the entries that it stands in, newest first, at most NAMED. */
    readonly entries: readonly string[];
  }[];
}

/** @param entriesOf ids of the entries of a sequence, newest first */
export function recallOf({ length, next }: Found, entriesOf: (sequence: number) => Iterable<string>): Recall {
  const tokens = new Map<number, { mass: number; readonly entries: string[] }>();
  let total = 0;
  for (const [age, { token, sequence }] of next.entries()) {
    const one = tokens.get(token) ?? { mass: 0, entries: [] };
    tokens.set(token, one);
    one.mass += OLDER ** age;
    total += OLDER ** age;
    for (const id of entriesOf(sequence)) {
      if (one.entries.length >= NAMED) break;
      if (!one.entries.includes(id)) one.entries.push(id);
    }
  }
  const list = [...tokens].map(([token, { mass, entries }]) => ({ token, mass: mass / total, entries }));
  return { length, next: list.sort((a, b) => b.mass - a.mass) };
}
