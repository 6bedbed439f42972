/**
 * Stored numbers to fp32: how each tensor format lays out its bytes.
 *
 * The quantised formats are those of ggml (ggml-common.h, ggml-quants.c): blocks of 32 values along a row, each block
 * with its own half-precision scale, or (the K formats) of 256 values whose parts have small scales of their own under
 * a half-precision one. All are little-endian.
 */
import { ModelError } from './errors.ts';

export type NumberFormat =
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'Q8_0'
  | 'Q4_0'
  | 'Q4_1'
  | 'Q5_0'
  | 'Q5_1'
  | 'Q4_K'
  | 'Q5_K'
  | 'Q6_K';

/** Values in a block, and bytes that a block takes. */
const LAYOUT: Readonly<Record<NumberFormat, { readonly values: number; readonly bytes: number }>> = {
  F32: { values: 1, bytes: 4 },
  F16: { values: 1, bytes: 2 },
  BF16: { values: 1, bytes: 2 },
  Q8_0: { values: 32, bytes: 34 }, // scale f16, 32 x int8
  Q4_0: { values: 32, bytes: 18 }, // scale f16, 32 x 4 bit less 8
  Q4_1: { values: 32, bytes: 20 }, // scale f16, minimum f16, 32 x 4 bit
  Q5_0: { values: 32, bytes: 22 }, // scale f16, 32 x the fifth bit, 32 x 4 bit; less 16
  Q5_1: { values: 32, bytes: 24 }, // scale f16, minimum f16, 32 x the fifth bit, 32 x 4 bit
  Q4_K: { values: 256, bytes: 144 }, // scale f16, minimum f16, 8 x (6 bit scale, 6 bit minimum), 256 x 4 bit
  Q5_K: { values: 256, bytes: 176 }, // as Q4_K, 256 x the fifth bit before the 4 bits
  Q6_K: { values: 256, bytes: 210 }, // 256 x 4 bit, 256 x 2 bit, 16 x int8 scale, scale f16; less 32
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

/** The nearest IEEE 754 binary16, ties to even; beyond its range infinity. */
export function floatToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size > 65504 + 16) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  // In units of the last place: a carry into the next power of two is the next bit pattern.
  const units = size === 0 ? 0 : toEven(size / 2 ** (exponent - 10));
  const bits = units + ((exponent + 14) << 10);
  return sign | (size === 0 ? 0 : Math.min(bits, 0x7c00));
}

function toEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
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
      const scale = half[word(stored, block)]!;
      for (let i = 0; i < 32; i++) out[at + i] = quants[block + 2 + i]! * scale;
    }
  },
  // In both 4-bit formats the low halves of the 16 bytes are values 0-15, the high halves values 16-31.
  Q4_0(stored, out) {
    const half = halves();
    for (let block = 0, at = 0; at < out.length; block += 18, at += 32) {
      const scale = half[word(stored, block)]!;
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
      const scale = half[word(stored, block)]!;
      const minimum = half[word(stored, block + 2)]!;
      for (let i = 0; i < 16; i++) {
        const pair = stored[block + 4 + i]!;
        out[at + i] = (pair & 15) * scale + minimum;
        out[at + i + 16] = (pair >> 4) * scale + minimum;
      }
    }
  },
  Q5_0(stored, out) {
    const half = halves();
    for (let block = 0, at = 0; at < out.length; block += 22, at += 32) {
      const scale = half[word(stored, block)]!;
      const low = word(stored, block + 2);
      const high = word(stored, block + 4);
      for (let i = 0; i < 16; i++) {
        const pair = stored[block + 6 + i]!;
        out[at + i] = (((pair & 15) | (((low >> i) & 1) << 4)) - 16) * scale;
        out[at + i + 16] = (((pair >> 4) | (((high >> i) & 1) << 4)) - 16) * scale;
      }
    }
  },
  Q5_1(stored, out) {
    const half = halves();
    for (let block = 0, at = 0; at < out.length; block += 24, at += 32) {
      const scale = half[word(stored, block)]!;
      const minimum = half[word(stored, block + 2)]!;
      const low = word(stored, block + 4);
      const high = word(stored, block + 6);
      for (let i = 0; i < 16; i++) {
        const pair = stored[block + 8 + i]!;
        out[at + i] = ((pair & 15) | (((low >> i) & 1) << 4)) * scale + minimum;
        out[at + i + 16] = ((pair >> 4) | (((high >> i) & 1) << 4)) * scale + minimum;
      }
    }
  },
  Q4_K(stored, out) {
    fours(stored, out, 144, null);
  },
  Q5_K(stored, out) {
    fours(stored, out, 176, 16);
  },
  // Each half of a block: 64 bytes whose halves are 4 bits of values 0-63 and 64-127, and 32 bytes with two more bits of
  // values 0-31, 32-63, 64-95 and 96-127, from the lowest on; a scale for every 16 values.
  Q6_K(stored, out) {
    const half = halves();
    const signed = new Int8Array(stored.buffer, stored.byteOffset, stored.length);
    for (let block = 0, at = 0; at < out.length; block += 210) {
      const scale = half[word(stored, block + 208)]!;
      for (let part = 0; part < 2; part++, at += 128) {
        const fours = block + 64 * part;
        const twos = block + 128 + 32 * part;
        const scales = block + 192 + 8 * part;
        for (let i = 0; i < 128; i++) {
          const nibbles = stored[fours + (i & 63)]!;
          const four = i < 64 ? nibbles & 15 : nibbles >> 4;
          const two = (stored[twos + (i & 31)]! >> (2 * (i >> 5))) & 3;
          out[at + i] = scale * signed[scales + (i >> 4)]! * ((four | (two << 4)) - 32);
        }
      }
    }
  },
};

/**
 * Q4_K and Q5_K: of each 32 bytes the low halves are one part of 32 values, the high halves the next. `fifths`: where in
 * the block 32 bytes lie whose bit p is the fifth bit of part p's values.
 */
function fours(stored: Uint8Array, out: Float32Array, bytes: number, fifths: number | null): void {
  const half = halves();
  for (let block = 0, at = 0; at < out.length; block += bytes, at += 256) {
    const scale = half[word(stored, block)]!;
    const minimum = half[word(stored, block + 2)]!;
    const quants = block + bytes - 128;
    for (let part = 0; part < 8; part++) {
      const [six, sixMinimum] = sixes(stored, block + 4, part);
      const [step, base] = [scale * six, minimum * sixMinimum];
      for (let i = 0; i < 32; i++) {
        const pair = stored[quants + 32 * (part >> 1) + i]!;
        const four = part & 1 ? pair >> 4 : pair & 15;
        const fifth = fifths === null ? 0 : ((stored[block + fifths + i]! >> part) & 1) << 4;
        out[at + 32 * part + i] = step * (four | fifth) - base;
      }
    }
  }
}

/**
 * Scale and minimum of part 0-7, six bits each, from 12 bytes: those of parts 0-3 are the low six bits of bytes 0-3 and
 * 4-7; those of parts 4-7 have their low four bits in bytes 8-11 and their upper two in the top of bytes 0-3 and 4-7.
 */
function sixes(stored: Uint8Array, at: number, part: number): [number, number] {
  const [s, m] = [stored[at + (part & 3)]!, stored[at + 4 + (part & 3)]!];
  if (part < 4) return [s & 63, m & 63];
  const both = stored[at + 4 + part]!;
  return [(both & 15) | ((s >> 6) << 4), (both >> 4) | ((m >> 6) << 4)];
}

function word(stored: Uint8Array, at: number): number {
  return stored[at]! | (stored[at + 1]! << 8);
}
