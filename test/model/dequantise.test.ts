import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { dequantise, floatToHalf, halfToFloat, type NumberFormat, storedBytes } from '../../src/model/dequantise.ts';

/** Made by scripts/golden/quant.py with gguf-py. */
const cases = JSON.parse(await readFile(new URL('../golden/quant/blocks.json', import.meta.url), 'utf8')) as {
  format: NumberFormat;
  bytes: string;
  values: string;
}[];
const decode = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, 'base64'));

test('every format is there', () => {
  assert.deepEqual(cases.map(({ format }) => format).sort(), [
    'BF16',
    'F16',
    'F32',
    'Q4_0',
    'Q4_1',
    'Q4_K',
    'Q5_0',
    'Q5_1',
    'Q5_K',
    'Q6_K',
    'Q8_0',
  ]);
});

for (const { format, bytes, values } of cases) {
  const stored = decode(bytes);
  const expected = new Float32Array(decode(values).buffer);

  test(`${format}: the values are gguf-py’s, to the bit`, () => {
    const out = new Float32Array(expected.length);
    dequantise(format, stored, out);
    assert.deepEqual(new Uint32Array(out.buffer), new Uint32Array(expected.buffer));
  });

  test(`${format}: bytes may lie at an odd offset, values within a larger array`, () => {
    const shifted = new Uint8Array(stored.length + 1);
    shifted.set(stored, 1);
    const out = new Float32Array(expected.length + 2);
    dequantise(format, shifted.subarray(1), out.subarray(1, -1));
    assert.deepEqual(out.subarray(1, -1), expected);
    assert.equal(out[0], 0);
    assert.equal(out.at(-1), 0);
  });

  test(`${format}: a wrong length is refused`, () => {
    assert.throws(() => dequantise(format, stored.subarray(1), new Float32Array(expected.length)), RangeError);
  });
}

test('values that are no whole blocks are refused', () => {
  assert.throws(() => storedBytes('Q4_1', 33), { kind: 'corrupt', message: /blocks of 32/ });
  assert.equal(storedBytes('Q4_1', 64), 40);
});

test('half precision: zeros, subnormals, the largest, infinities, not a number', () => {
  assert.equal(halfToFloat(0), 0);
  assert.ok(Object.is(halfToFloat(0x8000), -0));
  assert.equal(halfToFloat(1), 2 ** -24);
  assert.equal(halfToFloat(0x7bff), 65504);
  assert.equal(halfToFloat(0xc000), -2);
  assert.equal(halfToFloat(0xfc00), Number.NEGATIVE_INFINITY);
  assert.ok(Number.isNaN(halfToFloat(0x7e00)));
});

test('a number to half precision: each bit pattern to itself, what lies between to the nearest, ties to even', () => {
  for (let bits = 0; bits < 1 << 16; bits++) {
    const value = halfToFloat(bits);
    if (!Number.isNaN(value)) assert.equal(floatToHalf(value), bits);
  }
  for (const [value, bits] of [
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [1 + 2 ** -11 + 2 ** -20, 0x3c01],
    [2 ** -25, 0],
    [3 * 2 ** -25, 2],
    [65520, 0x7c00],
    [65519, 0x7bff],
    [-1e9, 0xfc00],
  ] as const) {
    assert.equal(floatToHalf(value), bits, `${value}`);
  }
  assert.ok(Number.isNaN(halfToFloat(floatToHalf(Number.NaN))));
});
