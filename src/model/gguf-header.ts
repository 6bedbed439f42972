/**
 * The header of a GGUF file (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): key-value pairs and where the
 * tensors lie. Versions 2 and 3, little-endian.
 *
 * A reader of our own, because every count in a header is a stranger's claim: each is held against the bytes that are
 * there before anything is allocated or repeated by it, which the libraries for this format do not do.
 */
import { ModelError } from './errors.ts';

export interface GgufHeader {
  /** Values by key; 64-bit integers beyond 2^53 stay bigint. No prototype, so any key is safe. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly tensors: readonly GgufTensor[];
  /** Byte at which the tensors' data begins. */
  readonly dataStart: number;
}

export interface GgufTensor {
  readonly name: string;
  /** Outermost dimension first. */
  readonly shape: readonly number[];
  /** A ggml_type. */
  readonly type: number;
  /** Bytes from `dataStart`. */
  readonly offset: number;
}

/** The bytes of a file: exactly `length` from `start`, which the caller has checked against its size. */
export type ReadBytes = (start: number, length: number) => Promise<Uint8Array>;

/** Beyond any model of a laptop's size: Llama 3 has 700,000 array items in 8 MB of header. */
const MOST = { tensors: 20_000, keys: 2_000, items: 1 << 22, headerBytes: 128 << 20, nameBytes: 4096 } as const;
/** Items of an array that are kept where only a look is wanted. */
const SHORT = 64;

/**
 * Reads and checks the header.
 *
 * @param longArrays false leaves out arrays of more than 64 items: the vocabulary, when a model is only identified
 * @throws ModelError 'not-a-model', 'truncated' or 'corrupt'
 */
export async function readGgufHeader(
  path: string,
  size: number,
  read: ReadBytes,
  longArrays = true,
): Promise<GgufHeader> {
  for (let length = Math.min(size, 1 << 20); ; length = Math.min(size, 2 * length)) {
    const header = parse(path, size, await read(0, length), longArrays);
    if (header !== null) return header;
    if (length >= MOST.headerBytes) {
      throw new ModelError(
        'corrupt',
        `The header of ${path} has more than ${MOST.headerBytes >> 20} MB, which no model has that runs on a laptop. Download it again.`,
      );
    }
  }
}

/** Thrown when the bytes at hand end within the header, though the file goes on. */
class More extends Error {}

/** null: the header is longer than `bytes`. */
function parse(path: string, size: number, bytes: Uint8Array, longArrays: boolean): GgufHeader | null {
  const reader = new Reader(path, size, bytes);
  try {
    const [tensorCount, keyCount] = start(reader);
    const metadata = Object.create(null) as Record<string, unknown>;
    for (let i = 0; i < keyCount; i++) {
      const key = reader.text('key', MOST.nameBytes);
      if (key in metadata) throw reader.wrong(`the key “${key}” is there twice`);
      metadata[key] = value(reader, key, reader.u32(), longArrays);
    }
    const tensors = Array.from({ length: tensorCount }, () => tensor(reader));
    const alignment = metadata['general.alignment'] ?? 32;
    if (typeof alignment !== 'number' || alignment < 1 || alignment > 1 << 20 || (alignment & (alignment - 1)) !== 0)
      throw reader.wrong(`tensors are aligned to ${String(alignment)} bytes`);
    const dataStart = Math.ceil(reader.at / alignment) * alignment;
    if (dataStart > size) throw reader.truncated();
    return { metadata, tensors, dataStart };
  } catch (error) {
    if (error instanceof More) return null;
    throw error;
  }
}

function start(reader: Reader): [tensors: number, keys: number] {
  const { path } = reader;
  if (!reader.startsWith('GGUF')) {
    throw new ModelError(
      'not-a-model',
      `${path} is not a GGUF file. Name a .gguf or .safetensors file, or a folder with one.`,
    );
  }
  const version = reader.u32();
  if (version !== 2 && version !== 3) {
    throw new ModelError(
      'not-a-model',
      `${path} is of GGUF version ${version}; Knack reads versions 2 and 3, little-endian. Choose a newer conversion of the model.`,
    );
  }
  const [tensors, keys] = [reader.u64(), reader.u64()];
  if (tensors > MOST.tensors || keys > MOST.keys) {
    throw new ModelError(
      'corrupt',
      `${path} claims ${tensors} tensors and ${keys} keys, which cannot be. Download it again.`,
    );
  }
  return [Number(tensors), Number(keys)];
}

