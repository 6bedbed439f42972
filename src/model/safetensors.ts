/**
 * The safetensors format (https://github.com/huggingface/safetensors#format): eight bytes of header length, a JSON
 * header, then the tensors' bytes.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { floatToHalf, type NumberFormat } from './dequantise.ts';
import { fileError, ModelError } from './errors.ts';
import { readRange } from './file.ts';
import { checkDisjoint, checkExtent, type StoredTensor } from './layout.ts';

/** The reference implementation's own limit. */
const MOST_HEADER_BYTES = 100_000_000;
const FORMATS: ReadonlySet<string> = new Set<NumberFormat>(['F32', 'F16', 'BF16']);

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads and checks the header of one safetensors file: its length, every dtype, shape and offset, that tensors neither
 * overlap nor leave holes, and that the file ends where the last one does. Nothing is allocated beyond the file's size.
 *
 * Throws ModelError 'missing', 'not-a-model', 'truncated', 'corrupt' or 'dtype'.
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  const { size } = await stat(path).catch((error) => {
    throw fileError(error, path);
  });
  const corrupt = (what: string) => new ModelError('corrupt', `${path} is damaged: ${what}. Download it again.`);
  if (size < 10)
    throw new ModelError('truncated', `${path} has only ${size} bytes: it is incomplete. Download it again.`);
  const start = Buffer.from(await readRange(path, 0, 9));
  const headerBytes = start.readBigUInt64LE(0);
  if (start[8] !== 0x7b || headerBytes > MOST_HEADER_BYTES) {
    throw new ModelError(
      'not-a-model',
      `${path} is not a safetensors file. Name a .safetensors or .gguf file, or a folder with one.`,
    );
  }
  const dataStart = 8 + Number(headerBytes);
  if (dataStart > size) {
    throw new ModelError('truncated', `${path} ends within its own header: it is incomplete. Download it again.`);
  }
  const header = parseObject(await readRange(path, 8, Number(headerBytes)));
  if (header === null) throw corrupt('its header is not a JSON object');

  const tensors = new Map<string, StoredTensor>();
  const extents: { name: string; start: number; end: number }[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    const entry = value as Record<string, unknown> | null;
    if (typeof entry !== 'object' || entry === null) throw corrupt(`the entry of “${name}” is not an object`);
    if (name === '__metadata__') {
      metadata = Object.fromEntries(
        Object.entries(entry).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
      );
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = entry;
    if (typeof dtype !== 'string') throw corrupt(`“${name}” has no dtype`);
    if (!FORMATS.has(dtype)) {
      throw new ModelError(
        'dtype',
        `${path} stores “${name}” as ${dtype}. Knack reads F32, F16 and BF16: choose such a version of the model.`,
      );
    }
    if (!Array.isArray(shape) || shape.length > 8) throw corrupt(`“${name}” has no shape`);
    if (
      !Array.isArray(offsets) ||
      offsets.length !== 2 ||
      !offsets.every((at) => Number.isSafeInteger(at) && at >= 0)
    ) {
      throw corrupt(`“${name}” has the offsets ${JSON.stringify(offsets)}`);
    }
    const [from, to] = offsets as [number, number];
    const tensor: StoredTensor = { path, start: dataStart + from, format: dtype as NumberFormat, shape };
    const extent = checkExtent(name, tensor, size);
    if (extent.end !== dataStart + to)
      throw corrupt(`“${name}” [${shape}] of ${dtype} does not take ${to - from} bytes`);
    tensors.set(name, tensor);
    extents.push({ name, ...extent });
  }
  checkDisjoint(path, extents);
  const covered = extents.reduce((sum, { start, end }) => sum + end - start, 0);
  if (covered !== size - dataStart) throw corrupt(`${size - dataStart - covered} of its bytes belong to no tensor`);
  return { tensors, metadata };
}

/**
 * The tensors of a Hugging Face folder: one model.safetensors, or shards listed by model.safetensors.index.json.
 * Also returns the files read, as names within the folder.
 */
export async function readSafetensorsFolder(
  folder: string,
): Promise<{ tensors: Map<string, StoredTensor>; files: string[] }> {
  const whole = join(folder, 'model.safetensors');
  if (await exists(whole)) {
    return { tensors: new Map((await readSafetensors(whole)).tensors), files: ['model.safetensors'] };
  }
  const indexName = 'model.safetensors.index.json';
  const index = join(folder, indexName);
  if (!(await exists(index))) {
    throw new ModelError(
      'missing',
      `${folder} holds neither model.safetensors nor ${indexName}. Name a folder with a Hugging Face model, or a .gguf file.`,
    );
  }
  const map = parseObject(await readRange(index, 0, Math.min((await stat(index)).size, MOST_HEADER_BYTES)))?.weight_map;
  if (typeof map !== 'object' || map === null)
    throw new ModelError('corrupt', `${index} has no weight_map. Download the model again.`);

  const shards = new Map<string, Safetensors>();
  const tensors = new Map<string, StoredTensor>();
  for (const [name, file] of Object.entries(map)) {
    // A name with a separator in it would reach out of the folder.
    if (typeof file !== 'string' || !/^[\w.-]+\.safetensors$/.test(file)) {
      throw new ModelError(
        'corrupt',
        `${index} names the file ${JSON.stringify(file)}, which is not one of its folder. Download the model again.`,
      );
    }
    const shard = shards.get(file) ?? (await readSafetensors(join(folder, file)));
    shards.set(file, shard);
    const tensor = shard.tensors.get(name);
    if (tensor === undefined)
      throw new ModelError(
        'corrupt',
        `${index} looks for “${name}” in ${file}, where it is not. Download the model again.`,
      );
    tensors.set(name, tensor);
  }
  return { tensors, files: [indexName, ...[...shards.keys()].sort()] };
}

/** The bytes of a safetensors file that holds fp32 (or fp16) tensors, in the order of their names. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
  metadata: Readonly<Record<string, string>> = {},
  dtype: 'F32' | 'F16' = 'F32',
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  let at = 0;
  for (const [name, { shape, data }] of sorted) {
    if (shape.reduce((product, size) => product * size, 1) !== data.length)
      throw new RangeError(`${name}: [${shape}] is not ${data.length} values`);
    header[name] = { dtype, shape, data_offsets: [at, (at += dtype === 'F32' ? 4 * data.length : 2 * data.length)] };
  }
  const json = Buffer.from(JSON.stringify(header));
  // Padded with spaces so that the tensors are aligned to their size, as the format asks.
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + headerBytes + at, ' ');
  bytes.writeBigUInt64LE(BigInt(headerBytes), 0);
  bytes.set(json, 8);
  let end = 8 + headerBytes;
  for (const [, { data }] of sorted) {
    const values = dtype === 'F32' ? data : Uint16Array.from(data, floatToHalf);
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), end);
    end += values.byteLength;
  }
  return bytes;
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null; // not UTF-8 or not JSON: the caller says so with the file's name
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
