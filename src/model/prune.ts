/**
 * Old files in derived/ that nothing refers to any more: of models that are gone, of layouts and graphs that an older
 * version of Knack made. When a file was last used is its time of change, which whoever opens it sets.
 */
import { readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeStale, temporarySuffix } from './file.ts';

const DAY_MS = 24 * 3_600_000;
/** A folder that nobody has opened for so long goes; made again, it costs a minute. A running engine marks its own. */
const FOLDER_MS = 30 * DAY_MS;
/** A session's graph is read when the session is made, and written again if it is not there. */
const GRAPH_MS = 7 * DAY_MS;

/** Says that a file is in use. A cache that cannot be written keeps its times, and nothing is deleted from it either. */
export async function markUsed(path: string, now = Date.now()): Promise<void> {
  await utimes(path, now / 1000, now / 1000).catch(() => undefined);
}

/** Says that a derived file's folder is in use. */
export function markDerivedUsed({ path }: { readonly path: string }, now = Date.now()): Promise<void> {
  return markUsed(join(dirname(path), 'manifest.json'), now);
}

/**
 * Deletes what was not used for long. What cannot be deleted stays for the next time.
 *
 * @returns names of the folders and graphs that are gone
 */
export async function pruneDerived(cacheDir: string, now = Date.now()): Promise<string[]> {
  const parent = join(cacheDir, 'derived');
  const gone: string[] = [];
  const age = async (path: string): Promise<number> => {
    const info = await stat(path).catch(() => null);
    return info === null ? Number.NEGATIVE_INFINITY : now - info.mtimeMs;
  };
  for (const name of await readdir(parent).catch(() => [])) {
    const folder = join(parent, name);
    if ((await age(join(folder, 'manifest.json'))) > FOLDER_MS) {
      // Aside first: whoever looks for it finds it whole or not at all.
      const aside = join(parent, temporarySuffix());
      const moved = await rename(folder, aside).then(
        () => true,
        () => false,
      );
      if (moved) gone.push(name);
      await rm(aside, { recursive: true, force: true }).catch(() => undefined);
      continue;
    }
    for (const file of await readdir(folder).catch(() => [])) {
      if (!file.endsWith('.onnx') || (await age(join(folder, file))) <= GRAPH_MS) continue;
      const removed = await rm(join(folder, file)).then(
        () => true,
        () => false,
      );
      if (removed) gone.push(`${name}/${file}`);
    }
  }
  await removeStale(parent).catch(() => undefined);
  return gone;
}
