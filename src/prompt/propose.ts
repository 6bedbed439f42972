/**
 * Which answer is given: the one that the model wrote, or a candidate of which it says, having read it, that it is as
 * likely; a candidate has something more that speaks for it.
 */
import type { None } from '../completion/suggestion.ts';
import type { Written } from '../model/decode.ts';
import type { Answer, Ask, Candidate, Given } from './format.ts';
import type { OneOfSeveral } from './several.ts';

/** Candidates that are weighed at most. */
const MOST = 6;
/** An answer as likely as that is given without a look at others. */
const SURE = Math.log(0.7);
/** What speaks for a candidate beside its likelihood, in nats; fitted on the tune split (docs/log.md). */
const BIAS = 2;
const PER_WEIGHT = 1;
/**
 * A candidate less likely than this, with its weight, is none, unless its tokens are likelier than that on average, as a
 * long line's are.
 */
const LEAST = -8;
const LEAST_MEAN = -0.3;
/** Nor is any where it is less likely that what is being typed is done. */
const LEAST_DONE = -2.5;

/** A candidate that is given. */
export interface Repeated extends OneOfSeveral {
  /** As a Candidate's. */
  readonly weight: number;
  readonly entry?: string;
}

/**
 * @param own what the model wrote, and how it reads
 * @param weigh the model's word on answers as ids, or on the beginnings of those that are not wanted any further; null
 *   where it cannot be given, or was cancelled
 * @param known what was done before to a line of the input
 * @returns the candidate that is to be given instead; null if there is none
 */
export async function betterThan(
  own: { readonly written: Written; readonly answer: Answer | None },
  ask: Ask,
  weigh: (
    targets: readonly (readonly number[])[],
    wanted: (weighed: readonly (Written | null)[]) => readonly boolean[],
  ) => Promise<readonly (Written | null)[]>,
  known: (line: number) => Candidate | null = () => null,
): Promise<Repeated | null> {
  const again = ask.repeated?.(known) ?? null;
  if (again !== null) {
    // Right four times in five, however unlikely the model finds it (docs/log.md): it is asked for its word alone.
    const [written] = await weigh([again.target], () => [true]);
    if (written) return repeated(again, written);
  }
  const ownChance =
    'none' in own.answer ? Number.NEGATIVE_INFINITY : sum(own.written.chances.slice(0, own.answer.kept));
  if (ownChance > SURE) return null;
  /** @param chance of a candidate at most, and of that part of it which ends what is being typed */
  const isPossible = ({ target, weight }: Given, chance: number, ofDone: number): boolean =>
    ofDone >= LEAST_DONE &&
    chance + bonusOf(weight) > ownChance &&
    (chance + weight >= LEAST || chance / target.length >= LEAST_MEAN);
  const given = (ask.candidates?.(MOST) ?? []).filter((each) =>
    isPossible(each, mostOf(each.target, own.written), mostOf(each.target.slice(0, each.done), own.written)),
  );
  const worth = (weighed: Written | null, i: number): number => {
    if (weighed === null) return Number.NEGATIVE_INFINITY;
    const chance = sum(weighed.chances);
    const isPast = isPossible(given[i]!, chance, sum(weighed.chances.slice(0, given[i]!.done)));
    return isPast ? chance + bonusOf(given[i]!.weight) : Number.NEGATIVE_INFINITY;
  };
  const isWhole = (weighed: Written | null, i: number): boolean => weighed?.ids.length === given[i]!.target.length;
  /** The best of those that were weighed to their end, the first of equals; at -1 if there is none. */
  const best = (all: readonly (Written | null)[]): { readonly at: number; readonly value: number } => {
    let found = { at: -1, value: Number.NEGATIVE_INFINITY };
    for (const [at, weighed] of all.entries()) {
      const value = worth(weighed, at);
      if (isWhole(weighed, at) && value > found.value) found = { at, value };
    }
    return found;
  };
  const weighed = await weigh(
    given.map(({ target }) => target),
    (all) => {
      const least = best(all).value;
      return all.map((each, i) => worth(each, i) > least);
    },
  );
  const { at } = best(weighed);
  if (at < 0) return null;
  return repeated(given[at]!, weighed[at]!);
}

function repeated({ edit, target, weight, entry }: Given, written: Written): Repeated {
  return { edit, kept: target.length, written, weight, ...(entry !== undefined && { entry }) };
}

const bonusOf = (weight: number): number => BIAS + PER_WEIGHT * weight;

/** What the chance of an answer is at most, as far as another one tells that begins like it. */
function mostOf(target: readonly number[], { ids, chances, rivals }: Written): number {
  let n = 0;
  while (n < ids.length && n < target.length && ids[n] === target[n]) n++;
  return sum(chances.slice(0, n)) + (n < ids.length && n < target.length ? rivals[n]! : 0);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
