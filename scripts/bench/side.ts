/** One side of a paired measurement: a process that runs steps when it is asked to. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** Each step's time, and the process's peak resident memory so far. */
export interface Answer {
  readonly ms: readonly number[];
  /** Of the step that does not count. */
  readonly firstMs: number;
  /** Processor time of a step, all threads: what other programs on the machine disturb least. */
  readonly cpuMs: number;
  readonly peakRssMb: number;
  /** Since the last turn's end: should take no processor time. */
  readonly waited: { readonly ms: number; readonly cpuMs: number };
}

export class Side {
  /** What it said of itself. */
  readonly about: Readonly<Record<string, unknown>>;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    lines: AsyncIterator<string>,
    about: Readonly<Record<string, unknown>>,
  ) {
    this.#child = child;
    this.#lines = lines;
    this.about = about;
  }

  /** Starts it and waits until it has warmed up; null if it ends before that. Its errors go to ours. */
  static async start(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Side | null> {
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    child.on('error', () => undefined);
    const reader: Interface = createInterface({ input: child.stdout });
    const lines = reader[Symbol.asyncIterator]();
    const first = await lines.next();
    return first.done ? null : new Side(child, lines, JSON.parse(first.value));
  }

  /** A turn: one step that does not count, then as many as asked. */
  run(steps: number): Promise<Answer> {
    return this.ask<Answer>(String(steps));
  }

  /** Its answer to a line. */
  async ask<T>(line: string): Promise<T> {
    this.#child.stdin.write(`${line}\n`);
    const answer = await this.#lines.next();
    if (answer.done) throw new Error(`${this.#child.spawnargs.join(' ').slice(0, 80)} ended`);
    return JSON.parse(answer.value) as T;
  }

  end(): void {
    this.#child.stdin.end();
    this.#child.kill();
  }
}

/**
 * The order of a round's sides, so that each comes first, last and right after each other one equally often: what one
 * leaves behind must not fall on the same one always (Williams 1949, https://doi.org/10.1071/CH9490149).
 */
export function orderOf(sides: number, round: number): number[] {
  const zigzag = Array.from({ length: sides }, (_, i) => (i % 2 === 0 ? i / 2 : sides - (i + 1) / 2));
  const order = zigzag.map((side) => (side + round) % sides);
  // An odd number of sides is balanced with each order's reverse only.
  return sides % 2 === 1 && Math.floor(round / sides) % 2 === 1 ? order.toReversed() : order;
}

/** Middle value, quartiles. */
export interface Summary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function summary(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
    return below + (above - below) * (place - Math.floor(place));
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}
