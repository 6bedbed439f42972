/** The default model, downloaded into the cache folder if it is not there. */
import { ensureModel } from '../src/model/base.ts';
import { defaultCacheDir } from '../src/model/cache.ts';
import { ModelError } from '../src/model/errors.ts';
import { installPip } from './pip.ts';
import { UserError } from './progress.ts';

/** Path of the model's file. `detail` gets a line for each ten per cent. */
export async function baseModel(detail: (line: string) => void): Promise<string> {
  try {
    return await ensureModel({
      cacheDir: defaultCacheDir(),
      pip: { installPip: () => installPip(detail) },
      onProgress: ({ message, done, total }) => {
        const tenth = Math.floor((10 * done) / total);
        detail(done > 0 ? `${message}: ${10 * tenth} % of ${Math.round(total / 1e6)} MB` : message);
      },
    });
  } catch (error) {
    if (error instanceof ModelError) throw new UserError(error.message);
    throw error;
  }
}
