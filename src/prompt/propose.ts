/**
 * Which answer is given: the one that the model wrote, or a candidate of which there was reason to think before, and the
 * model, having read it, does not find too unlikely.
 */
import type { None } from '../completion/suggestion.ts';
import type { Written } from '../model/decode.ts';
import type { Answer, Ask, Candidate, Given } from './format.ts';
import type { OneOfSeveral } from './several.ts';

/** Candidates that are weighed at most. */
const MOST = 3;
/** An answer as likely as that is given without a look at others. */
const SURE = Math.log(0.7);
/**
 * Natural log of the odds that an answer is right: the model's own by its log-probability; a candidate by its odds
 * before, and by the log-probabilities of its hunk and of the end of what is being typed. Logistic regressions on what
 * was right on the tune split (docs/log.md).
 */
const OWN = { always: 1, chance: 1.2 } as const;
const CANDIDATE = { always: 1.7, odds: 0.8, chance: 0.09, done: 0.5 } as const;
/** A candidate of lower odds is none. */
const LEAST = -2.5;

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
  const least = Math.max(LEAST, OWN.always + OWN.chance * ownChance);
  /** What a candidate is worth; -Infinity where it is not given. With no more than what its chances are at most: at most. */
  const worthOf = ({ weight }: Given, chance: number, done: number): number => {
    const { always } = CANDIDATE;
    const value = always + CANDIDATE.odds * weight + CANDIDATE.chance * (chance - done) + CANDIDATE.done * done;
    return value > least ? value : Number.NEGATIVE_INFINITY;
  };
  const given = (ask.candidates?.(MOST) ?? []).filter((each) => {
    const done = mostOf(each.target.slice(0, each.done), own.written);
    return worthOf(each, Math.min(done, mostOf(each.target, own.written)), done) > Number.NEGATIVE_INFINITY;
  });
  const worth = (weighed: Written | null, i: number): number =>
    weighed === null
      ? Number.NEGATIVE_INFINITY
      : worthOf(given[i]!, sum(weighed.chances), sum(weighed.chances.slice(0, given[i]!.done)));
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
      const { value } = best(all);
      return all.map((each, i) => worth(each, i) > value);
    },
  );
  const { at } = best(weighed);
  if (at < 0) return null;
  return repeated(given[at]!, weighed[at]!);
}

function repeated({ edit, target, weight, entry }: Given, written: Written): Repeated {
  return { edit, kept: target.length, written, weight, ...(entry !== undefined && { entry }) };
}

/** What the chance of an answer is at most, as far as another one tells that begins like it. */
function mostOf(target: readonly number[], { ids, chances, rivals }: Written): number {
  let n = 0;
  while (n < ids.length && n < target.length && ids[n] === target[n]) n++;
  return sum(chances.slice(0, n)) + (n < ids.length && n < target.length ? rivals[n]! : 0);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
