/**
 * One training step as one graph: forward, loss, backward, AdamW. Nothing here runs it.
 */
import * as g from '../graph/build.ts';
import { gradient } from '../graph/gradient.ts';
import { type Graph, makeGraph } from '../graph/graph.ts';
import { input, type Value } from '../graph/value.ts';
import type { ModelConfig } from '../model/config.ts';
import { expectedTensors } from '../model/layout.ts';
import { type LoraShape, loraSize, loraTensors } from '../model/lora.ts';
import { attentionContext, frozen, type LoraValues, loraInputs, Network, type Weights } from '../model/network.ts';
import { type Objective, type Rows, rowsOf } from './objective.ts';
import { ADAMW, type AdamOptions, adamw, type Parameter } from './optimizer.ts';

/** Masked-out scores: finite, so that no device has to get infinities right. */
const MASKED = -1e9;

/** The static shape of a batch. Sequences start at position 0 and are padded at their end. */
export interface BatchShape {
  readonly batch: number;
  readonly time: number;
  /** Rows of the batch · time that carry loss: N. */
  readonly rows: number;
}

export interface StepOptions extends BatchShape {
  readonly objectives: readonly Objective[];
  readonly adam?: AdamOptions;
  /** Every row carries loss, in order: N is batch · time, and there is no input `rows`. */
  readonly everyRow?: boolean;
  /** Whether gradients of several batches add up before a step: see `adamw`. */
  readonly accumulate?: boolean;
}

export interface LoraStepOptions extends StepOptions {
  /** First block of this graph: those below are frozen, and their output is the input `hidden` (see `buildLowerGraph`). */
  readonly from?: number;
}

/**
 * A LoRA step: the base is frozen, the adapter is one vector in the order of `loraTensors`.
 *
 * Inputs: `ids` int64 (B, T), or `hidden` float32 (B, T, hidden) with `from`; `rows` int64 (N), indices into B · T;
 * `labels` int64 (N), the token after each row; the parameter `lora` float32 and its state as in `adamw`; those of the
 * objectives.
 * Outputs: `loss` and `loss.<objective>`, scalars; those of the objectives; those of `adamw`.
 *
 * Nothing is computed backwards below the lowest adapted block, and the head only at the rows that carry loss.
 * Throws RangeError for a batch that cannot be, ModelError for an adapter that does not fit.
 */
export function buildTrainStep(
  config: ModelConfig,
  weights: Weights,
  lora: LoraShape,
  options: LoraStepOptions,
): Graph {
  const vector = input('lora', 'float32', [loraSize(config, lora)]);
  const matrices = new Map(
    loraTensors(config, lora).map(({ name, shape: [rows, columns], offset }) => [
      name,
      g.reshape(g.slice(vector, 0, offset, offset + rows * columns), [rows, columns]),
    ]),
  );
  const network = new Network(config, frozen(weights), { shape: lora, tensor: (name) => matrices.get(name)! });
  checkFrom(options.from, lora);
  const { loss, outputs } = lossOf(lossRows(network, options, options.from), options.objectives);
  // By the matrices and not by the vector: their gradients are joined once instead of padded each.
  const gradients = gradient(loss, [...matrices.values()]).map((each) =>
    g.reshape(each, [(each.shape[0] as number) * (each.shape[1] as number)]),
  );
  const parameter: Parameter = { name: 'lora', value: vector, gradient: g.concat(gradients, 0), decayed: true };
  return stepGraph(outputs, adamw([parameter], loss, options.adam ?? ADAMW, options.accumulate));
}

export interface FullStepOptions extends StepOptions {
  /** Which parameters weight decay takes from; matrices and not norms and biases unless told. */
  readonly decayed?: (name: string, shape: readonly number[]) => boolean;
}

/**
 * A step that trains every weight. Inputs and outputs as in `buildTrainStep`, with one parameter for each tensor of
 * `expectedTensors`, under Hugging Face's name.
 */
