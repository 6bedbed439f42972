/** Where things lie: the checkout, and the user's cache folder. */
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** The checkout. */
export const ROOT = dirname(import.meta.dirname);

/**
 * The user's cache folder for Knack: models, editors, derived weights. KNACK_CACHE_DIR overrides it.
 * @param env the environment to read; an argument so that a test can give one.
 */
export function cacheDir(env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  if (env.KNACK_CACHE_DIR) return env.KNACK_CACHE_DIR;
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'knack');
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'knack', 'cache');
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'knack');
}
