/** Scores an edit from outside of the editor, by the engine's own code: what a checkpoint thinks of it. */
import type { Snapshot } from '../src/completion/snapshot.ts';
import { findModel, loadBase } from '../src/engine/base.ts';
import { loadCheckpoint } from '../src/engine/checkpoint.ts';
import { Server } from '../src/engine/serve.ts';
import { loraFor } from '../src/trainer/plan.ts';

export interface Place {
  readonly cacheDir: string;
  /** The extension's global storage folder. */
  readonly storageDir: string;
  /** `base` or a checkpoint's id. */
  readonly checkpoint: string;
  readonly snapshot: Snapshot;
  readonly text: string;
}

/** Natural-log probability of inserting `text` at the snapshot's cursor, its line end included. */
export async function scorePlace({ cacheDir, storageDir, checkpoint, snapshot, text }: Place): Promise<number> {
  const path = await findModel(null, cacheDir);
  if (path === null) throw new Error(`The model is not in ${cacheDir}.`);
  const base = await loadBase(path, cacheDir, () => undefined);
  const loaded = await loadCheckpoint(storageDir, checkpoint, base);
  const server = await Server.start(base, loraFor(base.model.config, 1024), loaded, 2);
  try {
    return (await server.score(snapshot, text, 0)).logprob;
  } finally {
    await server.release();
  }
}