export function buildFullStep(config: ModelConfig, options: FullStepOptions): Graph {
  const shapes = expectedTensors(config);
  const values = new Map([...shapes].map(([name, shape]) => [name, input(name, 'float32', shape)]));
  const network = new Network(config, (name) => values.get(name)!, null);
  const rows = options.everyRow ? rowsInParts(network, options) : lossRows(network, options);
  const { loss, outputs } = lossOf(rows, options.objectives);
  const gradients = gradient(loss, [...values.values()]);
  const decayed = options.decayed ?? ((_, shape) => shape.length > 1);
  const parameters = [...values].map(([name, value], i): Parameter => {
    return { name, value, gradient: gradients[i]!, decayed: decayed(name, shapes.get(name)!) };
  });
  return stepGraph(outputs, adamw(parameters, loss, options.adam ?? ADAMW, options.accumulate));
}

/**
 * Scoring: the natural-log probability of each row's label under base and adapter.
 *
 * Inputs: `ids` (or `hidden`), `rows` and `labels` as in `buildTrainStep`, and the adapter's matrices under PEFT's
 * names. Output: `logprobs` float32 (N).
 */
export function buildEvalGraph(
  config: ModelConfig,
  weights: Weights,
  lora: LoraShape | null,
  shape: BatchShape,
  from?: number,
): Graph {
  const adapter: LoraValues | null = lora ? loraInputs(config, lora) : null;
  if (lora) checkFrom(from, lora);
  const rows = lossRows(new Network(config, frozen(weights), adapter), shape, from);
  return makeGraph('evaluate', { logprobs: rows.logprobs });
}

/**
 * What the blocks below the first adapted one make of a batch, to be computed once for many epochs: input `ids` int64
 * (B, T), output `hidden` float32 (B, T, hidden).
 *
 * @param below number of blocks
 */
export function buildLowerGraph(
  config: ModelConfig,
  weights: Weights,
  below: number,
  { batch, time }: Pick<BatchShape, 'batch' | 'time'>,
): Graph {
  checkShape({ batch, time, rows: 1 });
  const network = new Network(config, frozen(weights), null);
  const x = blocks(network, { batch, time }, embedded(network, input('ids', 'int64', [batch, time])), 0, below);
  return makeGraph('lower', { hidden: g.reshape(x, [batch, time, config.hidden]) });
}

function checkShape({ batch, time, rows }: BatchShape): void {
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  if (!whole(batch, 1)) throw new RangeError(`a batch of ${batch} sequences: give at least one`);
  if (!whole(time, 2))
    throw new RangeError(`sequences of ${time} tokens: nothing follows the first, give at least two`);
  if (!whole(rows, 1)) throw new RangeError(`${rows} rows that carry loss: give at least one`);
}

function checkFrom(from: number | undefined, lora: LoraShape): void {
  const lowest = Math.min(...lora.layers);
  if (from !== undefined && (!Number.isInteger(from) || from < 0 || from > lowest)) {
    throw new RangeError(`blocks below ${from} cannot be given from outside: block ${lowest} is adapted`);
  }
}

/** @param ids int64 (batch, time) @returns (batch · time, hidden) */
function embedded(network: Network, ids: Value): Value {
  const [batch, time] = g.staticShape(ids.shape) as [number, number];
  return g.reshape(network.embed(ids), [batch * time, network.config.hidden]);
}

/**
 * Blocks `first` up to, not including, `end`, over sequences that start at position 0. With `rows`, the last one's
 * result is of those rows alone.
 */
function blocks(
  network: Network,
  { batch, time }: Pick<BatchShape, 'batch' | 'time'>,
  x: Value,
  first: number,
  end: number,
  rows?: Value,
): Value {
  const positions = Float32Array.from({ length: time }, (_, position) => position);
  const causal = new Float32Array(time * time);
  for (let row = 0; row < time; row++) causal.fill(MASKED, row * time + row + 1, (row + 1) * time);
  const mask = g.floats(causal, [time, time]);
  const context = attentionContext(network.config, g.floats(positions, [time]), mask, batch, null);
  for (let layer = first; layer < end; layer++) {
    x = network.block(layer, x, context, layer === end - 1 ? rows : undefined).x;
  }
  return x;
}

