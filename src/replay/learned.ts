/**
 * An arm that learns, of its parts: what answers (a model of its own, or what `frozen` answered), and a gate that says
 * how likely an answer is to be accepted.
 */

import { type Gate, type Judgement, WORTH } from '../gate/gate.ts';
import { agreement } from './agreement.ts';
import {
  type Answer,
  type Arm,
  type Context,
  type Learner,
  type Lesson,
  NO_EFFORT,
  type Seen,
  type Training,
} from './arm.ts';
import { type ModelOwn, snapshotOf } from './complete.ts';
import type { Question } from './typist.ts';

/** What an answer tells of how it was made. */
export interface LearnedOwn extends ModelOwn {
  /** With a gate. */
  readonly judgement?: Judgement;
}

/** A model, with what it learns with. */
type Answering = Arm & Partial<Learner>;

export class Learned implements Learner {
  readonly #model: Answering | null;
  readonly #gate: Gate | null;

  /** @param model what answers; null: it judges what it is given */
  constructor(model: Answering | null, gate: Gate | null) {
    this.#model = model;
    this.#gate = gate;
  }

  async answer(question: Question, context: Context): Promise<Answer | null> {
    const answer = this.#model === null ? (context.given ?? null) : await this.#model.answer(question, context);
    const snapshot = snapshotOf(question);
    if (answer === null || this.#gate === null || snapshot === null) return answer;
    const own = answer.own as ModelOwn;
    const judgement = this.#gate.judge({ snapshot, edit: answer.edit, ...own }, context);
    const mine: LearnedOwn = { ...own, judgement };
    return { edit: answer.edit, confidence: judgement.tried, own: mine };
  }

  async watch(seen: Seen): Promise<void> {
    await this.#model?.watch?.(seen);
  }

  async learn(lesson: Lesson): Promise<void> {
    await this.#model?.learn?.(lesson);
    const { fate, answer, withheld, question, typed } = lesson;
    const { judgement } = ((answer ?? withheld)?.own ?? {}) as Partial<LearnedOwn>;
    if (this.#gate === null || judgement === undefined) return;
    if (fate !== 'silent') this.#gate.learn(judgement, WORTH[fate]);
    else if (typed !== null) this.#gate.imagine(judgement, agreement(question.document, withheld!.edit, typed));
  }

  /** Gates and memories learn at once: what is left is the model's. */
  async train(): Promise<Training> {
    return (await this.#model?.train?.()) ?? NO_EFFORT;
  }

  async save(dir: string): Promise<void> {
    await this.#model?.save?.(dir);
  }

  async restore(dir: string): Promise<void> {
    await this.#model?.restore?.(dir);
  }

  async release(): Promise<void> {
    await this.#model?.release?.();
  }
}
