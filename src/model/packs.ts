/**
 * Packs: the linear layers of a block that take the same input, as one matrix. Serving multiplies with a pack at once,
 * and reads an adapter's matrices packed the same way.
 */
import type { ModelConfig } from './config.ts';
import { type LoraShape, type LoraTarget, linearName, linearShape, loraTensors, unpackLora } from './lora.ts';

/** A pack by its targets, in the order of its columns. */
export type Pack = readonly LoraTarget[];

/** In the order in which a block runs them. */
export const PACKS: readonly Pack[] = [
  ['q_proj', 'k_proj', 'v_proj'],
  ['o_proj'],
  ['gate_proj', 'up_proj'],
  ['down_proj'],
];

/** Name of a pack's matrix, with which its other tensors' names begin. */
export function packName(layer: number, pack: Pack): string {
  return `layers.${layer}.${pack.map((target) => target.replace('_proj', '')).join('-')}`;
}

/** Width of a pack's input, and of each layer's output. */
export function packShape(
  config: ModelConfig,
  pack: Pack,
): { readonly inner: number; readonly outs: readonly number[] } {
  return { inner: linearShape(config, pack[0]!)[1], outs: pack.map((target) => linearShape(config, target)[0]) };
}

/** The two matrices of a pack's adapter. */
export interface PackedLora {
  readonly layer: number;
  readonly pack: Pack;
  /** (rank · n, in) of the n layers that are adapted. */
  readonly a: { readonly name: string; readonly shape: readonly [number, number] };
  /** (out of all the pack's layers, rank · n), a block a layer; alpha / rank is in it. */
  readonly b: { readonly name: string; readonly shape: readonly [number, number] };
}

/** The packed matrices that an adapter of this shape has. */
export function packedLora(config: ModelConfig, shape: LoraShape): PackedLora[] {
  return shape.layers.flatMap((layer) =>
    PACKS.flatMap((pack) => {
      const rank = shape.rank * pack.filter((target) => shape.targets.includes(target)).length;
      if (rank === 0) return [];
      const { inner, outs } = packShape(config, pack);
      const name = `lora.${packName(layer, pack)}`;
      const out = outs.reduce((sum, size) => sum + size, 0);
      return [
        { layer, pack, a: { name: `${name}.a`, shape: [rank, inner] }, b: { name: `${name}.b`, shape: [out, rank] } },
      ];
    }),
  );
}

/**
 * An adapter's vector as packed matrices by name, for a network whose activations are divided by `divisors`.
 *
 * @param divisors of a pack's input, channel by channel, as quantise.ts wrote them
 */
export function packLoraMatrices(
  config: ModelConfig,
  shape: LoraShape,
  vector: Float32Array,
  divisors: (layer: number, pack: Pack) => Float32Array | null,
): Map<string, Float32Array> {
  // Checks that the shape fits.
  loraTensors(config, shape);
  const matrices = unpackLora(config, shape, vector);
  const scale = shape.alpha / shape.rank;
  const packed = new Map<string, Float32Array>();
  for (const { layer, pack, a, b } of packedLora(config, shape)) {
    const [width, inner] = a.shape;
    const as = new Float32Array(width * inner);
    const bs = new Float32Array(b.shape[0] * width);
    const own = divisors(layer, pack);
    let column = 0;
    let row = 0;
    for (const target of pack) {
      const [out] = linearShape(config, target);
      if (shape.targets.includes(target)) {
        const name = `base_model.model.${linearName(layer, target)}`;
        const from = matrices.get(`${name}.lora_A.weight`)!;
        for (let i = 0; i < from.length; i++) as[column * inner + i] = from[i]! * (own?.[i % inner] ?? 1);
        const to = matrices.get(`${name}.lora_B.weight`)!;
        // What up_proj gives is the input of down_proj, but for the gate.
        const next = target === 'up_proj' ? divisors(layer, ['down_proj']) : null;
        for (let r = 0; r < out; r++) {
          for (let k = 0; k < shape.rank; k++)
            bs[(row + r) * width + column + k] = (to[r * shape.rank + k]! * scale) / (next?.[r] ?? 1);
        }
        column += shape.rank;
      }
      row += out;
    }
    packed.set(a.name, as);
    packed.set(b.name, bs);
  }
  return packed;
}
