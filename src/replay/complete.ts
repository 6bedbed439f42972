/** The editor's completion path as an arm: the same snapshot, the same server, the same fitting to ghost text. */
import { confidenceOf } from '../completion/eagerness.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import { isSuggestion } from '../completion/suggestion.ts';
import { takeSnapshot } from '../completion/take.ts';
import { type Base, findModel, loadBase } from '../engine/base.ts';
import { BASE, type Loaded } from '../engine/checkpoint.ts';
import { withQuantised } from '../engine/quantised-base.ts';
import { Server } from '../engine/serve.ts';
import { readAdapter } from '../model/adapter.ts';
import { loraFor } from '../trainer/plan.ts';
import type { Answer, Arm } from './arm.ts';
import { ReplayError } from './history.ts';
import { editorLines, type Question } from './typist.ts';

/** As the engine's. */
const MAX_NEW_TOKENS = 48;
/** Of a session, however many workers there are: the sums of a matrix product depend on it. */
const THREADS = 1;

/** What an answer tells of how the model came to it, for arms that judge it. */
export interface ModelOwn {
  /** As Suggestion's. */
  readonly tokenLogprobs: readonly number[];
  readonly tokenChances?: readonly number[];
}

/** What the editor would take of the document; null where it would not ask. */
export function snapshotOf({ path, languageId, document, cursor, recent }: Question): Snapshot | null {
  const lines = editorLines(document);
  const snapshot = takeSnapshot({ path, languageId, lineCount: lines.length, line: (n) => lines[n]! }, cursor, recent);
  return 'none' in snapshot ? null : snapshot;
}

/** Greedy decoding of a checkpoint; the confidence is the generated tokens' mean log-probability among those that could come. */
export class Complete implements Arm {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(base: Base, loaded: Loaded): Promise<Complete> {
    return new Complete(await Server.start(base, loraFor(base.model.config, 1024), loaded, THREADS, true));
  }

  async answer(question: Question): Promise<Answer | null> {
    const snapshot = snapshotOf(question);
    if (snapshot === null) return null;
    const completion = await this.#server.complete(snapshot, MAX_NEW_TOKENS, () => false);
    if (!isSuggestion(completion)) return null;
    const { edit, tokenLogprobs, tokenChances = tokenLogprobs } = completion;
    const own: ModelOwn = { tokenLogprobs, tokenChances };
    return { edit, confidence: Math.log(confidenceOf(own)), own };
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
 * @throws ReplayError if the model is not in the cache folder
 * @throws ModelError if the adapter is damaged or was made for another base
 */
export async function startFrozen(model: string | null, cacheDir: string, adapter: string | null): Promise<Complete> {
  const base = await openBase(model, cacheDir, adapter);
  if (adapter === null || base.isTuned) return Complete.start(base, BASE);
  return Complete.start(base, { checkpoint: 'shipped', adapter: await readAdapter(adapter, base.model) });
}

/** @param model as findModel's setting: null for the default model */
async function openBase(model: string | null, cacheDir: string, tuning: string | null = null): Promise<Base> {
  const path = await findModel(model, cacheDir);
  if (path === null) throw new ReplayError(`The model is not in ${cacheDir}: "Knack: Download Model" fetches it.`);
  return withQuantised(await loadBase(path, cacheDir, () => undefined, tuning), cacheDir, THREADS);
}
