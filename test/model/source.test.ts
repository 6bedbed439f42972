import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodeSafetensors, readSafetensors } from '../../src/model/safetensors.ts';
import { type Model, openModel } from '../../src/model/source.ts';
import { createTokenizer } from '../../src/model/tokenizer.ts';

/** Made by scripts/golden/quant.py: the same weights as GGUF of all formats and as a Hugging Face folder. */
const GOLDEN = fileURLToPath(new URL('../golden/quant/', import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), 'knack-source-'));
after(() => rm(scratch, { recursive: true, force: true }));

let count = 0;
async function place(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = join(scratch, `case-${count++}`);
  await mkdir(folder);
  for (const [name, contents] of Object.entries(files)) await writeFile(join(folder, name), contents);
  return folder;
}
const open = (path: string): Promise<Model> => openModel(path, { cacheDir: join(scratch, 'cache') });
const gguf = (family: string): Promise<Buffer> => readFile(join(GOLDEN, family, 'model.gguf'));
const folder = async (family: string): Promise<Record<string, Buffer>> => {
  const names = ['config.json', 'tokenizer.json', 'model.safetensors'];
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(GOLDEN, family, name))])),
  );
};
const refused = (path: string, kind: string, message: RegExp): Promise<void> =>
  assert.rejects(open(path), { name: 'ModelError', kind, message });

for (const family of ['llama', 'qwen2'] as const) {
  test(`${family}: a GGUF file and a Hugging Face folder of the same model are the same to the bit`, async () => {
    const [fromGguf, fromFolder] = [await open(join(GOLDEN, family, 'model.gguf')), await open(join(GOLDEN, family))];
    assert.deepEqual([...fromGguf.tensors.keys()], [...fromFolder.tensors.keys()]);
    for (const [name, tensor] of fromGguf.tensors) {
      const expected = fromFolder.tensors.get(name)!;
      assert.deepEqual(tensor.shape, expected.shape, name);
      assert.deepEqual(await tensor.read(), await expected.read(), name);
    }
    // GGUF has the epsilon as fp32.
    const { rmsEps, ...config } = fromGguf.config;
    const { rmsEps: expectedEps, ...expectedConfig } = fromFolder.config;
    assert.deepEqual(config, expectedConfig);
    assert.equal(rmsEps, Math.fround(expectedEps));
  });

  test(`${family}: a tensor in pieces is the tensor`, async () => {
    for (const [name, tensor] of (await open(join(GOLDEN, family, 'model.gguf'))).tensors) {
      const pieces: number[] = [];
      for await (const piece of tensor.pieces(1000)) pieces.push(...piece);
      assert.deepEqual(Float32Array.from(pieces), await tensor.read(), name);
    }
  });
}

test('the tokenizer of either form gives the same tokens', async () => {
  const text = 'in the\n\n  theme 42 thé';
  const ids = await Promise.all(
    ['model.gguf', ''].map(async (name) => {
      const { tokenizerSpec, config } = await open(join(GOLDEN, 'llama', name));
      const tokenizer = createTokenizer(tokenizerSpec, config.vocab, config.eosIds);
      assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
      assert.equal(tokenizer.special('<|endoftext|>'), 0);
      return tokenizer.encode(text);
    }),
  );
  assert.deepEqual(ids[0], ids[1]);
});

