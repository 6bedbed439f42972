/**
 * Reading and writing files of the model folder: exact ranges, hashes that are remembered, atomic replacement.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileError, ModelError } from './errors.ts';

/** Exactly `length` bytes from `start`. Throws ModelError 'missing' or 'truncated'. */
export async function readRange(path: string, start: number, length: number): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const bytes = Buffer.allocUnsafeSlow(length);
      for (let at = 0; at < length; ) {
        // One read call returns at most 2 GiB on some systems, and may return less than asked anywhere.
        const { bytesRead } = await file.read(bytes, at, Math.min(length - at, 1 << 28), start + at);
        if (bytesRead === 0) {
          throw new ModelError(
            'truncated',
            `${path} ended at byte ${start + at}, ${length - at} bytes too early. Download it again.`,
          );
        }
        at += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

/** SHA-256 of a file's first `length` bytes (default: all), streamed, as lower-case hex digits. */
export async function hashFile(path: string, onBytes?: (done: number) => void, signal?: AbortSignal): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const hash = createHash('sha256');
      const piece = Buffer.allocUnsafeSlow(1 << 20);
      for (let done = 0; ; ) {
        signal?.throwIfAborted();
        const { bytesRead } = await file.read(piece, 0, piece.length, done);
        if (bytesRead === 0) return hash.digest('hex');
        hash.update(piece.subarray(0, bytesRead));
        done += bytesRead;
        onBytes?.(done);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

interface RememberedHash {
  readonly path: string;
  readonly size: string;
  readonly mtimeNs: string;
  readonly sha256: string;
}

/**
 * SHA-256 of a file, taken from <cacheDir>/hashes if the file's path, size and time of change are those of the last
 * time: hashing 100 MB takes 0.1-0.5 s, which a start should not pay twice. A cache that cannot be written costs time,
 * not correctness.
 */
export async function rememberedHash(
  path: string,
  cacheDir: string,
  onBytes?: (done: number) => void,
): Promise<string> {
  const absolute = resolve(path);
  const before = await stat(absolute, { bigint: true }).catch((error) => {
    throw fileError(error, absolute);
  });
  const key = { path: absolute, size: String(before.size), mtimeNs: String(before.mtimeNs) };
  const note = join(cacheDir, 'hashes', `${createHash('sha256').update(absolute).digest('hex').slice(0, 32)}.json`);
  const known = await readFile(note, 'utf8')
    .then(
      (text) => JSON.parse(text) as RememberedHash,
      () => null,
    )
    .catch(() => null);
  if (
    known !== null &&
    known.path === key.path &&
    known.size === key.size &&
    known.mtimeNs === key.mtimeNs &&
    /^[0-9a-f]{64}$/.test(known.sha256)
  ) {
    return known.sha256;
  }
  const sha256 = await hashFile(absolute, onBytes);
  const after = await stat(absolute, { bigint: true });
  if (after.size === before.size && after.mtimeNs === before.mtimeNs) {
    await replaceFile(note, JSON.stringify({ ...key, sha256 } satisfies RememberedHash)).catch(() => undefined);
  }
  return sha256;
}

/** Writes a small file so that a reader sees the old text or the new one, never a part, also after a power cut. */
export async function replaceFile(path: string, contents: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${temporarySuffix()}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, contents, { flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError(error, path);
  }
}

/** A name part that no other process or call uses. */
export function temporarySuffix(): string {
  return `${process.pid}-${randomBytes(6).toString('hex')}.tmp`;
}

/** Makes a renamed or created entry of `folder` durable. Windows has no such call and needs none. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const STALE_MS = 24 * 3600 * 1000;

/** Removes what a killed process left in `folder` under a temporary name, `olderThan` milliseconds ago or earlier. */
export async function removeStale(folder: string, olderThan = STALE_MS): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.tmp')) continue;
    const info = await stat(join(folder, name)).catch(() => null);
    if (info !== null && Date.now() - info.mtimeMs >= olderThan) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

/** A configuration longer than this is none. */
const MOST_JSON_BYTES = 1 << 20;

/** A small JSON file that holds an object. Throws ModelError 'missing', 'disk' or 'corrupt'. */
export async function readJsonObject(path: string): Promise<Record<string, unknown>> {
  const { size } = await stat(path).catch((error) => {
    throw fileError(error, path);
  });
  const damaged = (): ModelError => new ModelError('corrupt', `${path} is damaged: it is no JSON object.`);
  if (size > MOST_JSON_BYTES) throw damaged();
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    throw error instanceof SyntaxError ? damaged() : fileError(error, path);
  }
  throw damaged();
}
