/** The real default model for tests: fetched once into the user's cache folder, as `npm start` does. */
import { baseModel } from '../../scripts/base-model.ts';
import { defaultCacheDir } from '../../src/model/cache.ts';
import { type Model, openModel } from '../../src/model/source.ts';

export const CACHE = defaultCacheDir();

/** Path of the default model's GGUF file. */
export function defaultModelFile(): Promise<string> {
  return baseModel(() => {});
}

export async function defaultModel(): Promise<Model> {
  return openModel(await defaultModelFile(), { cacheDir: CACHE });
}
