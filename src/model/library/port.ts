/** The few things that the search for models asks of a file system. */
import type { Dirent } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { readRange } from '../file.ts';

export interface Entry {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link' | 'other';
}

export interface Info {
  readonly kind: 'file' | 'folder' | 'other';
  /** Bytes. */
  readonly size: number;
  /** The same for two names of one file or folder. */
  readonly id: string;
}

export interface FilePort {
  /** At most `most` entries of a folder, in no order; null if it is not there or may not be read. */
  list(folder: string, most: number): Promise<readonly Entry[] | null>;
  /** Of what a link points to; null if there is nothing or it may not be looked at. */
  info(path: string): Promise<Info | null>;
  /** Exactly so many bytes; throws if they are not there. */
  read(path: string, start: number, length: number): Promise<Uint8Array>;
}

export const disk: FilePort = {
  async list(folder, most) {
    const entries: Entry[] = [];
    try {
      // Read lazily: a folder may hold more than there is memory for.
      for await (const entry of await opendir(folder, { bufferSize: 256 })) {
        entries.push({ name: entry.name, kind: kindOf(entry) });
        if (entries.length >= most) break;
      }
      return entries;
    } catch {
      return entries.length > 0 ? entries : null;
    }
  },
  async info(path) {
    const found = await stat(path).catch(() => null);
    if (found === null) return null;
    const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
    return { kind, size: found.size, id: `${found.dev}:${found.ino}` };
  },
  read: readRange,
};

function kindOf(entry: Dirent): Entry['kind'] {
  if (entry.isSymbolicLink()) return 'link';
  return entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : 'other';
}
