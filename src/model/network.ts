/**
 * The network: the one definition that serving, scoring and training share. Llama and Qwen 2 in the arithmetic of
 * Hugging Face's `modeling_llama.py` and `modeling_qwen2.py`: RMSNorm before attention and MLP, rotary positions in the
 * rotate-half convention, grouped-query attention, SwiGLU.
 *
 * Activations are (batch · time, width); weights are [out, in] under Hugging Face's names.
 */
import { basename } from 'node:path';
import * as g from '../graph/build.ts';
import { type Graph, makeGraph } from '../graph/graph.ts';
import type { ConstantTensor, Dim } from '../graph/tensor.ts';
import { addDims, multiplyDims } from '../graph/tensor.ts';
import { constant, constantOf, input, scope, type Value, withGradient } from '../graph/value.ts';
import type { ModelConfig } from './config.ts';
import { ModelError } from './errors.ts';
import { type LoraShape, type LoraTarget, linearName, loraTensors } from './lora.ts';
import { rotaryFrequencies, rotaryScale, rotaryTables } from './rope.ts';
import type { WeightsBlob } from './weights.ts';

/** The base's tensors by Hugging Face's names: inline, or in a file beside the graph. */
export type Weights = ReadonlyMap<string, ConstantTensor>;

/** The tensors of a weights file, for graphs that are written beside it. */
export function mapped(blob: WeightsBlob): Weights {
  const file = basename(blob.path);
  return new Map(
    [...blob.tensors].map(([name, { shape, offset, length }]) => [
      name,
      { dtype: 'float32', shape, data: { file, offset, length } },
    ]),
  );
}

/** What the weights are as values of a graph: constants where they are frozen, inputs where they are trained. */
export type WeightValues = (name: string) => Value;

/** An adapter as values of a graph, by PEFT's names. */
export interface LoraValues {
  readonly shape: LoraShape;
  readonly tensor: (name: string) => Value;
}

/** (T, headDim / 2) each. */
interface Rotation {
  readonly cos: Value;
  readonly sin: Value;
}

/** Where attention looks, the same for all blocks. */
export interface AttentionContext {
  readonly batch: Dim;
  readonly time: Dim;
  /** The query's is scaled by 1/√headDim. */
  readonly rotary: Readonly<Record<'key' | 'query', Rotation>>;
  /** (heads / kvHeads · T, P + T) added to the scores. Without a past it hides what comes later. */
  readonly mask: Value;
  /** Keys and values of what came before, a block (batch, kvHeads, P, headDim). The mask says which of P hold some. */
  readonly past: ((layer: number) => KeyValue) | null;
}

export interface KeyValue {
  readonly key: Value;
  readonly value: Value;
}

/** Frozen weights as constants; each name is one value, however often it is asked for. Throws ModelError. */
export function frozen(weights: Weights): WeightValues {
  const made = new Map<string, Value>();
  return (name) => {
    const known = made.get(name);
    if (known) return known;
    const tensor = weights.get(name);
    if (!tensor) throw new ModelError('architecture', `The model has no tensor “${name}”, which its network needs.`);
    const value = constant(tensor, name);
    made.set(name, value);
    return value;
  };
}

/** An adapter's matrices as graph inputs under PEFT's names. */
export function loraInputs(config: ModelConfig, shape: LoraShape): LoraValues {
  const values = new Map(
    loraTensors(config, shape).map((each) => [each.name, input(each.name, 'float32', each.shape)]),
  );
  return { shape, tensor: (name) => values.get(name)! };
}

const QKV: readonly LoraTarget[] = ['q_proj', 'k_proj', 'v_proj'];

/**
 * The network's products with its large matrices, adapter included, and its embedding: in fp32, or as quantised.ts has
 * them.
 */
