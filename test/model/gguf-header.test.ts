/** Our reader of GGUF headers against @huggingface/gguf, and against claims that cannot be. */
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gguf } from '@huggingface/gguf';
import { readRange } from '../../src/model/file.ts';
import { readGgufHeader } from '../../src/model/gguf-header.ts';
import { defaultModelFile } from './model-files.ts';

const SMALL = fileURLToPath(new URL('../golden/families/llama-llama3.gguf', import.meta.url));

for (const [name, path] of [
  ['the default model', await defaultModelFile()],
  ['a small model', SMALL],
] as const) {
  test(`${name}: keys, tensors and offsets are those that the library reads`, async () => {
    const { size } = await stat(path);
    const own = await readGgufHeader(path, size, (start, length) => readRange(path, start, length));
    const theirs = await gguf(path, { allowLocalFile: true });
    const { version, tensor_count, kv_count, ...metadata } = theirs.metadata as unknown as Record<string, unknown>;
    assert.equal(Object.keys(own.metadata).length, Number(kv_count));
    for (const [key, value] of Object.entries(own.metadata)) {
      const expected = metadata[key];
      assert.deepEqual(value, typeof expected === 'bigint' ? Number(expected) : expected, key);
    }
    assert.deepEqual(
      own.tensors.map(({ name, shape, type, offset }) => ({ name, shape, type, offset })),
      theirs.tensorInfos.map((info) => ({
        name: info.name,
        shape: info.shape.map(Number).reverse(),
        type: info.dtype,
        offset: Number(info.offset),
      })),
    );
    assert.equal(own.dataStart, Number(theirs.tensorDataOffset));
  });
}

test('long lists are left out where only a look is wanted', async () => {
  const { size } = await stat(SMALL);
  const { metadata, tensors } = await readGgufHeader(SMALL, size, (at, length) => readRange(SMALL, at, length), false);
  assert.equal(metadata['tokenizer.ggml.tokens'], undefined);
  assert.equal(metadata['general.license'], 'mit');
  assert.equal(tensors.length, 21);
});

/** A header with one key whose value is `body`. */
const header = (type: number, body: Uint8Array): Buffer => {
  const start = Buffer.alloc(24);
  start.write('GGUF');
  start.writeUInt32LE(3, 4);
  start.writeBigUInt64LE(1n, 16);
  const key = Buffer.alloc(13);
  key.writeBigUInt64LE(1n);
  key.write('k', 8);
  key.writeUInt32LE(type, 9);
  return Buffer.concat([start, key, body]);
};
const list = (items: number, count: bigint): Buffer => {
  const bytes = Buffer.alloc(12 + 64);
  bytes.writeUInt32LE(items);
  bytes.writeBigUInt64LE(count, 4);
  return bytes;
};

test('counts are held against the bytes that are there before anything is made by them', async () => {
  let most = 0;
  const refused = (bytes: Buffer, kind: string, message: RegExp): Promise<void> =>
    assert.rejects(
      readGgufHeader('m.gguf', bytes.length, async (start, length) => {
        most = Math.max(most, length);
        return bytes.subarray(start, start + length);
      }),
      { kind, message },
    );
  await refused(header(9, list(4, 1n << 40n)), 'corrupt', /claims 1099511627776 items/);
  await refused(header(9, list(8, 10_000_000n)), 'corrupt', /claims 10000000 items/);
  await refused(header(9, list(4, 17n)), 'corrupt', /claims 17 items/);
  await refused(header(9, list(9, 1n)), 'corrupt', /items of the type 9/);
  await refused(header(77, Buffer.alloc(8)), 'corrupt', /unknown type 77/);
  await refused(header(8, Buffer.alloc(8, 255)), 'corrupt', /text claims/);
  await refused(header(4, Buffer.alloc(2)), 'truncated', /within its own header/);
  assert.ok(most < 1000);
});

test('a header that is longer than any is given up, though the file is long enough', async () => {
  const bytes = Buffer.alloc(128 << 20);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(200n << 20n);
  bytes.set(header(8, length));
  await assert.rejects(
    readGgufHeader('m.gguf', 1e12, async (_, count) => bytes.subarray(0, count)),
    { kind: 'corrupt', message: /more than 128 MB/ },
  );
});

test('a key that is there twice is refused', async () => {
  const bytes = await readFile(SMALL);
  bytes.write('tokenizer.ggml.model', bytes.indexOf('llama.context_length'));
  await assert.rejects(
    readGgufHeader(SMALL, bytes.length, async (at, length) => bytes.subarray(at, at + length)),
    { kind: 'corrupt', message: /“tokenizer\.ggml\.model” is there twice/ },
  );
});
