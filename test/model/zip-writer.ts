/** Makes small zip files, such as a wheel, for tests of the reader. */
import { crc32, deflateRawSync } from 'node:zlib';

export function zip(
  entries: Readonly<Record<string, Uint8Array>>,
  options: { stored?: boolean; method?: number; comment?: string } = {},
): Buffer {
  const method = options.method ?? (options.stored ? 0 : 8);
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, data] of Object.entries(entries)) {
    const packed = options.stored ? Buffer.from(data) : deflateRawSync(data);
    // The part that the local and the central header share: versions, flags, method, time, sizes, name, extra.
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(method, 4);
    shared.writeUInt32LE(crc32(data), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(data.length, 18);
    shared.writeUInt16LE(Buffer.byteLength(name), 22);
    const central = Buffer.alloc(14);
    central.writeUInt32LE(at, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), shared, central, Buffer.from(name));
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), shared, Buffer.from(name), packed]);
    parts.push(local);
    at += local.length;
  }
  const table = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(Object.keys(entries).length, 4);
  end.writeUInt16LE(Object.keys(entries).length, 6);
  end.writeUInt32LE(table.length, 8);
  end.writeUInt32LE(at, 12);
  end.writeUInt16LE(options.comment?.length ?? 0, 16);
  return Buffer.concat([...parts, table, Buffer.from('PK\x05\x06', 'latin1'), end, Buffer.from(options.comment ?? '')]);
}
