/** The operators that only serve, against others that say the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, float32 } from '../../src/engine/runtime.ts';
import * as g from '../../src/graph/build.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import { input } from '../../src/graph/value.ts';
import { seeded } from '../../src/trainer/random.ts';

const random = seeded(3);
const numbers = (dims: readonly number[]) =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() - 0.5),
  );

test('rotary positions in one node are those of eight', async () => {
  const x = input('x', 'float32', [1, 3, 'T', 8]);
  const [cos, sin] = [input('cos', 'float32', ['T', 4]), input('sin', 'float32', ['T', 4])];
  const [a, b] = g.split(x, -1, [4, 4]) as [typeof x, typeof x];
  const spelled = g.concat([g.sub(g.mul(a, cos), g.mul(b, sin)), g.add(g.mul(b, cos), g.mul(a, sin))], -1);
  const graph = makeGraph('rotary', { one: g.rotary(x, cos, sin), spelled });
  const session = await createSession(graph, { threads: 1 });
  for (const T of [1, 5]) {
    const { one, spelled } = await session.run({
      ...{ x: numbers([1, 3, T, 8]), cos: numbers([T, 4]), sin: numbers([T, 4]) },
    });
    assert.deepEqual(one!.dims, [1, 3, T, 8]);
    for (const [i, value] of (one!.data as Float32Array).entries()) {
      assert.ok(Math.abs(value - Number(spelled!.data[i])) < 1e-6);
    }
  }
  await session.release();
  assert.throws(() => g.rotary(x, cos, input('sin', 'float32', ['T', 8])), /RotaryEmbedding/);
});

test('ln Σ exp in one node is that of three, also of large numbers', async () => {
  const x = input('x', 'float32', ['N', 'V']);
  const graph = makeGraph('sum', { one: g.reduceLogSumExp(x, { axes: [-1], keepDims: false }) });
  const session = await createSession(graph, { threads: 2 });
  const rows = numbers([3, 49_152]);
  for (const [i, value] of rows.data.entries()) rows.data[i] = 40 * Number(value) + 300 * Math.floor(i / 49_152);
  const { one } = await session.run({ x: rows });
  for (const [row, value] of (one!.data as Float32Array).entries()) {
    const all = Array.from(rows.data.slice(row * 49_152, (row + 1) * 49_152), Number);
    const most = Math.max(...all);
    const truth = most + Math.log(all.reduce((sum, each) => sum + Math.exp(each - most), 0));
    assert.ok(Math.abs(value - truth) < 1e-4, `${value} is not ${truth}`);
  }
  await session.release();
});

test('an axis that was joined is parted where it was joined, also where one part is empty', async () => {
  const [a, b] = [input('a', 'float32', [2, 'P']), input('b', 'float32', [2, 'T'])];
  const [first, second] = g.splitSum(g.concat([a, b], 1), 1, [
    [a, 1],
    [b, 1],
  ]) as [typeof a, typeof b];
  assert.deepEqual([first.shape, second.shape], [a.shape, b.shape]);
  const session = await createSession(makeGraph('parts', { first, second }), { threads: 1 });
  for (const [P, T] of [
    [3, 2],
    [0, 4],
  ] as const) {
    const feeds = { a: numbers([2, P]), b: numbers([2, T]) };
    const out = await session.run(feeds);
    assert.deepEqual([out.first!.dims, out.second!.dims], [feeds.a.dims, feeds.b.dims]);
    assert.deepEqual([out.first!.data, out.second!.data], [feeds.a.data, feeds.b.data]);
  }
  await session.release();
  assert.throws(() => g.splitSum(input('x', 'float32', [2, 'P']), 1, [[a, 1]]), /Split/);
});
