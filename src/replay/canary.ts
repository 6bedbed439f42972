/**
 * What an arm forgets: exact answers at arrival in repositories that it does not learn from, before and after.
 *
 * The canary's texts are not watched: an arm that learned them by looking on would hide what it forgot.
 */
import { applyEdit } from '../completion/edit.ts';
import type { Answers } from './answers.ts';
import { type History, ReplayError } from './history.ts';
import type { AnswerLog, Logged } from './log.ts';
import { type Ask, Typist } from './typist.ts';

/** Asks at arrival that the protocol wants at least. */
export const CANARY_ASKS = 3000;

export interface Canary {
  readonly history: History;
  readonly seed: number;
  /** Asks at arrival: its first so many. */
  readonly asks: number;
  readonly log: AnswerLog;
}

/** Counts, so that several sources' add up. */
export interface Forgotten {
  readonly asks: number;
  /** Answered right before anything was learned, and after. */
  readonly before: number;
  readonly after: number;
}

/**
 * @param width questions that may be under way at once
 * @param judged is told of each answer
 * @returns how many of the canary's asks are answered right
 * @throws ReplayError if the canary has too few asks
 */
export async function exactAtArrival(
  { history, seed, asks }: Canary,
  answers: Answers,
  width: number,
  judged: (ask: Ask, isRight: boolean) => void = () => undefined,
): Promise<number> {
  let right = 0;
  let put = 0;
  const underWay = new Set<Promise<void>>();
  const enter = (ask: Ask, { answer }: Logged): void => {
    const fits = answer !== null && applyEdit(ask.question.document, answer.edit) !== null;
    const isRight = ask.judge(fits ? answer.edit : null).outcome === 'right';
    if (isRight) right++;
    judged(ask, isRight);
  };
  for (const ask of arrivals(history, seed)) {
    if (put++ === asks) break;
    const found = answers.logged(ask);
    if (found) {
      enter(ask, found);
      continue;
    }
    const work = answers
      .of(ask)
      .then((logged) => enter(ask, logged))
      .finally(() => underWay.delete(work));
    underWay.add(work);
    if (underWay.size >= width) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  if (put < asks) {
    throw new ReplayError(
      `The canary ${history.name} has ${put} asks at arrival; ${asks} are needed. Take a longer history.`,
    );
  }
  return right;
}

function* arrivals(history: History, seed: number): Generator<Ask> {
  const typist = new Typist(seed);
  let index = 0;
  for (const commit of history.commits()) {
    for (const p of typist.play(commit, index++)) if (p.kind === 'ask' && p.ask.point === 'arrival') yield p.ask;
  }
}
