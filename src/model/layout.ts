/**
 * Which tensors a model has, by Hugging Face's names, and how they are stored in a file.
 */
import type { ModelConfig } from './config.ts';
import { blockSize, dequantise, type NumberFormat, storedBytes } from './dequantise.ts';
import { ModelError } from './errors.ts';
import { readRange } from './file.ts';

/** One tensor of an opened model; weights are [out, in], row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  /** The whole tensor as fp32. Throws ModelError 'truncated' if the file has become shorter. */
  read(): Promise<Float32Array>;
  /** The same values in order, in pieces of at most about `bytes` bytes of fp32 (whole rows). */
  pieces(bytes?: number): AsyncGenerator<Float32Array>;
}

/** Where a tensor lies: `start` in bytes from the file's start. */
export interface StoredTensor {
  readonly path: string;
  readonly start: number;
  readonly format: NumberFormat;
  readonly shape: readonly number[];
  /**
   * Row of the file that holds row `out` of the tensor: llama.cpp interleaves the rows of rotated projections.
   * Absent: the same.
   */
  readonly rowInFile?: (out: number) => number;
}

const PIECE_BYTES = 32 << 20;
/** No single allocation reaches this: ONNX Runtime under Electron has been seen to trap on such, V8 buffers to fail. */
const MOST_BYTES = 2 ** 30;

/** Every tensor that the network of this shape needs, with its shape. A tied head has no tensor of its own. */
export function expectedTensors(config: ModelConfig): Map<string, readonly number[]> {
  const { hidden, heads, kvHeads, headDim, intermediate, vocab } = config;
  const shapes = new Map<string, readonly number[]>([['model.embed_tokens.weight', [vocab, hidden]]]);
  for (let layer = 0; layer < config.layers; layer++) {
    const name = (part: string) => `model.layers.${layer}.${part}`;
    shapes.set(name('input_layernorm.weight'), [hidden]);
    for (const [projection, rows] of [
      ['q', heads * headDim],
      ['k', kvHeads * headDim],
      ['v', kvHeads * headDim],
    ] as const) {
      shapes.set(name(`self_attn.${projection}_proj.weight`), [rows, hidden]);
      if (config.qkvBias) shapes.set(name(`self_attn.${projection}_proj.bias`), [rows]);
    }
    shapes.set(name('self_attn.o_proj.weight'), [hidden, heads * headDim]);
    shapes.set(name('post_attention_layernorm.weight'), [hidden]);
    shapes.set(name('mlp.gate_proj.weight'), [intermediate, hidden]);
    shapes.set(name('mlp.up_proj.weight'), [intermediate, hidden]);
    shapes.set(name('mlp.down_proj.weight'), [hidden, intermediate]);
  }
  shapes.set('model.norm.weight', [hidden]);
  if (!config.tiedHead) shapes.set('lm_head.weight', [vocab, hidden]);
  return shapes;
}

/**
 * Checks that `stored` holds what the network needs, and nothing that would change its arithmetic.
 * Throws ModelError 'architecture' for a missing or an unknown tensor, 'corrupt' for one of another shape.
 */
export function selectTensors(config: ModelConfig, stored: ReadonlyMap<string, StoredTensor>): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [name, shape] of expectedTensors(config)) {
    const found = stored.get(name);
    if (found === undefined) {
      throw new ModelError(
        'architecture',
        `The model has no tensor “${name}”, which its configuration calls for. It may be one part of several, or not a complete model; choose a complete one.`,
      );
    }
    if (found.shape.length !== shape.length || found.shape.some((size, axis) => size !== shape[axis])) {
      throw new ModelError(
        'corrupt',
        `The model’s tensor “${name}” is [${found.shape}], and its configuration calls for [${shape}]. Download the model again.`,
      );
    }
    tensors.set(name, tensorOf(name, found));
  }
  for (const name of stored.keys()) {
    if (!tensors.has(name) && name !== 'lm_head.weight' && !name.endsWith('.rotary_emb.inv_freq')) {
      throw new ModelError(
        'architecture',
        `The model has a tensor “${name}”, for which a plain ${config.family} network has no place. Choose another model.`,
      );
    }
  }
  return tensors;
}

