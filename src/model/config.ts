/**
 * What shape of network a model is: the one description that the loaders produce and the network is built from.
 */
import { ModelError } from './errors.ts';

/** Scaling of the rotary frequencies, by the names of Hugging Face's `rope_scaling`. */
export type RopeScaling =
  /** Each frequency is divided by its factor: how a GGUF file has Llama 3's scaling. */
  | { readonly type: 'factors'; readonly factors: readonly number[] }
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalContextLength: number;
    }
  | {
      readonly type: 'yarn';
      readonly factor: number;
      readonly originalContextLength: number;
      /** Turns within the original context above which a frequency stays, and below which it is divided by `factor`. */
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Whether the bounds between them are rounded outwards to whole pairs. */
      readonly truncate: boolean;
      /** Cosines and sines are multiplied by this. */
      readonly attentionFactor: number;
    };

export interface ModelConfig {
  readonly family: 'llama' | 'qwen2';
  readonly layers: number;
  /** Width of the residual stream. */
  readonly hidden: number;
  /** Query heads, and the key/value heads that they share (`heads` is a multiple of `kvHeads`). */
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Width of the gated MLP. */
  readonly intermediate: number;
  readonly vocab: number;
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
  readonly rmsEps: number;
  /** Whether the output head is the token embedding. */
  readonly tiedHead: boolean;
  /** Whether the query, key and value projections have biases (Qwen 2). */
  readonly qkvBias: boolean;
  /** Positions that the model was trained for. */
  readonly contextLength: number;
  readonly bosId: number | null;
  readonly eosIds: readonly number[];
}

/** Sizes beyond these are not a model that a laptop runs, but a damaged or hostile file. */
const LIMITS = { layers: 512, width: 1 << 16, vocab: 1 << 20, context: 1 << 24 } as const;

/**
 * Reads a Hugging Face `config.json` of the Llama or Qwen 2 family (both the older spelling with `rope_theta` and the
 * newer with `rope_parameters`).
 *
 * Throws ModelError 'architecture' for another family or a feature that would change the arithmetic (attention output
 * bias, MLP bias, sliding window, another activation), 'corrupt' for sizes that cannot be.
 */
