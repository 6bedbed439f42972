/**
 * The GGUF format (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): configuration, tokenizer and tensors of a
 * Llama or Qwen 2 model in one file, brought to Hugging Face's names and layout.
 *
 * @huggingface/gguf reads header and metadata; what it hands over is checked against the file here.
 */
import { stat } from 'node:fs/promises';
import { gguf } from '@huggingface/gguf';
import { type ModelConfig, parseConfig } from './config.ts';
import type { NumberFormat } from './dequantise.ts';
import { fileError, ModelError } from './errors.ts';
import { readRange } from './file.ts';
import { checkDisjoint, checkExtent, type StoredTensor } from './layout.ts';
import { specFromGguf, type TokenizerSpec } from './tokenizer-spec.ts';

export interface GgufModel {
  readonly config: ModelConfig;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly tokenizer: TokenizerSpec;
  /** The name that the file gives itself, or an empty string. */
  readonly name: string;
}

/** ggml_type -> format; the numbers are those of ggml.h. */
const FORMATS: ReadonlyMap<number, NumberFormat> = new Map([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [3, 'Q4_1'],
  [8, 'Q8_0'],
  [30, 'BF16'],
]);

const BLOCK_PARTS: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};

/** More tensors or keys than any model of a laptop's size has: a damaged or hostile count. */
const MOST = { tensors: 20_000n, keys: 2_000n } as const;

/**
 * Reads and checks the header of a GGUF file.
 * Throws ModelError 'missing', 'not-a-model', 'truncated', 'corrupt', 'architecture', 'tokenizer' or 'dtype'.
 */
export async function readGguf(path: string): Promise<GgufModel> {
  const { size } = await stat(path).catch((error) => {
    throw fileError(error, path);
  });
  await checkStart(path, size);
  const { metadata, tensorInfos, tensorDataOffset } = await readHeader(path, size);
  const dataStart = Number(tensorDataOffset);
  if (dataStart > size) throw truncated(path, size);

  const keys = metadata as unknown as Readonly<Record<string, unknown>>;
  const tokenizer = specFromGguf(keys);
  const embedding = tensorInfos.find(({ name }) => name === 'token_embd.weight');
  const rows = Number(embedding?.shape[1] ?? 0);
  const config = configOf(
    keys,
    rows,
    tensorInfos.some(({ name }) => name === 'output.weight'),
  );
  if (tokenizer.tokens.length !== rows) {
    throw new ModelError(
      'tokenizer',
      `${path} has ${tokenizer.tokens.length} tokens for ${rows} rows of its embedding: the tokenizer is another model’s. Download the model again.`,
    );
  }

  const tensors = new Map<string, StoredTensor>();
  const extents: { name: string; start: number; end: number }[] = [];
  for (const info of tensorInfos) {
    const format = FORMATS.get(info.dtype);
    if (format === undefined) {
      throw new ModelError(
        'dtype',
        `${path} stores “${info.name}” in ggml’s format ${info.dtype}. Knack reads F32, F16, BF16, Q8_0, Q4_0 and Q4_1: choose such a version of the model.`,
      );
    }
    // ggml counts dimensions from the innermost.
    const shape = info.shape.map(Number).reverse();
    const tensor: StoredTensor = { path, start: dataStart + Number(info.offset), format, shape };
    extents.push({ name: info.name, ...checkExtent(info.name, tensor, size) });
    const name = huggingFaceName(info.name);
    if (tensors.has(name))
      throw new ModelError('corrupt', `${path} has two tensors “${info.name}”. Download it again.`);
    tensors.set(name, withRotaryRows(tensor, name, config));
  }
  checkDisjoint(path, extents);
  return { config, tensors, tokenizer, name: typeof keys['general.name'] === 'string' ? keys['general.name'] : '' };
}

/** Looks at the fixed first bytes before the library trusts the counts in them. */
async function checkStart(path: string, size: number): Promise<void> {
  const start = Buffer.from(await readRange(path, 0, Math.min(size, 24)));
  if (start.subarray(0, 4).toString('latin1') !== 'GGUF') {
    throw new ModelError(
      'not-a-model',
      `${path} is not a GGUF file. Name a .gguf or .safetensors file, or a folder with one.`,
    );
  }
  if (start.length < 24) throw truncated(path, size);
  const version = start.readUInt32LE(4);
  if (version !== 2 && version !== 3) {
    throw new ModelError(
      'not-a-model',
      `${path} is of GGUF version ${version}; Knack reads versions 2 and 3, little-endian. Choose a newer conversion of the model.`,
    );
  }
  const [tensors, keys] = [start.readBigUInt64LE(8), start.readBigUInt64LE(16)];
  if (tensors > MOST.tensors || keys > MOST.keys) {
    throw new ModelError(
      'corrupt',
      `${path} claims ${tensors} tensors and ${keys} keys, which cannot be. Download it again.`,
    );
  }
}

