/** Answers that depend on the question alone, each made once: from the log, or else by whoever makes them. */
import type { AnswerLog, Logged } from './log.ts';
import type { Ask } from './typist.ts';

export class Answers {
  readonly #log: AnswerLog;
  readonly #arm: string;
  readonly #checkpoint: string;
  readonly #make: (ask: Ask) => Promise<Logged>;
  /** Asks that are being answered: two arms may want the same answer at once. */
  readonly #underWay = new Map<string, Promise<Logged>>();

  /** @param checkpoint what answers, for the log */
  constructor(log: AnswerLog, arm: string, checkpoint: string, make: (ask: Ask) => Promise<Logged>) {
    this.#log = log;
    this.#arm = arm;
    this.#checkpoint = checkpoint;
    this.#make = make;
  }

  logged(ask: Ask): Logged | undefined {
    return this.#log.find(ask.id, this.#arm, this.#checkpoint);
  }

  async of(ask: Ask): Promise<Logged> {
    const logged = this.logged(ask) ?? this.#underWay.get(ask.id);
    if (logged) return logged;
    const work = this.#answer(ask).finally(() => this.#underWay.delete(ask.id));
    this.#underWay.set(ask.id, work);
    return work;
  }

  async #answer(ask: Ask): Promise<Logged> {
    const logged = await this.#make(ask);
    this.#log.add(ask.id, this.#arm, this.#checkpoint, logged);
    return logged;
  }
}
