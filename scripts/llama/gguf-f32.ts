/** A GGUF file's twin whose tensors are fp32: the numbers that Knack computes with, for llama.cpp to compute with too. */
import { open, stat } from 'node:fs/promises';
import { readRange } from '../../src/model/file.ts';
import { FORMATS } from '../../src/model/gguf.ts';
import { readGgufHeader } from '../../src/model/gguf-header.ts';
import { tensorOf } from '../../src/model/layout.ts';

const ALIGNMENT = 32;
const aligned = (at: number): number => Math.ceil(at / ALIGNMENT) * ALIGNMENT;

/** Keys and order of rows stay as they are; `general.alignment` must be the default. */
export async function writeF32(from: string, to: string): Promise<void> {
  const { size } = await stat(from);
  const { tensors, dataStart } = await readGgufHeader(from, size, (start, length) => readRange(from, start, length));
  const infoOf = ({ name, shape }: (typeof tensors)[number], type: number, offset: number): Buffer => {
    const text = Buffer.from(name);
    const info = Buffer.alloc(8 + text.length + 4 + 8 * shape.length + 4 + 8);
    let at = info.writeBigUInt64LE(BigInt(text.length));
    at += text.copy(info, at);
    at = info.writeUInt32LE(shape.length, at);
    for (const extent of shape.toReversed()) at = info.writeBigUInt64LE(BigInt(extent), at);
    info.writeBigUInt64LE(BigInt(offset), info.writeUInt32LE(type, at));
    return info;
  };
  // The infos end the header, so their length says where they begin.
  const start = await readRange(from, 0, dataStart);
  const old = tensors.map((tensor) => infoOf(tensor, tensor.type, tensor.offset));
  const begin = Buffer.from(start).indexOf(old[0]!);
  const end = begin + old.reduce((sum, info) => sum + info.length, 0);
  if (begin < 0 || aligned(end) !== dataStart)
    throw new Error(`${from} is laid out in a way that this script does not know`);
  let offset = 0;
  const infos: Buffer[] = [];
  const places: number[] = [];
  for (const tensor of tensors) {
    infos.push(infoOf(tensor, 0, offset));
    places.push(offset);
    offset = aligned(offset + 4 * tensor.shape.reduce((product, extent) => product * extent, 1));
  }
  const file = await open(to, 'w');
  try {
    const header = Buffer.concat([start.subarray(0, begin), ...infos]);
    await file.write(header, 0, header.length, 0);
    for (const [i, { name, shape, type, offset: place }] of tensors.entries()) {
      const tensor = tensorOf(name, { path: from, start: dataStart + place, format: FORMATS.get(type)!, shape });
      let at = aligned(header.length) + places[i]!;
      for await (const piece of tensor.pieces()) {
        const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
        await file.write(bytes, 0, bytes.length, at);
        at += bytes.length;
      }
    }
    await file.truncate(aligned(header.length) + offset);
  } finally {
    await file.close();
  }
}
