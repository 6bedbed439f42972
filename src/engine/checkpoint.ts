/** Checkpoints: folders in PEFT's layout beside the database, which says which one is current. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type Adapter, readAdapter } from '../model/adapter.ts';
import { removeStale } from '../model/file.ts';
import type { Store } from '../signals/store.ts';
import type { Base } from './base.ts';
import { checkpointDir, checkpointsDir } from './storage.ts';

export interface Loaded {
  /** Checkpoint's id; `base` without an adapter. */
  readonly checkpoint: string;
  readonly adapter: Adapter | null;
}

export const BASE: Loaded = { checkpoint: 'base', adapter: null };

/** @throws ModelError if the checkpoint is damaged or was made for another base */
export async function loadCheckpoint(storageDir: string, id: string, base: Base): Promise<Loaded> {
  if (id === BASE.checkpoint) return BASE;
  const adapter = await readAdapter(checkpointDir(storageDir, id), base.model);
  return { checkpoint: id, adapter };
}

/**
 * The checkpoint that the database points to for this base. A damaged one is left alone and reported, and the base
 * serves: learning is lost for now, typing is not.
 */
export async function loadCurrent(
  store: Store | null,
  storageDir: string,
  base: Base,
  onDamage: (message: string) => void,
): Promise<Loaded> {
  const id = store?.current(base.model.sha256)?.id ?? BASE.checkpoint;
  try {
    return await loadCheckpoint(storageDir, id, base);
  } catch (error) {
    onDamage(`The checkpoint ${id} cannot be used, so the base model serves: ${(error as Error).message}`);
    return BASE;
  }
}

/** @param ids those alone; without, all */
export async function deleteCheckpoints(storageDir: string, ids?: readonly string[]): Promise<void> {
  const folders = ids?.map((id) => checkpointDir(storageDir, id)) ?? [checkpointsDir(storageDir)];
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
}

/** Removes what a trainer left half-written when it was killed. For the one that holds the lease: no other is alive. */
export async function removePartialCheckpoints(storageDir: string): Promise<void> {
  const folder = checkpointsDir(storageDir);
  if (existsSync(folder)) await removeStale(folder, 0);
}

/** Checkpoints that are kept to go back to. */
const KEPT = 8;

/** Deletes the folders of all but the current and the newest checkpoints of a base. */
export async function pruneCheckpoints(store: Store, storageDir: string, baseHash: string): Promise<void> {
  const current = store.current(baseHash)?.id;
  const old = store
    .checkpoints(baseHash)
    .filter((c) => c.id !== current)
    .slice(KEPT);
  for (const { id } of old) await rm(checkpointDir(storageDir, id), { recursive: true, force: true });
}
