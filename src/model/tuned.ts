/**
 * A model with an adapter folded into its weights, as its tensors are read: W + alpha/rank · B·A. Whatever is derived
 * from it (the fp32 file that training and serving map, quantised weights) is of the tuned model.
 */
import { createHash } from 'node:crypto';
import type { Adapter } from './adapter.ts';
import type { Tensor } from './layout.ts';
import { checkLora, type LoraShape, linearName, unpackLora } from './lora.ts';
import type { Model } from './source.ts';

/**
 * @param adapterSha256 of the adapter's weights: another adapter makes another model
 * @throws ModelError 'adapter' if it does not fit
 */
export function tuned(model: Model, adapter: Adapter, adapterSha256: string): Model {
  const { shape, vector } = adapter;
  checkLora(model.config, shape);
  const matrices = unpackLora(model.config, shape, vector);
  const tensors = new Map(model.tensors);
  for (const layer of shape.layers) {
    for (const target of shape.targets) {
      const name = linearName(layer, target);
      const base = tensors.get(`${name}.weight`)!;
      const [a, b] = ['A', 'B'].map((side) => matrices.get(`base_model.model.${name}.lora_${side}.weight`)!);
      tensors.set(`${name}.weight`, folded(base, a!, b!, shape));
    }
  }
  const sha256 = createHash('sha256').update(`${model.sha256}\n${adapterSha256}\n`).digest('hex');
  return { ...model, tensors, sha256, describe: `${model.describe}, tuned for edits` };
}

/** @param a (rank, in) @param b (out, rank) */
function folded(base: Tensor, a: Float32Array, b: Float32Array, { rank, alpha }: LoraShape): Tensor {
  const width = base.shape[1]!;
  const scale = alpha / rank;
  const row = new Float64Array(width);
  /** Adds to the rows from `first` on. */
  const add = (values: Float32Array, first: number): Float32Array => {
    for (let at = 0; at < values.length; at += width) {
      row.fill(0);
      const out = first + at / width;
      for (let r = 0; r < rank; r++) {
        const share = scale * b[out * rank + r]!;
        for (let i = 0; i < width; i++) row[i]! += share * a[r * width + i]!;
      }
      for (let i = 0; i < width; i++) values[at + i]! += row[i]!;
    }
    return values;
  };
  return {
    shape: base.shape,
    read: async () => add(await base.read(), 0),
    async *pieces(bytes) {
      let first = 0;
      for await (const piece of base.pieces(bytes)) {
        const rows = piece.length / width;
        yield add(piece, first);
        first += rows;
      }
    },
  };
}