export function parseConfig(json: unknown): ModelConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ModelError('corrupt', 'The model’s config.json is not a JSON object. Download the model again.');
  }
  const raw = json as Record<string, unknown>;
  const family = raw.model_type;
  if (family !== 'llama' && family !== 'qwen2') {
    throw new ModelError(
      'architecture',
      `This model is of the family “${String(family ?? 'unknown')}”. Knack runs Llama-family models (SmolLM2 among them) and Qwen 2 / 2.5.`,
    );
  }

  const size = (key: string, limit: number, fallback?: number): number => {
    const value = raw[key] ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > limit) {
      throw new ModelError(
        'corrupt',
        `The model’s configuration says ${key} = ${JSON.stringify(value)}, which cannot be. Download the model again.`,
      );
    }
    return value;
  };
  const positive = (value: unknown, key: string): number => {
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      throw new ModelError(
        'corrupt',
        `The model’s configuration says ${key} = ${JSON.stringify(value)}, which cannot be. Download the model again.`,
      );
    }
    return value;
  };

  const hidden = size('hidden_size', LIMITS.width);
  const heads = size('num_attention_heads', 1024);
  const kvHeads = size('num_key_value_heads', 1024, heads);
  const headDim = size('head_dim', 1024, hidden / heads);
  if (heads % kvHeads !== 0)
    throw new ModelError(
      'corrupt',
      `The model has ${heads} query heads on ${kvHeads} key heads, which do not divide. Download the model again.`,
    );
  if (headDim % 2 !== 0)
    throw new ModelError('architecture', `The model’s head size ${headDim} is odd; rotary positions need an even one.`);

  const refuse = (what: string): never => {
    throw new ModelError(
      'architecture',
      `This ${family} model uses ${what}, which Knack does not run. Choose another model.`,
    );
  };
  if ((raw.hidden_act ?? 'silu') !== 'silu') refuse(`the activation “${String(raw.hidden_act)}”`);
  if (raw.mlp_bias === true) refuse('MLP biases');
  if (raw.use_sliding_window === true) refuse('sliding-window attention');
  if (family === 'llama' && raw.attention_bias === true) refuse('attention biases');
  if (raw.quantization_config != null) refuse('weights quantised for another runtime');

  if ((raw.partial_rotary_factor ?? 1) !== 1) refuse('rotary positions on a part of each head');
  const rope = (raw.rope_parameters ?? raw.rope_scaling ?? null) as Record<string, unknown> | null;
  const contextLength = size('max_position_embeddings', LIMITS.context, 2048);
  const ropeScaling = parseRopeScaling(rope, { contextLength, headDim }, positive, refuse);
  const eos = raw.eos_token_id;
  return {
    family,
    layers: size('num_hidden_layers', LIMITS.layers),
    hidden,
    heads,
    kvHeads,
    headDim,
    intermediate: size('intermediate_size', LIMITS.width * 4),
    vocab: size('vocab_size', LIMITS.vocab),
    ropeTheta: positive(raw.rope_theta ?? rope?.rope_theta ?? 10000, 'rope_theta'),
    ...(ropeScaling === null ? {} : { ropeScaling }),
    rmsEps: positive(raw.rms_norm_eps ?? 1e-6, 'rms_norm_eps'),
    tiedHead: raw.tie_word_embeddings === true,
    qkvBias: family === 'qwen2',
    contextLength,
    bosId: isId(raw.bos_token_id) ? raw.bos_token_id : null,
    eosIds: (Array.isArray(eos) ? eos : [eos]).filter(isId),
  };
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

function parseRopeScaling(
  rope: Record<string, unknown> | null,
  { contextLength, headDim }: { readonly contextLength: number; readonly headDim: number },
  positive: (value: unknown, key: string) => number,
  refuse: (what: string) => never,
): RopeScaling | null {
  const type = rope?.rope_type ?? rope?.type ?? 'default';
  if ((rope?.partial_rotary_factor ?? 1) !== 1) refuse('rotary positions on a part of each head');
  // “dynamic” only changes positions beyond the context length, where Knack never goes.
  if (rope === null || type === 'default' || type === 'dynamic') return null;
  if (type === 'factors') {
    const factors = Array.isArray(rope.factors) ? rope.factors.map((each) => positive(each, 'rope factor')) : [];
    if (factors.length !== headDim / 2) refuse(`${factors.length} factors for ${headDim / 2} rotary frequencies`);
    return { type, factors };
  }
  const factor = positive(rope.factor, 'rope factor');
  const originalContextLength = (): number =>
    positive(rope.original_max_position_embeddings ?? contextLength, 'original_max_position_embeddings');
  switch (type) {
    case 'linear':
      return { type: 'linear', factor };
    case 'llama3':
      return {
        type: 'llama3',
        factor,
        lowFreqFactor: positive(rope.low_freq_factor, 'low_freq_factor'),
        highFreqFactor: positive(rope.high_freq_factor, 'high_freq_factor'),
        originalContextLength: originalContextLength(),
      };
    case 'yarn':
      if (rope.mscale != null || rope.mscale_all_dim != null) refuse('an “mscale” of YaRN positions');
      return {
        type: 'yarn',
        factor,
        originalContextLength: originalContextLength(),
        betaFast: positive(rope.beta_fast ?? 32, 'beta_fast'),
        betaSlow: positive(rope.beta_slow ?? 1, 'beta_slow'),
        truncate: rope.truncate !== false,
        attentionFactor: positive(
          rope.attention_factor ?? (factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1),
          'attention_factor',
        ),
      };
    default:
      return refuse(`“${String(type)}” scaling of positions`);
  }
}
