import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrationOf } from '../../src/gate/calibration.ts';
import { Logistic, sigmoid } from '../../src/gate/logistic.ts';
import { seeded } from '../../src/trainer/random.ts';

const BOUNDS = { radius: 5, memory: 1e9 };

/** A stream of examples whose true probability is known: weights, then features uniform in -1 to 1. */
function* stream(weights: readonly number[], n: number, seed: number) {
  const random = seeded(seed);
  for (let i = 0; i < n; i++) {
    const x = weights.map((_, j) => (j === 0 ? 1 : 2 * random() - 1));
    const p = sigmoid(x.reduce((sum, v, j) => sum + v * weights[j]!, 0));
    yield { x, p, y: random() < p ? 1 : 0 };
  }
}

const flat = (d: number, variance: number) => ({ weights: Array(d).fill(0), variances: Array(d).fill(variance) });

test('on a stream whose probabilities are known its forecasts become calibrated, and near them', () => {
  const gate = new Logistic(flat(4, 4), { ...BOUNDS, radius: 100 });
  const forecasts = [];
  let distance = 0;
  for (const { x, p, y } of stream([-1, 2, -1.5, 0], 4000, 7)) {
    const forecast = gate.predict(x);
    if (forecasts.push({ p: forecast, worth: y }) > 3000) distance += Math.abs(forecast - p);
    gate.learn(x, y);
  }
  assert.ok(distance / 1000 < 0.03, `${distance / 1000} from the truth`);
  const { ece, brier } = calibrationOf(forecasts.slice(1000));
  assert.ok(ece! < 0.03 && brier! < 0.18, `${ece} ${brier}`);
});

test('the step is the maximum of the posterior: its gradient there is 0', () => {
  const prior = { weights: [0.3, -0.2], variances: [2, 0.5] };
  const gate = new Logistic(prior, { ...BOUNDS, radius: 100 });
  const x = [1, 3];
  gate.learn(x, 1);
  const [a, b] = gate.weights;
  const q = sigmoid(a! + 3 * b!);
  assert.ok(Math.abs((1 - q) * 1 - (a! - 0.3) / 2) < 1e-9);
  assert.ok(Math.abs((1 - q) * 3 - (b! + 0.2) / 0.5) < 1e-9);
});

test('variances fall with what is learned, come back with time and never exceed the prior', () => {
  const gate = new Logistic(flat(3, 1), { radius: 5, memory: 100 });
  for (const { x, y } of stream([0, 1, 1], 200, 1)) gate.learn(x, y);
  const learned = gate.variances;
  assert.ok(learned.every((v) => v > 0 && v < 0.2));
  const x = [1, 1, 1];
  const later = gate.predict(x, 150);
  gate.age(150);
  assert.ok(Math.abs(gate.predict(x) - later) < 1e-12, 'what is predicted for later is what it predicts then');
  assert.ok(gate.variances.every((v, i) => v > learned[i]! && v < 1));
  gate.age(Number.MAX_VALUE);
  assert.ok(gate.variances.every((v) => Math.abs(v - 1) < 1e-9));
  assert.ok(gate.weights.every((w) => Math.abs(w) < 1e-9));
});

test('a thousand identical accepts, garbage and clocks that jump leave it bounded, and it recovers', () => {
  const gate = new Logistic(flat(5, 1), { radius: 3, memory: 1000 });
  for (let n = 0; n < 1000; n++) gate.learn([1, 1, 1, 1, 1], 1);
  assert.ok(gate.distance <= 3 + 1e-9);
  for (const y of [Number.NaN, Number.POSITIVE_INFINITY, 7, -7]) gate.learn([1, Number.NaN, 1e300, -1e300, 2], y);
  gate.learn([], 1);
  gate.age(Number.NaN);
  gate.age(-1e9);
  assert.ok(gate.weights.every(Number.isFinite) && gate.variances.every((v) => Number.isFinite(v) && v > 0));
  const p = gate.predict([1, 0, 0, 0, 0]);
  assert.ok(p > 0 && p < 1);
  for (let n = 0; n < 100; n++) {
    gate.age(1);
    gate.learn([1, 1, 1, 1, 1], 0);
  }
  assert.ok(gate.predict([1, 1, 1, 1, 1]) < 0.25, 'a hundred rejects outweigh a thousand accepts');
});

test('what is no prior is refused', () => {
  assert.throws(() => new Logistic({ weights: [0], variances: [0] }, BOUNDS), RangeError);
  assert.throws(() => new Logistic({ weights: [], variances: [] }, BOUNDS), RangeError);
  assert.throws(() => new Logistic({ weights: [Number.NaN], variances: [1] }, BOUNDS), RangeError);
});

test('reliability: each forecast counts in its bin, the last one to its end; what is no probability is left out', () => {
  const { count, bins, brier, ece } = calibrationOf(
    [
      { p: 0, worth: 0 },
      { p: 0.2, worth: 1 },
      { p: 0.3, worth: 0.5 },
      { p: 1, worth: 1 },
      { p: Number.NaN, worth: 1 },
      { p: 2, worth: 1 },
    ],
    [0, 0.25, 1],
  );
  assert.equal(count, 4);
  assert.deepEqual(bins[0], { from: 0, to: 0.25, count: 2, forecast: 0.1, came: 0.5 });
  assert.deepEqual(bins[1], { from: 0.25, to: 1, count: 2, forecast: 0.65, came: 0.75 });
  assert.ok(Math.abs(brier! - (0 + 0.64 + 0.04 + 0) / 4) < 1e-12);
  assert.ok(Math.abs(ece! - (0.8 + 0.2) / 4) < 1e-12);
  assert.equal(calibrationOf([]).brier, null);
});
