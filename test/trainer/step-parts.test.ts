/** Accumulated gradients, lower blocks computed once, adapters on any layers, and what a step refuses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, float32, int64, type Session, type Tensor } from '../../src/engine/runtime.ts';
import { initialLora, type LoraShape, loraSize } from '../../src/model/lora.ts';
import { checkBatch, checkTeacher } from '../../src/trainer/check.ts';
import { distillation } from '../../src/trainer/distillation.ts';
import { crossEntropy } from '../../src/trainer/objective.ts';
import { learningRate, type Schedule, stepScalars } from '../../src/trainer/optimizer.ts';
import { buildEvalGraph, buildLowerGraph, buildTrainStep } from '../../src/trainer/step.ts';
import { readGolden, relativeError } from '../model/golden.ts';

const golden = readGolden('llama');
const { config, weights, lora } = golden;
const { batch, time, rows } = golden.numbers;
const shape = { batch, time, rows, objectives: [crossEntropy()] };
const size = loraSize(config, lora);
const start = initialLora(config, lora, seeded(5)).map((value, i) => value || 0.01 * Math.sin(i));

function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

/** A batch of tokens, drawn from a seed. */
function batchOf(seed: number): Record<string, Tensor> {
  const random = seeded(seed);
  const draw = (count: number, below: number) => Array.from({ length: count }, () => Math.floor(random() * below));
  return {
    ids: int64([batch, time], draw(batch * time, config.vocab)),
    rows: int64([rows], draw(rows, batch * time)),
    labels: int64([rows], draw(rows, config.vocab)),
    weight: float32(
      [rows],
      Array.from({ length: rows }, () => random() / rows),
    ),
  };
}

function scalars(step = 1, normLimit = 1e30): Record<string, Tensor> {
  const numbers = Object.entries(stepScalars(step, { lr: 1e-2, maxNorm: 0.1, normLimit }));
  return Object.fromEntries(numbers.map(([name, value]) => [name, float32([], [value])]));
}

function fresh(): Record<string, Tensor> {
  const zeros = () => float32([size], new Float32Array(size));
  return { lora: float32([size], start), 'lora.mean': zeros(), 'lora.square': zeros() };
}

const data = (tensor: Tensor | undefined): Float32Array => tensor!.data as Float32Array;

test('gradients of two batches add up to that of the two together', async () => {
  const plain = await createSession(buildTrainStep(config, weights, lora, shape), { threads: 2 });
  const both = await createSession(
    buildTrainStep(config, weights, lora, { ...shape, batch: 2 * batch, rows: 2 * rows }),
    { threads: 2 },
  );
  const sum = await createSession(buildTrainStep(config, weights, lora, { ...shape, accumulate: true }), {
    threads: 2,
  });
  const [first, second] = [batchOf(1), batchOf(2)];
  const join = (name: string): Tensor => {
    const [a, b] = [first[name]!, second[name]!];
    const shift = name === 'rows' ? batch * time : 0;
    const numbers = ({ data }: Tensor): number[] => [...data].map(Number);
    const values = [...numbers(a), ...numbers(b).map((value) => value + shift)];
    const dims = [a.dims[0]! * 2, ...a.dims.slice(1)];
    return a.dtype === 'int64' ? int64(dims, values) : float32(dims, values);
  };
  const names = ['ids', 'rows', 'labels', 'weight'];
  const expected = await both.run({
    ...Object.fromEntries(names.map((name) => [name, join(name)])),
    ...fresh(),
    ...scalars(),
  });

  const accumulate = (feeds: Record<string, Tensor>, gradient: Tensor, update: number) =>
    sum.run({ ...feeds, ...fresh(), ...scalars(), 'lora.gradient': gradient, update: float32([], [update]) });
  const zeros = float32([size], new Float32Array(size));
  const one = await accumulate(first, zeros, 0);
  assert.equal(data(one.applied)[0], 0);
  assert.equal(data(one.accepted)[0], 1);
  assert.deepEqual(data(one['lora.next']), start, 'nothing moves before the update');

  const two = await accumulate(second, one['lora.gradient.next']!, 1);
  assert.equal(data(two.applied)[0], 1);
  assert.ok(relativeError(data(two.norm), data(expected.norm)) < 1e-5);
  assert.ok(relativeError(data(two['lora.next']), data(expected['lora.next'])) < 1e-5);
  assert.ok(relativeError(data(two['lora.mean.next']), data(expected['lora.mean.next'])) < 1e-4);
  assert.deepEqual(data(two['lora.gradient.next']), zeros.data, 'the sum starts again');

  // A batch that is not finite is left out of the sum, which is otherwise that of the first batch alone.
  const broken = { ...second, weight: float32([rows], new Float32Array(rows).fill(Number.NaN)) };
  const without = await accumulate(broken, one['lora.gradient.next']!, 1);
  assert.equal(data(without.accepted)[0], 0);
  assert.equal(data(without.applied)[0], 1);
  const alone = await plain.run({ ...first, ...fresh(), ...scalars() });
  assert.deepEqual(data(without['lora.next']), data(alone['lora.next']));
  for (const session of [plain, both, sum]) await session.release();
});

