/** Processes that answer an arm's questions side by side; which one answers what makes no difference to the answer. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { ModelPlace } from './arms.ts';
import { ReplayError } from './history.ts';
import type { Logged } from './log.ts';
import type { Question } from './typist.ts';
import type { FromWorker, ToWorker } from './worker.ts';

interface Waiting {
  resolve(message: FromWorker): void;
  reject(error: Error): void;
}

/** One process, which works through its questions in order. */
class Worker {
  readonly #child: ChildProcess;
  readonly #waiting: Waiting[] = [];
  #gone: Error | null = null;

  constructor(arm: string) {
    this.#child = fork(join(import.meta.dirname, 'worker.ts'), [arm]);
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

  send(message: ToWorker): Promise<FromWorker> {
    if (this.#gone) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.send(message);
    });
  }

  stop(): void {
    this.#child.disconnect();
  }
}

export class Pool {
  readonly #workers: readonly Worker[];
  /** Resident memory that one worker had at most, in bytes. */
  peakMemory = 0;

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
  }

  /** @throws ReplayError if an arm cannot be started */
  static async start(arm: string, place: ModelPlace, count: number): Promise<Pool> {
    // One after the other: the first may have weights to prepare, which the others then find.
    const workers: Worker[] = [];
    const pool = new Pool(workers);
    try {
      for (let i = 0; i < count; i++) {
        workers.push(new Worker(arm));
        const answer = await workers[i]!.send({ kind: 'start', place });
        if (answer.kind === 'failed') throw new ReplayError(answer.message);
      }
      return pool;
    } catch (error) {
      pool.stop();
      throw error;
    }
  }

  /** Questions that may be under way at once without any of them waiting long. */
  get width(): number {
    return 2 * this.#workers.length;
  }

  async answer(question: Question): Promise<Logged> {
    const worker = this.#workers.reduce((best, w) => (w.load < best.load ? w : best));
    const message = await worker.send({ kind: 'ask', question });
    if (message.kind !== 'answer') {
      throw new ReplayError(message.kind === 'failed' ? message.message : `An unexpected "${message.kind}".`);
    }
    this.peakMemory = Math.max(this.peakMemory, message.peakMemory);
    return { answer: JSON.parse(message.answer), ms: message.ms };
  }

  stop(): void {
    for (const worker of this.#workers) worker.stop();
  }
}
