/**
 * One training step as one graph: forward, loss, backward, AdamW. Nothing here runs it.
 */
import * as g from '../graph/build.ts';
import { gradient } from '../graph/gradient.ts';
import { type Graph, makeGraph } from '../graph/graph.ts';
import { input, type Value } from '../graph/value.ts';
import type { ModelConfig } from '../model/config.ts';
import { type LoraShape, loraSize, loraTensors } from '../model/lora.ts';
import { attentionContext, frozen, type LoraValues, loraInputs, Network, type Weights } from '../model/network.ts';
import { type Objective, type Rows, rowsOf } from './objective.ts';
import { ADAMW, type AdamOptions, adamw } from './optimizer.ts';

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
}

/**
 * A LoRA step: the base is frozen, the adapter is one vector in the order of `loraTensors`.
 *
 * Inputs: `ids` int64 (B, T); `rows` int64 (N), indices into B · T; `labels` int64 (N), the token after each row;
 * `lora`, `lora.mean`, `lora.square` float32 (parameters); those of the objectives and of `adamw`.
 * Outputs: `loss` and `loss.<objective>`, scalars; `norm`; `applied`, 1 if the step was taken, else 0; the next
 * `lora.next`, `lora.mean.next`, `lora.square.next`; what the objectives give out.
 *
 * Nothing is computed backwards below the lowest adapted layer, and the head only at the rows that carry loss.
 */
export function buildTrainStep(config: ModelConfig, weights: Weights, lora: LoraShape, options: StepOptions): Graph {
  const parameters = loraSize(config, lora);
  const state = (name: string): Value => input(name, 'float32', [parameters]);
  const vector = state('lora');
  const matrices = new Map(
    loraTensors(config, lora).map(({ name, shape: [rows, columns], offset }) => [
      name,
      g.reshape(g.slice(vector, 0, offset, offset + rows * columns), [rows, columns]),
    ]),
  );
  const network = new Network(config, frozen(weights), { shape: lora, tensor: (name) => matrices.get(name)! });
  const terms = lossTerms(lossRows(network, options), options.objectives);
  // By the matrices and not by the vector: the gradients are joined once instead of padded each.
  const gradients = gradient(terms.loss, [...matrices.values()]);
  const flat = g.concat(
    gradients.map((each) => g.reshape(each, [(each.shape[0] as number) * (each.shape[1] as number)])),
    0,
  );
  const moments = { mean: state('lora.mean'), square: state('lora.square') };
  const update = adamw(
    [{ value: vector, gradient: flat, ...moments, decayed: true }],
    terms.loss,
    options.adam ?? ADAMW,
  );
  const [next] = update.parameters;
  return makeGraph('train', {
    ...terms.outputs,
    norm: update.norm,
    applied: update.applied,
    'lora.next': next!.value,
    'lora.mean.next': next!.mean,
    'lora.square.next': next!.square,
  });
}

/**
 * Scoring: the natural-log probability of each row's label under base and adapter.
 *
 * Inputs: `ids`, `rows` and `labels` as in `buildTrainStep`, and the adapter's matrices under PEFT's names.
 * Output: `logprobs` float32 (N).
 */
export function buildEvalGraph(
  config: ModelConfig,
  weights: Weights,
  lora: LoraShape | null,
  shape: BatchShape,
): Graph {
  const adapter: LoraValues | null = lora ? loraInputs(config, lora) : null;
  const rows = lossRows(new Network(config, frozen(weights), adapter), shape);
  return makeGraph('evaluate', { logprobs: rows.logprobs });
}

/** The forward pass up to the rows that carry loss. */
function lossRows(network: Network, { batch, time, rows }: BatchShape): Rows {
  const { config } = network;
  const positions = g.floats(
    Array.from({ length: time }, (_, position) => position),
    [time],
  );
  const causal = new Float32Array(time * time);
  for (let row = 0; row < time; row++) causal.fill(MASKED, row * time + row + 1, (row + 1) * time);
  const context = attentionContext(config, positions, g.floats(causal, [time, time]), batch, null);
  let x = g.reshape(network.embed(input('ids', 'int64', [batch, time])), [batch * time, config.hidden]);
  for (let layer = 0; layer < config.layers; layer++) x = network.block(layer, x, context).x;
  const logits = network.head(g.gather(x, input('rows', 'int64', [rows])));
  return rowsOf(logits, input('labels', 'int64', [rows]));
}

function lossTerms(
  rows: Rows,
  objectives: readonly Objective[],
): { readonly loss: Value; readonly outputs: Record<string, Value> } {
  if (objectives.length === 0) throw new TypeError('a training step needs an objective');
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
