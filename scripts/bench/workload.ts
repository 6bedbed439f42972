/**
 * What `npm run bench -- train` measures: shapes, the training graph of each, and a graph of the same matrix products
 * alone, which is the ceiling of what the step can reach.
 */
import * as g from '../../src/graph/build.ts';
import { type Graph, makeGraph } from '../../src/graph/graph.ts';
import { elements } from '../../src/graph/tensor.ts';
import { input, type Value } from '../../src/graph/value.ts';
import type { ModelConfig } from '../../src/model/config.ts';
import { type LoraShape, topLayers } from '../../src/model/lora.ts';
import type { Weights } from '../../src/model/network.ts';
import { crossEntropy } from '../../src/trainer/objective.ts';
import { type BatchShape, buildFullStep, buildTrainStep } from '../../src/trainer/step.ts';

export interface Workload {
  readonly name: string;
  readonly config: ModelConfig;
  readonly shape: BatchShape;
  /** Adapters on the top layers; null trains every weight. */
  readonly lora: { readonly rank: number; readonly layers: number } | null;
}

const COMMON = { family: 'llama', ropeTheta: 10_000, rmsEps: 1e-5, tiedHead: true, qkvBias: false } as const;

/** SmolLM2-135M's shape. */
const SMOL: ModelConfig = {
  ...COMMON,
  layers: 30,
  hidden: 576,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  intermediate: 1536,
  vocab: 49_152,
  contextLength: 8192,
  bosId: 1,
  eosIds: [2],
};

/** 12.2 M parameters. */
const SMALL: ModelConfig = {
  ...COMMON,
  layers: 6,
  hidden: 384,
  heads: 6,
  kvHeads: 6,
  headDim: 64,
  intermediate: 1024,
  vocab: 4096,
  contextLength: 1024,
  bosId: 1,
  eosIds: [2],
};

/** LoRA on SmolLM2-135M's shape, with loss on the last 64 tokens (a quarter) of each sequence. */
export function loraWorkload(batch = 4, time = 256, rank = 8, layers = SMOL.layers): Workload {
  const name = `LoRA r=${rank}, ${layers} layers, ${batch} x ${time}`;
  return { name, config: SMOL, shape: { batch, time, rows: batch * (time / 4) }, lora: { rank, layers } };
}

/** Training every weight of the 12 M model, with loss on every token. */
export function fullWorkload(batch = 8, time = 256): Workload {
  const name = `every weight of 12.2 M, ${batch} x ${time}`;
  return { name, config: SMALL, shape: { batch, time, rows: batch * time }, lora: null };
}

export function adapterOf({ config, lora }: Workload): LoraShape {
  return topLayers(config, lora!.layers, lora!.rank, 2 * lora!.rank);
}

/** @param weights the frozen base, where there is one */
export function stepOf(workload: Workload, weights: Weights): Graph {
  const { config, shape, lora } = workload;
  const objectives = [crossEntropy()];
  return lora
    ? buildTrainStep(config, weights, adapterOf(workload), { ...shape, objectives })
    : buildFullStep(config, { ...shape, objectives, everyRow: true });
}

/** One product: [batch, m, k] x [batch, k, n], before transposition if the flags say so. */
interface Product {
  readonly left: readonly number[];
  readonly right: readonly number[];
  readonly transA: boolean;
  readonly transB: boolean;
  /** 2 · m · k · n · batch */
  readonly flops: number;
}

/** The graph's matrix products; those that are equal to another count once, for the runtime merges them. */
export function productsOf(graph: Graph): Product[] {
  const shapes = new Map<string, readonly number[]>();
  for (const { name, shape } of [...graph.inputs, ...graph.initializers]) shapes.set(name, g.staticShape(shape));
  const renamed = new Map<string, string>();
  const seen = new Map<string, readonly string[]>();
  const products: Product[] = [];
  for (const { op, inputs, outputs, attributes } of graph.nodes) {
    for (const { name, shape } of outputs) shapes.set(name, g.staticShape(shape));
    const own = inputs.map((name) => renamed.get(name) ?? name);
    const key = JSON.stringify([op, own, attributes]);
    const equal = seen.get(key);
    if (equal) {
      for (const [i, { name }] of outputs.entries()) renamed.set(name, equal[i]!);
      continue;
    }
    seen.set(
      key,
      outputs.map(({ name }) => name),
    );
    if (op !== 'Gemm' && op !== 'MatMul') continue;
    const [left, right] = [shapes.get(inputs[0]!)!, shapes.get(inputs[1]!)!];
    const transA = attributes.transA === 1;
    const inner = left.at(transA ? -2 : -1)!;
    const flops = 2 * inner * elements(g.staticShape(outputs[0]!.shape));
    products.push({ left, right, transA, transB: attributes.transB === 1, flops });
  }
  return products;
}

/** The products alone, on inputs by their shape; one number of each is kept so that none falls away. */
export function ceilingOf(products: readonly Product[]): Graph {
  const inputs = new Map<string, Value>();
  const operand = (side: string, shape: readonly number[]): Value => {
    const name = `${side}.${shape.join('x')}`;
    if (!inputs.has(name)) inputs.set(name, input(name, 'float32', shape));
    return inputs.get(name)!;
  };
  const kept = products.map(({ left, right, transA, transB }) => {
    const [a, b] = [operand('left', left), operand('right', right)];
    let product = left.length === 2 ? g.gemm(a, b, { transA, transB }) : g.matmul(a, b);
    product.shape.forEach((_, axis) => {
      product = g.slice(product, axis, 0, 1);
    });
    return g.reshape(product, [1]);
  });
  return makeGraph('products', { kept: g.concat(kept, 0) });
}
