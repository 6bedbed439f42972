/**
 * A model's weights as one fp32 file that ONNX Runtime can map: written once for each base, used by every session.
 *
 * The file has every tensor, little-endian, at a multiple of 4096 bytes. It lies with its manifest in
 * derived/<sha256>-f32-1/, a folder that appears whole or not at all: it is written beside, synced and renamed. Two
 * processes may write at once; the second finds the first one's folder and drops its own.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { checkFreeSpace } from './cache.ts';
import { fileError, ModelError } from './errors.ts';
import { readRange, removeStale, syncFolder, temporarySuffix } from './file.ts';
import type { Model } from './source.ts';

/** Where one tensor lies in the file; offset and length in bytes. */
export interface WeightsEntry {
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

export interface WeightsBlob {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, WeightsEntry>;
}

/** Changes whenever the layout or the arithmetic of the derived file does. */
const LAYOUT = 'f32-1';
const ALIGNMENT = 4096;
const WEIGHTS = 'weights.bin';
const MANIFEST = 'manifest.json';
/** Pages of the file that are hashed again before it is used: cheap, and a damaged disk or a stray write shows. */
const SAMPLED_PAGES = 64;

interface Manifest {
  readonly layout: typeof LAYOUT;
  readonly model: string;
  readonly bytes: number;
  /** Of the whole file. */
  readonly sha256: string;
  /** Of SAMPLED_PAGES pages, evenly spread. */
  readonly sample: string;
  readonly tensors: readonly (readonly [name: string, entry: WeightsEntry])[];
}

/**
 * Returns the derived weights of a model, writing them if they are not there or damaged.
 * `onProgress` runs from 0 to 1 while they are written. Holds one tensor's piece (32 MB) in memory at a time.
 *
 * Throws ModelError 'disk' if there is no room or the folder cannot be written, and what reading the model throws.
 */
export async function prepareWeights(
  model: Model,
  cacheDir: string,
  onProgress?: (done: number) => void,
  signal?: AbortSignal,
): Promise<WeightsBlob> {
  if (endianness() !== 'LE') throw new ModelError('architecture', 'Knack needs a little-endian machine.');
  const parent = join(cacheDir, 'derived');
  const folder = join(parent, `${model.sha256}-${LAYOUT}`);
  const ready = await readDerived(folder, model);
  if (ready !== null) return ready;

  try {
    await mkdir(parent, { recursive: true });
    await removeStale(parent);
    await checkFreeSpace(parent, plan(model).bytes, 'Preparing the model');
    const temporary = join(parent, temporarySuffix());
    try {
      await mkdir(temporary);
      await write(model, temporary, onProgress, signal);
      await moveIntoPlace(temporary, folder, model);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  } catch (error) {
    throw fileError(error, folder);
  }
  const written = await readDerived(folder, model);
  if (written === null)
    throw new ModelError(
      'disk',
      `What was written to ${folder} does not read back. Check that disk, or set KNACK_CACHE_DIR to a folder on another one.`,
    );
  return written;
}

/** Offsets of all tensors, and the file's size. */
function plan(model: Model): { entries: Map<string, WeightsEntry>; bytes: number } {
  const entries = new Map<string, WeightsEntry>();
  let at = 0;
  for (const [name, { shape }] of model.tensors) {
    const length = 4 * shape.reduce((product, size) => product * size, 1);
    entries.set(name, { shape, offset: at, length });
    at = Math.ceil((at + length) / ALIGNMENT) * ALIGNMENT;
  }
  return { entries, bytes: at };
}

async function write(
  model: Model,
  folder: string,
  onProgress?: (done: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { entries, bytes } = plan(model);
  const path = join(folder, WEIGHTS);
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    let at = 0;
    const append = async (piece: Uint8Array): Promise<void> => {
      hash.update(piece);
      await writeAll(file, piece, at);
      at += piece.length;
      onProgress?.(at / bytes);
    };
    for (const [name, tensor] of model.tensors) {
      for await (const values of tensor.pieces()) {
        signal?.throwIfAborted();
        await append(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      }
      const { offset, length } = entries.get(name)!;
      if (at !== offset + length) throw new RangeError(`${name}: ${at - offset} bytes came, not ${length}`);
      const padding = Math.ceil(at / ALIGNMENT) * ALIGNMENT - at;
      if (padding > 0) await append(new Uint8Array(padding));
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const manifest: Manifest = {
    layout: LAYOUT,
    model: model.sha256,
    bytes,
    sha256: hash.digest('hex'),
    sample: await hashSample(path, bytes),
    tensors: [...entries],
  };
  const handle = await open(join(folder, MANIFEST), 'wx');
  try {
    await handle.writeFile(JSON.stringify(manifest));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(folder);
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

/** Renames the finished folder. Another process's good one stays; a damaged one gives way. */
async function moveIntoPlace(temporary: string, folder: string, model: Model): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await rename(temporary, folder);
      await syncFolder(join(folder, '..'));
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (!['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'].includes(code) || attempt === 3) throw error;
      if ((await readDerived(folder, model)) !== null) return;
      // Moved aside first: whoever reads it meanwhile sees the old folder or none.
      const aside = join(folder, '..', temporarySuffix());
      await rename(folder, aside).catch((moved: NodeJS.ErrnoException) => {
        if (moved.code !== 'ENOENT') throw error;
      });
      await rm(aside, { recursive: true, force: true });
    }
  }
}

/** The derived weights if they are whole by their manifest, their size and a sample of their pages; else null. */
async function readDerived(folder: string, model: Model): Promise<WeightsBlob | null> {
  const path = join(folder, WEIGHTS);
  try {
    const manifest = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as Manifest;
    const { entries, bytes } = plan(model);
    if (manifest.layout !== LAYOUT || manifest.model !== model.sha256 || manifest.bytes !== bytes) return null;
    if (JSON.stringify(manifest.tensors) !== JSON.stringify([...entries])) return null;
    if ((await stat(path)).size !== bytes) return null;
    if ((await hashSample(path, bytes)) !== manifest.sample) return null;
    return { path, tensors: entries };
  } catch (error) {
    // Not there, or not readable as what we write: written again.
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof ModelError) return null;
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw fileError(error, folder);
  }
}

async function hashSample(path: string, bytes: number): Promise<string> {
  const pages = Math.ceil(bytes / ALIGNMENT);
  const count = Math.min(SAMPLED_PAGES, pages);
  const hash = createHash('sha256');
  for (let i = 0; i < count; i++) {
    const page = count === 1 ? 0 : Math.floor((i * (pages - 1)) / (count - 1));
    hash.update(await readRange(path, page * ALIGNMENT, Math.min(ALIGNMENT, bytes - page * ALIGNMENT)));
  }
  return hash.digest('hex');
}