test('blocks below the adapter can be computed once: the same step, the same scores', async () => {
  const feeds = batchOf(3);
  const below = 1;
  const lower = await createSession(buildLowerGraph(config, weights, below, { batch, time }), { threads: 2 });
  const { hidden } = await lower.run({ ids: feeds.ids! });
  const { ids: _, ...rest } = feeds;
  const run = async (from: number | undefined): Promise<Record<string, Tensor>> => {
    const options = from === undefined ? shape : { ...shape, from };
    const session = await createSession(buildTrainStep(config, weights, lora, options), { threads: 2 });
    const own: Record<string, Tensor> = from === undefined ? feeds : { ...rest, hidden: hidden! };
    const result = await session.run({ ...own, ...fresh(), ...scalars() });
    await session.release();
    return result;
  };
  const [whole, upper] = [await run(undefined), await run(below)];
  for (const name of ['loss', 'norm', 'lora.next']) {
    assert.ok(relativeError(data(upper[name]), data(whole[name])) < 1e-6, name);
  }
  const score = await createSession(buildEvalGraph(config, weights, null, shape, below), { threads: 2 });
  const base = await createSession(buildEvalGraph(config, weights, null, shape), { threads: 2 });
  const { rows: places, labels } = feeds;
  const got = await score.run({ hidden: hidden!, rows: places!, labels: labels! });
  const expected = await base.run({ ids: feeds.ids!, rows: places!, labels: labels! });
  assert.ok(relativeError(data(got.logprobs), data(expected.logprobs)) < 1e-6);
  for (const session of [lower, score, base]) await session.release();
});

test('loss at every row needs no row indices', async () => {
  const count = batch * time;
  const random = seeded(6);
  const common = {
    ids: int64(
      [batch, time],
      Array.from({ length: count }, () => Math.floor(random() * config.vocab)),
    ),
    labels: int64(
      [count],
      Array.from({ length: count }, () => Math.floor(random() * config.vocab)),
    ),
    weight: float32([count], new Float32Array(count).fill(1 / count)),
    ...fresh(),
    ...scalars(),
  };
  const every = { ...shape, rows: count, everyRow: true };
  const whole = await createSession(buildTrainStep(config, weights, lora, every), { threads: 2 });
  const listed = await createSession(buildTrainStep(config, weights, lora, { ...shape, rows: count }), { threads: 2 });
  const places = Array.from({ length: count }, (_, i) => i);
  const [got, expected] = [await whole.run(common), await listed.run({ ...common, rows: int64([count], places) })];
  assert.ok(relativeError(data(got['lora.next']), data(expected['lora.next'])) < 1e-6);
  assert.ok(relativeError(data(got.loss), data(expected.loss)) < 1e-6);
  for (const session of [whole, listed]) await session.release();
});

test('any set of linear layers can be adapted, at any rank', async () => {
  const shapes: LoraShape[] = [
    { rank: 1, alpha: 2, layers: [0], targets: ['v_proj'] },
    { rank: 16, alpha: 16, layers: [1, 0], targets: ['down_proj', 'q_proj'] },
    { rank: 3, alpha: 1, layers: [0, 1], targets: ['gate_proj', 'o_proj', 'k_proj'] },
  ];
  for (const each of shapes) {
    const session = await createSession(buildTrainStep(config, weights, each, shape), { threads: 2 });
    const count = loraSize(config, each);
    let state: Record<string, Tensor> = {
      lora: float32([count], initialLora(config, each, seeded(9))),
      'lora.mean': float32([count], new Float32Array(count)),
      'lora.square': float32([count], new Float32Array(count)),
    };
    const losses: number[] = [];
    for (let step = 1; step <= 12; step++) {
      const result = await session.run({ ...batchOf(4), ...state, ...scalars(step) });
      losses.push(data(result.loss)[0]!);
      state = Object.fromEntries(Object.keys(state).map((name) => [name, result[`${name}.next`]!]));
    }
    assert.ok(losses.at(-1)! < losses[0]!, `${JSON.stringify(each)}: ${losses}`);
    await session.release();
  }
});

test('steps repeat bit for bit', async () => {
  const run = async (): Promise<Float32Array> => {
    const session: Session = await createSession(buildTrainStep(config, weights, lora, shape), { threads: 2 });
    let state = fresh();
    for (let step = 1; step <= 5; step++) {
      const result = await session.run({ ...batchOf(step), ...state, ...scalars(step) });
      state = Object.fromEntries(Object.keys(state).map((name) => [name, result[`${name}.next`]!]));
    }
    await session.release();
    return data(state.lora);
  };
  assert.deepEqual(await run(), await run());
});

