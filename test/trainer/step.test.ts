/** The training step against PyTorch autograd and torch.optim.AdamW. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, float32, int64, type Tensor } from '../../src/engine/runtime.ts';
import { loraSize, loraTensors, packLora, unpackLora } from '../../src/model/lora.ts';
import { crossEntropy, kto, type Objective } from '../../src/trainer/objective.ts';
import { ADAMW, type AdamOptions, stepScalars } from '../../src/trainer/optimizer.ts';
import { buildEvalGraph, buildTrainStep } from '../../src/trainer/step.ts';
import { type Golden, readGolden, relativeError } from '../model/golden.ts';

/** With beta1 = 0 the first moment after a step is the gradient itself. */
const SHOW_GRADIENT: AdamOptions = { ...ADAMW, beta1: 0 };
const UNCLIPPED = { lr: 1e-3, maxNorm: 1e30, normLimit: 1e30 };

function batchFeeds(golden: Golden): Record<string, Tensor> {
  const { batch, time, rows } = golden.numbers;
  return {
    ids: int64([batch, time], golden.ints('batch/ids')),
    rows: int64([rows], golden.ints('batch/rows')),
    labels: int64([rows], golden.ints('batch/labels')),
  };
}

function scalars(step: number, schedule: typeof UNCLIPPED, adam: AdamOptions): Record<string, Tensor> {
  const numbers = Object.entries(stepScalars(step, schedule, adam));
  return Object.fromEntries(numbers.map(([name, value]) => [name, float32([], [value])]));
}

function ktoFeeds(golden: Golden): Record<string, Tensor> {
  const { rows, batch, kto: numbers } = golden.numbers;
  return {
    sequence: int64([rows], golden.ints('kto/sequence')),
    'kto.label': float32([batch], golden.floats('kto/label')),
    'kto.weight': float32([batch], golden.floats('kto/weight')),
    'kto.reference': float32([batch], golden.floats('kto/reference')),
    'kto.beta': float32([], [numbers.beta]),
    'kto.z': float32([], [numbers.z]),
  };
}

/** The golden adapter and fresh moments. */
function startState(golden: Golden): Record<string, Tensor> {
  const { config, lora } = golden;
  const size = loraSize(config, lora);
  const matrices = new Map(golden.names('lora/').map((name) => [name, golden.floats(`lora/${name}`)]));
  return {
    lora: float32([size], packLora(config, lora, matrices)),
    'lora.mean': float32([size], new Float32Array(size)),
    'lora.square': float32([size], new Float32Array(size)),
  };
}

function assertMatrices(golden: Golden, vector: Tensor, prefix: string, tolerance: number): void {
  for (const [name, got] of unpackLora(golden.config, golden.lora, vector.data as Float32Array)) {
    const error = relativeError(got, golden.floats(`${prefix}/${name}`));
    assert.ok(error < tolerance, `${prefix} of ${name}: relative error ${error}`);
  }
}

const STATE = ['lora', 'lora.mean', 'lora.square'];

