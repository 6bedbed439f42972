/** The editor's rounds of learning as an arm of a replay has them: the same examples, training and promotion. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyEdit, type Edit, firstLineOf } from '../completion/edit.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import type { Base } from '../engine/base.ts';
import { BASE, type Loaded } from '../engine/checkpoint.ts';
import { learnFrom, MOST_SIGNALS } from '../engine/learning.ts';
import { type Adapter, readAdapter, writeAdapter } from '../model/adapter.ts';
import { initialLora, type LoraShape } from '../model/lora.ts';
import {
  accepted,
  EXAMPLE_LIMITS,
  type Example,
  examplesFrom,
  partlyAccepted,
  refused,
  type Teaching,
  typedInstead,
} from '../trainer/examples.ts';
import { seeded } from '../trainer/random.ts';
import type { Lesson, Training } from './arm.ts';

/** As the default of knack.training.tokenBudget. */
const TOKEN_BUDGET = 20_000;

export interface RoundsOptions {
  /** Folder of the ordinary code that ships with Knack. */
  readonly code: string;
  /** Of the base, for the first round. */
  readonly shape: LoraShape;
  readonly memoryMb: number;
  /** Of the training session: sums depend on it. */
  readonly threads: number;
}

export class Rounds {
  readonly #base: Base;
  readonly #options: RoundsOptions;
  /** Examples of the newest signals, oldest first. */
  #signals: Example[][] = [];
  #adapter: Adapter | null = null;
  #canaryLoss: number | null = null;
  #rounds = 0;

  constructor(base: Base, options: RoundsOptions) {
    this.#base = base;
    this.#options = options;
  }

  /** What serves now. */
  get loaded(): Loaded {
    return this.#adapter === null ? BASE : { checkpoint: `round ${this.#rounds}`, adapter: this.#adapter };
  }

  learn({ at, question, answer, fate, typed }: Lesson, snapshot: Snapshot): void {
    const teachings = (): Teaching[] => {
      if (answer === null) return typed === null ? [] : typedInstead(typed, true);
      const { edit } = answer;
      // What a look at an accepted text would have seen: whether more was put in behind it.
      if (fate === 'accepted') return accepted(edit, 1, typed !== null && isSame(question.document, edit, typed));
      if (fate === 'partly') return partlyAccepted(firstLineOf(question.document, edit)!);
      return refused(snapshot, edit, typed, true);
    };
    this.#signals.push(examplesFrom(`${at}`, snapshot, teachings(), this.#base.format, EXAMPLE_LIMITS));
    this.#signals = this.#signals.slice(-MOST_SIGNALS);
  }

  async train(): Promise<Training> {
    const began = performance.now();
    const seed = ++this.#rounds;
    const { config } = this.#base.model;
    const { shape, code, memoryMb, threads } = this.#options;
    const start = this.#adapter ?? { shape, vector: initialLora(config, shape, seeded(seed)) };
    const result = await learnFrom(this.#base, start, this.#signals.flat(), {
      code,
      threads,
      device: 'cpu',
      memoryMb,
      batchShare: 1,
      tokenBudget: TOKEN_BUDGET,
      seed,
      canaryLoss: this.#canaryLoss,
      shouldStop: () => false,
      onFallback: () => undefined,
      onPlan: () => undefined,
      onProgress: () => undefined,
    });
    const { verdict, parameters, canaryLoss, canaryLossBefore, tokens, steps } = result!;
    if (verdict.promote) this.#adapter = { shape, vector: parameters };
    this.#canaryLoss = verdict.promote ? canaryLoss : canaryLossBefore;
    const seconds = (performance.now() - began) / 1000;
    return { tokens, steps, seconds, promoted: verdict.promote ? 1 : 0, reason: verdict.reason };
  }

  /** @param dir an empty folder */
  async save(dir: string): Promise<void> {
    const { config, sha256 } = this.#base.model;
    const state: State = { rounds: this.#rounds, canaryLoss: this.#canaryLoss };
    writeFileSync(join(dir, STATE), JSON.stringify(state));
    if (this.#adapter !== null) await writeAdapter(join(dir, ADAPTER), this.#adapter, { config, baseSha256: sha256 });
  }

  async restore(dir: string): Promise<void> {
    const state = JSON.parse(readFileSync(join(dir, STATE), 'utf8')) as State;
    this.#rounds = state.rounds;
    this.#canaryLoss = state.canaryLoss;
    const folder = join(dir, ADAPTER);
    this.#adapter = existsSync(folder) ? await readAdapter(folder, this.#base.model) : null;
  }
}

/** Whether two edits lead to the same text. */
function isSame(document: string, a: Edit, b: Edit): boolean {
  return applyEdit(document, a) === applyEdit(document, b);
}

interface State {
  readonly rounds: number;
  readonly canaryLoss: number | null;
}

const STATE = 'state.json';
const ADAPTER = 'adapter';
