/**
 * `node scripts/model.ts [FILE or FOLDER]`: fetches the default model if it is not there, or opens the one that is named;
 * checks all of it, prepares its weights, and says what it is.
 */
import { defaultCacheDir } from '../src/model/cache.ts';
import { ModelError } from '../src/model/errors.ts';
import { openModel } from '../src/model/source.ts';
import { createTokenizer } from '../src/model/tokenizer.ts';
import { prepareWeights } from '../src/model/weights.ts';
import { baseModel } from './base-model.ts';
import { main, step, UserError } from './progress.ts';

/** Calls back with a line for each ten per cent. */
const tenths = (detail: (line: string) => void, what: string) => (done: number) =>
  detail(`${what}: ${10 * Math.floor(10 * done)} %`);

await main(async () => {
  const cacheDir = defaultCacheDir();
  try {
    const path = process.argv[2] ?? (await step('Fetching the model', baseModel));
    const model = await step('Checking the model', (detail) =>
      openModel(path, { cacheDir, onProgress: tenths(detail, 'hashing') }),
    );
    const tokenizer = createTokenizer(model.tokenizerSpec, model.config.vocab, model.config.eosIds);
    const weights = await step('Preparing its weights', (detail) =>
      prepareWeights(model, cacheDir, tenths(detail, 'writing')),
    );
    console.log(`${model.describe}\n${tokenizer.vocabSize} tokens\n${path}\nSHA-256 ${model.sha256}\n${weights.path}`);
  } catch (error) {
    if (error instanceof ModelError) throw new UserError(error.message);
    throw error;
  }
  return 0;
});
