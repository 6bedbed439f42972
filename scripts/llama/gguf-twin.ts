/** A GGUF file's twin in another number format: the numbers that Knack computes with, for llama.cpp to compute with too. */
import { open, stat } from 'node:fs/promises';
import { floatToHalf, halfToFloat } from '../../src/model/dequantise.ts';
import { readRange } from '../../src/model/file.ts';
import { FORMATS } from '../../src/model/gguf.ts';
import { readGgufHeader } from '../../src/model/gguf-header.ts';
import { tensorOf } from '../../src/model/layout.ts';

const ALIGNMENT = 32;
const aligned = (at: number): number => Math.ceil(at / ALIGNMENT) * ALIGNMENT;

/** Values of a block of Q8_0, which share a scale. */
const BLOCK = 32;
/** ggml_type, bytes that values take, and the values so written. */
const TWINS = {
  F32: { type: 0, bytes: (values: number) => 4 * values, write: asBytes },
  Q8_0: { type: 8, bytes: (values: number) => (values / BLOCK) * (2 + BLOCK), write: quantised },
} as const;

/**
 * Keys and order of rows stay as they are; `general.alignment` must be the default. Vectors are fp32, as llama.cpp's own
 * quantisation leaves them.
 */
export async function writeTwin(from: string, to: string, format: keyof typeof TWINS): Promise<void> {
  const twinOf = ({ shape }: { readonly shape: readonly number[] }): (typeof TWINS)[keyof typeof TWINS] =>
    TWINS[shape.length === 1 ? 'F32' : format];
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
    infos.push(infoOf(tensor, twinOf(tensor).type, offset));
    places.push(offset);
    offset = aligned(offset + twinOf(tensor).bytes(tensor.shape.reduce((product, extent) => product * extent, 1)));
  }
  const file = await open(to, 'w');
  try {
    const header = Buffer.concat([start.subarray(0, begin), ...infos]);
    await file.write(header, 0, header.length, 0);
    for (const [i, { name, shape, type, offset: place }] of tensors.entries()) {
      const tensor = tensorOf(name, { path: from, start: dataStart + place, format: FORMATS.get(type)!, shape });
      let at = aligned(header.length) + places[i]!;
      for await (const piece of tensor.pieces()) {
        const bytes = twinOf({ shape }).write(piece);
        await file.write(bytes, 0, bytes.length, at);
        at += bytes.length;
      }
    }
    await file.truncate(aligned(header.length) + offset);
  } finally {
    await file.close();
  }
}

function asBytes({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** As ggml's quantize_row_q8_0: a half-precision scale, then 32 bytes. */
function quantised(values: Float32Array): Uint8Array {
  const bytes = Buffer.alloc(TWINS.Q8_0.bytes(values.length));
  for (let block = 0; block < values.length / BLOCK; block++) {
    const own = values.subarray(block * BLOCK, (block + 1) * BLOCK);
    const scale = own.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / 127;
    const at = bytes.writeUInt16LE(floatToHalf(scale), block * (2 + BLOCK));
    const kept = halfToFloat(floatToHalf(scale));
    for (const [i, x] of own.entries()) {
      bytes.writeInt8(kept === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(x / kept))), at + i);
    }
  }
  return bytes;
}
