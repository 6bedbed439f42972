/**
 * One learning arm along one source: test first and train after.
 *
 * Answers and trainings are logged as they end. A resumed run walks the same way again, takes both from the log, and
 * puts the arm back to where its last training left it.
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Answers } from './answers.ts';
import { type Context, type Effort, type Learner, type Lesson, NO_EFFORT } from './arm.ts';
import type { ArmKind } from './arms.ts';
import { ReplayError } from './history.ts';
import { Lessons } from './lessons.ts';
import type { AnswerLog, Logged } from './log.ts';
import type { Ask, Played } from './typist.ts';
import type { Answered } from './walk.ts';

/** Where a course is written down. */
export interface Desk {
  readonly log: AnswerLog;
  readonly checkpoint: string;
  /** Signals from one training to the next. */
  readonly idle: number;
  /** Answers that the arm judges: then its own are worked out in no time, and not logged. null: it answers by itself. */
  readonly given: Pick<Answers, 'of'> | null;
}

export class Course {
  readonly #kind: ArmKind;
  readonly #arm: Learner;
  readonly #desk: Desk;
  readonly #enter: (at: number, ask: Ask, logged: Logged) => Answered;
  readonly #lessons: Lessons;
  readonly #typing: boolean;
  /** Trainings of an earlier run. */
  readonly #before: number;
  #trained = 0;
  #signals = 0;
  #labels = 0;
  #effort = NO_EFFORT;
  #shown: number | undefined;
  /** Answers taken from the log. */
  resumed = 0;

  /** @param enter logs an answer where the figures are made, and says what it was worth */
  constructor(kind: ArmKind, arm: Learner, desk: Desk, enter: (at: number, ask: Ask, logged: Logged) => Answered) {
    this.#kind = kind;
    this.#arm = arm;
    this.#desk = desk;
    this.#enter = enter;
    this.#typing = kind.learns?.typing ?? false;
    this.#lessons = new Lessons(kind.threshold, this.#typing);
    this.#before = desk.log.trainings(kind.name, desk.checkpoint).length;
  }

  /** What training has taken so far, and how many signals and silent hunks it was told. */
  get effort(): Effort & { readonly labels: number } {
    return { ...this.#effort, labels: this.#labels };
  }

  /** @param context of the ask, or of the next one */
  async play(played: Played, context: Context): Promise<void> {
    if (played.kind === 'ask') {
      const { ask } = played;
      const { at } = context;
      const logged = await this.#answer(ask, this.#shown === undefined ? context : { ...context, shown: this.#shown });
      if (logged.answer !== null && logged.answer.confidence >= this.#kind.threshold) this.#shown = at;
      await this.#teach(this.#lessons.ask(ask, this.#enter(at, ask, logged), logged.answer));
      return;
    }
    // What a hunk came to teaches only arms with `+typing`; of edits the extension tells anyway.
    if (played.kind !== 'left' || this.#typing) await this.#arm.watch?.(played);
    if (played.kind === 'left') await this.#teach(this.#lessons.left(played));
  }

  async #answer(ask: Ask, context: Context): Promise<Logged> {
    const { log, checkpoint, given } = this.#desk;
    const { name } = this.#kind;
    const { question } = ask;
    if (given !== null) {
      const { answer, ms } = await given.of(ask);
      const began = performance.now();
      const judged = await this.#arm.answer(question, { ...context, given: answer });
      return { answer: judged, ms: ms + performance.now() - began };
    }
    const found = log.find(ask.id, name, checkpoint);
    if (found) {
      this.resumed++;
      return found;
    }
    if (this.#trained < this.#before) {
      throw new ReplayError(
        `${log.path} lacks an answer of ${name} before its last training. Delete it to begin anew.`,
      );
    }
    const began = performance.now();
    const answer = await this.#arm.answer(question, context);
    const logged = { answer, ms: performance.now() - began };
    log.add(ask.id, name, checkpoint, logged);
    return logged;
  }

  async #teach(lessons: readonly Lesson[]): Promise<void> {
    for (const lesson of lessons) {
      await this.#arm.learn(lesson);
      this.#labels++;
      if (lesson.fate === 'silent') continue;
      this.#signals++;
      if (this.#desk.given === null && this.#signals % this.#desk.idle === 0) await this.#train();
    }
  }

  async #train(): Promise<void> {
    const { log, checkpoint } = this.#desk;
    const { name } = this.#kind;
    const folder = join(log.path.replace(/\.jsonl$/, ''), name.replaceAll('+', '-'));
    const n = this.#trained++;
    let effort = log.trainings(name, checkpoint)[n];
    if (effort === undefined) {
      effort = await this.#arm.train();
      const partial = join(folder, 'partial');
      rmSync(partial, { recursive: true, force: true });
      mkdirSync(partial, { recursive: true });
      await this.#arm.save(partial);
      rmSync(join(folder, `${n}`), { recursive: true, force: true });
      renameSync(partial, join(folder, `${n}`));
      log.addTraining(name, checkpoint, n, effort);
      rmSync(join(folder, `${n - 1}`), { recursive: true, force: true });
    } else if (n === this.#before - 1) await this.#arm.restore(join(folder, `${n}`));
    const { tokens, steps, seconds, promoted } = this.#effort;
    this.#effort = {
      tokens: tokens + effort.tokens,
      steps: steps + effort.steps,
      seconds: seconds + effort.seconds,
      promoted: promoted + effort.promoted,
    };
  }
}