test('a step that cannot be is refused before any session is made', () => {
  const build = (change: object) => () => buildTrainStep(config, weights, lora, { ...shape, ...change });
  const cases: [() => unknown, RegExp][] = [
    [build({ batch: 0 }), /a batch of 0 sequences: give at least one/],
    [build({ time: 1 }), /sequences of 1 tokens: nothing follows the first/],
    [build({ rows: 0 }), /0 rows that carry loss/],
    [build({ everyRow: true }), /20 rows are not all of 3 × 14/],
    [build({ batch: 1.5 }), /a batch of 1\.5 sequences/],
    [build({ objectives: [] }), /needs an objective/],
    [build({ from: 2 }), /blocks below 2 cannot be given from outside: block 1 is adapted/],
    [
      () => buildTrainStep(config, weights, { ...lora, rank: 40 }, shape),
      /rank 40 is larger than q_proj, which is 40 × 32/,
    ],
    [() => buildEvalGraph(config, weights, null, { ...shape, time: 1 }), /sequences of 1 tokens/],
    [() => buildLowerGraph(config, weights, 1, { batch: 0, time }), /a batch of 0 sequences/],
  ];
  for (const [attempt, message] of cases) assert.throws(attempt, message);
});

test('tokens out of range and a teacher of another vocabulary are named', () => {
  const ids = new Array<number>(batch * time).fill(1);
  const places = new Array<number>(rows).fill(0);
  const good = { ids, rows: places, labels: places };
  checkBatch(config, shape, good);
  const cases: [Partial<typeof good>, RegExp][] = [
    [{ ids: ids.with(3, config.vocab) }, /token 96 at 3 is outside of the vocabulary \(0 to 95\)/],
    [{ ids: ids.with(3, -1) }, /token -1 at 3/],
    [{ ids: ids.slice(1) }, /41 tokens, not 42/],
    [{ rows: places.with(2, batch * time) }, /row 42 at 2 is outside of the batch’s positions/],
    [{ labels: places.with(2, 0.5) }, /label 0\.5 at 2/],
  ];
  for (const [change, message] of cases) {
    assert.throws(() => checkBatch(config, shape, { ...good, ...change }), message);
  }
  const teacher = { vocab: config.vocab, ids: [1, 2, 3, 4], logprobs: [-1, -2, -1, -3] };
  checkTeacher(config, 2, 2, teacher);
  const wrong: [Partial<typeof teacher>, RegExp][] = [
    [{ vocab: 32000 }, /vocabulary has 32000 tokens and the model’s 96/],
    [{ ids: [1, 1, 3, 4] }, /a token twice for row 0/],
    [{ ids: [1, 2, 3, 96] }, /teacher’s token 96 at 3/],
    [{ logprobs: [-1, -2, -0.1, -0.1] }, /log-probabilities for row 1/],
    [{ logprobs: [-1, Number.NEGATIVE_INFINITY, -1, -1] }, /log-probabilities for row 0/],
    [{ logprobs: [-1] }, /1 log-probabilities/],
  ];
  for (const [change, message] of wrong) {
    assert.throws(() => checkTeacher(config, 2, 2, { ...teacher, ...change }), message);
  }
  const objectives = [distillation({ vocab: 32000, k: 4 }, 'forward')];
  assert.throws(
    () => buildTrainStep(config, weights, lora, { ...shape, objectives }),
    /vocabulary has 32000 tokens and the model’s 96: choose a teacher with the same tokenizer/,
  );
});

test('the learning rate warms up, decays to its floor and stays there', () => {
  const schedule: Schedule = { peak: 1, warmup: 4, total: 12, decay: 'cosine', floor: 0.1 };
  const at = (step: number, change: Partial<Schedule> = {}) => learningRate(step, { ...schedule, ...change });
  assert.deepEqual(
    [1, 2, 3, 4].map((step) => at(step)),
    [0.25, 0.5, 0.75, 1],
  );
  assert.equal(at(8), 0.1 + 0.9 * 0.5);
  assert.ok(Math.abs(at(12) - 0.1) < 1e-12 && Math.abs(at(500) - 0.1) < 1e-12);
  assert.equal(at(8, { decay: 'linear', floor: 0 }), 0.5);
  assert.equal(at(100, { decay: 'constant' }), 1);
  assert.equal(at(1, { warmup: 0, decay: 'constant' }), 1);
  for (const change of [{ peak: 0 }, { warmup: 20 }, { total: 0 }, { floor: 2 }])
    assert.throws(() => at(1, change), RangeError);
});