/** The forward pass up to the rows that carry loss. */
function lossRows(network: Network, shape: BatchShape & Pick<StepOptions, 'everyRow'>, from?: number): Rows {
  checkShape(shape);
  const { batch, time, rows } = shape;
  const { layers, hidden } = network.config;
  const given = (): Value => g.reshape(input('hidden', 'float32', [batch, time, hidden]), [batch * time, hidden]);
  if (shape.everyRow) checkEveryRow(shape);
  const wanted = shape.everyRow ? undefined : input('rows', 'int64', [rows]);
  const x = from === undefined ? embedded(network, input('ids', 'int64', [batch, time])) : given();
  const logits = network.head(blocks(network, shape, x, from ?? 0, layers, wanted));
  return rowsOf(logits, input('labels', 'int64', [rows]));
}

function checkEveryRow({ batch, time, rows }: BatchShape): void {
  if (rows !== batch * time) throw new RangeError(`${rows} rows are not all of ${batch} × ${time}`);
}

/** Rows of a float32 matrix so long start at places whose cache sets are the same: 4 KB, a way of a first-level cache. */
const ALIASED = 1024;

/**
 * The sequences of a batch in parts. A weight's gradient is a product along the rows, one operand of which the runtime
 * reads in strides of as many floats as there are rows: where that is a multiple of 4 KB, they push each other out of
 * the cache and the product takes 7 to 9 % longer (docs/log.md). Two unequal parts have other strides.
 */
function partsOf(batch: number, time: number): readonly number[] {
  const aliased = (sequences: number): boolean => (sequences * time) % ALIASED === 0;
  if (!aliased(batch)) return [batch];
  for (let larger = Math.ceil(batch / 2); larger < batch; larger++) {
    if (!aliased(larger) && !aliased(batch - larger)) return [larger, batch - larger];
  }
  return [batch];
}

/** As `lossRows` where every row carries loss, in parts of the batch. */
function rowsInParts(network: Network, shape: BatchShape): Rows {
  checkShape(shape);
  checkEveryRow(shape);
  const { batch, time, rows } = shape;
  const sizes = partsOf(batch, time);
  if (sizes.length === 1) return lossRows(network, { ...shape, everyRow: true });
  const ofRows = sizes.map((size) => size * time);
  const ids = g.split(input('ids', 'int64', [batch, time]), 0, sizes);
  const labels = g.split(input('labels', 'int64', [rows]), 0, ofRows);
  const parts = sizes.map((size, i) => {
    const x = embedded(network, ids[i]!);
    const logits = network.head(blocks(network, { batch: size, time }, x, 0, network.config.layers));
    return rowsOf(logits, labels[i]!);
  });
  return {
    count: rows,
    vocab: network.config.vocab,
    logprobs: g.concat(
      parts.map((each) => each.logprobs),
      0,
    ),
    logprobsOf: (wanted) => {
      const own = g.split(wanted, 0, ofRows);
      return g.concat(
        parts.map((each, i) => each.logprobsOf(own[i]!)),
        0,
      );
    },
  };
}

/**
 * The runtime works out a graph's last outputs first. So the losses stand last: once they are known, the logits are
 * free, where they would otherwise stay until the backward pass is over.
 */
function stepGraph(losses: Record<string, Value>, update: Record<string, Value>): Graph {
  return makeGraph('train', { ...update, ...losses });
}

function lossOf(
  rows: Rows,
  objectives: readonly Objective[],
): { readonly loss: Value; readonly outputs: Record<string, Value> } {
  if (objectives.length === 0) throw new RangeError('a training step needs an objective');
  const outputs: Record<string, Value> = {};
  const losses: Value[] = [];
  for (const { name, build } of objectives) {
    const term = build(rows);
    losses.push(term.loss);
    Object.assign(outputs, { [`loss.${name}`]: term.loss }, term.outputs);
  }
  const loss = losses.reduce((sum, each) => g.add(sum, each));
  return { loss, outputs: { loss, ...outputs } };
}
