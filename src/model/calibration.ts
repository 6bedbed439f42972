/** Which channels of a base carry large activations, measured on some text: what quantise.ts smooths by. */
import * as g from '../graph/build.ts';
import { type Graph, makeGraph } from '../graph/graph.ts';
import { input, type Value } from '../graph/value.ts';
import type { ModelConfig } from './config.ts';
import { attentionContext, floatLinears, frozen, Network, type Weights } from './network.ts';
import { packName } from './packs.ts';

/**
 * The graph that measures. Input: `ids` int64 (T). Outputs: by pack's name, and `head`, the largest absolute value of
 * each channel of its input, float32 (width). The first token is left out: a network parks in it what it attends to
 * when there is nothing to attend to, a thousand times larger than any text.
 */
export function buildCalibrationGraph(config: ModelConfig, weights: Weights, time: number): Graph {
  const measured: Record<string, Value> = {};
  const measure = (name: string, x: Value): void => {
    measured[name] = g.reduceMax(g.abs(g.slice(x, 0, 1, time)), { axes: [0], keepDims: false });
  };
  const inner = floatLinears(config, frozen(weights), null);
  const network = new Network(config, frozen(weights), null, {
    embed: inner.embed,
    project(layer, targets, x) {
      measure(packName(layer, targets), x);
      return inner.project(layer, targets, x);
    },
    // Its logits are not needed.
    head: (x) => x,
  });
  const positions = g.floats(
    Array.from({ length: time }, (_, i) => i),
    [time],
  );
  const causal = Float32Array.from({ length: time * time }, (_, i) => (i % time > Math.floor(i / time) ? -1e9 : 0));
  const context = attentionContext(config, positions, g.floats(causal, [time, time]), 1, null);
  let x = network.embed(input('ids', 'int64', [time]));
  for (let layer = 0; layer < config.layers; layer++) x = network.block(layer, x, context).x;
  measure('head', network.head(x));
  return makeGraph('calibrate', measured);
}
