/**
 * Arms in processes of their own: a pool whose processes answer questions side by side, where which one answers what
 * makes no difference to the answer; and a learner, alone with what it has learned.
 */
import { type ChildProcess, fork } from 'node:child_process';
import type { Answer, Context, Learner, Lesson, Seen, Training } from './arm.ts';
import type { ModelPlace } from './arms.ts';
import { ReplayError } from './history.ts';
import type { Logged } from './log.ts';
import type { FromWorker, ToWorker } from './serve-arm.ts';
import type { Question } from './typist.ts';

interface Waiting {
  resolve(message: FromWorker): void;
  reject(error: Error): void;
}

/** One process, which works through its questions in order. */
class Worker {
  readonly #child: ChildProcess;
  readonly #waiting: Waiting[] = [];
  #gone: Error | null = null;

  /** Resident memory that it had at most, in bytes. */
  peakMemory = 0;

  constructor(file: string, arm: string) {
    this.#child = fork(file, [arm]);
    this.#child.on('message', (message: FromWorker) => this.#waiting.shift()!.resolve(message));
    const fail = (error: Error): void => {
      this.#gone ??= error;
      for (const { reject } of this.#waiting.splice(0)) reject(this.#gone);
    };
    this.#child.on('error', fail);
    this.#child.on('exit', (code, signal) => fail(new ReplayError(`A worker of ${arm} ended (${signal ?? code}).`)));
  }

  get load(): number {
    return this.#waiting.length;
  }

  /** @throws ReplayError if the arm cannot, or the process is gone */
  async send(message: ToWorker): Promise<Exclude<FromWorker, { kind: 'failed' }>> {
    if (this.#gone) throw this.#gone;
    const answer = await new Promise<FromWorker>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.send(message);
    });
    if (answer.kind === 'failed') throw new ReplayError(answer.message);
    this.peakMemory = Math.max(this.peakMemory, answer.peakMemory);
    return answer;
  }

  async ask(question: Question, context: Context): Promise<Logged> {
    const answer = await this.send({ kind: 'ask', question, context });
    if (answer.kind !== 'answer') throw new Error(`"${answer.kind}" is no answer.`);
    return { answer: JSON.parse(answer.answer), ms: answer.ms };
  }

  stop(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}

/** To arms in a pool the question alone counts. */
const ANY_TIME: Context = { at: 0, still: 0 };

export class Pool {
  readonly #workers: readonly Worker[];

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
  }

  /**
   * @param file entry of the process (worker.ts)
   * @throws ReplayError if an arm cannot be started
   */
  static async start(file: string, arm: string, place: ModelPlace, count: number): Promise<Pool> {
    // One after the other: the first may have weights to prepare, which the others then find.
    const workers: Worker[] = [];
    const pool = new Pool(workers);
    try {
      for (let i = 0; i < count; i++) {
        workers.push(new Worker(file, arm));
        await workers[i]!.send({ kind: 'start', place });
      }
      return pool;
    } catch (error) {
      pool.stop();
      throw error;
    }
  }

  /** Resident memory that one worker had at most, in bytes. */
  get peakMemory(): number {
    return Math.max(...this.#workers.map((w) => w.peakMemory));
  }

  /** Questions that may be under way at once without any of them waiting long. */
  get width(): number {
    return 2 * this.#workers.length;
  }

  answer(question: Question): Promise<Logged> {
    return this.#workers.reduce((best, w) => (w.load < best.load ? w : best)).ask(question, ANY_TIME);
  }

  stop(): void {
    for (const worker of this.#workers) worker.stop();
  }
}

/** A learner in a process of its own. */
export class RemoteLearner implements Learner {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** As Pool.start. */
  static async start(file: string, arm: string, place: ModelPlace): Promise<RemoteLearner> {
    const worker = new Worker(file, arm);
    try {
      await worker.send({ kind: 'start', place });
      return new RemoteLearner(worker);
    } catch (error) {
      worker.stop();
      throw error;
    }
  }

  get peakMemory(): number {
    return this.#worker.peakMemory;
  }

  async answer(question: Question, context: Context): Promise<Answer | null> {
    return (await this.#worker.ask(question, context)).answer;
  }

  async watch(seen: Seen): Promise<void> {
    await this.#worker.send({ kind: 'watch', seen });
  }

  async learn(lesson: Lesson): Promise<void> {
    await this.#worker.send({ kind: 'learn', lesson });
  }

  async train(): Promise<Training> {
    const answer = await this.#worker.send({ kind: 'train' });
    if (answer.kind !== 'trained') throw new Error(`"${answer.kind}" is no training.`);
    return answer.effort;
  }

  async save(dir: string): Promise<void> {
    await this.#worker.send({ kind: 'save', dir });
  }

  async restore(dir: string): Promise<void> {
    await this.#worker.send({ kind: 'restore', dir });
  }

  async release(): Promise<void> {
    this.#worker.stop();
  }
}
