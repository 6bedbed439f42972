/**
 * Which answer is given: the one that the model wrote, or a candidate of which it says, having read it, that it is as
 * likely; a candidate has something more that speaks for it.
 */
import type { None } from '../completion/suggestion.ts';
import type { Written } from '../model/decode.ts';
import type { Answer, Ask, Given } from './format.ts';
import type { OneOfSeveral } from './several.ts';

/** Candidates that are weighed at most: each costs a pass over its tokens. */
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
const LEAST_DONE = -5;

/**
 * @param own what the model wrote, and how it reads
 * @param weigh the model's word on answers as ids, or on the beginnings of those that are not to go on; null where it
 *   cannot be given, or was cancelled
 * @returns the candidate that is to be given instead; null if there is none
 */
export async function betterThan(
  own: { readonly written: Written; readonly answer: Answer | None },
  ask: Ask,
  weigh: (
    targets: readonly (readonly number[])[],
    goesOn: (answer: number, written: Written) => boolean,
  ) => Promise<readonly (Written | null)[]>,
): Promise<OneOfSeveral | null> {
  const ownChance =
    'none' in own.answer ? Number.NEGATIVE_INFINITY : sum(own.written.chances.slice(0, own.answer.kept));
  if (ownChance > SURE) return null;
  let [best, value] = [null as OneOfSeveral | null, ownChance];
  /** @param chance of the candidate at most, and of that part of it which ends what is being typed */
  const isPossible = ({ target, weight }: Given, chance: number, ofDone: number): boolean =>
    ofDone >= LEAST_DONE &&
    chance + bonusOf(weight) > value &&
    (chance + weight >= LEAST || chance / target.length >= LEAST_MEAN);
  const given = (ask.candidates?.(MOST) ?? []).filter((each) =>
    isPossible(each, mostOf(each.target, own.written), mostOf(each.target.slice(0, each.done), own.written)),
  );
  const goesOn = (i: number, { chances }: Written): boolean =>
    isPossible(given[i]!, sum(chances), sum(chances.slice(0, given[i]!.done)));
  const weighed = await weigh(
    given.map(({ target }) => target),
    goesOn,
  );
  for (const [i, written] of weighed.entries()) {
    const { edit, target, weight } = given[i]!;
    if (written === null || written.ids.length < target.length || !goesOn(i, written)) continue;
    best = { edit, kept: target.length, written };
    value = sum(written.chances) + bonusOf(weight);
  }
  return best;
}

const bonusOf = (weight: number): number => BIAS + PER_WEIGHT * weight;

/** What the chance of an answer is at most, as far as another one tells that begins like it. */
function mostOf(target: readonly number[], { ids, chances, others }: Written): number {
  let n = 0;
  while (n < ids.length && n < target.length && ids[n] === target[n]) n++;
  return sum(chances.slice(0, n)) + (n < ids.length && n < target.length ? others[n]! : 0);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
