import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { type Adapter, readAdapter, writeAdapter } from '../../src/model/adapter.ts';
import { parseConfig } from '../../src/model/config.ts';
import { tensorOf } from '../../src/model/layout.ts';
import { type LoraShape, loraSize, loraTensors, topLayers } from '../../src/model/lora.ts';
import { encodeSafetensors, readSafetensors } from '../../src/model/safetensors.ts';

const config = parseConfig(
  JSON.parse(await readFile(new URL('../golden/quant/llama/config.json', import.meta.url), 'utf8')),
);
const base = { config, sha256: 'a'.repeat(64) };
const origin = { config, baseSha256: base.sha256 };
const shape: LoraShape = topLayers(config, 1, 4, 8);
const adapter: Adapter = {
  shape,
  vector: Float32Array.from({ length: loraSize(config, shape) }, (_, i) => Math.sin(i) * 1e-2),
};

const scratch = await mkdtemp(join(tmpdir(), 'knack-adapter-'));
after(() => rm(scratch, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(scratch, `adapter-${count++}`);
async function written(): Promise<string> {
  const dir = fresh();
  await writeAdapter(dir, adapter, origin);
  return dir;
}

test('an adapter is read back to the bit', async () => {
  const dir = await written();
  assert.deepEqual(await readAdapter(dir, base), adapter);
  assert.deepEqual((await readdir(dir)).sort(), ['adapter_config.json', 'adapter_model.safetensors', 'knack.json']);
});

test('the files are in PEFT’s layout', async () => {
  const dir = await written();
  const onDisk = JSON.parse(await readFile(join(dir, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
  assert.equal(onDisk.peft_type, 'LORA');
  assert.equal(onDisk.r, 4);
  assert.equal(onDisk.lora_alpha, 8);
  assert.deepEqual(onDisk.layers_to_transform, [1]);
  const { tensors } = await readSafetensors(join(dir, 'adapter_model.safetensors'));
  assert.deepEqual(
    [...tensors.keys()].sort(),
    loraTensors(config, shape)
      .map(({ name }) => name)
      .sort(),
  );
  const q = tensors.get('base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight')!;
  assert.deepEqual(q.shape, [4, 64]);
  assert.deepEqual(await tensorOf('q', q).read(), adapter.vector.subarray(0, 256));
});

test('an adapter never appears in part: a failed write leaves nothing, an existing one stays', async () => {
  const dir = await written();
  await assert.rejects(writeAdapter(dir, adapter, origin));
  assert.deepEqual(await readAdapter(dir, base), adapter);
  const short = { ...adapter, vector: adapter.vector.subarray(1) };
  const never = fresh();
  await assert.rejects(writeAdapter(never, short, origin), { kind: 'adapter' });
  const names = await readdir(scratch);
  assert.ok(!names.some((name) => name.endsWith('.tmp')), names.join(' '));
  assert.ok(!names.includes(basename(never)));
});

test('an adapter of another base, another shape or another kind is refused', async () => {
  const dir = await written();
  await assert.rejects(readAdapter(dir, { ...base, sha256: 'b'.repeat(64) }), {
    kind: 'adapter',
    message: /another base/,
  });
  await assert.rejects(readAdapter(dir, { ...base, config: { ...config, layers: 1 } }), {
    kind: 'adapter',
    message: /layer 1/,
  });
  await assert.rejects(readAdapter(dir, { ...base, config: { ...config, intermediate: 128 } }), {
    kind: 'adapter',
    message: /gate_proj.*\[96|96/,
  });

  const path = join(dir, 'adapter_config.json');
  const good = JSON.parse(await readFile(path, 'utf8')) as object;
  const refused = async (changes: object, kind: string, message: RegExp): Promise<void> => {
    await writeFile(path, JSON.stringify({ ...good, ...changes }));
    await assert.rejects(readAdapter(dir, base), { name: 'ModelError', kind, message });
  };
  await refused({ r: 1e9 }, 'adapter', /rank 1000000000/);
  await refused({ r: 8 }, 'adapter', /\[4, 64\], not \[8, 64\]/);
  await refused({ r: 'x' }, 'adapter', /no number/);
  await refused({ lora_alpha: -1 }, 'adapter', /alpha/);
  await refused({ layers_to_transform: [0] }, 'adapter', /layers\.0.* is missing/);
  await refused({ layers_to_transform: [99] }, 'adapter', /layer 99/);
  await refused({ target_modules: ['q_proj'] }, 'adapter', /does not name/);
  await refused({ target_modules: ['constructor'] }, 'adapter', /not linear layers/);
  await refused({ peft_type: 'IA3' }, 'adapter', /IA3/);
  await refused({ use_dora: true }, 'adapter', /use_dora/);
  await writeFile(path, '{"r":');
  await assert.rejects(readAdapter(dir, base), { kind: 'corrupt' });
  await rm(path);
  await assert.rejects(readAdapter(dir, base), { kind: 'missing' });
});

test('damaged weights are refused', async () => {
  const spoil = async (change: (bytes: Buffer) => Buffer | undefined, keepOrigin: boolean): Promise<string> => {
    const dir = await written();
    const path = join(dir, 'adapter_model.safetensors');
    const bytes = await readFile(path);
    await writeFile(path, change(bytes) ?? bytes);
    if (!keepOrigin) await rm(join(dir, 'knack.json'));
    return dir;
  };
  const flip = (bytes: Buffer): undefined => void (bytes[bytes.length - 5]! ^= 1);
  await assert.rejects(readAdapter(await spoil(flip, true), base), { kind: 'corrupt', message: /hash/ });
  await assert.rejects(readAdapter(await spoil((bytes) => bytes.subarray(0, -4), false), base), { kind: 'truncated' });
  await assert.rejects(readAdapter(await spoil(() => Buffer.from('{}'), false), base), { name: 'ModelError' });
  const notANumber = (bytes: Buffer): undefined => void bytes.writeFloatLE(Number.NaN, bytes.length - 8);
  await assert.rejects(readAdapter(await spoil(notANumber, false), base), { kind: 'adapter', message: /not finite/ });
});

test('an adapter that PEFT saved elsewhere is taken by its shapes, whatever the order of its targets', async () => {
  const ours = await written();
  const dir = fresh();
  await mkdir(dir);
  await cp(join(ours, 'adapter_config.json'), join(dir, 'adapter_config.json'));
  const path = join(dir, 'adapter_config.json');
  const { layers_to_transform: _, ...rest } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await writeFile(path, JSON.stringify({ ...rest, layers_to_transform: null, target_modules: ['v_proj', 'q_proj'] }));
  const whole: LoraShape = { rank: 4, alpha: 8, layers: [0, 1], targets: ['q_proj', 'v_proj'] };
  const vector = Float32Array.from({ length: loraSize(config, whole) }, (_value, i) => i / 1000);
  const tensors = new Map(
    loraTensors(config, whole).map((each) => [
      each.name,
      { shape: each.shape, data: vector.subarray(each.offset, each.offset + each.shape[0] * each.shape[1]) },
    ]),
  );
  await writeFile(join(dir, 'adapter_model.safetensors'), encodeSafetensors(tensors));
  assert.deepEqual(await readAdapter(dir, base), { shape: whole, vector });
});

test('a shipped adapter is stored in half precision, in half the bytes', async () => {
  const dir = fresh();
  await writeAdapter(dir, adapter, origin, null, 'F16');
  const { vector } = await readAdapter(dir, base);
  const most = vector.reduce((m, x, i) => Math.max(m, Math.abs(x - adapter.vector[i]!)), 0);
  assert.ok(most > 0 && most < 1e-5, `${most}`);
  const size = async (of: string): Promise<number> => (await readFile(join(of, 'adapter_model.safetensors'))).length;
  assert.ok((await size(dir)) < 0.6 * (await size(await written())));
});