export interface Linears {
  /** @param ids int64 of any shape @returns (…ids, hidden) */
  embed(ids: Value): Value;
  /** The layers of a block that read the same x (rows, in), biases included: (rows, out) each. */
  project(layer: number, targets: readonly LoraTarget[], x: Value): readonly Value[];
  /** (rows, hidden) after the final norm to logits (rows, vocab). */
  head(x: Value): Value;
}

/** Linear layers in fp32, with an adapter or without. */
export function floatLinears(config: ModelConfig, weight: WeightValues, lora: LoraValues | null): Linears {
  const project: Linears['project'] = (layer, targets, x) => {
    const base = targets.map((target) => {
      const name = linearName(layer, target);
      const bias = hasBias(config, target) ? { c: weight(`${name}.bias`) } : {};
      return g.gemm(x, weight(`${name}.weight`), { transB: true, ...bias });
    });
    if (!lora?.shape.layers.includes(layer)) return base;
    const adapted = targets.filter((target) => lora.shape.targets.includes(target));
    if (adapted.length === 0) return base;
    return scope('lora', () => {
      const matrix = (target: LoraTarget, part: 'A' | 'B'): Value =>
        lora.tensor(`base_model.model.${linearName(layer, target)}.lora_${part}.weight`);
      const { rank, alpha } = lora.shape;
      // One product for all that read x, forward and back: each alone is too narrow to be worth its pass over x.
      const all = g.gemm(
        x,
        g.concat(
          adapted.map((target) => matrix(target, 'A')),
          0,
        ),
        { transB: true },
      );
      const low =
        adapted.length === 1
          ? [all]
          : g.split(
              all,
              1,
              adapted.map(() => rank),
            );
      return targets.map((target, i) => {
        const place = adapted.indexOf(target);
        if (place === -1) return base[i]!;
        // alpha / rank is an attribute of the graph: an adapter of another alpha is another graph. Added rather than
        // handed to the product as C, which the runtime copies with one thread first.
        return g.add(base[i]!, g.gemm(low[place]!, matrix(target, 'B'), { transB: true, alpha: alpha / rank }));
      });
    });
  };
  return {
    embed: (ids) => g.gather(weight('model.embed_tokens.weight'), ids),
    project,
    head: (x) => g.gemm(x, weight(headName(config)), { transB: true }),
  };
}

/** Whether a linear layer has a bias (the query, key and value projections of Qwen 2). */
export function hasBias(config: ModelConfig, target: LoraTarget): boolean {
  return config.qkvBias && QKV.includes(target);
}

/** Name of the output head's matrix. */
export function headName(config: ModelConfig): string {
  return config.tiedHead ? 'model.embed_tokens.weight' : 'lm_head.weight';
}

/** A model's forward pass in parts, over weights that may be frozen, trained or quantised. */
export class Network {
  readonly config: ModelConfig;
  readonly #weight: WeightValues;
  readonly #linears: Linears;

  /** @param weight of the norms; of the linear layers as well unless `linears` is given */
  constructor(
    config: ModelConfig,
    weight: WeightValues,
    lora: LoraValues | null,
    linears: Linears = floatLinears(config, weight, lora),
  ) {
    this.config = config;
    this.#weight = weight;
    this.#linears = linears;
  }