function tensor(reader: Reader): GgufTensor {
  const name = reader.text('tensor’s name', MOST.nameBytes);
  const dimensions = reader.u32();
  if (dimensions < 1 || dimensions > 4) throw reader.wrong(`the tensor “${name}” has ${dimensions} dimensions`);
  const shape = Array.from({ length: dimensions }, () => Number(reader.u64())).reverse();
  return { name, shape, type: reader.u32(), offset: Number(reader.u64()) };
}

const ARRAY = 9;
const STRING = 8;
/** Types of a single value (gguf_metadata_value_type): how many bytes it takes, and how it is read. */
const SCALARS: ReadonlyMap<number, { bytes: number; read: (reader: Reader) => unknown }> = new Map([
  [0, { bytes: 1, read: (r) => r.view.getUint8(r.take(1)) }],
  [1, { bytes: 1, read: (r) => r.view.getInt8(r.take(1)) }],
  [2, { bytes: 2, read: (r) => r.view.getUint16(r.take(2), true) }],
  [3, { bytes: 2, read: (r) => r.view.getInt16(r.take(2), true) }],
  [4, { bytes: 4, read: (r) => r.u32() }],
  [5, { bytes: 4, read: (r) => r.view.getInt32(r.take(4), true) }],
  [6, { bytes: 4, read: (r) => r.view.getFloat32(r.take(4), true) }],
  [7, { bytes: 1, read: (r) => r.view.getUint8(r.take(1)) !== 0 }],
  [STRING, { bytes: 8, read: (r) => r.text('text', Number.POSITIVE_INFINITY) }],
  [10, { bytes: 8, read: (r) => narrow(r.u64()) }],
  [11, { bytes: 8, read: (r) => narrow(r.view.getBigInt64(r.take(8), true)) }],
  [12, { bytes: 8, read: (r) => r.view.getFloat64(r.take(8), true) }],
]);

function value(reader: Reader, key: string, type: number, longArrays: boolean): unknown {
  const scalar = SCALARS.get(type);
  if (scalar !== undefined) return scalar.read(reader);
  if (type !== ARRAY) throw reader.wrong(`the value of “${key}” is of the unknown type ${type}`);
  const items = reader.u32();
  const item = SCALARS.get(items);
  if (item === undefined) throw reader.wrong(`the list “${key}” has items of the type ${items}`);
  const count = reader.u64();
  if (count > MOST.items || !reader.fits(Number(count) * item.bytes))
    throw reader.wrong(`the list “${key}” claims ${count} items`);
  const length = Number(count);
  if (!longArrays && length > SHORT) {
    if (items === STRING) for (let i = 0; i < length; i++) reader.take(reader.length('text', Number.POSITIVE_INFINITY));
    else reader.take(length * item.bytes);
    return undefined;
  }
  const out: unknown[] = [];
  for (let i = 0; i < length; i++) out.push(item.read(reader));
  return out;
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

class Reader {
  readonly path: string;
  readonly view: DataView;
  at = 0;
  readonly #size: number;
  readonly #bytes: Buffer;

  constructor(path: string, size: number, bytes: Uint8Array) {
    this.path = path;
    this.#size = size;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Whether the file has so many bytes more. */
  fits(bytes: number): boolean {
    return this.at + bytes <= this.#size;
  }

  /** Moves over `bytes`; returns where they begin. */
  take(bytes: number): number {
    const from = this.at;
    if (!this.fits(bytes)) throw this.truncated();
    if (from + bytes > this.#bytes.length) throw new More();
    this.at = from + bytes;
    return from;
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  u64(): bigint {
    return this.view.getBigUint64(this.take(8), true);
  }

  length(what: string, most: number): number {
    const length = this.u64();
    if (length > BigInt(this.#size) || length > most) throw this.wrong(`a ${what} claims ${length} bytes`);
    return Number(length);
  }

  text(what: string, most: number): string {
    const length = this.length(what, most);
    const from = this.take(length);
    return this.#bytes.toString('utf8', from, from + length);
  }

  startsWith(text: string): boolean {
    const found = this.#bytes.subarray(0, text.length).toString('latin1') === text;
    this.at = text.length;
    return found;
  }

  wrong(what: string): ModelError {
    return new ModelError(
      'corrupt',
      `The header of ${this.path} cannot be read: ${what} (byte ${this.at}). Download it again.`,
    );
  }

  truncated(): ModelError {
    return new ModelError(
      'truncated',
      `${this.path} ends at byte ${this.#size}, within its own header: it is incomplete. Download it again.`,
    );
  }
}
