/**
 * A model with an adapter folded into its weights, as its tensors are read: W + alpha/rank · B·A. Whatever is derived
 * from it (the fp32 file that training and serving map, quantised weights) is of the tuned model.
 */
import { createHash } from 'node:crypto';
import type { Adapter } from './adapter.ts';
import type { ModelConfig } from './config.ts';
import type { Tensor } from './layout.ts';
import { checkLora, type LoraShape, linearName, topLayers, unpackLora } from './lora.ts';
import type { Model } from './source.ts';

/**
 * @param read gives the adapter, once a tensor is read: a model whose weights were written before has no use for it.
 *   Reading throws ModelError 'adapter' if it does not fit
 * @param adapterSha256 of the adapter's weights: another adapter makes another model
 */
export function tuned(model: Model, read: () => Promise<Adapter>, adapterSha256: string): Model {
  let reading: Promise<Opened> | null = null;
  const adapter = (): Promise<Opened> => (reading ??= read().then((own) => opened(model.config, own)));
  const tensors = new Map(model.tensors);
  const { layers, targets } = topLayers(model.config, model.config.layers, 1, 1);
  for (const name of layers.flatMap((layer) => targets.map((target) => linearName(layer, target)))) {
    const change = async (): Promise<Change | null> => {
      const { shape, matrices } = await adapter();
      const [a, b] = ['A', 'B'].map((side) => matrices.get(`base_model.model.${name}.lora_${side}.weight`));
      return a && b ? { a, b, rank: shape.rank, scale: shape.alpha / shape.rank } : null;
    };
    tensors.set(`${name}.weight`, folded(tensors.get(`${name}.weight`)!, change));
  }
  const sha256 = createHash('sha256').update(`${model.sha256}\n${adapterSha256}\n`).digest('hex');
  return { ...model, tensors, sha256, describe: `${model.describe}, tuned for edits` };
}

interface Opened {
  readonly shape: LoraShape;
  readonly matrices: ReadonlyMap<string, Float32Array>;
}

function opened(config: ModelConfig, { shape, vector }: Adapter): Opened {
  checkLora(config, shape);
  return { shape, matrices: unpackLora(config, shape, vector) };
}

/** What is added to a matrix: scale · B·A. */
interface Change {
  /** (rank, in) */
  readonly a: Float32Array;
  /** (out, rank) */
  readonly b: Float32Array;
  readonly rank: number;
  readonly scale: number;
}

/** @param change null: none */
function folded(base: Tensor, change: () => Promise<Change | null>): Tensor {
  const width = base.shape[1]!;
  const row = new Float64Array(width);
  /** Adds to the rows from `first` on. */
  const add = (values: Float32Array, first: number, { a, b, rank, scale }: Change): Float32Array => {
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
    async read() {
      const own = await change();
      const values = await base.read();
      return own === null ? values : add(values, 0, own);
    },
    async *pieces(bytes) {
      const own = await change();
      let first = 0;
      for await (const piece of base.pieces(bytes)) {
        const rows = piece.length / width;
        yield own === null ? piece : add(piece, first, own);
        first += rows;
      }
    },
  };
}
