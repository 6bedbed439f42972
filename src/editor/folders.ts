/** Where Knack keeps what is too big or too general for VS Code's storage. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The user's cache folder for models and derived weights; KNACK_CACHE_DIR overrides it. */
export function cacheDir(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  if (env.KNACK_CACHE_DIR) return env.KNACK_CACHE_DIR;
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'knack');
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'knack', 'cache');
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'knack');
}
