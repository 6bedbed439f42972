/** Attention in stretches, which long sequences are trained with, is the attention that serves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, float32, int64 } from '../../src/engine/runtime.ts';
import * as g from '../../src/graph/build.ts';
import { gradient } from '../../src/graph/gradient.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import { input, type Value } from '../../src/graph/value.ts';
import { attend, attendInStretches, buildServeGraph } from '../../src/model/network.ts';
import { buildEvalGraph } from '../../src/trainer/step.ts';
import { relativeError } from '../model/golden.ts';
import { config, weights } from '../model/peft-model.ts';

const TIME = 64;
const STRETCH = 16;

test('output and gradients are those of attention over the whole sequence', async () => {
  const [batch, kvHeads, groups, headDim] = [2, 2, 3, 8];
  const query = input('query', 'float32', [batch, kvHeads, groups, TIME, headDim]);
  const [key, value] = ['key', 'value'].map((name) => input(name, 'float32', [batch, kvHeads, TIME, headDim]));
  const rows = Array.from({ length: TIME * TIME }, (_, i) => (i % TIME > Math.floor(i / TIME) ? -1e9 : 0));
  const mask = g.floats([rows, rows, rows].flat(), [groups * TIME, TIME]);
  const whole = g.reshape(query, [batch, kvHeads, groups * TIME, headDim]);
  const outputs: Record<string, Value> = {};
  for (const [name, y] of Object.entries({
    whole: g.reshape(attend(whole, key!, value!, mask), query.shape),
    parts: attendInStretches(query, key!, value!, mask, STRETCH),
  })) {
    const gradients = gradient(g.reduceSum(g.mul(y, g.sin(y)), { keepDims: false }), [query, key!, value!]);
    for (const [i, each] of [y, ...gradients].entries()) outputs[`${name}.${i}`] = each;
  }
  const session = await createSession(makeGraph('test', outputs), { threads: 2 });
  const feeds = [query, key!, value!].map((each, k) => {
    const dims = g.staticShape(each.shape);
    const count = dims.reduce((product, size) => product * size, 1);
    return [
      ['query', 'key', 'value'][k],
      float32(
        dims,
        Float32Array.from({ length: count }, (_, i) => Math.sin(i * i + k)),
      ),
    ];
  });
  const out = await session.run(Object.fromEntries(feeds));
  for (const i of [0, 1, 2, 3]) {
    const error = relativeError(out[`parts.${i}`]!.data as Float32Array, out[`whole.${i}`]!.data as Float32Array);
    assert.ok(error < 1e-5, `${i}: ${error}`);
  }
  await session.release();
});

test('128 tokens have the log-probabilities that serving gives', async () => {
  const time = 128;
  const ids = Array.from({ length: time }, (_, i) => (i * i + 3) % config.vocab);
  const every = ids.map((_, i) => i);
  const labels = ids.map((id) => (id + 1) % config.vocab);
  const scoring = await createSession(buildEvalGraph(config, weights, null, { batch: 1, time, rows: time }), {
    threads: 2,
  });
  const { logprobs } = await scoring.run({
    ids: int64([1, time], ids),
    rows: int64([time], every),
    labels: int64([time], labels),
  });
  const serving = await createSession(buildServeGraph(config, weights, null), { threads: 2 });
  const none = float32([1, config.kvHeads, 0, config.headDim], []);
  const { logits } = await serving.run(
    {
      ids: int64([time], ids),
      positions: int64([time], every),
      mask: float32(
        [time, time],
        every.flatMap((row) => every.map((column) => (column > row ? -1e9 : 0))),
      ),
      rows: int64([time], every),
      ...Object.fromEntries(
        every.slice(0, config.layers).flatMap((i) => [
          [`past.${i}.key`, none],
          [`past.${i}.value`, none],
        ]),
      ),
    },
    ['logits'],
  );
  const expected = labels.map((label, row) => {
    const own = (logits!.data as Float32Array).subarray(row * config.vocab, (row + 1) * config.vocab);
    return own[label]! - Math.log(own.reduce((sum, logit) => sum + Math.exp(logit), 0));
  });
  assert.ok(relativeError(logprobs!.data as Float32Array, expected) < 1e-5);
  await scoring.release();
  await serving.release();
});
