/** The real default model for tests: downloaded once into the user's cache folder, as the extension would do. */
import { ensureModel } from '../../src/model/base.ts';
import { defaultCacheDir } from '../../src/model/cache.ts';
import { type Model, openModel } from '../../src/model/source.ts';

export const CACHE = defaultCacheDir();

let opened: Promise<Model> | null = null;

export function defaultModel(): Promise<Model> {
  opened ??= ensureModel({ cacheDir: CACHE }).then((path) => openModel(path, { cacheDir: CACHE }));
  return opened;
}
