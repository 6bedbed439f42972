import assert from 'node:assert/strict';
import { test } from 'node:test';
import { confidenceOf, isLikelyEnough } from '../../src/completion/eagerness.ts';
import { AWAKE, snoozedBecause, snoozeFor, snoozeIn } from '../../src/completion/snooze.ts';

const NOW = 1_000_000;
const because = (snooze: typeof AWAKE, document: string | null = null, now = NOW) =>
  snoozedBecause(snooze, document, now, (at) => `minute ${at / 60_000}`);

test('snoozed for minutes, and awake again', () => {
  const snooze = snoozeFor(AWAKE, 5, NOW);
  assert.equal(because(AWAKE), null);
  assert.match(because(snooze)!, /^snoozed until minute 21\.6/);
  assert.equal(because(snooze, null, NOW + 5 * 60_000), null);
});

test('until the restart', () => {
  assert.equal(because(snoozeFor(AWAKE, Infinity, NOW), null, NOW * 1_000), 'snoozed until VS Code restarts');
});

test('in one file only, whatever else sleeps', () => {
  const snooze = snoozeIn(AWAKE, 'file:///a.ts');
  assert.match(because(snooze, 'file:///a.ts')!, /in this file/);
  assert.equal(because(snooze, 'file:///b.ts'), null);
  assert.match(because(snoozeFor(snooze, 1, NOW), 'file:///b.ts')!, /until minute/);
});

test('confidence is what the model gives a token on average', () => {
  assert.equal(confidenceOf({ tokenLogprobs: [] }), 0);
  assert.ok(Math.abs(confidenceOf({ tokenLogprobs: [Math.log(0.5), Math.log(0.125)] }) - 0.25) < 1e-12);
  const forced = { tokenLogprobs: [Math.log(0.5), Math.log(0.1)], tokenChances: [Math.log(0.5), 0] };
  assert.ok(Math.abs(confidenceOf(forced) - Math.SQRT1_2) < 1e-12, 'what could not be otherwise is no doubt');
});

test('eagerness moves the threshold', () => {
  const shown = (p: number) =>
    (['low', 'medium', 'high'] as const).filter((eagerness) => isLikelyEnough({ tried: p }, eagerness));
  assert.deepEqual(shown(0.9), ['low', 'medium', 'high']);
  assert.deepEqual(shown(0.25), ['medium', 'high']);
  assert.deepEqual(shown(0.24), ['high']);
  assert.ok(isLikelyEnough({}, 'low'), 'what nothing has judged is shown');
});