for (const family of ['llama', 'qwen2'] as const) {
  const golden = readGolden(family);
  const { config, weights, lora, numbers } = golden;
  const step = (objectives: Objective[], adam: AdamOptions) =>
    createSession(buildTrainStep(config, weights, lora, { ...numbers, objectives, adam }), { threads: 2 });

  test(`${family}: loss and adapter gradients are PyTorch's`, async () => {
    const session = await step([crossEntropy()], SHOW_GRADIENT);
    const weight = { weight: float32([numbers.rows], golden.floats('batch/weight')) };
    const feeds = { ...batchFeeds(golden), ...weight, ...startState(golden), ...scalars(1, UNCLIPPED, SHOW_GRADIENT) };
    const result = await session.run(feeds);
    assert.ok(relativeError(result.loss!.data as Float32Array, golden.floats('lora_loss')) < 1e-5);
    assert.ok(relativeError(result['loss.crossEntropy']!.data as Float32Array, golden.floats('lora_loss')) < 1e-5);
    assertMatrices(golden, result['lora.mean.next']!, 'lora_grad', 1e-4);
    await session.release();
  });

  test(`${family}: KTO's loss, log-probabilities and gradients are those of its formula`, async () => {
    const session = await step([kto(numbers.batch)], SHOW_GRADIENT);
    const feeds = { ...batchFeeds(golden), ...ktoFeeds(golden), ...startState(golden) };
    const result = await session.run({ ...feeds, ...scalars(1, UNCLIPPED, SHOW_GRADIENT) });
    assert.ok(relativeError(result.loss!.data as Float32Array, golden.floats('kto_loss')) < 1e-4);
    assert.ok(relativeError(result['kto.logprob']!.data as Float32Array, golden.floats('kto_logprob')) < 1e-5);
    assertMatrices(golden, result['lora.mean.next']!, 'kto_grad', 1e-4);
    await session.release();
  });

  test(`${family}: objectives add up`, async () => {
    const session = await step([crossEntropy(), kto(numbers.batch)], SHOW_GRADIENT);
    const weight = { weight: float32([numbers.rows], golden.floats('batch/weight')) };
    const feeds = { ...batchFeeds(golden), ...ktoFeeds(golden), ...weight, ...startState(golden) };
    const result = await session.run({ ...feeds, ...scalars(1, UNCLIPPED, SHOW_GRADIENT) });
    const parts = golden.floats('lora_loss')[0]! + golden.floats('kto_loss')[0]!;
    assert.ok(relativeError(result.loss!.data as Float32Array, [parts]) < 1e-5);
    const got = unpackLora(config, lora, result['lora.mean.next']!.data as Float32Array);
    for (const { name } of loraTensors(config, lora)) {
      const both = golden.floats(`kto_grad/${name}`);
      const expected = golden.floats(`lora_grad/${name}`).map((value, i) => value + both[i]!);
      assert.ok(relativeError(got.get(name)!, expected) < 1e-4, name);
    }
    await session.release();
  });

  test(`${family}: ${numbers.steps} AdamW steps follow torch.optim.AdamW with clipping`, async () => {
    const { adam, maxNorm, steps } = numbers;
    const options = { beta1: adam.betas[0], beta2: adam.betas[1], epsilon: adam.eps, weightDecay: adam.weight_decay };
    const session = await step([crossEntropy()], options);
    const weight = { weight: float32([numbers.rows], golden.floats('batch/weight')) };
    let state = startState(golden);
    const losses: number[] = [];
    const norms: number[] = [];
    for (let i = 1; i <= steps; i++) {
      const schedule = scalars(i, { lr: adam.lr, maxNorm, normLimit: 1e30 }, options);
      const result = await session.run({ ...batchFeeds(golden), ...weight, ...state, ...schedule });
      losses.push(result.loss!.data[0] as number);
      norms.push(result.norm!.data[0] as number);
      assert.equal(result.applied!.data[0], 1);
      state = Object.fromEntries(STATE.map((name) => [name, result[`${name}.next`]!]));
    }
    assert.ok(relativeError(losses, golden.floats('lora_losses')) < 1e-4);
    assert.ok(relativeError(norms, golden.floats('lora_norms')) < 1e-3);
    assertMatrices(golden, state.lora!, 'lora_trained', 1e-4);
    await session.release();
  });

  test(`${family}: the evaluation graph gives the labels' log-probabilities`, async () => {
    const session = await createSession(buildEvalGraph(config, weights, lora, numbers), { threads: 2 });
    const adapter = loraTensors(config, lora).map(({ name, shape }) => [
      name,
      float32(shape, golden.floats(`lora/${name}`)),
    ]);
    const { logprobs } = await session.run({ ...batchFeeds(golden), ...Object.fromEntries(adapter) });
    const logits = golden.floats('lora_logits');
    const expected = golden.ints('batch/labels').map((label, row) => {
      const own = logits.subarray(row * config.vocab, (row + 1) * config.vocab);
      return own[label]! - Math.log(own.reduce((sum, logit) => sum + Math.exp(logit), 0));
    });
    assert.ok(relativeError(logprobs!.data as Float32Array, expected) < 1e-5);
    await session.release();
  });
}

test('a step with an exploding norm or a NaN leaves parameters and moments untouched and says so', async () => {
  const golden = readGolden('llama');
  const { config, weights, lora, numbers } = golden;
  const graph = buildTrainStep(config, weights, lora, { ...numbers, objectives: [crossEntropy()], adam: ADAMW });
  const session = await createSession(graph, { threads: 2 });
  const good = golden.floats('batch/weight');
  const size = loraSize(config, lora);
  const state = {
    ...startState(golden),
    'lora.mean': float32([size], new Float32Array(size).fill(0.25)),
    'lora.square': float32([size], new Float32Array(size).fill(0.5)),
  };
  const cases = [
    { what: 'nothing wrong', weight: good, normLimit: 1e30, applied: 1 },
    { what: 'the norm exceeds its limit', weight: good, normLimit: 1e-6, applied: 0 },
    { what: 'the loss is NaN', weight: good.with(0, Number.NaN), normLimit: 1e30, applied: 0 },
    { what: 'the loss is infinite', weight: good.with(0, Number.POSITIVE_INFINITY), normLimit: 1e30, applied: 0 },
    { what: 'the limit is infinite, the loss too', weight: good.map(() => 3e38), normLimit: Infinity, applied: 0 },
  ];
  for (const { what, weight, normLimit, applied } of cases) {
    const schedule = scalars(1, { ...UNCLIPPED, normLimit }, ADAMW);
    const feeds = { ...batchFeeds(golden), weight: float32([numbers.rows], weight), ...state, ...schedule };
    const result = await session.run(feeds);
    assert.equal(result.applied!.data[0], applied, what);
    for (const name of STATE) {
      const before = feeds[name as keyof typeof feeds].data;
      const after = result[`${name}.next`]!.data;
      if (applied === 0) assert.deepEqual(after, before, `${what}: ${name}`);
      else assert.notDeepEqual(after, before, `${what}: ${name}`);
    }
  }
  await session.release();
});
