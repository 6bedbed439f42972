import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Example, fit, fitSigned } from '../../scripts/gate/fit.ts';
import { sigmoid } from '../../src/gate/logistic.ts';
import { seeded } from '../../src/trainer/random.ts';

test('the fit is where the gradient vanishes, and near the truth where there is much to see', () => {
  const truth = [-1, 2, 0.5];
  const random = seeded(3);
  const examples: Example[] = Array.from({ length: 4000 }, () => {
    const x = [1, 2 * random() - 1, 2 * random() - 1];
    const p = sigmoid(x.reduce((sum, v, j) => sum + v * truth[j]!, 0));
    return { x, y: random() < p ? 1 : 0, weight: 0.5 + random() };
  });
  const penalties = [0.01, 2, 2];
  const w = fit(examples, penalties);
  for (const [j, penalty] of penalties.entries()) {
    const gradient = examples.reduce((sum, { x, y, weight }) => {
      const q = sigmoid(x.reduce((m, v, k) => m + v * w[k]!, 0));
      return sum + weight * (y - q) * x[j]!;
    }, -penalty * w[j]!);
    assert.ok(Math.abs(gradient) < 1e-5, `${gradient}`);
    assert.ok(Math.abs(w[j]! - truth[j]!) < 0.2, `${w[j]}`);
  }
});

test('what can be told apart altogether, and what never occurs, has finite weights', () => {
  const examples = [1, 1, 0, 0].map((y) => ({ x: [1, y, 0], y, weight: 1 }));
  const w = fit(examples, [0.01, 1, 1]);
  assert.ok(w.every((v) => Number.isFinite(v) && Math.abs(v) < 10));
  assert.equal(w[2], 0);
  assert.ok(w[1]! > 0);
});

test('a weight of the wrong sign is 0, and the others are fitted without it', () => {
  const examples = [
    { x: [1, 1, 1], y: 1, weight: 5 },
    { x: [1, 1, 0], y: 0, weight: 3 },
    { x: [1, 0, 0], y: 1, weight: 4 },
  ];
  const penalties = [0.01, 1, 1];
  assert.ok(fit(examples, penalties)[1]! < 0);
  const w = fitSigned(examples, penalties, [0, 1, 1]);
  assert.equal(w[1], 0);
  const without = fit(
    examples.map((e) => ({ ...e, x: [e.x[0]!, 0, e.x[2]!] })),
    penalties,
  );
  assert.deepEqual(w, without);
});
