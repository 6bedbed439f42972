/** The base model as every process opens it: found, checked, its weights as one memory-mapped file. */
import { dirname, join } from 'node:path';
import { baseOfAdapter, readAdapter } from '../model/adapter.ts';
import { findModel as findDefault } from '../model/base.ts';
import type { PromptStyle } from '../model/library/catalogue.ts';
import type { QuantisedWeights } from '../model/quantise.ts';
import { type Model, openModel } from '../model/source.ts';
import { createTokenizer, type Tokenizer } from '../model/tokenizer.ts';
import { tuned } from '../model/tuned.ts';
import { prepareWeights, type WeightsBlob } from '../model/weights.ts';
import type { EditFormat } from '../prompt/format.ts';
import { logFormat } from '../prompt/log-format.ts';
import { formatOf } from '../prompt/style.ts';

export interface Base {
  /** With its tuning, if it has one; its hash is then that of both. */
  readonly model: Model;
  readonly isTuned: boolean;
  /** What it is asked with: a tuned base writes edits, another one goes on with the text. */
  readonly format: EditFormat;
  readonly tokenizer: Tokenizer;
  readonly weights: WeightsBlob;
  /** Folder of the weights file; sessions' graphs are written beside it. */
  readonly folder: string;
  /** The base in 8 bit, which serves in its place where it is given. */
  readonly quantised?: QuantisedWeights;
}

/**
 * Path of the model to load: the setting's, or the default model where it lies in the cache; null if that must be
 * downloaded first.
 */
export async function findModel(setting: string | null, cacheDir: string): Promise<string | null> {
  return setting ?? (await findDefault(cacheDir));
}

/** Where the tuning of the default base lies in the package, as seen from a bundle in dist/ or a script. */
export function shippedTuning(): string {
  return join(dirname(process.argv[1]!), '..', 'media', 'model');
}

/**
 * @param onProgress share of the weights that is prepared, 0 to 1
 * @param tuning folder of an adapter that makes the base write edits; left alone where it is of another base or not there
 * @param style prompt format that the user chose; null: what the model was made for
 * @throws ModelError that says what to do
 */
export async function loadBase(
  path: string,
  cacheDir: string,
  onProgress: (share: number) => void,
  tuning: string | null = null,
  style: PromptStyle | null = null,
): Promise<Base> {
  const plain = await openModel(path, { cacheDir });
  const tokenizer = createTokenizer(plain.tokenizerSpec, plain.config.vocab, plain.config.eosIds);
  const { family, layers, hidden } = plain.config;
  const log = tuning === null ? null : logFormat(tokenizer);
  const origin = tuning === null || log === null ? null : await baseOfAdapter(tuning);
  const isTuned = origin !== null && origin.baseSha256 === plain.sha256;
  const model = isTuned ? tuned(plain, () => readAdapter(tuning!, plain), origin.weightsSha256) : plain;
  const weights = await prepareWeights(model, cacheDir, onProgress);
  const untuned = (): EditFormat =>
    formatOf(
      style,
      [plain.describe, ...path.split(/[\\/]/).slice(-4)],
      { architecture: family, layers, hidden, sha256: plain.sha256 },
      tokenizer,
    );
  const format = isTuned && style === null ? log! : untuned();
  return { model, isTuned, format, tokenizer, weights, folder: dirname(weights.path) };
}
