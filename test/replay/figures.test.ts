import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockTallies, curve, lift, sweep, withInterval } from '../../src/replay/compare.ts';
import { interval, RESAMPLES, resamples } from '../../src/replay/resample.ts';
import {
  acceptRate,
  acceptRateWithoutShort,
  exactness,
  falseAlarms,
  type Run,
  reward,
  savedShare,
  sum,
  tallyBlocks,
} from '../../src/replay/tally.ts';
import { walk } from '../../src/replay/walk.ts';
import { alike, answered } from './answered.ts';

const fates = (asks: ReturnType<typeof answered>, threshold: number) => [...walk(asks, threshold)].map((s) => s.fate);

test('an accept skips the asks at earlier texts and keeps the one at exactly the text reached', () => {
  const asks = answered([
    { point: 'arrival', text: 0, confidence: 0.9, outcome: 'right', reach: 3, supplied: 7 },
    { point: 'typing', text: 2, confidence: 0.9, outcome: 'right', reach: 5, supplied: 9 },
    { point: 'typing', text: 3, confidence: 0.8, outcome: 'wrong' },
    { point: 'typing', text: 4, confidence: 0.1, outcome: 'right', reach: 5, supplied: 2 },
  ]);
  assert.deepEqual(fates(asks, 0.5), ['accepted', 'covered', 'rejected', 'silent']);
  assert.deepEqual(fates(asks, 0.95), ['silent', 'silent', 'silent', 'silent']);
});

test('partly right is taken up to its first line', () => {
  const asks = answered([
    { point: 'arrival', text: 0, confidence: 1, outcome: 'partly', reach: 2, supplied: 4 },
    { point: 'typing', text: 1, confidence: 1, outcome: 'right', reach: 3, supplied: 5 },
    { point: 'typing', text: 2, confidence: 1, outcome: 'right', reach: 3, supplied: 3 },
  ]);
  assert.deepEqual(
    [...walk(asks, 0)].map((s) => [s.fate, s.saved]),
    [
      ['partly', 4],
      ['covered', 0],
      ['accepted', 3],
    ],
  );
});

test('a far accept skips all asks of its hunk, and is not given twice', () => {
  const asks = answered([
    { point: 'far', hunk: 0, text: 4, confidence: 1, outcome: 'right', target: 2, supplied: 6 },
    { point: 'arrival', hunk: 1, confidence: 1, outcome: 'right', reach: 1, supplied: 2 },
    { point: 'far', hunk: 1, text: 1, confidence: 1, outcome: 'right', target: 2, supplied: 6 },
    { point: 'arrival', hunk: 2, confidence: 1, outcome: 'right', reach: 1, supplied: 6 },
    { point: 'far', hunk: 2, text: 1, confidence: 1, outcome: 'wrong' },
    { point: 'rest', hunk: 3, confidence: 1, outcome: 'wrong' },
    { point: 'arrival', hunk: 2, file: 1, confidence: 1, outcome: 'wrong' },
  ]);
  assert.deepEqual(fates(asks, 0), ['accepted', 'accepted', 'covered', 'covered', 'covered', 'rejected', 'rejected']);
});

test('figures of a walk, worked out by hand', () => {
  const run: Run = {
    asks: answered([
      { point: 'arrival', text: 0, confidence: 0.9, outcome: 'right', reach: 3, supplied: 12 },
      { point: 'typing', text: 2, confidence: 0.7, outcome: 'right', reach: 4, supplied: 8 }, // covered
      { point: 'typing', text: 3, confidence: 0.6, outcome: 'right', reach: 4, supplied: 2 }, // short
      { point: 'far', text: 9, confidence: 0.5, outcome: 'wrong' },
      { point: 'arrival', hunk: 1, confidence: 0.8, outcome: 'partly', reach: 1, supplied: 6 },
      { point: 'rest', confidence: 0.5, outcome: 'wrong' },
      { point: 'rest' },
      { point: 'rest', confidence: 0.2, outcome: 'wrong' },
    ]),
    hunks: [
      { commit: 0, file: 0, hunk: 0, total: 30, index: 0 },
      { commit: 0, file: 0, hunk: 1, total: 10, index: 4 },
    ],
  };
  const total = sum(tallyBlocks(run, 0.5, 0).values());
  assert.equal(total.shown, 5);
  assert.equal(acceptRate(total), 2.5 / 5);
  assert.equal(acceptRateWithoutShort(total), 1.5 / 4);
  assert.equal(savedShare(total), 20 / 40);
  assert.equal(reward(total), (100 * (2 * 0.75 + 0.25 - 2 * 0.25)) / 8);
  assert.equal(falseAlarms(total), 1 / 3);
  assert.deepEqual(exactness([run]), {
    asks: { far: 1, arrival: 2, typing: 2, rest: 3 },
    exact: { far: 0, arrival: 0.5, typing: 1, rest: 1 / 3 },
  });
  const half = sum(tallyBlocks(run, 0.5, 4).values());
  assert.deepEqual([half.asks, half.shown, half.partly, half.saved, half.typed], [4, 2, 1, 6, 10]);
});

