/** The cache's buffers: what a pass adds lies behind what was there, whatever room there is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causalMask, SessionCache, treeMask } from '../../src/engine/kv-cache.ts';
import { float32, type Tensor } from '../../src/engine/runtime.ts';

const SHAPE = { layers: 2, kvHeads: 2, headDim: 3 };

/** Keys and values of `count` positions from `from` on: each number says where it belongs. */
function added(from: number, count: number): Record<string, Tensor> {
  const { layers, kvHeads, headDim } = SHAPE;
  const out: Record<string, Tensor> = {};
  for (let layer = 0; layer < layers; layer++) {
    for (const [p, part] of ['key', 'value'].entries()) {
      const values = Array.from({ length: kvHeads * count * headDim }, (_, i) => {
        const head = Math.floor(i / (count * headDim));
        return value(layer, p, head, from + (Math.floor(i / headDim) % count), i % headDim);
      });
      out[`new.${layer}.${part}`] = float32([1, kvHeads, count, headDim], values);
    }
  }
  return out;
}

const value = (layer: number, part: number, head: number, at: number, i: number): number =>
  1 + layer * 8 + part * 4 + head * 2 + i / 4 + at * 64;

/** Positions at which the cache does not hold what belongs there. */
function wrong(cache: SessionCache, begin = 0): number[] {
  const { layers, kvHeads, headDim } = SHAPE;
  const found = new Set<number>();
  for (let layer = 0; layer < layers; layer++) {
    for (const [p, part] of ['key', 'value'].entries()) {
      const { dims, data } = cache.feeds()[`past.${layer}.${part}`]!;
      assert.deepEqual(dims, [1, kvHeads, cache.room, headDim]);
      for (let head = 0; head < kvHeads; head++) {
        for (let at = begin; at < cache.length; at++) {
          for (let i = 0; i < headDim; i++) {
            if (data[(head * cache.room + at) * headDim + i] !== value(layer, p, head, at, i)) found.add(at);
          }
        }
      }
    }
  }
  return [...found];
}

test('holds what was added, in pieces, beyond the room that it began with', () => {
  let cache = SessionCache.empty(SHAPE);
  assert.deepEqual([cache.length, cache.room], [0, 0]);
  for (const count of [1, 100, 27, 1, 300]) cache = cache.append(added(cache.length, count), count);
  assert.equal(cache.length, 429);
  assert.ok(cache.room >= 429 && cache.room < 429 + 128);
  assert.deepEqual(wrong(cache), []);
});

test('a slice goes on from where it was cut', () => {
  const whole = SessionCache.empty(SHAPE).append(added(0, 200), 200);
  const cut = whole.slice(130);
  assert.deepEqual([cut.length, cut.room], [130, whole.room]);
  const on = cut.append(added(130, 40), 40);
  assert.equal(on.length, 170);
  assert.deepEqual(wrong(on), []);
});

test('a tight slice has the room that its length asks for, however long it was', () => {
  const room = (...lengths: number[]): number => {
    let cache = SessionCache.empty(SHAPE);
    for (const length of lengths) {
      if (length < cache.length) cache = cache.slice(length, true);
      cache = cache.append(added(cache.length, length - cache.length), length - cache.length);
    }
    assert.deepEqual(wrong(cache), []);
    return cache.room;
  };
  assert.equal(room(100), room(900, 100));
  assert.equal(room(300), room(700, 128, 300));
});

test('a copy has the room of a tight slice, and shares nothing', () => {
  const whole = SessionCache.empty(SHAPE).append(added(0, 200), 200);
  for (const length of [130, 200]) {
    const copy = whole.copy(length);
    assert.deepEqual([copy.length, copy.room], [length, whole.slice(length, true).room]);
    copy.append(added(0, 50), 50);
    assert.deepEqual([wrong(whole), wrong(copy)], [[], []]);
  }
});

test('the mask hides what is not filled and what comes later', () => {
  const { dims, data } = causalMask(2, 1, 3);
  assert.deepEqual(dims, [2, 5]);
  assert.deepEqual([...data].map((x) => x === 0), [true, false, false, true, false, true, false, false, true, true]); // biome-ignore format: two rows
});

test('in a tree the mask shows what a token follows, at the position that it has there', () => {
  // Two of the trunk; one that follows them and is cached; two that follow it, and another that follows the trunk.
  const { positions, mask } = treeMask(3, 3, 4, { trunk: 2, parents: [-1, 0, 0, -1] });
  assert.deepEqual(
    [positions, mask.dims],
    [
      [3, 3, 2],
      [3, 7],
    ],
  );
  assert.deepEqual([...(mask.data as Float32Array)].map((x) => x === 0), [true, true, true, false, true, false, false, true, true, true, false, false, true, false, true, true, false, false, false, false, true]); // biome-ignore format: three rows
});

test('in a tree without branches it is that of a sequence', () => {
  const { positions, mask } = treeMask(3, 4, 8, { trunk: 2, parents: [-1, 0, 1, 2, 3] });
  assert.deepEqual([positions, mask], [[4, 5, 6], causalMask(3, 4, 8)]);
});
