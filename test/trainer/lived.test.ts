import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lived } from '../../src/signals/view.ts';
import { contradiction, LIVED } from '../../src/trainer/lived.ts';
import { seeded } from '../../src/trainer/random.ts';

/** Share of promotions that are taken back, and the median of the signals until then, looked at after each. */
function takenBack(rateBefore: number, rateSince: number, before = 100): { share: number; after: number } {
  const random = seeded(7);
  const ends: number[] = [];
  const runs = 1000;
  for (let run = 0; run < runs; run++) {
    const past: Lived = { shown: before, taken: count(before, rateBefore, random) };
    let taken = 0;
    for (let shown = 1; shown <= LIVED.most; shown++) {
      if (random() < rateSince) taken++;
      if (contradiction(past, { shown, taken }) === null) continue;
      ends.push(shown);
      break;
    }
  }
  return { share: ends.length / runs, after: ends.sort((a, b) => a - b)[ends.length >> 1] ?? Number.NaN };
}

function count(n: number, rate: number, random: () => number): number {
  return Array.from({ length: n }, random).filter((x) => x < rate).length;
}

test('a promotion that changed nothing, or made it better, is seldom taken back', () => {
  for (const rate of [0.05, 0.3, 0.6]) {
    const { share } = takenBack(rate, rate);
    assert.ok(share < 0.05, `${rate}: ${share}`);
  }
  assert.ok(takenBack(0.3, 0.4).share < 0.01);
});

test('one that made it much worse is taken back soon', () => {
  for (const [before, since] of [
    [0.5, 0.1],
    [0.6, 0.15],
  ] as const) {
    const { share, after } = takenBack(before, since);
    assert.ok(share > 0.95 && after <= 40, `${share} after ${after}`);
  }
});

test('too few signals on either side say nothing; the reason names the figures', () => {
  const good = { shown: 60, taken: 40 };
  assert.equal(contradiction({ shown: 19, taken: 19 }, { shown: 200, taken: 0 }), null);
  assert.equal(contradiction(good, { shown: 19, taken: 0 }), null);
  assert.match(contradiction(good, { shown: 20, taken: 0 })!, /0 % of 20 suggestions, where it had been 67 % of 60/);
});
