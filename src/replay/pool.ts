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
import { type Ask, hunkName, type Question } from './typist.ts';

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
    // V8's other threads gain a worker nothing (50 asks: 812 ms each with them, 814 without) and take a tenth of the
    // processor time that the other workers need.
    this.#child = fork(file, [arm], { execArgv: [...process.execArgv, '--single-threaded'] });
    this.#child.on('message', (message: FromWorker) => this.#waiting.shift()!.resolve(message));
    const fail = (error: Error): void => {
      this.#gone ??= error;
      for (const { reject } of this.#waiting.splice(0)) reject(this.#gone);
    };
    this.#child.on('error', fail);
    this.#child.on('exit', (code, signal) => fail(new ReplayError(`A worker of ${arm} ended (${signal ?? code}).`)));
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

/** Questions a worker that may be under way at once: some hunks' worth, so that each worker finds one of its own. */
const AHEAD = 16;

interface Queued {
  /** Asks of the same hunk have much of their prompts in common. */
  readonly hunk: string;
  readonly question: Question;
  readonly done: PromiseWithResolvers<Logged>;
}

export class Pool {
  readonly #workers: readonly Worker[];
  #queue: Queued[] = [];
  readonly #idle: Set<Worker>;
  /** The hunk of which a worker had its last question. */
  readonly #hunks = new Map<Worker, string>();

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
    this.#idle = new Set(workers);
  }

  /**
   * @param file entry of the process (worker.ts)
   * @throws ReplayError if an arm cannot be started
   */
  static async start(file: string, arm: string, place: ModelPlace, count: number): Promise<Pool> {
    // One after the other: the first may have weights to prepare, which the others then find.
    const workers: Worker[] = [];
    try {
      for (let i = 0; i < count; i++) {
        workers.push(new Worker(file, arm));
        await workers[i]!.send({ kind: 'start', place });
      }
      return new Pool(workers);
    } catch (error) {
      for (const worker of workers) worker.stop();
      throw error;
    }
  }

  /** Resident memory that one worker had at most, in bytes. */
  get peakMemory(): number {
    return Math.max(...this.#workers.map((w) => w.peakMemory));
  }

  /** As Pool.answer's, of a pool of so many workers: questions that may be under way at once. */
  static width(workers: number): number {
    return AHEAD * workers;
  }

  /** By the next worker that is idle: one that has had an ask of the same hunk before others. */
  answer(ask: Ask): Promise<Logged> {
    const done = Promise.withResolvers<Logged>();
    this.#queue.push({ hunk: hunkName(ask), question: ask.question, done });
    // Those that come with it first, or an idle worker would take what is another's.
    setImmediate(() => this.#begin());
    return done.promise;
  }

  #begin(): void {
    for (const worker of this.#idle) {
      const next = this.#nextFor(worker);
      if (next === undefined) return;
      this.#idle.delete(worker);
      this.#queue = this.#queue.filter((queued) => queued !== next);
      this.#hunks.set(worker, next.hunk);
      worker
        .ask(next.question, ANY_TIME)
        .then(next.done.resolve, next.done.reject)
        .finally(() => {
          this.#idle.add(worker);
          this.#begin();
        });
    }
  }

  /** The first that is waiting of the worker's own hunk, else of one that no other has, else of all. */
  #nextFor(worker: Worker): Queued | undefined {
    const own = this.#hunks.get(worker);
    const taken = new Set(this.#hunks.values());
    return (
      this.#queue.find(({ hunk }) => hunk === own) ?? this.#queue.find(({ hunk }) => !taken.has(hunk)) ?? this.#queue[0]
    );
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
