import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Canary, type HeldOut, judge } from '../../src/trainer/promotion.ts';

const pull = (current: number, candidate: number, tokens = 10): HeldOut => ({
  label: 'pull',
  weight: 1,
  tokens,
  current,
  candidate,
});
const push = (current: number, candidate: number, tokens = 10): HeldOut => ({
  ...pull(current, candidate, tokens),
  label: 'push',
});
const steady: Canary = { current: 1.5, candidate: 1.5 };

for (const [name, heldOut, canary, promote, reason] of [
  ['kept edits likelier, canary steady', [pull(-20, -10)], steady, true, /better served/],
  ['nothing held out', [], steady, false, /too few/],
  ['kept edits less likely', [pull(-10, -12)], steady, false, /not better/],
  ['a gain that is noise', [pull(-10, -9.99)], steady, false, /not better/],
  ['canary up by 0.9 %', [pull(-20, -10)], { current: 1, candidate: 1.009 }, true, /better served/],
  ['canary up by 1.1 %', [pull(-20, -10)], { current: 1, candidate: 1.011 }, false, /Ordinary code/],
  ['refused edits fall', [push(-5, -15)], steady, true, /better served/],
  ['refused edits rise', [push(-15, -5)], steady, false, /not better/],
  ['kept edits worse, refused ones far worse', [pull(-10, -12), push(-5, -50)], steady, false, /not better/],
  ['kept and refused edits rise alike', [pull(-20, -10), push(-20, -10)], steady, false, /not better/],
  ['not a number', [pull(-20, Number.NaN)], steady, false, /not finite/],
  ['canary not finite', [pull(-20, -10)], { current: 1.5, candidate: Number.POSITIVE_INFINITY }, false, /not finite/],
] as const) {
  test(`${name}: ${promote ? 'promoted' : 'refused'}`, () => {
    const verdict = judge(heldOut, canary);
    assert.equal(verdict.promote, promote);
    assert.match(verdict.reason, reason);
  });
}

test('one long edit does not outvote two short ones', () => {
  const verdict = judge([pull(-600, -620, 200), pull(-20, -10, 4), pull(-20, -10, 4)], steady);
  assert.ok(verdict.promote);
  assert.ok(Math.abs(verdict.metrics.gain - (-0.1 + 2.5 + 2.5) / 3) < 1e-12);
});
