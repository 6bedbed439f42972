/** Where other programs, and Knack itself, keep models on this machine. */
import { posix, win32 } from 'node:path';

export type Keeper = 'knack' | 'ollama' | 'lm-studio' | 'hugging-face' | 'llama.cpp';

export interface Place {
  readonly keeper: Keeper;
  readonly path: string;
}

/** For people. */
export const KEEPERS: Readonly<Record<Keeper, string>> = {
  knack: 'Knack',
  ollama: 'Ollama',
  'lm-studio': 'LM Studio',
  'hugging-face': 'Hugging Face cache',
  'llama.cpp': 'llama.cpp',
};

/**
 * Folders to look into, by each program's own rules; most are not there. Environment variables come first, as they do
 * for those programs: OLLAMA_MODELS; HF_HUB_CACHE, HF_HOME; LLAMA_CACHE; XDG_CACHE_HOME.
 */
export function modelPlaces(
  cacheDir: string,
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
  home: string,
): Place[] {
  const { join } = platform === 'win32' ? win32 : posix;
  const caches = env.XDG_CACHE_HOME || join(home, '.cache');
  const place = (keeper: Keeper, ...paths: (string | false | undefined)[]): Place[] =>
    paths.filter((path) => typeof path === 'string' && path !== '').map((path) => ({ keeper, path: path as string }));
  const llamaCpp =
    platform === 'win32'
      ? join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'llama.cpp')
      : platform === 'darwin'
        ? join(home, 'Library', 'Caches', 'llama.cpp')
        : join(caches, 'llama.cpp');
  return [
    ...place('knack', join(cacheDir, 'models')),
    // The second is where its service on Linux keeps them.
    ...place(
      'ollama',
      env.OLLAMA_MODELS || join(home, '.ollama', 'models'),
      platform === 'linux' && '/usr/share/ollama/.ollama/models',
    ),
    ...place('lm-studio', join(home, '.lmstudio', 'models'), join(home, '.cache', 'lm-studio', 'models')),
    ...place(
      'hugging-face',
      env.HF_HUB_CACHE ||
        env.HUGGINGFACE_HUB_CACHE ||
        (env.HF_HOME ? join(env.HF_HOME, 'hub') : join(caches, 'huggingface', 'hub')),
    ),
    ...place('llama.cpp', env.LLAMA_CACHE || llamaCpp),
  ];
}
