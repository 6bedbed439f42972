/**
 * Files that are made from a model and can be made again: tensors in one file that ONNX Runtime can map, with a
 * manifest, in a folder of derived/ that appears whole or not at all. It is written beside, synced and renamed. Two
 * processes may write at once; the second finds the first one's folder and drops its own.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { checkFreeSpace } from './cache.ts';
import { fileError, ModelError } from './errors.ts';
import { readRange, removeStale, syncFolder, temporarySuffix } from './file.ts';
import { markUsed } from './prune.ts';

/** Where one tensor lies in the file; offset and length in bytes. */
export interface DerivedEntry {
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

export interface DerivedFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, DerivedEntry>;
}

/** What a derived file holds, before it is made. */
export interface DerivedPlan {
  /** Changes whenever the layout or the arithmetic of the file does: a part of the folder's name. */
  readonly layout: string;
  /** Hash of what it is made from. */
  readonly source: string;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly bytes: number }[];
}

const ALIGNMENT = 4096;
const FILE = 'weights.bin';
const MANIFEST = 'manifest.json';
/** Pages of the file that are hashed again before it is used: cheap, and a damaged disk or a stray write shows. */
const SAMPLED_PAGES = 64;

interface Manifest {
  readonly layout: string;
  readonly model: string;
  readonly bytes: number;
  /** Of the whole file. */
  readonly sha256: string;
  /** Of SAMPLED_PAGES pages, evenly spread. */
  readonly sample: string;
  readonly tensors: readonly (readonly [name: string, entry: DerivedEntry])[];
}

/** The derived file where it is there and whole; else null. */
export async function findDerived(plan: DerivedPlan, cacheDir: string): Promise<DerivedFile | null> {
  return readDerived(folderOf(plan, cacheDir), plan);
}

function folderOf(plan: DerivedPlan, cacheDir: string): string {
  return join(cacheDir, 'derived', `${plan.source}-${plan.layout}`);
}

/**
 * Returns a derived file, writing it if it is not there or damaged.
 *
 * @param contents the bytes of the plan's tensors, in the plan's order, in pieces; asked for only if it must be written
 * @param onProgress from 0 to 1 while it is written
 * @throws ModelError 'disk' if there is no room or the folder cannot be written, and what `contents` throws
 */
export async function ensureDerived(
  plan: DerivedPlan,
  cacheDir: string,
  contents: () => AsyncIterable<{ readonly name: string; readonly piece: Uint8Array }>,
  onProgress?: (done: number) => void,
  signal?: AbortSignal,
): Promise<DerivedFile> {
  if (endianness() !== 'LE') throw new ModelError('architecture', 'Knack needs a little-endian machine.');
  const parent = join(cacheDir, 'derived');
  const folder = folderOf(plan, cacheDir);
  const ready = await readDerived(folder, plan);
  if (ready !== null) return ready;

  try {
    await mkdir(parent, { recursive: true });
    await removeStale(parent);
    await checkFreeSpace(parent, place(plan).bytes, 'Preparing the model');
    const temporary = join(parent, temporarySuffix());
    try {
      await mkdir(temporary);
      await write(plan, temporary, contents(), onProgress, signal);
      await moveIntoPlace(temporary, folder, plan);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  } catch (error) {
    throw fileError(error, folder);
  }
  const written = await readDerived(folder, plan);
  if (written === null)
    throw new ModelError(
      'disk',
      `What was written to ${folder} does not read back. Check that disk, or set KNACK_CACHE_DIR to a folder on another one.`,
    );
  return written;
}

/** Offsets of all tensors, and the file's size. */
function place(plan: DerivedPlan): { entries: Map<string, DerivedEntry>; bytes: number } {
  const entries = new Map<string, DerivedEntry>();
  let at = 0;
  for (const { name, shape, bytes } of plan.tensors) {
    entries.set(name, { shape, offset: at, length: bytes });
    at = Math.ceil((at + bytes) / ALIGNMENT) * ALIGNMENT;
  }
  return { entries, bytes: at };
}

async function write(
  plan: DerivedPlan,
  folder: string,
  contents: AsyncIterable<{ readonly name: string; readonly piece: Uint8Array }>,
  onProgress?: (done: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { entries, bytes } = place(plan);
  const path = join(folder, FILE);
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
    const pad = async (end: number): Promise<void> => {
      if (end > at) await append(new Uint8Array(end - at));
    };
    const names = plan.tensors.map(({ name }) => name);
    let now = -1;
    const complete = (): void => {
      const before = now < 0 ? undefined : entries.get(names[now]!)!;
      if (before && at !== before.offset + before.length)
        throw new RangeError(`${names[now]}: ${at - before.offset} bytes came, not ${before.length}`);
    };
    for await (const { name, piece } of contents) {
      signal?.throwIfAborted();
      if (name !== names[now]) {
        complete();
        if (name !== names[++now]) throw new RangeError(`${name} came where ${names[now]} belongs`);
        await pad(entries.get(name)!.offset);
      }
      await append(piece);
    }
    complete();
    if (now !== names.length - 1) throw new RangeError(`${names[now + 1]} never came`);
    await pad(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  const manifest: Manifest = {
    layout: plan.layout,
    model: plan.source,
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
async function moveIntoPlace(temporary: string, folder: string, plan: DerivedPlan): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await rename(temporary, folder);
      await syncFolder(join(folder, '..'));
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (!['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'].includes(code) || attempt === 3) throw error;
      if ((await readDerived(folder, plan)) !== null) return;
      // Moved aside first: whoever reads it meanwhile sees the old folder or none.
      const aside = join(folder, '..', temporarySuffix());
      await rename(folder, aside).catch((moved: NodeJS.ErrnoException) => {
        if (moved.code !== 'ENOENT') throw error;
      });
      await rm(aside, { recursive: true, force: true });
    }
  }
}

/** The derived file if it is whole by its manifest, its size and a sample of its pages; else null. */
async function readDerived(folder: string, plan: DerivedPlan): Promise<DerivedFile | null> {
  const path = join(folder, FILE);
  try {
    const manifest = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as Manifest;
    const { entries, bytes } = place(plan);
    if (manifest.layout !== plan.layout || manifest.model !== plan.source || manifest.bytes !== bytes) return null;
    if (JSON.stringify(manifest.tensors) !== JSON.stringify([...entries])) return null;
    if ((await stat(path)).size !== bytes) return null;
    if ((await hashSample(path, bytes)) !== manifest.sample) return null;
    await markUsed(join(folder, MANIFEST));
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