test('a folder with one GGUF file and a safetensors file by name are opened', async () => {
  const one = await place({ 'any-name.gguf': await gguf('llama'), 'README.md': '' });
  assert.match((await open(one)).describe, /small llama \(llama, 2 layers/);
  const { 'model.safetensors': weights, ...rest } = await folder('llama');
  const named = await place({ ...rest, 'weights.safetensors': weights! });
  assert.equal((await open(join(named, 'weights.safetensors'))).tensors.size, 20);
});

test('half-precision safetensors in shards', async () => {
  const { 'model.safetensors': _, ...rest } = await folder('llama');
  const source = await open(join(GOLDEN, 'llama'));
  const half: [string, Float32Array][] = [];
  const map: Record<string, string> = {};
  const shards: Record<string, { header: Record<string, unknown>; bytes: Buffer[]; at: number }> = {};
  for (const [i, [name, tensor]] of [...source.tensors].entries()) {
    const values = await tensor.read();
    const bits = new Uint32Array(values.buffer);
    const [file, dtype] = i % 2 === 0 ? ['a-1.safetensors', 'BF16'] : ['b-2.safetensors', 'F16'];
    const bytes = Buffer.alloc(values.length * 2);
    // Truncated to bfloat16, or the two halves that are exact.
    for (let at = 0; at < values.length; at++) {
      bytes.writeUInt16LE(dtype === 'BF16' ? bits[at]! >>> 16 : at % 2 ? 0x3c00 : 0xb800, at * 2);
    }
    half.push([
      name,
      dtype === 'BF16'
        ? new Float32Array(bits.map((value) => value & 0xffff0000).buffer)
        : values.map((_, at) => (at % 2 ? 1 : -0.5)),
    ]);
    const shard = (shards[file!] ??= { header: {}, bytes: [], at: 0 });
    shard.header[name] = { dtype, shape: tensor.shape, data_offsets: [shard.at, (shard.at += bytes.length)] };
    shard.bytes.push(bytes);
    map[name] = file!;
  }
  const at = await place({
    ...rest,
    'model.safetensors.index.json': JSON.stringify({ weight_map: map }),
    ...Object.fromEntries(
      Object.entries(shards).map(([name, { header, bytes }]) => [name, raw(header, Buffer.concat(bytes))]),
    ),
  });
  const opened = await open(at);
  for (const [name, expected] of half) assert.deepEqual(await opened.tensors.get(name)!.read(), expected, name);
  assert.notEqual(opened.sha256, source.sha256);

  const outside = { ...map, 'model.norm.weight': '../llama/model.safetensors' };
  await writeFile(join(at, 'model.safetensors.index.json'), JSON.stringify({ weight_map: outside }));
  await refused(at, 'corrupt', /not one of its folder/);
});

/** A safetensors file of any header. */
function raw(header: unknown, data: Uint8Array): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

test('what is not there or not a model is said so', async () => {
  await refused(join(scratch, 'nothing.gguf'), 'missing', /There is no file .*nothing\.gguf/);
  await refused(await place({}), 'missing', /holds no model/);
  await refused(await place({ 'a.gguf': '', 'b.gguf': '' }), 'not-a-model', /2 GGUF files.*a\.gguf, b\.gguf/);
  const texts = await place({
    'a.txt': 'hello',
    'empty.gguf': '',
    'a.safetensors': 'hello hello hello',
    ...(await folder('llama')),
  });
  await refused(join(texts, 'a.txt'), 'not-a-model', /not a GGUF file/);
  await refused(join(texts, 'empty.gguf'), 'not-a-model', /not a GGUF file/);
  await refused(join(texts, 'a.safetensors'), 'not-a-model', /not a safetensors file/);
  const { 'tokenizer.json': _, ...without } = await folder('llama');
  await refused(await place(without), 'missing', /tokenizer\.json/);
});

test('a GGUF file cut anywhere is refused as incomplete', async () => {
  const whole = await gguf('llama');
  for (const length of [5, 23, 24, 100, 700, 3000, 5000, 6000, whole.length >> 1, whole.length - 1]) {
    const at = join(await place({ 'm.gguf': whole.subarray(0, length) }), 'm.gguf');
    await assert.rejects(open(at), (error: Error & { kind: string }) => {
      assert.equal(error.name, 'ModelError');
      assert.ok(
        ['truncated', 'corrupt', 'tokenizer'].includes(error.kind),
        `${length}: ${error.kind} ${error.message}`,
      );
      assert.match(error.message, /Download|choose/);
      return true;
    });
  }
});

test('a GGUF header that lies is refused without allocating by it', async () => {
  const whole = await gguf('llama');
  const lying = async (change: (bytes: Buffer) => void): Promise<string> => {
    const bytes = Buffer.from(whole);
    change(bytes);
    return join(await place({ 'm.gguf': bytes }), 'm.gguf');
  };
  await refused(await lying((bytes) => bytes.writeUInt32LE(9, 4)), 'not-a-model', /version 9/);
  await refused(await lying((bytes) => bytes.writeBigUInt64LE(1n << 40n, 8)), 'corrupt', /1099511627776 tensors/);
  await refused(await lying((bytes) => bytes.writeBigUInt64LE(1n << 62n, 16)), 'corrupt', /keys/);
  await refused(await lying((bytes) => bytes.writeBigUInt64LE(1n << 60n, 24)), 'corrupt', /header .* cannot be read/);

  // name, dimensions, shape, type, offset: see the format.
  const info = (bytes: Buffer, name: string): number => bytes.indexOf(name) + name.length + 4;
  const norm = 'output_norm.weight'; // one dimension
  await refused(
    await lying((bytes) => bytes.writeBigUInt64LE(1n << 31n, info(bytes, norm))),
    'truncated',
    /incomplete/,
  );
  await refused(
    await lying((bytes) => bytes.writeBigUInt64LE(32n, info(bytes, norm))),
    'corrupt',
    /model\.norm\.weight.* \[32\].*\[64\]/,
  );
  await refused(await lying((bytes) => bytes.writeUInt32LE(16, info(bytes, norm) + 8)), 'dtype', /ggml’s format 16/);
  await refused(
    await lying((bytes) => bytes.writeBigUInt64LE(1n << 50n, info(bytes, norm) + 12)),
    'truncated',
    /incomplete/,
  );
  await refused(
    await lying((bytes) => bytes.writeBigUInt64LE((1n << 64n) - 1n, info(bytes, norm) + 12)),
    'corrupt',
    /places the tensor/,
  );
  await refused(await lying((bytes) => bytes.writeBigUInt64LE(0n, info(bytes, norm) + 12)), 'corrupt', /overlap/);
  await refused(
    await lying((bytes) => bytes.write('output_norm.weighs', bytes.indexOf(norm))),
    'architecture',
    /no tensor “model\.norm\.weight”/,
  );
  await refused(await lying((bytes) => bytes.write('mamba', bytes.indexOf('llama'))), 'architecture', /“mamba”/);
});

test('a safetensors header that lies is refused', async () => {
  const rest = await folder('llama');
  const refusedHeader = async (header: unknown, data: number, kind: string, message: RegExp): Promise<void> =>
    refused(await place({ ...rest, 'model.safetensors': raw(header, new Uint8Array(data)) }), kind, message);
  const norm = (changes: object): object => ({
    'model.norm.weight': { dtype: 'F32', shape: [4], data_offsets: [0, 16], ...changes },
  });

  await refusedHeader('{"a":', 16, 'corrupt', /not a JSON object/);
  await refusedHeader(norm({ dtype: 'F8_E4M3' }), 16, 'dtype', /F8_E4M3/);
  await refusedHeader(norm({ shape: [5] }), 20, 'corrupt', /does not take 16 bytes/);
  await refusedHeader(norm({ shape: [-4] }), 16, 'corrupt', /impossible shape/);
  await refusedHeader(norm({ shape: [2 ** 40, 2 ** 40] }), 16, 'corrupt', /impossible shape/);
  await refusedHeader(norm({ shape: ['4'] }), 16, 'corrupt', /impossible shape/);
  await refusedHeader(norm({ shape: [1 << 30], data_offsets: [0, 2 ** 32] }), 16, 'truncated', /incomplete/);
  await refusedHeader(norm({ data_offsets: [-16, 0] }), 16, 'corrupt', /offsets/);
  await refusedHeader(norm({ data_offsets: [0.5, 16.5] }), 16, 'corrupt', /offsets/);
  await refusedHeader(norm({}), 32, 'corrupt', /16 of its bytes belong to no tensor/);
  await refusedHeader(
    { ...norm({}), other: { dtype: 'F32', shape: [4], data_offsets: [8, 24] } },
    24,
    'corrupt',
    /overlap/,
  );
  await refusedHeader({ ...norm({}), other: null }, 16, 'corrupt', /not an object/);
  await refusedHeader(norm({}), 16, 'architecture', /no tensor “model\.embed_tokens\.weight”/);

  const long = Buffer.alloc(64, '{');
  long.writeBigUInt64LE(1n << 60n);
  await refused(await place({ ...rest, 'model.safetensors': long }), 'not-a-model', /not a safetensors file/);
  long.writeBigUInt64LE(1000n);
  await refused(await place({ ...rest, 'model.safetensors': long }), 'truncated', /within its own header/);
});

test('a model that would compute something else is refused', async () => {
  const files = await folder('llama');
  const config = JSON.parse(files['config.json']!.toString()) as object;
  const changed = async (changes: object): Promise<string> =>
    place({ ...files, 'config.json': JSON.stringify({ ...config, ...changes }) });
  await refused(await changed({ model_type: 'gpt_neox' }), 'architecture', /“gpt_neox”/);
  await refused(await changed({ hidden_act: 'gelu' }), 'architecture', /gelu/);
  await refused(await changed({ rope_parameters: { rope_type: 'longrope', factor: 4 } }), 'architecture', /longrope/);
  await refused(await changed({ num_hidden_layers: 3 }), 'architecture', /model\.layers\.2/);
  await refused(await changed({ num_hidden_layers: 1 }), 'architecture', /model\.layers\.1.*no place/);
  await refused(await changed({ num_hidden_layers: 1e9 }), 'corrupt', /num_hidden_layers/);
  await refused(await changed({ num_key_value_heads: 3 }), 'corrupt', /divide/);
  await refused(await changed({ tie_word_embeddings: false }), 'architecture', /lm_head/);
  await refused(await place({ ...files, 'config.json': '{' }), 'corrupt', /not JSON/);
});

test('a tokenizer of ten million merges is refused before it is parsed', async () => {
  const { 'tokenizer.json': _, ...rest } = await folder('llama');
  const merges = `{"model":{"type":"BPE","vocab":{},"merges":[${'"a b",'.repeat(1e7 - 1)}"a b"]}}`;
  const at = await place({ ...rest, 'tokenizer.json': merges });
  await refused(at, 'corrupt', /bytes long, which is no tokenizer\.json/);
});

test('the hash is remembered by size and time, and is that of the file', async () => {
  const at = await place({});
  await cp(join(GOLDEN, 'llama', 'model.gguf'), join(at, 'm.gguf'));
  const options = { cacheDir: join(at, 'cache') };
  let hashed = 0;
  const first = await openModel(join(at, 'm.gguf'), { ...options, onProgress: () => hashed++ });
  assert.ok(hashed > 0);
  hashed = 0;
  assert.equal((await openModel(join(at, 'm.gguf'), { ...options, onProgress: () => hashed++ })).sha256, first.sha256);
  assert.equal(hashed, 0);

  // The same size, other bytes, another time.
  const bytes = await gguf('llama');
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(join(at, 'm.gguf'), bytes);
  await utimes(join(at, 'm.gguf'), 1e9, 1e9);
  assert.notEqual((await openModel(join(at, 'm.gguf'), options)).sha256, first.sha256);
});

test('what is written as safetensors is read back', async () => {
  const tensors = new Map([
    ['b', { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, 1e-40, 6) }],
    ['a', { shape: [1], data: Float32Array.of(7) }],
  ]);
  const at = join(await place({ 'x.safetensors': encodeSafetensors(tensors, { format: 'pt' }) }), 'x.safetensors');
  const { tensors: stored, metadata } = await readSafetensors(at);
  assert.deepEqual(metadata, { format: 'pt' });
  assert.deepEqual([...stored.keys()].sort(), ['a', 'b']);
  assert.deepEqual(stored.get('b')!.shape, [2, 3]);
  assert.equal(stored.get('a')!.start % 8, 0);
});
