/**
 * Which answer is given: the one that the model wrote, or a candidate of which it says, having read it, that it is as
 * likely; a candidate has something more that speaks for it.
 */
import type { None } from '../completion/suggestion.ts';
import type { Written } from '../model/decode.ts';
import type { Answer, Ask } from './format.ts';
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
 * @param weigh the model's word on an answer as ids, or on the beginning of it after which it is not to go on; null where
 *   it cannot be given, or was cancelled
 * @returns the candidate that is to be given instead; null if there is none
 */
export async function betterThan(
  own: { readonly written: Written; readonly answer: Answer | None },
  ask: Ask,
  weigh: (target: readonly number[], goesOn: (written: Written) => boolean) => Promise<Written | null>,
): Promise<OneOfSeveral | null> {
  const ownChance =
    'none' in own.answer ? Number.NEGATIVE_INFINITY : sum(own.written.chances.slice(0, own.answer.kept));
  if (ownChance > SURE) return null;
  let [best, value] = [null as OneOfSeveral | null, ownChance];
  const weighed: Written[] = [own.written];
  const most = (target: readonly number[]): number => Math.min(...weighed.map((other) => mostOf(target, other)));
  for (const { edit, target, done, weight } of ask.candidates?.(MOST) ?? []) {
    const bonus = BIAS + PER_WEIGHT * weight;
    const isPossible = (chance: number): boolean =>
      chance + bonus > value && (chance + weight >= LEAST || chance / target.length >= LEAST_MEAN);
    if (most(target.slice(0, done)) < LEAST_DONE) break;
    if (!isPossible(most(target))) continue;
    const written = await weigh(target, ({ chances }) => isPossible(sum(chances)));
    if (written === null) continue;
    weighed.push(written);
    if (sum(written.chances.slice(0, done)) < LEAST_DONE) break;
    const chance = sum(written.chances);
    if (written.ids.length < target.length || !isPossible(chance)) continue;
    [best, value] = [{ edit, kept: target.length, written }, chance + bonus];
    if (chance > SURE) break;
  }
  return best;
}

/** What the chance of an answer is at most, as far as another one tells that begins like it. */
function mostOf(target: readonly number[], { ids, chances, others }: Written): number {
  let n = 0;
  while (n < ids.length && n < target.length && ids[n] === target[n]) n++;
  return sum(chances.slice(0, n)) + (n < ids.length && n < target.length ? others[n]! : 0);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
