/**
 * How fast the model that serves answers on this machine: keystrokes in an open file, as a developer's would come, timed
 * from the request to the whole answer. Kept in the cache folder, so that models can be compared before one is chosen.
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import type { Snapshot } from '../completion/snapshot.ts';
import { replaceFile } from '../model/file.ts';

export interface Speed {
  /** The model's file or folder. */
  readonly path: string;
  readonly parameters: number;
  /** Milliseconds: the first request in a file, and the middle and the slow end of those that follow. */
  readonly coldMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** What it was measured on; a figure of another machine says nothing here. */
  readonly machine: string;
}

/** Where somebody types: in the middle of ordinary code. */
const TEXT = `import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Order {
  readonly id: string;
  readonly customer: string;
  readonly lines: readonly OrderLine[];
  readonly placedAt: Date;
}

export interface OrderLine {
  readonly article: string;
  readonly count: number;
  readonly price: number;
}

/** Sum of an order's lines, in cents. */
export function total(order: Order): number {
  let sum = 0;
  for (const line of order.lines) {
    sum += line.count * line.price;
  }
  return sum;
}

export function isEmpty(order: Order): boolean {
  return order.lines.length === 0;
}

export class OrderStore {
  readonly #folder: string;
  readonly #orders = new Map<string, Order>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async load(id: string): Promise<Order | null> {
    const known = this.#orders.get(id);
    if (known !== undefined) return known;
    const text = await readFile(join(this.#folder, id), 'utf8').catch(() => null);
    if (text === null) return null;
    const order = JSON.parse(text) as Order;
    this.#orders.set(id, order);
    return order;
  }

  async save(order: Order): Promise<void> {
    const text = JSON.stringify(order, null, 2);
    this.#orders.set(order.id, order);
    await writeFile(join(this.#folder, order.id), text);
  }

  async remove(id: string): Promise<boolean> {
    const order = await this.load(id);
    if (order === null) return false;
    this.#orders.delete(id);
    return true;
  }
}
`;

/** Beginnings of what is typed, and how much of each at a time. */
const TYPED = ['const text = JSON', 'this.#orders.set(', 'if (order === null)', 'return order'] as const;
const STEP = 3;

/** The requests of somebody who opens the file and types in four places of it. */
export function keystrokes(): Snapshot[] {
  return TYPED.flatMap((typed) => {
    const at = TEXT.lastIndexOf(typed);
    const steps = Array.from({ length: Math.floor(typed.length / STEP) }, (_, i) => at + STEP * (i + 1));
    return steps.map((cursor) => ({
      path: 'src/orders.ts',
      languageId: 'typescript',
      before: TEXT.slice(0, cursor),
      after: TEXT.slice(TEXT.indexOf('\n', cursor)),
      startLine: 0,
      recent: [],
    }));
  });
}

/**
 * Times the requests, one after the other. null if `shouldStop` said so between two of them.
 *
 * @param now milliseconds, never backwards
 */
export async function measure(
  complete: (snapshot: Snapshot) => Promise<unknown>,
  shouldStop: () => boolean,
  now: () => number = () => performance.now(),
): Promise<Pick<Speed, 'coldMs' | 'p50Ms' | 'p95Ms'> | null> {
  const times: number[] = [];
  for (const snapshot of keystrokes()) {
    if (shouldStop()) return null;
    const began = now();
    await complete(snapshot);
    times.push(now() - began);
  }
  const [coldMs, ...warm] = times;
  warm.sort((a, b) => a - b);
  const at = (share: number): number => warm[Math.min(warm.length - 1, Math.floor(share * warm.length))]!;
  return { coldMs: coldMs!, p50Ms: at(0.5), p95Ms: at(0.95) };
}

/** The processor and how much of it this process may use. */
export function thisMachine(): string {
  return `${cpus()[0]?.model.trim() ?? 'unknown'} x ${availableParallelism()}`;
}

/** Milliseconds for a model of another size: its products are what takes the time, and they grow with its weights. */
export function estimate(known: Speed, parameters: number): number {
  return known.p50Ms * (parameters / known.parameters);
}

/** Models of which the newest figures are kept. */
const KEPT = 64;

/** Figures kept in the cache folder; a file that cannot be read or written costs a measurement, no more. */
export class Speeds {
  readonly #path: string;
  readonly #machine: string;

  constructor(cacheDir: string, machine: string = thisMachine()) {
    this.#path = join(cacheDir, 'speeds.json');
    this.#machine = machine;
  }

  /** Figures of this machine, newest first. */
  async read(): Promise<Speed[]> {
    return (await this.#all()).filter(({ machine }) => machine === this.#machine);
  }

  async add(speed: Omit<Speed, 'machine'>): Promise<void> {
    const others = (await this.#all()).filter(({ path, machine }) => path !== speed.path || machine !== this.#machine);
    const all = [{ ...speed, machine: this.#machine }, ...others].slice(0, KEPT);
    await replaceFile(this.#path, JSON.stringify(all)).catch(() => undefined);
  }

  async #all(): Promise<Speed[]> {
    const text = await readFile(this.#path, 'utf8').catch(() => '[]');
    try {
      const value: unknown = JSON.parse(text);
      return Array.isArray(value) ? value.filter(isSpeed) : [];
    } catch {
      return []; // damaged: measured again
    }
  }
}

function isSpeed(value: unknown): value is Speed {
  const { path, machine, parameters, coldMs, p50Ms, p95Ms } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof path === 'string' &&
    typeof machine === 'string' &&
    [parameters, coldMs, p50Ms, p95Ms].every((x) => typeof x === 'number' && Number.isFinite(x) && x > 0)
  );
}
