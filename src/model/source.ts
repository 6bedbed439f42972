/**
 * Opens a model from wherever the user has it: a GGUF file, a safetensors file, or a folder with either.
 */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type ModelConfig, parseConfig } from './config.ts';
import { fileError, ModelError } from './errors.ts';
import { readRange, rememberedHash } from './file.ts';
import { readGguf } from './gguf.ts';
import { expectedTensors, type StoredTensor, selectTensors, type Tensor } from './layout.ts';
import { checkMemory } from './library/memory.ts';
import { readSafetensors, readSafetensorsFolder } from './safetensors.ts';
import { specFromTokenizerJson, type TokenizerSpec } from './tokenizer-spec.ts';

/** A model whose header has been read and checked; tensors are read when asked for. */
export interface Model {
  readonly config: ModelConfig;
  /** By Hugging Face's names; exactly those that the network needs. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly tokenizerSpec: TokenizerSpec;
  /** Of the file, or of all the files of a folder that make the model: an adapter is made for one of these. */
  readonly sha256: string;
  /** One line for people, such as "smollm2 (llama, 30 layers, 135 M)". */
  readonly describe: string;
}

/** Llama 3's tokenizer.json has 17 MB; parsing ten million merges of a hostile one would take a minute. */
const MOST_JSON_BYTES = 24 << 20;

/**
 * Opens a model. `cacheDir` remembers hashes, so that a second start does not read the whole file;
 * `onProgress` runs from 0 to 1 while a file is hashed.
 *
 * Throws ModelError with what to do: 'missing', 'not-a-model', 'truncated', 'corrupt', 'architecture', 'tokenizer',
 * 'dtype', 'memory'.
 */
export async function openModel(
  path: string,
  options: { cacheDir: string; onProgress?: (done: number) => void },
): Promise<Model> {
  const at = resolve(path);
  const info = await stat(at).catch((error) => {
    throw fileError(error, at);
  });
  if (!info.isDirectory()) return openFile(at, options);
  const names = (await readdir(at)).sort();
  if (names.includes('config.json')) return openFolder(at, null, options);
  const ggufs = names.filter((name) => name.endsWith('.gguf'));
  if (ggufs.length === 1) return openFile(join(at, ggufs[0]!), options);
  throw new ModelError(
    ggufs.length === 0 ? 'missing' : 'not-a-model',
    ggufs.length === 0
      ? `The folder ${at} holds no model: neither a .gguf file nor a config.json with .safetensors beside it.`
      : `The folder ${at} holds ${ggufs.length} GGUF files. Name one of them: ${ggufs.join(', ')}.`,
  );
}

type Options = { cacheDir: string; onProgress?: (done: number) => void };

async function openFile(path: string, options: Options): Promise<Model> {
  const magic = Buffer.from(await readRange(path, 0, Math.min(4, (await stat(path)).size))).toString('latin1');
  if (magic !== 'GGUF' && /\.safetensors$/i.test(path)) return openFolder(dirname(path), basename(path), options);
  const { config, tensors, tokenizer, name } = await readGguf(path);
  checkMemory(name || basename(path), config);
  return {
    config,
    tensors: selectTensors(config, tensors),
    tokenizerSpec: tokenizer,
    sha256: await hashAll([path], options),
    describe: describe(name || basename(path), config),
  };
}

/** A Hugging Face folder; `file` is its only weights file, or null for model.safetensors or the shards of its index. */
async function openFolder(folder: string, file: string | null, options: Options): Promise<Model> {
  const json = async (name: string): Promise<Record<string, unknown>> => {
    const path = join(folder, name);
    const { size } = await stat(path).catch((error) => {
      throw fileError(error, path);
    });
    if (size > MOST_JSON_BYTES)
      throw new ModelError('corrupt', `${path} is ${size} bytes long, which is no ${name}. Download the model again.`);
    try {
      return JSON.parse(Buffer.from(await readRange(path, 0, size)).toString('utf8')) as Record<string, unknown>;
    } catch (error) {
      if (error instanceof ModelError) throw error;
      throw new ModelError('corrupt', `${path} is not JSON (${(error as Error).message}). Download the model again.`, {
        cause: error,
      });
    }
  };
  const config = parseConfig(await json('config.json'));
  checkMemory(basename(folder), config);
  const tokenizerSpec = specFromTokenizerJson(await json('tokenizer.json'));
  let weights: { tensors: ReadonlyMap<string, StoredTensor>; files: string[] };
  if (file === null || file === 'model.safetensors') weights = await readSafetensorsFolder(folder);
  else weights = { tensors: (await readSafetensors(join(folder, file))).tensors, files: [file] };
  const files = ['config.json', 'tokenizer.json', ...weights.files].map((name) => join(folder, name));
  return {
    config,
    tensors: selectTensors(config, weights.tensors),
    tokenizerSpec,
    sha256: await hashAll(files, options),
    describe: describe(basename(folder), config),
  };
}

/** One file: its SHA-256. Several: the SHA-256 of their names and hashes, as `sha256sum` prints them. */
async function hashAll(paths: readonly string[], { cacheDir, onProgress }: Options): Promise<string> {
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const hashes: string[] = [];
  let before = 0;
  for (const [i, path] of paths.entries()) {
    hashes.push(await rememberedHash(path, cacheDir, (done) => onProgress?.((before + done) / total)));
    before += sizes[i]!;
  }
  if (paths.length === 1) return hashes[0]!;
  return createHash('sha256')
    .update(paths.map((path, i) => `${hashes[i]}  ${basename(path)}\n`).join(''))
    .digest('hex');
}

function describe(name: string, config: ModelConfig): string {
  let parameters = 0;
  for (const shape of expectedTensors(config).values())
    parameters += shape.reduce((product, size) => product * size, 1);
  return `${name} (${config.family}, ${config.layers} layers, ${Math.round(parameters / 1e6)} M parameters)`;
}
