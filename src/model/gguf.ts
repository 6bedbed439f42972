/**
 * The GGUF format (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): configuration, tokenizer and tensors of a
 * Llama or Qwen 2 model in one file, brought to Hugging Face's names and layout.
 *
 * gguf-header.ts reads the header; what it says of the model is checked here.
 */
import { stat } from 'node:fs/promises';
import { type ModelConfig, parseConfig } from './config.ts';
import type { NumberFormat } from './dequantise.ts';
import { fileError, ModelError } from './errors.ts';
import { readRange } from './file.ts';
import { type GgufTensor, type ReadBytes, readGgufHeader } from './gguf-header.ts';
import { checkDisjoint, checkExtent, type StoredTensor, tensorOf } from './layout.ts';
import { specFromGguf, type TokenizerSpec } from './tokenizer-spec.ts';

export interface GgufModel {
  readonly config: ModelConfig;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly tokenizer: TokenizerSpec;
  /** The name that the file gives itself, or an empty string. */
  readonly name: string;
}

/** ggml_type -> format; the numbers are those of ggml.h. */
export const FORMATS: ReadonlyMap<number, NumberFormat> = new Map([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [3, 'Q4_1'],
  [6, 'Q5_0'],
  [7, 'Q5_1'],
  [8, 'Q8_0'],
  [12, 'Q4_K'],
  [13, 'Q5_K'],
  [14, 'Q6_K'],
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

/**
 * Reads and checks the header of a GGUF file.
 * Throws ModelError 'missing', 'not-a-model', 'truncated', 'corrupt', 'architecture', 'tokenizer' or 'dtype'.
 */
export async function readGguf(path: string): Promise<GgufModel> {
  const { size } = await stat(path).catch((error) => {
    throw fileError(error, path);
  });
  const read: ReadBytes = (start, length) => readRange(path, start, length);
  const { metadata: keys, tensors: infos, dataStart } = await readGgufHeader(path, size, read);

  const tokenizer = specFromGguf(keys);
  const embedding = infos.find(({ name }) => name === 'token_embd.weight');
  const rows = embedding?.shape[0] ?? 0;
  const factors = infos.find(({ name }) => name === ROPE_FACTORS);
  const config = configOf(keys, rows, {
    hasHead: infos.some(({ name }) => name === 'output.weight'),
    ropeFactors: factors === undefined ? null : await readFactors(path, size, dataStart, factors),
  });
  if (tokenizer.tokens.length !== rows) {
    throw new ModelError(
      'tokenizer',
      `${path} has ${tokenizer.tokens.length} tokens for ${rows} rows of its embedding: the tokenizer is another model’s. Download the model again.`,
    );
  }

  const tensors = new Map<string, StoredTensor>();
  const extents: { name: string; start: number; end: number }[] = [];
  for (const info of infos) {
    const tensor = storedTensor(path, dataStart, info);
    extents.push({ name: info.name, ...checkExtent(info.name, tensor, size) });
    if (info === factors) continue;
    const name = huggingFaceName(info.name);
    if (tensors.has(name))
      throw new ModelError('corrupt', `${path} has two tensors “${info.name}”. Download it again.`);
    tensors.set(name, withRotaryRows(tensor, name, config));
  }
  checkDisjoint(path, extents);
  return { config, tensors, tokenizer, name: typeof keys['general.name'] === 'string' ? keys['general.name'] : '' };
}

function storedTensor(path: string, dataStart: number, { name, shape, type, offset }: GgufTensor): StoredTensor {
  const format = FORMATS.get(type);
  if (format === undefined) {
    throw new ModelError(
      'dtype',
      `${path} stores “${name}” in ggml’s format ${type}. Knack reads ${[...FORMATS.values()].join(', ')}: choose such a version of the model.`,
    );
  }
  return { path, start: dataStart + offset, format, shape };
}

/** What Llama 3.1's scaling of positions comes to, as llama.cpp's converter writes it: a divisor of each frequency. */
const ROPE_FACTORS = 'rope_freqs.weight';

async function readFactors(path: string, size: number, dataStart: number, info: GgufTensor): Promise<number[]> {
  const stored = storedTensor(path, dataStart, info);
  checkExtent(info.name, stored, size);
  if (stored.shape.length !== 1 || stored.shape[0]! > 1024)
    throw new ModelError('corrupt', `${path} has a tensor “${info.name}” of [${stored.shape}]. Download it again.`);
  return Array.from(await tensorOf(info.name, stored).read());
}

/** Metadata -> the same keys as a Hugging Face config.json, read by the same parser. */
function configOf(
  keys: Readonly<Record<string, unknown>>,
  vocab: number,
  { hasHead, ropeFactors }: { readonly hasHead: boolean; readonly ropeFactors: readonly number[] | null },
): ModelConfig {
  const family = String(keys['general.architecture']);
  const value = (name: string): unknown => keys[`${family}.${name}`];
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
    rope_scaling: ropeScalingOf(value, ropeFactors),
    tie_word_embeddings: !hasHead,
    bos_token_id: id('bos'),
    eos_token_id: [id('eos'), id('eot')].filter((token) => token !== undefined),
  });
}

/** The scaling of positions, in the spelling of a config.json. */
function ropeScalingOf(
  value: (name: string) => unknown,
  factors: readonly number[] | null,
): Record<string, unknown> | null {
  const type = value('rope.scaling.type') ?? 'none';
  if (factors !== null) {
    // Scaled once by the tensor: llama.cpp would scale them again by the key, which no converter asks for.
    if (type !== 'none') throw new ModelError('architecture', TWICE);
    return { rope_type: 'factors', factors };
  }
  if (type === 'none') return null;
  const factor = value('rope.scaling.factor');
  if (type !== 'yarn') return { rope_type: type, factor };
  const times = value('rope.scaling.attn_factor');
  return {
    rope_type: type,
    factor,
    original_max_position_embeddings: value('rope.scaling.original_context_length'),
    beta_fast: value('rope.scaling.yarn_beta_fast'),
    beta_slow: value('rope.scaling.yarn_beta_slow'),
    // llama.cpp multiplies YaRN's own temperature by this; a config.json gives the product.
    ...(times == null ? {} : { attention_factor: Number(times) * (1 + 0.1 * Math.log(Number(factor))) }),
    mscale: value('rope.scaling.yarn_log_multiplier'),
  };
}

const TWICE =
  'This model scales its positions both by a key and by a tensor, which Knack does not run. Choose another model.';

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
