/**
 * The log of answers: append-only JSONL, a line an answer, keyed by ask, arm and checkpoint; and a line for each
 * training of an arm that learns, keyed by its number.
 *
 * A run that was killed goes on from it; a last line that was torn by the kill is dropped and written again.
 */
import { appendFileSync, closeSync, ftruncateSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Answer, Training } from './arm.ts';
import { ReplayError } from './history.ts';

export interface Logged {
  readonly answer: Answer | null;
  /** Milliseconds that the answer took when it was made. */
  readonly ms: number;
}

/** An answer's exact form: what is read from a log is what was worked out. */
export function serialise(answer: Answer | null): string {
  return JSON.stringify(answer);
}

export class AnswerLog {
  readonly path: string;
  readonly #fd: number;
  readonly #answers = new Map<string, Logged>();
  readonly #trainings = new Map<string, Training[]>();

  /** @throws ReplayError if a line other than the last is damaged */
  constructor(path: string) {
    this.path = path;
    mkdirSync(dirname(path), { recursive: true });
    this.#fd = openSync(path, 'a+');
    const bytes = readFileSync(this.#fd);
    const whole = bytes.lastIndexOf(10) + 1;
    ftruncateSync(this.#fd, whole);
    for (const [i, line] of bytes.toString('utf8', 0, whole).split('\n').slice(0, -1).entries()) {
      try {
        const { id, arm, checkpoint, answer, ms, training, effort } = JSON.parse(line);
        if (training !== undefined) this.#keep(arm, checkpoint, training, effort);
        else this.#answers.set(key(id, arm, checkpoint), { answer, ms });
      } catch {
        throw new ReplayError(`${path}, line ${i + 1}: no logged answer. Delete the file to begin anew.`);
      }
    }
  }

  get size(): number {
    return this.#answers.size;
  }

  find(id: string, arm: string, checkpoint: string): Logged | undefined {
    return this.#answers.get(key(id, arm, checkpoint));
  }

  add(id: string, arm: string, checkpoint: string, { answer, ms }: Logged): void {
    appendFileSync(this.#fd, `${JSON.stringify({ id, arm, checkpoint, answer, ms })}\n`);
    this.#answers.set(key(id, arm, checkpoint), { answer, ms });
  }

  /** What each training took, in order. */
  trainings(arm: string, checkpoint: string): readonly Training[] {
    return this.#trainings.get(key('', arm, checkpoint)) ?? [];
  }

  /** @param training number of it, from 0 on */
  addTraining(arm: string, checkpoint: string, training: number, effort: Training): void {
    appendFileSync(this.#fd, `${JSON.stringify({ arm, checkpoint, training, effort })}\n`);
    this.#keep(arm, checkpoint, training, effort);
  }

  #keep(arm: string, checkpoint: string, training: number, effort: Training): void {
    const efforts = this.#trainings.get(key('', arm, checkpoint)) ?? [];
    efforts[training] = effort;
    this.#trainings.set(key('', arm, checkpoint), efforts);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function key(id: string, arm: string, checkpoint: string): string {
  return `${id}\0${arm}\0${checkpoint}`;
}
