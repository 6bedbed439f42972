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
  forward: { objective: distillation(numbers.k, 'forward'), feeds: teacher },
  reverse: { objective: distillation(numbers.k, 'reverse'), feeds: teacher },
  jsd: { objective: distillation(numbers.k, numbers.jsd), feeds: teacher },
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

test('a share outside 0 to 1 is no Jensen-Shannon divergence', () => {
  for (const share of [0, 1, -1, Number.NaN]) assert.throws(() => distillation(4, share), RangeError);
});
