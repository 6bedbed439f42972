/** Each objective's loss and its gradient by the logits, against TRL and PyTorch. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, float32, int64, type Tensor } from '../../src/engine/runtime.ts';
import { gradient } from '../../src/graph/gradient.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import { input } from '../../src/graph/value.ts';
import { distillation } from '../../src/trainer/distillation.ts';
import { crossEntropy, kto, type Objective, rowsOf } from '../../src/trainer/objective.ts';
import { policyGradient } from '../../src/trainer/policy-gradient.ts';
import { readNumbers, readTensors, relativeError } from '../model/golden.ts';

const golden = readTensors('objectives/objectives');
const numbers = readNumbers<{
  examples: number;
  rows: number;
  vocab: number;
  k: number;
  kto: { beta: number; z: number };
  policy: { clip: number; klWeight: number };
  jsd: number;
}>('objectives/objectives');
const count = numbers.examples * numbers.rows;

const perRow = (name: string): Tensor => float32([count], golden.floats(name));
const perExample = (name: string): Tensor => float32([numbers.examples], golden.floats(name));
const scalar = (value: number): Tensor => float32([], [value]);
const teacher = {
  'teacher.ids': int64([count, numbers.k], golden.ints('teacher/ids')),
  'teacher.logprobs': float32([count, numbers.k], golden.floats('teacher/logprobs')),
  'teacher.weight': perRow('weight'),
};

interface Case {
  readonly objective: Objective;
  readonly feeds: Record<string, Tensor>;
  /** Outputs by name, with their golden tensor's. */
  readonly outputs?: Record<string, string>;
}

const CASES: Record<string, Case> = {
  crossEntropy: { objective: crossEntropy(), feeds: { weight: perRow('weight') } },
  kto: {
    objective: kto(numbers.examples),
    feeds: {
      sequence: int64([count], golden.ints('kto/sequence')),
      'kto.label': perExample('kto/label'),
      'kto.weight': perExample('kto/weight'),
      'kto.reference': perExample('kto/reference'),
      'kto.beta': scalar(numbers.kto.beta),
      'kto.z': scalar(numbers.kto.z),
    },
    outputs: { 'kto.logprob': 'kto/logprob' },
  },
  policy: {
    objective: policyGradient(),
    feeds: {
      'policy.weight': perRow('weight'),
      'policy.advantage': perRow('policy/advantage'),
      'policy.old': perRow('policy/old'),
      'policy.reference': perRow('policy/reference'),
      'policy.clip': scalar(numbers.policy.clip),
      'policy.klWeight': scalar(numbers.policy.klWeight),
    },
    outputs: { 'policy.kl': 'policy/kl', 'policy.clipped': 'policy/clipped' },
  },
  forward: { objective: distillation(numbers, 'forward'), feeds: teacher },
  reverse: { objective: distillation(numbers, 'reverse'), feeds: teacher },
  jsd: { objective: distillation(numbers, numbers.jsd), feeds: teacher },
};

for (const [name, { objective, feeds, outputs = {} }] of Object.entries(CASES)) {
  test(`${name}: loss and gradient are those of the reference implementation`, async () => {
    const logits = input('logits', 'float32', [count, numbers.vocab]);
    const term = objective.build(rowsOf(logits, input('labels', 'int64', [count])));
    const graph = makeGraph('objective', {
      loss: term.loss,
      gradient: gradient(term.loss, [logits])[0]!,
      ...term.outputs,
    });
    const session = await createSession(graph, { threads: 2 });
    const all: Record<string, Tensor> = {
      logits: float32([count, numbers.vocab], golden.floats('logits')),
      labels: int64([count], golden.ints('labels')),
      ...feeds,
    };
    const result = await session.run(Object.fromEntries(session.inputs.map((each) => [each, all[each]!])));
    const compare = (output: string, expected: string): void => {
      const error = relativeError(result[output]!.data as Float32Array, golden.floats(expected));
      assert.ok(error < 1e-4, `${output}: relative error ${error}`);
    };
    compare('loss', `${name}/loss`);
    compare('gradient', `${name}/gradient`);
    for (const [output, expected] of Object.entries(outputs)) compare(output, expected);
    await session.release();
  });
}

test('a share outside 0 to 1 is no Jensen-Shannon divergence, and a top of none or of all tokens no teacher', () => {
  for (const share of [0, 1, -1, Number.NaN]) assert.throws(() => distillation(numbers, share), RangeError);
  for (const k of [0, numbers.vocab, 1.5]) assert.throws(() => distillation({ ...numbers, k }, 'forward'), RangeError);
});

test('log-probabilities keep their digits over any range of logits', async () => {
  const rows: [logits: number[], label: number, logprob: number][] = [
    [[1000, 0, -1000], 2, -2000],
    [[1000, 0, -1000], 0, 0],
    [[-1e4, -1e4, -1e4], 1, -Math.log(3)],
    [[30, 29, 0], 2, -30 - Math.log(1 + Math.exp(-1))],
    [[0, 12, 0], 0, -12 - Math.log(1 + 2 * Math.exp(-12))],
  ];
  const logits = input('logits', 'float32', [rows.length, 3]);
  const all = rowsOf(logits, input('labels', 'int64', [rows.length]));
  const { loss } = crossEntropy().build(all);
  const graph = makeGraph('range', { logprobs: all.logprobs, gradient: gradient(loss, [logits])[0]! });
  const session = await createSession(graph, { threads: 1 });
  const result = await session.run({
    logits: float32(
      [rows.length, 3],
      rows.flatMap(([values]) => values),
    ),
    labels: int64(
      [rows.length],
      rows.map(([, label]) => label),
    ),
    weight: float32([rows.length], new Float32Array(rows.length).fill(1)),
  });
  for (const [row, [values, label, expected]] of rows.entries()) {
    assert.ok(Math.abs(Number(result.logprobs!.data[row]) - expected) <= 1e-6 * Math.max(1, Math.abs(expected)));
    const largest = Math.max(...values);
    const sum = values.reduce((total, value) => total + Math.exp(value - largest), 0);
    for (const [place, value] of values.entries()) {
      const slope = Math.exp(value - largest) / sum - (place === label ? 1 : 0);
      assert.ok(Math.abs(Number(result.gradient!.data[row * 3 + place]) - slope) < 1e-6);
    }
  }
  await session.release();
});
