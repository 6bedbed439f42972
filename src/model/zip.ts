/**
 * Takes one entry out of a zip file, such as a Python wheel (PKWARE APPNOTE 6.3, the parts that wheels use: stored or
 * deflated, no encryption, no zip64, one disk).
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { fileError, ModelError } from './errors.ts';
import { readRange } from './file.ts';

const END = { signature: 0x06054b50, bytes: 22, mostComment: 0xffff } as const;
const CENTRAL = { signature: 0x02014b50, bytes: 46 } as const;
const LOCAL = { signature: 0x04034b50, bytes: 30 } as const;

/**
 * Writes entry `name` of the zip file to `target`, which must not exist. Nothing beyond `mostBytes` is written,
 * whatever the zip says. Throws ModelError 'corrupt' if the file is not such a zip or has no such entry.
 */
export async function extractEntry(
  zip: string,
  name: string,
  target: string,
  mostBytes: number,
  onBytes?: (done: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const corrupt = (what: string) => new ModelError('corrupt', `${zip} ${what}. Download it again.`);
  const { size } = await stat(zip).catch((error) => {
    throw fileError(error, zip);
  });
  const tailStart = Math.max(0, size - END.bytes - END.mostComment);
  const tail = Buffer.from(await readRange(zip, tailStart, size - tailStart));
  let end = tail.length - END.bytes;
  while (end >= 0 && tail.readUInt32LE(end) !== END.signature) end--;
  if (end < 0) throw corrupt('is not a zip file');
  const [directoryBytes, directoryStart] = [tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
  if (directoryStart + directoryBytes > size) throw corrupt('has its directory beyond its end');

  const directory = Buffer.from(await readRange(zip, directoryStart, directoryBytes));
  for (let at = 0; at + CENTRAL.bytes <= directory.length; ) {
    if (directory.readUInt32LE(at) !== CENTRAL.signature) throw corrupt('has a damaged directory');
    const nameEnd = at + CENTRAL.bytes + directory.readUInt16LE(at + 28);
    if (directory.toString('utf8', at + CENTRAL.bytes, nameEnd) === name) {
      const method = directory.readUInt16LE(at + 10);
      const stored = directory.readUInt32LE(at + 20);
      const localStart = directory.readUInt32LE(at + 42);
      if (method !== 0 && method !== 8) throw corrupt(`packs “${name}” by method ${method}, which is not read`);
      if (localStart + LOCAL.bytes > size) throw corrupt(`places “${name}” beyond its end`);
      const local = Buffer.from(await readRange(zip, localStart, LOCAL.bytes));
      if (local.readUInt32LE(0) !== LOCAL.signature) throw corrupt(`has a damaged entry “${name}”`);
      const start = localStart + LOCAL.bytes + local.readUInt16LE(26) + local.readUInt16LE(28);
      if (stored === 0 || start + stored > size) throw corrupt(`places “${name}” beyond its end`);
      let done = 0;
      const limit = new Transform({
        transform(chunk: Buffer, _encoding, next) {
          done += chunk.length;
          onBytes?.(done);
          next(done > mostBytes ? corrupt(`unpacks “${name}” to more than ${mostBytes} bytes`) : null, chunk);
        },
      });
      const source = createReadStream(zip, { start, end: start + stored - 1, highWaterMark: 1 << 20 });
      const sink = createWriteStream(target, { flags: 'wx', flush: true });
      const options = signal ? { signal } : {};
      try {
        if (method === 0) await pipeline(source, limit, sink, options);
        else await pipeline(source, createInflateRaw({ chunkSize: 1 << 18 }), limit, sink, options);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code?.startsWith('Z_')) throw corrupt(`has a damaged entry “${name}”`);
        throw fileError(error, target);
      }
      return;
    }
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  throw corrupt(`has no entry “${name}”`);
}
