/** The base model as every process opens it: found, checked, its weights as one memory-mapped file. */
import { dirname } from 'node:path';
import { findModel as findDefault } from '../model/base.ts';
import { type Model, openModel } from '../model/source.ts';
import { createTokenizer, type Tokenizer } from '../model/tokenizer.ts';
import { prepareWeights, type WeightsBlob } from '../model/weights.ts';

export interface Base {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly weights: WeightsBlob;
  /** Folder of the weights file; sessions' graphs are written beside it. */
  readonly folder: string;
}

/**
 * Path of the model to load: the setting's, or the default model where it lies in the cache; null if that must be
 * downloaded first.
 */
export async function findModel(setting: string | null, cacheDir: string): Promise<string | null> {
  return setting ?? (await findDefault(cacheDir));
}

/**
 * @param onProgress share of the weights that is prepared, 0 to 1
 * @throws ModelError that says what to do
 */
export async function loadBase(path: string, cacheDir: string, onProgress: (share: number) => void): Promise<Base> {
  const model = await openModel(path, { cacheDir });
  const tokenizer = createTokenizer(model.tokenizerSpec, model.config.vocab, model.config.eosIds);
  const weights = await prepareWeights(model, cacheDir, onProgress);
  return { model, tokenizer, weights, folder: dirname(weights.path) };
}
