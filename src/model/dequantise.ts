/**
 * Stored numbers to fp32: how each tensor format lays out its bytes.
 *
 * The quantised formats are those of ggml (ggml-common.h, ggml-quants.c): blocks of 32 values along a row, each block
 * with its own half-precision scale. All are little-endian.
 */
import { ModelError } from './errors.ts';

export type NumberFormat = 'F32' | 'F16' | 'BF16' | 'Q8_0' | 'Q4_0' | 'Q4_1';

/** Values in a block, and bytes that a block takes. */
const LAYOUT: Readonly<Record<NumberFormat, { readonly values: number; readonly bytes: number }>> = {
  F32: { values: 1, bytes: 4 },
  F16: { values: 1, bytes: 2 },
  BF16: { values: 1, bytes: 2 },
  Q8_0: { values: 32, bytes: 34 }, // scale f16, 32 x int8
  Q4_0: { values: 32, bytes: 18 }, // scale f16, 32 x 4 bit less 8
  Q4_1: { values: 32, bytes: 20 }, // scale f16, minimum f16, 32 x 4 bit
};

/** Values in one block of the format: a row of a tensor is a whole number of blocks. */
export function blockSize(format: NumberFormat): number {
  return LAYOUT[format].values;
}

/** Bytes that `count` values take. Throws ModelError 'corrupt' if they are not a whole number of blocks. */
export function storedBytes(format: NumberFormat, count: number): number {
  const { values, bytes } = LAYOUT[format];
  if (count % values !== 0) {
    throw new ModelError(
      'corrupt',
      `A ${format} tensor holds blocks of ${values} values, and ${count} is no multiple of that. Download the model again.`,
    );
  }
  return (count / values) * bytes;
}

/**
 * Writes the fp32 values of `stored` into `out`. `stored` is exactly storedBytes(format, out.length) long and may lie
 * at any byte offset. Exact: every value is the fp32 number nearest to scale * q (+ minimum).
 */
export function dequantise(format: NumberFormat, stored: Uint8Array, out: Float32Array): void {
  if (stored.length !== storedBytes(format, out.length)) {
    throw new RangeError(
      `${out.length} values of ${format} take ${storedBytes(format, out.length)} bytes, not ${stored.length}`,
    );
  }
  DEQUANTISERS[format](stored, out);
}

/** fp32 value of every half-precision bit pattern: faster than DataView.getFloat16 and kept for all blocks. */
let halfTable: Float32Array | null = null;

function halves(): Float32Array {
  if (halfTable !== null) return halfTable;
  const table = new Float32Array(1 << 16);
  for (let bits = 0; bits < table.length; bits++) table[bits] = halfToFloat(bits);
  halfTable = table;
  return table;
}

/** IEEE 754 binary16 to a number. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const DEQUANTISERS: Readonly<Record<NumberFormat, (stored: Uint8Array, out: Float32Array) => void>> = {
  F32(stored, out) {
    new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(stored);
  },
  F16(stored, out) {
    const half = halves();
    for (let i = 0; i < out.length; i++) out[i] = half[stored[2 * i]! | (stored[2 * i + 1]! << 8)]!;
  },
  BF16(stored, out) {
    // A bfloat16 is the upper half of an fp32.
    const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
    for (let i = 0; i < out.length; i++) bits[i] = (stored[2 * i]! << 16) | (stored[2 * i + 1]! << 24);
  },
  Q8_0(stored, out) {
    const half = halves();
    const quants = new Int8Array(stored.buffer, stored.byteOffset, stored.length);
    for (let block = 0, at = 0; at < out.length; block += 34, at += 32) {
      const scale = half[stored[block]! | (stored[block + 1]! << 8)]!;
      for (let i = 0; i < 32; i++) out[at + i] = quants[block + 2 + i]! * scale;
    }
  },
  // In both 4-bit formats the low halves of the 16 bytes are values 0-15, the high halves values 16-31.
  Q4_0(stored, out) {
    const half = halves();
    for (let block = 0, at = 0; at < out.length; block += 18, at += 32) {
      const scale = half[stored[block]! | (stored[block + 1]! << 8)]!;
      for (let i = 0; i < 16; i++) {
        const pair = stored[block + 2 + i]!;
        out[at + i] = ((pair & 15) - 8) * scale;
        out[at + i + 16] = ((pair >> 4) - 8) * scale;
      }
    }
  },
  Q4_1(stored, out) {
    const half = halves();
    for (let block = 0, at = 0; at < out.length; block += 20, at += 32) {
      const scale = half[stored[block]! | (stored[block + 1]! << 8)]!;
      const minimum = half[stored[block + 2]! | (stored[block + 3]! << 8)]!;
      for (let i = 0; i < 16; i++) {
        const pair = stored[block + 4 + i]!;
        out[at + i] = (pair & 15) * scale + minimum;
        out[at + i + 16] = (pair >> 4) * scale + minimum;
      }
    }
  },
};