  /** @param ids int64 of any shape @returns (…ids, hidden) */
  embed(ids: Value): Value {
    return scope('model.embed_tokens', () => this.#linears.embed(ids));
  }

  /**
   * One block: (batch · time, hidden) to the same. The keys and values are those of the block's own positions.
   *
   * @param rows int64 (N): those whose result is wanted, where that is not all; then it is (N, hidden)
   */
  block(layer: number, x: Value, context: AttentionContext, rows?: Value): { readonly x: Value } & KeyValue {
    const name = `model.layers.${layer}`;
    const wanted = (y: Value): Value => (rows ? g.gather(y, rows) : y);
    return scope(name, () => {
      const normed = this.#norm(x, `${name}.input_layernorm.weight`);
      const attended = scope('self_attn', () => {
        const { mixed: heads, ...own } = this.#attention(layer, normed, context);
        return { ...own, x: this.#linears.project(layer, ['o_proj'], wanted(heads))[0]! };
      });
      const mixed = g.add(wanted(x), attended.x);
      const inner = this.#norm(mixed, `${name}.post_attention_layernorm.weight`);
      return {
        ...attended,
        x: g.add(
          mixed,
          scope('mlp', () => this.#mlp(layer, inner)),
        ),
      };
    });
  }

  /** Final norm and head: (rows, hidden) to logits (rows, vocab). */
  head(x: Value): Value {
    return scope('lm_head', () => this.#linears.head(this.#norm(x, 'model.norm.weight')));
  }

  /** RMSNorm, decomposed: on WebGPU the fused op's second output is wrong, and its gradient would need it. */
  #norm(x: Value, name: string): Value {
    return rmsNorm(x, this.#weight(name), this.config.rmsEps);
  }

  /** @returns what the heads make of x, (batch · time, heads · headDim), to be projected */
  #attention(layer: number, x: Value, context: AttentionContext): { readonly mixed: Value } & KeyValue {
    const { heads, kvHeads, headDim } = this.config;
    const { batch, time, rotary, mask, past } = context;
    const groups = heads / kvHeads;
    const rows = multiplyDims(batch, time);
    const grouped = multiplyDims(groups, time);
    /** (batch · time, count · headDim) to (batch, count, time, headDim) */
    const byHead = (y: Value, count: number): Value =>
      g.transpose(g.reshape(y, [batch, time, count, headDim]), [0, 2, 1, 3]);

    const [ofQuery, ofKey, ofValue] = this.#linears.project(layer, QKV, x) as [Value, Value, Value];
    const before = past?.(layer);
    const key = g.rotary(byHead(ofKey, kvHeads), rotary.key.cos, rotary.key.sin);
    const value = byHead(ofValue, kvHeads);
    const query = g.rotary(byHead(ofQuery, heads), rotary.query.cos, rotary.query.sin);

    // The queries that share a key head are rows of one product: keys and values are never repeated.
    const queries = (): Value => g.reshape(query, [batch, kvHeads, grouped, headDim]);
    const stretch = before ? null : stretchOf(time);
    const mixed = before
      ? attendBoth(queries(), before, { key, value }, mask)
      : stretch
        ? attendInStretches(g.reshape(query, [batch, kvHeads, groups, time, headDim]), key, value, mask, stretch)
        : attend(queries(), key, value, mask);
    const merged = g.transpose(g.reshape(mixed, [batch, kvHeads, groups, time, headDim]), [0, 3, 1, 2, 4]);
    return { mixed: g.reshape(merged, [rows, heads * headDim]), key, value };
  }

  #mlp(layer: number, x: Value): Value {
    const [gate, up] = this.#linears.project(layer, ['gate_proj', 'up_proj'], x) as [Value, Value];
    return this.#linears.project(layer, ['down_proj'], swiglu(gate, up))[0]!;
  }
}

/** (…, R, headDim) queries over (…, S, headDim) keys and values, with a mask (R, S). */
export function attend(query: Value, key: Value, value: Value, mask: Value): Value {
  const across = (keys: Value): Value => g.transpose(keys, [0, 1, 3, 2]);
  const { again } = key;
  const keys = again ? { ...across(key), again: () => across(again()) } : across(key);
  return g.matmul(g.softmax(g.add(g.matmul(query, keys), mask)), value);
}

/**
 * As `attend`, over what was cached and what is new. The two are never joined: a cache of many megabytes is read where it
 * lies, and neither copied nor given back.
 */
function attendBoth(query: Value, past: KeyValue, own: KeyValue, mask: Value): Value {
  const scores = (key: Value): Value => g.matmul(query, g.transpose(key, [0, 1, 3, 2]));
  const weights = g.softmax(g.add(g.concat([scores(past.key), scores(own.key)], -1), mask));
  const [before, now] = g.splitSum(weights, -1, [
    [past.key, 2],
    [own.key, 2],
  ]) as [Value, Value];
  return g.add(g.matmul(before, past.value), g.matmul(now, own.value));
}

/** Positions that attend together, where a whole sequence is at hand: a quarter of it; null if that is too little. */
function stretchOf(time: Dim): number | null {
  return typeof time === 'number' && time >= 128 && time % 4 === 0 ? time / 4 : null;
}

/**
 * Causal attention of a whole sequence: each stretch of queries sees the keys up to its own end alone, which saves 3/8
 * of the products and of the memory of the probabilities.
 *
 * @param query (batch, kvHeads, groups, T, headDim)
 * @param mask (groups · T, T), the same for each group
 */
export function attendInStretches(query: Value, key: Value, value: Value, mask: Value, stretch: number): Value {
  const [batch, kvHeads, groups, time, headDim] = g.staticShape(query.shape) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const ends = Array.from({ length: time / stretch }, (_, i) => (i + 1) * stretch);
  // Each is cut from the next longer one, so that gradients are summed at the shorter lengths first.
  const cuts = (x: Value): Value[] => {
    const cut = [x];
    for (const end of ends.slice(0, -1).toReversed()) cut.unshift(g.slice(cut[0]!, 2, 0, end));
    return cut;
  };
  const [keys, values] = [cuts(key), cuts(value)];
  const split = g.split(
    query,
    3,
    ends.map(() => stretch),
  );
  const parts = split.map((part, i) => {
    const end = ends[i]!;
    // Cut anew for gradients, with the axis counted from the end, or the runtime would merge the two and keep the first.
    const again = (): Value => (end === time ? key : g.slice(key, -2, 0, end));
    const own = g.slice(g.slice(mask, 0, end - stretch, end), 1, 0, end);
    const rows = g.reshape(part, [batch, kvHeads, groups * stretch, headDim]);
    const masks = g.concat(
      Array.from({ length: groups }, () => own),
      0,
    );
    const attended = attend(rows, { ...keys[i]!, again }, values[i]!, masks);
    return g.reshape(attended, [batch, kvHeads, groups, stretch, headDim]);
  });
  return g.concat(parts, 3);
}

/**
 * x / √(mean x² + ε) · weight (https://arxiv.org/abs/1910.07467). Its gradient takes 6 passes where the walk takes 9,
 * and keeps the quotient alone where the walk keeps x as well: a tenth of a step's memory.
 */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  const root = g.sqrt(g.add(g.reduceMean(g.pow(x, 2), { axes: [-1] }), epsilon));
  const quotient = g.div(x, root);
  const y = withGradient(g.mul(quotient, weight), [x, weight], (dY) => [
    () => {
      // With q = x / r: ∂q/∂x = (1 − q·qᵀ / width) / r
      const dQ = g.mul(dY, weight);
      return g.div(g.sub(dQ, g.mul(quotient, g.reduceMean(g.mul(dQ, quotient), { axes: [-1] }))), root);
    },
    () => g.sumTo(g.mul(dY, quotient), weight.shape),
  ]);
  // With its factors swapped: the runtime merges equal nodes.
  return { ...y, again: () => g.mul(weight, quotient) };
}

/** silu(gate) · up (https://arxiv.org/abs/2002.05202), with a gradient of 5 passes where the walk takes 8. */
export function swiglu(gate: Value, up: Value): Value {
  // All but gate and up is made anew for gradients. The runtime merges nodes of equal inputs and would keep the first
  // results instead, so the second time the gate comes in another shape.
  const share = (): Value => g.reshape(g.sigmoid(g.reshape(gate, [1, ...gate.shape])), gate.shape);
  const silu = (): Value => g.mul(share(), gate);
  const again = (): Value => g.mul(up, silu());
  const y = withGradient(g.mul(g.mul(gate, g.sigmoid(gate)), up), [gate, up], (dY) => [
    // ∂y/∂gate = up·σ + y·(1 − σ) = y + σ·(up − y)
    () => {
      const own = again();
      return g.mul(dY, g.add(own, g.mul(share(), g.sub(up, own))));
    },
    () => g.mul(dY, silu()),
  ]);
  return { ...y, again };
}

/**
 * @param positions (T) float32
 * @param mask (T, P + T)
 */
export function attentionContext(
  config: ModelConfig,
  positions: Value,
  mask: Value,
  batch: Dim,
  past: AttentionContext['past'],
): AttentionContext {
  const time = positions.shape[0]!;
  return scope('rotary', () => ({
    batch,
    time,
    rotary: rotations(config, positions),
    mask: g.concat(
      Array.from({ length: config.heads / config.kvHeads }, () => mask),
      0,
    ),
    past,
  }));
}

function rotations(config: ModelConfig, positions: Value): AttentionContext['rotary'] {
  const scale = 1 / Math.sqrt(config.headDim);
  const known = constantOf(positions)?.data;
  const pairs = config.headDim / 2;
  if (known instanceof Float32Array) {
    const rotation = (by: number): Rotation => {
      const { cos, sin } = rotaryTables(config, known, by);
      return { cos: g.floats(cos, [known.length, pairs]), sin: g.floats(sin, [known.length, pairs]) };
    };
    return { key: rotation(1), query: rotation(scale) };
  }
  const angles = g.mul(g.unsqueeze(positions, 1), g.floats(rotaryFrequencies(config), [1, pairs]));
  const temperature = rotaryScale(config);
  const scaled = (x: Value, by: number): Value => (by === 1 ? x : g.mul(x, by));
  const key = { cos: scaled(g.cos(angles), temperature), sin: scaled(g.sin(angles), temperature) };
  return { key, query: { cos: scaled(key.cos, scale), sin: scaled(key.sin, scale) } };
}

/**
 * The graph that serves. Inputs: `ids` int64 (T), `positions` int64 (T), `mask` float32 (T, P+T) added to the scores,
 * `rows` int64 (N) of the T rows that need logits, `past.{i}.key|value` (1, kvHeads, P, headDim), and the adapter's
 * matrices under PEFT's names. Outputs: `logits` (N, vocab), ln Σ exp of each row as `totals` (N), `new.{i}.key|value`
 * (1, kvHeads, T, headDim), which belong behind the past's. P may be 0, and may be more than was filled: the mask then
 * hides what is none. Throws ModelError if a weight is missing or the adapter does not fit.
 */
export function buildServeGraph(config: ModelConfig, weights: Weights, lora: LoraShape | null): Graph {
  return serveGraph(new Network(config, frozen(weights), lora ? loraInputs(config, lora) : null));
}

/** The same of any network; the adapter's inputs are those of its linear layers. */
export function serveGraph(network: Network): Graph {
  const { config } = network;
  const cache = (layer: number, part: string): Value =>
    input(`past.${layer}.${part}`, 'float32', [1, config.kvHeads, 'P', config.headDim]);
  const context = attentionContext(
    config,
    g.cast(input('positions', 'int64', ['T']), 'float32'),
    input('mask', 'float32', ['T', addDims('P', 'T')]),
    1,
    (layer) => ({ key: cache(layer, 'key'), value: cache(layer, 'value') }),
  );
  const rows = input('rows', 'int64', ['N']);
  let x = network.embed(input('ids', 'int64', ['T']));
  const added: Record<string, Value> = {};
  for (let layer = 0; layer < config.layers; layer++) {
    // The last block is worked out at the wanted rows alone, but for its keys and values.
    const block = network.block(layer, x, context, layer === config.layers - 1 ? rows : undefined);
    x = block.x;
    added[`new.${layer}.key`] = block.key;
    added[`new.${layer}.value`] = block.value;
  }
  const logits = network.head(x);
  return makeGraph('serve', { logits, totals: g.reduceLogSumExp(logits, { axes: [-1], keepDims: false }), ...added });
}
