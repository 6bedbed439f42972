/** Asks the engine's own code from outside of the editor: what a checkpoint thinks of an edit, and what it suggests. */
import { editAtCursor } from '../src/completion/edit.ts';
import type { Snapshot } from '../src/completion/snapshot.ts';
import { isSuggestion } from '../src/completion/suggestion.ts';
import { findModel, loadBase } from '../src/engine/base.ts';
import { loadCheckpoint } from '../src/engine/checkpoint.ts';
import { withQuantised } from '../src/engine/quantised-base.ts';
import { Server } from '../src/engine/serve.ts';
import { MAX_NEW_TOKENS } from '../src/replay/complete.ts';
import { loraFor } from '../src/trainer/plan.ts';
import { SHIPPED_ADAPTER } from './paths.ts';

const THREADS = 2;

export interface Scored {
  /** Natural-log probability of inserting the text at the snapshot's cursor, and nothing more. */
  readonly logprob: number;
  /** Of each token of it, and of those that end it. */
  readonly logprobs: readonly number[];
  /** What this checkpoint suggests there, or null. */
  readonly suggestion: string | null;
}

export interface Place {
  readonly cacheDir: string;
  /** The extension's global storage folder. */
  readonly storageDir: string;
  /** `base` or a checkpoint's id. */
  readonly checkpoint: string;
  readonly snapshot: Snapshot;
  readonly text: string;
}

export async function scorePlace({ cacheDir, storageDir, checkpoint, snapshot, text }: Place): Promise<Scored> {
  const path = await findModel(null, cacheDir);
  if (path === null) throw new Error(`The model is not in ${cacheDir}.`);
  // As the engine serves it: the stored log-probabilities are those of the policy that serves.
  const base = await withQuantised(await loadBase(path, cacheDir, () => undefined, SHIPPED_ADAPTER), cacheDir, THREADS);
  const loaded = await loadCheckpoint(storageDir, checkpoint, base);
  const server = await Server.start(base, loraFor(base.model.config, 1024), loaded, THREADS);
  try {
    const { logprob, logprobs } = await server.score(snapshot, editAtCursor(snapshot, text, 0));
    const completion = await server.complete(snapshot, MAX_NEW_TOKENS, () => false);
    return { logprob, logprobs, suggestion: isSuggestion(completion) ? completion.edit.text : null };
  } finally {
    await server.release();
  }
}
