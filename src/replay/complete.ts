/** The editor's completion path as an arm: the same snapshot, the same server, the same fitting to ghost text. */
import { confidenceOf } from '../completion/eagerness.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import { isSuggestion, type Remembered, rememberedShare } from '../completion/suggestion.ts';
import { takeSnapshot } from '../completion/take.ts';
import { type Base, findModel, loadBase } from '../engine/base.ts';
import { BASE, type Loaded } from '../engine/checkpoint.ts';
import { withQuantised } from '../engine/quantised-base.ts';
import { Server } from '../engine/serve.ts';
import type { EditMemory } from '../memory/edit-memory.ts';
import { readAdapter } from '../model/adapter.ts';
import { loraFor } from '../trainer/plan.ts';
import type { Answer, Arm, Lesson } from './arm.ts';
import { ReplayError } from './history.ts';
import { editorLines, type Question } from './typist.ts';

/** As the engine's. */
const MAX_NEW_TOKENS = 48;
/** Of a session, however many workers there are: the sums of a matrix product depend on it. */
const THREADS = 1;

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
  readonly tokenChances?: readonly number[];
}

/** What the editor would take of the document; null where it would not ask. */
export function snapshotOf({ path, languageId, document, cursor, recent }: Question): Snapshot | null {
  const lines = editorLines(document);
  const snapshot = takeSnapshot({ path, languageId, lineCount: lines.length, line: (n) => lines[n]! }, cursor, recent);
  return 'none' in snapshot ? null : snapshot;
}

/** A memory for a base, or none. */
export type Remember = (base: Base) => EditMemory | null;

/** Greedy decoding of a checkpoint; the confidence is the generated tokens' mean log-probability among those that could come. */
export class Complete implements Arm {
  readonly #server: Server;
  readonly #memory: EditMemory | null;

  private constructor(server: Server, memory: EditMemory | null) {
    this.#server = server;
    this.#memory = memory;
  }

  /** @param remember makes the memory that it has, which `learn` fills */
  static async start(base: Base, loaded: Loaded, remember: Remember = () => null): Promise<Complete> {
    const server = await Server.start(base, loraFor(base.model.config, 1024), loaded, THREADS, true);
    return new Complete(server, remember(base));
  }

  async answer(question: Question): Promise<Answer | null> {
    const snapshot = snapshotOf(question);
    if (snapshot === null) return null;
    const memory = this.#memory;
    const recollect = memory === null ? undefined : (of: Snapshot) => memory.recollect(of);
    const completion = await this.#server.complete(snapshot, MAX_NEW_TOKENS, () => false, recollect);
    if (!isSuggestion(completion)) return null;
    const { edit, tokenLogprobs, tokenChances = tokenLogprobs, remembered } = completion;
    const own: ModelOwn = {
      tokenLogprobs,
      tokenChances,
      ...(remembered && { remembered, retrieved: rememberedShare(completion) }),
    };
    return { edit, confidence: Math.log(confidenceOf(own)), own };
  }

  /** Remembers what came of an ask; without a memory, nothing. */
  learn({ at, question, answer, withheld, fate, typed }: Lesson): void {
    const snapshot = this.#memory && snapshotOf(question);
    const made = answer ?? withheld;
    if (this.#memory === null || snapshot === null) return;
    const { edit, own } = made ?? { edit: typed, own: null };
    if (edit === null) return;
    // The extension has the whole document, of which a snapshot is a part.
    const whole = { ...snapshot, ...split(question) };
    this.#memory.learn({
      id: `${at}`,
      at,
      snapshot: whole,
      edit,
      isAccepted: fate === 'accepted',
      typed,
      remembered: (own as ModelOwn | null)?.remembered ?? null,
    });
  }

  release(): Promise<void> {
    return this.#server.release();
  }
}

/** The untuned base. @throws ReplayError if the model is not in the cache folder */
export async function startZeroshot(model: string | null, cacheDir: string): Promise<Complete> {
  return Complete.start(await openBase(model, cacheDir), BASE);
}

/**
 * The model as it ships.
 *
 * @param adapter folder of the shipped adapter; null: the base is what ships
 * @param remember as Complete.start
 * @throws ReplayError if the model is not in the cache folder
 * @throws ModelError if the adapter is damaged or was made for another base
 */
export async function startFrozen(
  model: string | null,
  cacheDir: string,
  adapter: string | null,
  remember?: Remember,
): Promise<Complete> {
  const base = await openBase(model, cacheDir, adapter);
  if (adapter === null || base.isTuned) return Complete.start(base, BASE, remember);
  const loaded = { checkpoint: 'shipped', adapter: await readAdapter(adapter, base.model) };
  return Complete.start(base, loaded, remember);
}

/** @param model as findModel's setting: null for the default model */
async function openBase(model: string | null, cacheDir: string, tuning: string | null = null): Promise<Base> {
  const path = await findModel(model, cacheDir);
  if (path === null) throw new ReplayError(`The model is not in ${cacheDir}: "Knack: Download Model" fetches it.`);
  return withQuantised(await loadBase(path, cacheDir, () => undefined, tuning), cacheDir, THREADS);
}
