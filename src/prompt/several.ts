/**
 * Several answers to one question: the likeliest, and what the model writes where it may not write the same again.
 *
 * An answer parts from an earlier one at one step, where that one's token is not allowed; the steps before are taken as
 * they were, in one forward pass. The likeliest of these partings is followed first. Log-probabilities stay those of
 * all tokens.
 */
import type { AnswerForm, Decoded, Written } from '../model/decode.ts';
import type { Answer, Ask } from './format.ts';

/** One answer, and what the model wrote for it. */
export interface OneOfSeveral extends Answer {
  readonly written: Written;
}

/** What is so much less likely than the first answer, by what may come, is nobody's alternative. */
const LEAST = Math.log(0.02);
/** Answers that are written at most, for each that is wanted: some come out as the same edit, spelled otherwise. */
const TRIES = 2;

/** The steps up to which an answer is the same as an earlier one, and the token that it may not take then. */
interface Parting {
  readonly prefix: readonly number[];
  readonly not: number;
  /** Natural-log chances of the prefix's tokens and of what comes instead, among all that could come. */
  readonly chances: readonly number[];
}

/**
 * @param most how many are wanted
 * @param generate has the model answer the ask's prompt in a form; what it comes back with cancelled ends the search
 * @returns different edits, the first of them the one that is given to who wants one alone; null if that was cancelled
 */
export async function several(
  ask: Ask,
  most: number,
  generate: (form: AnswerForm) => Promise<Decoded>,
): Promise<readonly OneOfSeveral[] | null> {
  const found = new Map<string, OneOfSeveral>();
  let partings: Parting[] = [];
  let parting: Parting | null = null;
  let least = LEAST;
  for (let tries = 0; tries < TRIES * most && found.size < most; tries++) {
    const decoded = await generate(parting === null ? ask : formOf(ask, parting, least));
    if (decoded.stop === 'cancelled') return found.size > 0 ? [...found.values()] : null;
    const answer = ask.read(decoded);
    const written = parting === null ? decoded : { ...decoded, chances: chancesOf(decoded, parting) };
    if (parting === null) least += sum(written.chances);
    const kept = 'none' in answer ? written.ids.length : answer.kept;
    if (!('none' in answer) && sum(written.chances) >= least) {
      const key = JSON.stringify(answer.edit);
      if (!found.has(key)) found.set(key, { ...answer, written });
    }
    partings = [...partings, ...partingsOf(written, kept, parting)].sort((a, b) => sum(b.chances) - sum(a.chances));
    parting = partings.shift() ?? null;
    if (parting === null || sum(parting.chances) < least) break;
  }
  return [...found.values()];
}

/** Where an answer may be parted from: at each step of its own that is kept. */
function partingsOf({ ids, chances, others }: Written, kept: number, from: Parting | null): Parting[] {
  // At the step of its own parting a third token would be needed.
  const begin = from === null ? 0 : from.prefix.length + 1;
  const partings: Parting[] = [];
  for (let at = begin; at < Math.min(kept, ids.length); at++) {
    if (others[at] === Number.NEGATIVE_INFINITY) continue;
    partings.push({ prefix: ids.slice(0, at), not: ids[at]!, chances: [...chances.slice(0, at), others[at]!] });
  }
  return partings;
}

/** Chances of an answer that parted from another: as if nothing had been given or forbidden. */
function chancesOf({ chances }: Written, from: Parting): readonly number[] {
  return [...from.chances, ...chances.slice(from.chances.length)];
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function formOf(ask: Ask, parting: Parting, least: number): AnswerForm {
  const { prefix, not } = parting;
  return {
    isOver: (written) =>
      written.ids.length > prefix.length && (ask.isOver(written) || sum(chancesOf(written, parting)) < least),
    choice: (ids) =>
      ids.length < prefix.length ? { only: [prefix[ids.length]!] } : (ask.choice?.(ids) ?? { not: [] }),
    guess: (ids) => ask.guess?.(ids) ?? [],
    not: (ids) => (ids.length === prefix.length ? [not] : []),
  };
}