/** A tensor of a file, dequantised as it is read. */
export function tensorOf(name: string, stored: StoredTensor): Tensor {
  const rows = stored.shape.length > 1 ? stored.shape[0]! : 1;
  const count = stored.shape.reduce((product, size) => product * size, 1);
  const rowLength = count / rows;
  const rowBytes = storedBytes(stored.format, rowLength);

  /** Rows `from` to `to` of the tensor; `rowInFile` moves rows, so then the caller asks for all of them. */
  const readRows = async (from: number, to: number): Promise<Float32Array> => {
    const values = new Float32Array((to - from) * rowLength);
    const bytes = await readRange(stored.path, stored.start + from * rowBytes, (to - from) * rowBytes);
    if (stored.rowInFile === undefined) {
      dequantise(stored.format, bytes, values);
      return values;
    }
    for (let row = from; row < to; row++) {
      const source = stored.rowInFile(row);
      dequantise(
        stored.format,
        bytes.subarray(source * rowBytes, (source + 1) * rowBytes),
        values.subarray(row * rowLength, (row + 1) * rowLength),
      );
    }
    return values;
  };

  return {
    shape: stored.shape,
    read() {
      if (count * 4 >= MOST_BYTES) {
        throw new ModelError(
          'architecture',
          `The tensor “${name}” alone takes ${count * 4} bytes. Choose a smaller model.`,
        );
      }
      return readRows(0, rows);
    },
    async *pieces(bytes = PIECE_BYTES) {
      const step = stored.rowInFile === undefined ? Math.max(1, Math.floor(bytes / (rowLength * 4))) : rows;
      for (let from = 0; from < rows; from += step) yield await readRows(from, Math.min(rows, from + step));
    },
  };
}

/**
 * Checks one tensor's claim about where it lies against the file, before anything is allocated for it.
 * Throws ModelError 'truncated' if the file ends before the tensor does, 'corrupt' for a shape that cannot be.
 */
export function checkExtent(name: string, tensor: StoredTensor, fileBytes: number): { start: number; end: number } {
  const count = tensor.shape.reduce((product, size) => product * size, 1);
  const row = tensor.shape.at(-1) ?? 1;
  if (!Number.isSafeInteger(count) || tensor.shape.some((size) => !Number.isSafeInteger(size) || size < 1)) {
    throw new ModelError(
      'corrupt',
      `${tensor.path} gives the tensor “${name}” the impossible shape [${tensor.shape}]. Download the model again.`,
    );
  }
  if (row % blockSize(tensor.format) !== 0) {
    throw new ModelError(
      'corrupt',
      `${tensor.path} stores the tensor “${name}” as ${tensor.format} with rows of ${row} values, which are not whole blocks. Download the model again.`,
    );
  }
  const end = tensor.start + storedBytes(tensor.format, count);
  if (!Number.isSafeInteger(tensor.start) || tensor.start < 0) {
    throw new ModelError(
      'corrupt',
      `${tensor.path} places the tensor “${name}” at ${tensor.start}. Download the model again.`,
    );
  }
  if (end > fileBytes) {
    throw new ModelError(
      'truncated',
      `${tensor.path} ends at byte ${fileBytes}, but its tensor “${name}” should reach byte ${end}: the file is incomplete. Download it again.`,
    );
  }
  return { start: tensor.start, end };
}

/** Throws ModelError 'corrupt' if two tensors of a file share bytes. */
export function checkDisjoint(path: string, extents: readonly { name: string; start: number; end: number }[]): void {
  const sorted = [...extents].sort((a, b) => a.start - b.start);
  for (let i = 1; i < sorted.length; i++) {
    const [before, after] = [sorted[i - 1]!, sorted[i]!];
    if (after.start < before.end) {
      throw new ModelError(
        'corrupt',
        `In ${path} the tensors “${before.name}” and “${after.name}” overlap. Download the model again.`,
      );
    }
  }
}
