/**
 * The network's linear layers over quantise.ts' file, for serving.
 *
 * Activations are quantised a row at a time: a token's result does not depend on the others that are run with it, and
 * the products are exact until they are scaled. Table and adapter stay in fp32.
 */
import { basename } from 'node:path';
import * as g from '../graph/build.ts';
import type { ConstantTensor, DType } from '../graph/tensor.ts';
import { constant, input, scope, type Value } from '../graph/value.ts';
import type { ModelConfig } from './config.ts';
import type { LoraShape } from './lora.ts';
import { hasBias, type Linears, type Weights } from './network.ts';
import { PACKS, packedLora, packName, packShape } from './packs.ts';
import type { QuantisedWeights } from './quantise.ts';

const QUANTISED = /^(layers\.\d+\.[a-z-]+|head|embed)$/;

/** The tensors of a quantised file, for graphs that are written beside it. */
export function mappedQuantised({ file }: QuantisedWeights): Weights {
  const name = basename(file.path);
  return new Map(
    [...file.tensors].map(([key, { shape, offset, length }]): [string, ConstantTensor] => {
      const dtype: DType = QUANTISED.test(key) ? 'int8' : 'float32';
      return [key, { dtype, shape, data: { file: name, offset, length } }];
    }),
  );
}

/** Linear layers in 8 bit; the adapter's matrices are inputs as `packLoraMatrices` gives them. */
export function quantisedLinears(config: ModelConfig, weights: Weights, lora: LoraShape | null): Linears {
  const of = (name: string): Value => constant(weights.get(name)!, `q.${name}`);
  const matrix = (name: string, x: Value): Value => {
    const { whole, largest } = quantiseRows(x);
    return g.mul(g.integerMatmul(whole, of(name), of(`${name}.scale`), 1 / 127), largest);
  };
  const quantised = new Map<Value, { readonly whole: Value; readonly largest: Value }>();
  /** (rows, width) as uint8 around 128, and (rows, 1) what 127 of its steps are worth. */
  const quantiseRows = (x: Value): { readonly whole: Value; readonly largest: Value } => {
    const known = quantised.get(x);
    if (known) return known;
    // Not zero, which a row of zeros would be divided by.
    const largest = g.max(g.reduceMax(g.abs(x), { axes: [-1] }), 1e-30);
    // A cast cuts off, so a half more rounds; what is cast is never negative.
    const whole = g.cast(g.add(g.mul(x, g.div(127, largest)), 128.5), 'uint8');
    const made = { whole, largest };
    quantised.set(x, made);
    return made;
  };
  const adapters = new Map(
    (lora ? packedLora(config, lora) : []).map((each) => [packName(each.layer, each.pack), each]),
  );
  return {
    embed: (ids) => g.mul(g.cast(g.gather(of('embed'), ids), 'float32'), g.gather(of('embed.scale'), ids)),
    project(layer, targets, x) {
      const pack = PACKS.find((each) => each.join() === targets.join());
      if (!pack) throw new TypeError(`no pack of ${targets.join(', ')}`);
      const name = packName(layer, pack);
      let y = matrix(name, x);
      if (hasBias(config, pack[0]!)) y = g.add(y, of(`${name}.bias`));
      const adapter = adapters.get(name);
      if (adapter) {
        const { a, b } = adapter;
        y = scope('lora', () => {
          const low = g.gemm(x, input(a.name, 'float32', a.shape), { transB: true });
          return g.gemm(low, input(b.name, 'float32', b.shape), { transB: true, c: y });
        });
      }
      return pack.length === 1 ? [y] : g.split(y, 1, packShape(config, pack).outs);
    },
    head: (x) => matrix('head', x),
  };
}
