/** Whether a paired measurement treats its sides alike. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderOf } from '../../scripts/bench/side.ts';

for (const sides of [2, 3, 4, 5]) {
  test(`${sides} sides: each comes at each place, and right after each other one, equally often`, () => {
    const rounds = sides % 2 === 0 ? sides : 2 * sides;
    const places = new Map<string, number>();
    const neighbours = new Map<string, number>();
    const count = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
    for (let round = 0; round < rounds; round++) {
      const order = orderOf(sides, round);
      assert.deepEqual(
        order.toSorted((a, b) => a - b),
        Array.from({ length: sides }, (_, i) => i),
      );
      for (const [place, side] of order.entries()) {
        count(places, `${side} at ${place}`);
        if (place > 0) count(neighbours, `${side} after ${order[place - 1]}`);
      }
    }
    assert.equal(places.size, sides ** 2);
    assert.equal(new Set(places.values()).size, 1);
    assert.equal(neighbours.size, sides * (sides - 1));
    assert.equal(new Set(neighbours.values()).size, 1);
  });
}