test('where nothing is shown or asked there is no rate', () => {
  const nothing = sum([]);
  assert.deepEqual(
    [acceptRate(nothing), savedShare(nothing), reward(nothing), falseAlarms(nothing)],
    [null, null, null, null],
  );
});

test('a curve sweeps the threshold with the same walk', () => {
  assert.deepEqual(curve(sweep([alike(20, 0.9, 0.4)], 0.5), 0), [
    { threshold: 0.9, shown: 20, acceptRate: 1, low: 1, high: 1, saved: 0.5 },
    { threshold: 0.5, shown: 20, acceptRate: 1, low: 1, high: 1, saved: 0.5 },
    { threshold: 0.4, shown: 40, acceptRate: 0.5, low: 0.5, high: 0.5, saved: 0.5 },
  ]);
});

test('the bootstrap draws as many sources and blocks as there are, and is a function of its seed', () => {
  const drawn = [...resamples([3, 5], 1)];
  assert.equal(drawn.length, RESAMPLES);
  for (const weights of drawn) {
    const [a, b] = weights.map((w) => w.reduce((x, y) => x + y, 0)) as [number, number];
    assert.ok(a % 3 === 0 && b % 5 === 0 && a / 3 + b / 5 === 2);
  }
  assert.deepEqual(drawn, [...resamples([3, 5], 1)]);
  assert.notDeepEqual(drawn, [...resamples([3, 5], 2)]);
});

test('an interval of alike blocks is a point; of two unlike repositories it spans both', () => {
  const same = withInterval(blockTallies([alike(40, 0.9, 0.4)], 0, false), 0, acceptRate);
  assert.deepEqual(same, { value: 0.5, low: 0.5, high: 0.5 });
  const two = blockTallies([alike(20, 0.9, 0.4), alike(20, 0.9, 0.9)], 0.5, false);
  assert.deepEqual(withInterval(two, 0, acceptRate), { value: 40 / 60, low: 0.5, high: 1 });
});

test('a single block has a value and no interval', () => {
  const one = withInterval(blockTallies([alike(10, 0.9, 0.4)], 0, false), 0, acceptRate);
  assert.deepEqual(one, { value: 0.5, low: null, high: null });
});

test('the mean of unlike blocks lies within about two standard errors', () => {
  // 100 blocks of 0 and 1: the standard error of their mean is 0.05.
  const { low, high } = interval([100], 3, ([w]) => w!.reduce((s, x, i) => s + x * (i % 2), 0) / 100);
  assert.ok(Math.abs(low! - 0.4) < 0.02 && Math.abs(high! - 0.6) < 0.02, `${low} to ${high}`);
});

test('an arm that shows half as many wrong answers at equal saved lifts the accept rate', () => {
  const reference = sweep([alike(40, 0.5, 0.9)], 0.5); // its wrong answers come first: accept rate 0.5
  const better = blockTallies([alike(40, 0.9, 0.4)], 0.5, false); // accept rate 1
  assert.deepEqual(lift(better, reference, 0.5, 0), {
    acceptRateAtEqualSaved: { value: 1, low: 1, high: 1 },
    reward: { value: 6.25, low: 6.25, high: 6.25 },
  });
  const self = lift(blockTallies([alike(40, 0.5, 0.9)], 0.5, false), reference, 0.5, 0);
  assert.deepEqual(self.acceptRateAtEqualSaved, { value: 0, low: 0, high: 0 });
});

test('no lift out of the range of the reference, or for an arm that saves under half as much', () => {
  const reference = sweep([alike(40, 0.9, 0.4)], 0.5);
  const more: Run = { ...alike(40, 0.9, 0.4), hunks: alike(40, 0.9, 0.4).hunks.map((h) => ({ ...h, total: 15 })) };
  const less: Run = { ...alike(40, 0.9, 0.4), hunks: alike(40, 0.9, 0.4).hunks.map((h) => ({ ...h, total: 50 })) };
  for (const run of [more, less]) {
    const { value, low, high } = lift(blockTallies([run], 0.5, false), reference, 0.5, 0).acceptRateAtEqualSaved;
    assert.deepEqual([value, low, high], [null, null, null]);
  }
});
