/** The editor's completion path as an arm: the same snapshot, the same server, the same fitting to ghost text. */
import { confidenceOf } from '../completion/eagerness.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import { isSuggestion, type Remembered, rememberedShare } from '../completion/suggestion.ts';
import { takeSnapshot } from '../completion/take.ts';
import { type Base, findModel, loadBase } from '../engine/base.ts';
import { BASE } from '../engine/checkpoint.ts';
import { withQuantised } from '../engine/quantised-base.ts';
import { Server } from '../engine/serve.ts';
import type { EditMemory } from '../memory/edit-memory.ts';
import { type Adapter, readAdapter } from '../model/adapter.ts';
import { loraFor } from '../trainer/plan.ts';
import { type Answer, type Arm, type Lesson, NO_EFFORT, type Seen, type Training } from './arm.ts';
import { ReplayError } from './history.ts';
import { Rounds } from './rounds.ts';
import { editorLines, type Question } from './typist.ts';

/** As the engine's. */
export const MAX_NEW_TOKENS = 48;
/** Of a session, however many workers there are: the sums of a matrix product depend on it. */
const THREADS = 1;
/** As the default of knack.training.memoryMb. */
const MEMORY_MB = 1536;

/** The whole document, parted at the cursor. */
function split({ document, cursor }: Question): Pick<Snapshot, 'before' | 'after' | 'startLine'> {
  const lines = editorLines(document);
  const above = lines.slice(0, cursor.line).map((line) => `${line}\n`);
  const line = lines[cursor.line]!;
  const below = lines.slice(cursor.line + 1).map((text) => `\n${text}`);
  return {
    before: above.join('') + line.slice(0, cursor.character),
    after: line.slice(cursor.character) + below.join(''),
    startLine: 0,
  };
}

/** What an answer tells of how the model came to it, for arms that judge it. */
export interface ModelOwn {
  /** As Suggestion's. */
  readonly tokenLogprobs: readonly number[];
  /** With a memory that had something to say. */
  readonly remembered?: Remembered;
  /** Share of the tokens that the memory put in, 0 to 1. */
  readonly retrieved?: number;
  /** As Suggestion's. */
  readonly repeats?: number;
  readonly tokenChances?: readonly number[];
}

/** What the editor would take of the document; null where it would not ask. */
export function snapshotOf({ path, languageId, document, cursor, recent }: Question): Snapshot | null {
  const lines = editorLines(document);
  const snapshot = takeSnapshot({ path, languageId, lineCount: lines.length, line: (n) => lines[n]! }, cursor, recent);
  return 'none' in snapshot ? null : snapshot;
}

/** What a model learns with along a replay. */
export interface Learning {
  /** A memory for the base. */
  readonly remember?: (base: Base) => EditMemory | null;
  /** Rounds of training: the folder of the ordinary code that ships with Knack. */
  readonly rounds?: { readonly code: string };
}

/** Greedy decoding of a checkpoint; the confidence is the generated tokens' mean log-probability among those that could come. */
export class Complete implements Arm {
  readonly #server: Server;
  readonly #memory: EditMemory | null;
  readonly #rounds: Rounds | null;

  private constructor(server: Server, memory: EditMemory | null, rounds: Rounds | null) {
    this.#server = server;
    this.#memory = memory;
    this.#rounds = rounds;
  }

  /** @param adapter a tuning that is not folded into the base: nothing can be trained on top of it */
  static async start(
    base: Base,
    { remember, rounds }: Learning = {},
    adapter: Adapter | null = null,
  ): Promise<Complete> {
    if (rounds !== undefined && adapter !== null) {
      throw new ReplayError(
        'weights: the shipped adapter is of another base, so that nothing can be learned on top of it.',
      );
    }
    const shape = loraFor(base.model.config, MEMORY_MB);
    const loaded = adapter === null ? BASE : { checkpoint: 'shipped', adapter };
    const server = await Server.start(base, rounds === undefined ? null : shape, loaded, THREADS, true);
    const training = rounds && new Rounds(base, { ...rounds, shape, memoryMb: MEMORY_MB, threads: THREADS });
    return new Complete(server, remember?.(base) ?? null, training ?? null);
  }

