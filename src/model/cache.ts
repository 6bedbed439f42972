/**
 * Where the files live that can be had again: models, derived weights, remembered hashes. Outside of any checkout.
 *
 *     models/<sha256>/<file>           the base, as downloaded
 *     derived/<sha256>-f32-1/          its weights as fp32
 *     hashes/<of path>.json            SHA-256 of files by size and time
 */
import { statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, posix, win32 } from 'node:path';
import { fileError, ModelError } from './errors.ts';

/**
 * The user's cache folder for Knack: KNACK_CACHE_DIR if set, else the platform's place for caches (XDG base
 * directories, ~/Library/Caches, %LOCALAPPDATA%).
 */
export function defaultCacheDir(
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  if (env.KNACK_CACHE_DIR) return env.KNACK_CACHE_DIR;
  if (platform === 'win32')
    return win32.join(env.LOCALAPPDATA || win32.join(home, 'AppData', 'Local'), 'knack', 'cache');
  if (platform === 'darwin') return posix.join(home, 'Library', 'Caches', 'knack');
  // The specification says to ignore a relative path.
  const xdg = env.XDG_CACHE_HOME;
  return posix.join(xdg?.startsWith('/') ? xdg : posix.join(home, '.cache'), 'knack');
}

/** Left free on the disk after what we write: a full disk breaks more than us. */
const SPARE_BYTES = 64 << 20;

/** Throws ModelError 'disk' if the disk that holds the existing folder has no room for `bytes` more. */
export async function checkFreeSpace(folder: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder).catch((error) => {
    throw fileError(error, folder);
  });
  const free = bavail * bsize;
  if (free < bytes + SPARE_BYTES) {
    throw new ModelError(
      'disk',
      `${what} needs ${megabytes(bytes)} in ${folder}, where ${megabytes(free)} are free. Free some space, or set KNACK_CACHE_DIR to a folder on another disk.`,
    );
  }
}

/** A name below the cache folder, one folder a model. */
export function modelFolder(cacheDir: string, sha256: string): string {
  return join(cacheDir, 'models', sha256);
}

export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
