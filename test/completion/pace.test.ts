import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answered, keyPressed, type Pace, UNKNOWN_PACE, WAIT, waitAfterKey } from '../../src/completion/pace.ts';

/** Somebody whose keys come with these gaps, again and again, on a machine that answers after `latency`. */
function pace(gaps: readonly number[], latency: number): Pace {
  let now = 1_000_000;
  let pace: Pace = keyPressed(UNKNOWN_PACE, now);
  for (let i = 0; i < 120; i++) pace = keyPressed(pace, (now += gaps[i % gaps.length]!));
  for (let i = 0; i < 16; i++) pace = answered(pace, latency);
  return pace;
}

/** Fast typing in bursts of eight keys, then a look at the screen. */
const BURSTS = [90, 90, 90, 90, 90, 90, 90, 2_000];

test('before anything is known: a wait that nobody minds', () => {
  const wait = waitAfterKey(UNKNOWN_PACE);
  assert.ok(wait >= WAIT.least && wait <= 300, String(wait));
});

test('a fast machine answers between two keys, so it is asked at once', () => {
  assert.equal(waitAfterKey(pace(BURSTS, 40)), WAIT.least);
});

test('a slow machine is asked when a pause has begun', () => {
  assert.equal(waitAfterKey(pace(BURSTS, 500)), 90);
  assert.equal(waitAfterKey(pace([250, 250, 250, 2_000], 500)), 250);
});

test('the slower the typing, the sooner the same machine is asked', () => {
  assert.equal(waitAfterKey(pace([400, 500, 2_000], 200)), WAIT.least);
});

test('the wait grows with the latency, and never beyond its bound', () => {
  const waits = [10, 50, 100, 200, 400, 800, 1_600, 10_000].map((ms) =>
    waitAfterKey(pace([60, 100, 150, 220, 900], ms)),
  );
  assert.deepEqual(
    waits,
    waits.toSorted((a, b) => a - b),
  );
  assert.equal(waits.at(-1), WAIT.most);
});

test('a key held down, a paste and a clock that goes back count for nothing', () => {
  let p = keyPressed(UNKNOWN_PACE, 1_000);
  for (const at of [1_001, 1_002, 900]) p = keyPressed(p, at);
  assert.deepEqual(p.gaps, UNKNOWN_PACE.gaps);
  assert.equal(p.lastKey, 900);
});

test('what is remembered is bounded', () => {
  const p = pace(BURSTS, 100);
  assert.ok(p.gaps.length <= 64 && p.latencies.length <= 16);
  assert.ok(
    p.gaps.every((gap) => gap === 90 || gap === 2_000),
    'what was assumed is forgotten',
  );
});