  async answer(question: Question): Promise<Answer | null> {
    const snapshot = snapshotOf(question);
    if (snapshot === null) return null;
    const memory = this.#memory;
    const recollect = memory === null ? undefined : (of: Snapshot) => memory.recollect(of);
    const completion = await this.#server.complete(snapshot, MAX_NEW_TOKENS, () => false, recollect);
    if (!isSuggestion(completion)) return null;
    const { edit, tokenLogprobs, tokenChances = tokenLogprobs, remembered, repeats } = completion;
    const own: ModelOwn = {
      tokenLogprobs,
      tokenChances,
      ...(remembered && { remembered, retrieved: rememberedShare(completion) }),
      ...(repeats !== undefined && { repeats }),
    };
    return { edit, confidence: Math.log(confidenceOf(own)), own };
  }

  /** Remembers edits as they are left. */
  watch(seen: Seen): void {
    if (seen.kind !== 'edited') return;
    const { stretch, ...edit } = seen.edit;
    // Nobody looks at when it was.
    this.#memory?.write({ ...edit, id: `edit ${stretch}`, at: 0 });
  }

  /** Remembers what came of an ask, and keeps it for the next round. */
  learn(lesson: Lesson): void {
    const snapshot = snapshotOf(lesson.question);
    if (snapshot === null) return;
    this.#rounds?.learn(lesson, snapshot);
    this.#remember(lesson, snapshot);
  }

  #remember({ at, question, answer, fate, typed }: Lesson, snapshot: Snapshot): void {
    // What was typed without a suggestion is known as an edit.
    if (this.#memory === null || answer === null) return;
    const { edit, own } = answer;
    // The extension has the whole document, of which a snapshot is a part.
    const whole = { ...snapshot, ...split(question) };
    this.#memory.learn({
      id: `${at}`,
      at,
      snapshot: whole,
      edit,
      isAccepted: fate === 'accepted',
      typed,
      remembered: (own as ModelOwn | undefined)?.remembered ?? null,
    });
  }

  /** A round of learning, where it has any; what is promoted serves from the next question on. */
  async train(): Promise<Training> {
    if (this.#rounds === null) return NO_EFFORT;
    const effort = await this.#rounds.train();
    await this.#server.swap(this.#rounds.loaded);
    return effort;
  }

  async save(dir: string): Promise<void> {
    await this.#rounds?.save(dir);
  }

  async restore(dir: string): Promise<void> {
    if (this.#rounds === null) return;
    await this.#rounds.restore(dir);
    await this.#server.swap(this.#rounds.loaded);
  }

  release(): Promise<void> {
    return this.#server.release();
  }
}

/** The untuned base. @throws ReplayError if the model is not in the cache folder */
export async function startZeroshot(model: string | null, cacheDir: string): Promise<Complete> {
  return Complete.start(await openBase(model, cacheDir));
}

/**
 * The model as it ships.
 *
 * @param adapter folder of the shipped adapter; null: the base is what ships
 * @param learning what it learns with
 * @throws ReplayError if the model is not in the cache folder
 * @throws ModelError if the adapter is damaged or was made for another base
 */
export async function startFrozen(
  model: string | null,
  cacheDir: string,
  adapter: string | null,
  learning?: Learning,
): Promise<Complete> {
  const base = await openBase(model, cacheDir, adapter);
  const isFolded = adapter === null || base.isTuned;
  return Complete.start(base, learning, isFolded ? null : await readAdapter(adapter, base.model));
}

/** @param model as findModel's setting: null for the default model */
async function openBase(model: string | null, cacheDir: string, tuning: string | null = null): Promise<Base> {
  const path = await findModel(model, cacheDir);
  if (path === null) throw new ReplayError(`The model is not in ${cacheDir}: "Knack: Download Model" fetches it.`);
  return withQuantised(await loadBase(path, cacheDir, () => undefined, tuning), cacheDir, THREADS);
}