async function readHeader(path: string, size: number): Promise<Awaited<ReturnType<typeof gguf>>> {
  try {
    return await gguf(path, { allowLocalFile: true });
  } catch (error) {
    // The library reads a missing end as zeros or runs over it.
    if (error instanceof RangeError) throw truncated(path, size);
    throw new ModelError(
      'corrupt',
      `The header of ${path} cannot be read (${(error as Error).message}). Download it again.`,
      { cause: error },
    );
  }
}

function truncated(path: string, size: number): ModelError {
  return new ModelError(
    'truncated',
    `${path} ends at byte ${size}, within its own header: it is incomplete. Download it again.`,
  );
}

/** Metadata -> the same keys as a Hugging Face config.json, read by the same parser. */
function configOf(keys: Readonly<Record<string, unknown>>, vocab: number, hasHead: boolean): ModelConfig {
  const family = String(keys['general.architecture']);
  const value = (name: string): unknown => {
    const found = keys[`${family}.${name}`];
    return typeof found === 'bigint' ? Number(found) : found;
  };
  const refuse = (what: string) =>
    new ModelError(
      'architecture',
      `This ${family} model uses ${what}, which Knack does not run. Choose another model.`,
    );
  if (value('expert_count')) throw refuse('a mixture of experts');
  if (value('attention.sliding_window')) throw refuse('sliding-window attention');
  const headDim = value('attention.key_length') ?? value('rope.dimension_count');
  const rotated = value('rope.dimension_count') ?? headDim;
  if (rotated !== headDim) throw refuse('rotary positions on a part of each head');
  if ((value('attention.value_length') ?? headDim) !== headDim) throw refuse('values of another size than keys');
  const scaling = value('rope.scaling.type') ?? 'none';
  if (scaling !== 'none' && scaling !== 'linear') throw refuse(`“${String(scaling)}” scaling of positions`);
  const id = (name: string): unknown => keys[`tokenizer.ggml.${name}_token_id`];
  return parseConfig({
    model_type: family,
    vocab_size: vocab,
    hidden_size: value('embedding_length'),
    intermediate_size: value('feed_forward_length'),
    num_hidden_layers: value('block_count'),
    num_attention_heads: value('attention.head_count'),
    num_key_value_heads: value('attention.head_count_kv'),
    head_dim: headDim,
    max_position_embeddings: value('context_length'),
    rms_norm_eps: value('attention.layer_norm_rms_epsilon'),
    rope_theta: value('rope.freq_base'),
    ...(scaling === 'linear' ? { rope_scaling: { rope_type: 'linear', factor: value('rope.scaling.factor') } } : {}),
    tie_word_embeddings: !hasHead,
    bos_token_id: id('bos'),
    eos_token_id: [id('eos'), id('eot')].filter((token) => token !== undefined),
  });
}

function huggingFaceName(name: string): string {
  if (name === 'token_embd.weight') return 'model.embed_tokens.weight';
  if (name === 'output_norm.weight') return 'model.norm.weight';
  if (name === 'output.weight') return 'lm_head.weight';
  const [, layer, part, kind] = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name) ?? [];
  const known = part === undefined ? undefined : BLOCK_PARTS[part];
  // Others keep their name (`rope_freqs.weight`, say) and are refused as unknown when tensors are selected.
  return known === undefined ? name : `model.layers.${layer}.${known}.${kind}`;
}

/**
 * llama.cpp's converter stores the query and key projections of Llama so that the two halves of a rotated pair are
 * neighbours: file row 2d + j of a head is row d + j·(headDim/2) of the original. Qwen 2 keeps the original order.
 */
function withRotaryRows(tensor: StoredTensor, name: string, config: ModelConfig): StoredTensor {
  if (config.family !== 'llama' || !/\.[qk]_proj\.weight$/.test(name)) return tensor;
  const { headDim } = config;
  const half = headDim / 2;
  const rowInFile = (row: number): number => {
    const within = row % headDim;
    return row - within + 2 * (within % half) + Math.floor(within / half);
  };
  return { ...tensor, rowInFile };
}
