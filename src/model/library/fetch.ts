/** Downloads a model of the catalogue into the cache folder, resumably, and only what its hash says. */
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFreeSpace, modelFolder } from '../cache.ts';
import { type DownloadOptions, downloadFile } from '../download.ts';
import { fileError, ModelError } from '../errors.ts';
import { rememberedHash, removeStale } from '../file.ts';
import { describeHubFile, type HubFile, hubFileUrl } from './hub.ts';

export interface FetchOptions {
  readonly cacheDir: string;
  /** The hub's or a mirror's address: hubEndpoint. */
  readonly endpoint: string;
  readonly signal?: AbortSignal;
  /** Bytes that have arrived, of all. */
  readonly onBytes?: (done: number, total: number) => void;
  readonly http?: Pick<DownloadOptions, 'fetch' | 'stallMs' | 'attempts' | 'pauseMs'>;
}

/**
 * Path of the file, downloaded first if it is not there. What has arrived when it is cancelled or breaks is kept, and
 * the next call goes on from there.
 *
 * @throws ModelError 'download', 'disk' or 'cancelled'
 */
export async function fetchModel(file: HubFile, options: FetchOptions): Promise<string> {
  const { cacheDir, endpoint, signal, http } = options;
  const name = file.file.split('/').at(-1)!;
  try {
    const known = await describeHubFile(endpoint, file, { ...http, ...(signal ? { signal } : {}) });
    const folder = modelFolder(cacheDir, known.sha256);
    const target = join(folder, name);
    const info = await stat(target).catch(() => null);
    if (info?.size === known.bytes && (await rememberedHash(target, cacheDir)) === known.sha256) return target;
    await mkdir(folder, { recursive: true }).catch((error) => {
      throw fileError(error, folder);
    });
    await removeStale(folder);
    await checkFreeSpace(folder, known.bytes, `Downloading ${name}`);
    await downloadFile(hubFileUrl(endpoint, file), target, known, {
      ...http,
      signal,
      onBytes: (done) => options.onBytes?.(done, known.bytes),
    });
    return target;
  } catch (error) {
    if (signal?.aborted)
      throw new ModelError('cancelled', `The download of ${name} was paused. What has arrived is kept.`, {
        cause: error,
      });
    throw error;
  }
}
