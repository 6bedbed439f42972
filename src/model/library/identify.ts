/** What a model is, from the first bytes of its files: nothing is loaded, and no vocabulary is read. */
import { join } from 'node:path';
import { FORMATS } from '../gguf.ts';
import { type GgufHeader, readGgufHeader } from '../gguf-header.ts';
import type { FilePort } from './port.ts';

export interface Identity {
  /** As the file names itself; may be empty. */
  readonly name: string;
  readonly architecture: string;
  /** Weights, or null if the files do not say. */
  readonly parameters: number | null;
  /** The number format that takes most of the file, such as Q4_K or BF16. */
  readonly quantisation: string;
  /** As the file or its README says, or null. */
  readonly licence: string | null;
  /** Bytes of all its files. */
  readonly bytes: number;
  readonly layers: number | null;
  readonly hidden: number | null;
  readonly vocab: number | null;
  /** Why Knack cannot run it, for people; null if nothing here speaks against it. */
  readonly refusal: string | null;
}

const FAMILIES: ReadonlySet<string> = new Set(['llama', 'qwen2']);
const MOST_JSON_BYTES = 4 << 20;
const README_BYTES = 4096;

/** Of one GGUF file. @throws ModelError for a file that is none or is damaged */
export async function identifyGguf(port: FilePort, path: string, size: number): Promise<Identity> {
  const { metadata, tensors } = await readGgufHeader(
    path,
    size,
    (start, count) => port.read(path, start, count),
    false,
  );
  const architecture = text(metadata['general.architecture']) ?? 'unknown';
  const key = (name: string): number | null => number(metadata[`${architecture}.${name}`]);
  const type = text(metadata['general.type']);
  const unread = tensors.find((tensor) => !FORMATS.has(tensor.type));
  const shards = number(metadata['split.count']) ?? 1;
  return {
    name: text(metadata['general.name']) ?? '',
    architecture,
    parameters: tensors.reduce((sum, { shape }) => sum + product(shape), 0),
    quantisation: mostly(tensors),
    licence: text(metadata['general.license']),
    bytes: size,
    layers: key('block_count'),
    hidden: key('embedding_length'),
    vocab: tensors.find(({ name }) => name === 'token_embd.weight')?.shape[0] ?? null,
    refusal:
      type !== null && type !== 'model'
        ? `it is no whole model but of the type “${type}”`
        : shards > 1
          ? `it is one of ${shards} parts`
          : tensors.length === 0
            ? 'it is a vocabulary without weights'
            : (familyRefusal(architecture) ??
              (unread === undefined
                ? null
                : `its numbers are in ggml’s format ${unread.type}, which Knack does not read`)),
  };
}

/** Of a folder with config.json and safetensors files beside it. null if it is none. */
export async function identifyFolder(
  port: FilePort,
  folder: string,
  weights: readonly { readonly path: string; readonly size: number }[],
): Promise<Identity | null> {
  const config = await json(port, join(folder, 'config.json'));
  if (config === null || weights.length === 0) return null;
  const architecture = text(config.model_type) ?? 'unknown';
  let parameters: number | null = 0;
  const bytes = new Map<string, number>();
  for (const { path, size } of weights) {
    const header = await safetensorsHeader(port, path, size);
    if (header === null) parameters = null;
    for (const { dtype, shape } of header ?? []) {
      if (parameters !== null) parameters += product(shape);
      bytes.set(dtype, (bytes.get(dtype) ?? 0) + product(shape));
    }
  }
  const most = [...bytes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'unknown';
  return {
    name: '',
    architecture,
    parameters,
    quantisation: most,
    licence: await readmeLicence(port, join(folder, 'README.md')),
    bytes: weights.reduce((sum, { size }) => sum + size, 0),
    layers: number(config.num_hidden_layers),
    hidden: number(config.hidden_size),
    vocab: number(config.vocab_size),
    refusal:
      familyRefusal(architecture) ??
      ((await port.info(join(folder, 'tokenizer.json'))) === null ? 'its tokenizer.json is not there' : null),
  };
}

function familyRefusal(architecture: string): string | null {
  return FAMILIES.has(architecture) ? null : `it is of the family “${architecture}”; Knack runs Llama and Qwen 2`;
}

/** The format that most of the bytes are in. */
function mostly(tensors: GgufHeader['tensors']): string {
  const count = new Map<number, number>();
  for (const { type, shape } of tensors) count.set(type, (count.get(type) ?? 0) + product(shape));
  const most = [...count].sort((a, b) => b[1] - a[1])[0]?.[0];
  return most === undefined ? 'unknown' : (FORMATS.get(most) ?? `ggml format ${most}`);
}

async function safetensorsHeader(
  port: FilePort,
  path: string,
  size: number,
): Promise<{ dtype: string; shape: number[] }[] | null> {
  if (size < 10) return null;
  const start = Buffer.from(await port.read(path, 0, 8));
  const length = start.readBigUInt64LE();
  if (length > MOST_JSON_BYTES || Number(length) > size - 8) return null;
  const header = parse(await port.read(path, 8, Number(length)));
  if (header === null) return null;
  return Object.entries(header).flatMap(([name, value]) => {
    const { dtype, shape } = (value ?? {}) as Record<string, unknown>;
    if (name === '__metadata__' || typeof dtype !== 'string' || !Array.isArray(shape)) return [];
    return [{ dtype, shape: shape.map(Number) }];
  });
}

/** `license:` in the front matter of a model card. */
async function readmeLicence(port: FilePort, path: string): Promise<string | null> {
  const info = await port.info(path);
  if (info?.kind !== 'file') return null;
  const start = Buffer.from(await port.read(path, 0, Math.min(info.size, README_BYTES))).toString('utf8');
  const [, front] = /^---\r?\n([\s\S]*?)\r?\n---/.exec(start) ?? [];
  return /^license:\s*["']?([\w.+-]+)/m.exec(front ?? '')?.[1] ?? null;
}

async function json(port: FilePort, path: string): Promise<Record<string, unknown> | null> {
  const info = await port.info(path);
  if (info?.kind !== 'file' || info.size > MOST_JSON_BYTES) return null;
  return parse(await port.read(path, 0, info.size));
}

/** null: not a JSON object, so not a model's file. */
export function parse(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as never) : null;
  } catch {
    return null;
  }
}

/** Names and licences come from files of others: one line, not too long. */
function text(value: unknown): string | null {
  return typeof value === 'string' ? value.replaceAll(/\s+/g, ' ').trim().slice(0, 100) : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function product(shape: readonly number[]): number {
  return shape.reduce((all, size) => all * size, 1);
}
