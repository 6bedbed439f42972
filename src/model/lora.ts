/**
 * Low-rank adapters (LoRA, https://arxiv.org/abs/2106.09685): which matrices one has, by PEFT's names, and how they
 * lie in one vector, which is what the optimizer sees.
 *
 * An adapted linear layer computes `x·Wᵀ + alpha/rank · (x·Aᵀ)·Bᵀ` with A (rank, in) and B (out, rank).
 */
import type { ModelConfig } from './config.ts';
import { ModelError } from './errors.ts';

/** The linear layers of a block that can be adapted, with their place in it. */
export const LORA_TARGETS = {
  q_proj: 'self_attn',
  k_proj: 'self_attn',
  v_proj: 'self_attn',
  o_proj: 'self_attn',
  gate_proj: 'mlp',
  up_proj: 'mlp',
  down_proj: 'mlp',
} as const;

export type LoraTarget = keyof typeof LORA_TARGETS;

export interface LoraShape {
  readonly rank: number;
  /** The product is scaled by alpha / rank. */
  readonly alpha: number;
  /** Indices of the adapted blocks. */
  readonly layers: readonly number[];
  readonly targets: readonly LoraTarget[];
}

/** One matrix of an adapter. */
export interface LoraTensor {
  /** PEFT's name: `base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight`. */
  readonly name: string;
  /** (rank, in) for A, (out, rank) for B. */
  readonly shape: readonly [number, number];
  /** First element's index in the adapter's vector. */
  readonly offset: number;
}

/** The shape that adapts every linear layer of the top `count` blocks. */
export function topLayers(config: ModelConfig, count: number, rank: number, alpha: number): LoraShape {
  const first = Math.max(0, config.layers - count);
  const layers = Array.from({ length: config.layers - first }, (_, i) => first + i);
  return { rank, alpha, layers, targets: Object.keys(LORA_TARGETS) as LoraTarget[] };
}

/** Output and input width of a linear layer. */
export function linearShape(config: ModelConfig, target: LoraTarget): readonly [out: number, inner: number] {
  const { hidden, heads, kvHeads, headDim, intermediate } = config;
  switch (target) {
    case 'q_proj':
      return [heads * headDim, hidden];
    case 'k_proj':
    case 'v_proj':
      return [kvHeads * headDim, hidden];
    case 'o_proj':
      return [hidden, heads * headDim];
    case 'gate_proj':
    case 'up_proj':
      return [intermediate, hidden];
    case 'down_proj':
      return [hidden, intermediate];
  }
}

/** Name of a block's linear layer: `model.layers.0.self_attn.q_proj`. */
export function linearName(layer: number, target: LoraTarget): string {
  return `model.layers.${layer}.${LORA_TARGETS[target]}.${target}`;
}

/**
 * The adapter's matrices in the order of its vector: layer by layer, target by target, A before B.
 * Throws ModelError 'adapter' for a shape that does not fit the model.
 */
export function loraTensors(config: ModelConfig, shape: LoraShape): LoraTensor[] {
  checkLora(config, shape);
  const tensors: LoraTensor[] = [];
  let offset = 0;
  const push = (name: string, size: readonly [number, number]): void => {
    tensors.push({ name, shape: size, offset });
    offset += size[0] * size[1];
  };
  for (const layer of shape.layers) {
    for (const target of shape.targets) {
      const [out, inner] = linearShape(config, target);
      const name = `base_model.model.${linearName(layer, target)}`;
      push(`${name}.lora_A.weight`, [shape.rank, inner]);
      push(`${name}.lora_B.weight`, [out, shape.rank]);
    }
  }
  return tensors;
}

/** Number of an adapter's parameters. */
export function loraSize(config: ModelConfig, shape: LoraShape): number {
  const last = loraTensors(config, shape).at(-1)!;
  return last.offset + last.shape[0] * last.shape[1];
}

/** Throws ModelError 'adapter', naming what does not fit. */
export function checkLora(config: ModelConfig, shape: LoraShape): void {
  const refuse = (reason: string): never => {
    throw new ModelError('adapter', `The adapter does not fit the model: ${reason}.`);
  };
  const { rank, alpha, layers, targets } = shape;
  if (!Number.isInteger(rank) || rank < 1) refuse(`its rank is ${rank}`);
  if (!Number.isFinite(alpha) || alpha <= 0) refuse(`its alpha is ${alpha}`);
  if (layers.length === 0 || targets.length === 0) refuse('it adapts no layer');
  if (new Set(layers).size < layers.length || new Set(targets).size < targets.length) refuse('it adapts a layer twice');
  for (const layer of layers) {
    if (!Number.isInteger(layer) || layer < 0 || layer >= config.layers) {
      refuse(`it adapts layer ${layer}, and the model has ${config.layers}`);
    }
  }
  for (const target of targets) {
    if (!Object.hasOwn(LORA_TARGETS, target)) refuse(`it adapts “${target}”, which is no linear layer of a block`);
    const [out, inner] = linearShape(config, target);
    if (rank > Math.min(out, inner)) refuse(`its rank ${rank} is larger than ${target}, which is ${out} × ${inner}`);
  }
}

/**
 * A fresh adapter's vector, as PEFT starts one: A uniform within ±1/√in (Kaiming with a = √5), B zero, so that it
 * changes nothing yet.
 *
 * @param random uniform numbers from 0 to 1
 */
export function initialLora(config: ModelConfig, shape: LoraShape, random: () => number): Float32Array {
  const vector = new Float32Array(loraSize(config, shape));
  for (const { name, shape: size, offset } of loraTensors(config, shape)) {
    if (!name.endsWith('.lora_A.weight')) continue;
    const bound = 1 / Math.sqrt(size[1]);
    for (let i = 0; i < size[0] * size[1]; i++) vector[offset + i] = bound * (2 * random() - 1);
  }
  return vector;
}

/** The matrices of an adapter's vector by name, as views of it. */
export function unpackLora(config: ModelConfig, shape: LoraShape, vector: Float32Array): Map<string, Float32Array> {
  if (vector.length !== loraSize(config, shape)) {
    throw new ModelError('adapter', `The adapter has ${vector.length} parameters, not ${loraSize(config, shape)}.`);
  }
  return new Map(
    loraTensors(config, shape).map(({ name, shape: size, offset }) => [
      name,
      vector.subarray(offset, offset + size[0] * size[1]),
    ]),
  );
}

/** The vector of an adapter's matrices. Throws ModelError 'adapter' if one is missing or of another size. */
export function packLora(
  config: ModelConfig,
  shape: LoraShape,
  matrices: ReadonlyMap<string, Float32Array>,
): Float32Array {
  const vector = new Float32Array(loraSize(config, shape));
  for (const { name, shape: size, offset } of loraTensors(config, shape)) {
    const matrix = matrices.get(name);
    if (matrix?.length !== size[0] * size[1]) {
      throw new ModelError('adapter', `The adapter’s tensor “${name}” is ${matrix ? 'of another size' : 'missing'}.`);
    }
    vector.set(matrix, offset);
  }
  return vector;
}
