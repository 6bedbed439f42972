import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as g from '../../src/graph/build.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import { memoryUse } from '../../src/graph/memory.ts';
import { constant, input, type Value } from '../../src/graph/value.ts';

const K = 1024;
const x = input('x', 'float32', [256]); // 1 KB

const cases: [string, Record<string, Value>, number][] = [
  ['an output', { y: g.transpose(g.reshape(x, [16, 16]), [1, 0]) }, 1 * K],
  ['a chain overwrites itself', { y: g.exp(g.exp(g.exp(g.add(x, 1)))) }, 1 * K],
  ['what is still needed stays', { y: g.add(g.exp(x), g.sin(x)) }, 2 * K],
  ['the graph’s input is not overwritten', { y: g.exp(x) }, 1 * K],
  ['two outputs', { y: g.exp(x), z: g.sin(x) }, 2 * K],
  ['a view costs nothing', { y: g.exp(g.reshape(g.sin(x), [16, 16])) }, 1 * K],
  ['a view keeps what it shows', { y: g.matmul(g.reshape(g.sin(x), [16, 16]), g.reshape(g.sin(x), [16, 16])) }, 3 * K],
  [
    'a product writes beside its inputs',
    { y: g.matmul(g.sin(g.reshape(x, [1, 256])), g.floats(new Float32Array(256), [256, 1])) },
    1 * K + 4,
  ],
];

for (const [name, outputs, expected] of cases) {
  test(`memory: ${name}`, () => {
    assert.equal(memoryUse(makeGraph('g', outputs)).values, expected);
  });
}

test('memory: inputs, outputs and weights are counted apart', () => {
  const mapped = constant({ dtype: 'float32', shape: [256], data: { file: 'w', offset: 0, length: K } }, 'w');
  const inline = constant({ dtype: 'float32', shape: [256], data: new Float32Array(256) });
  const use = memoryUse(makeGraph('g', { y: g.add(g.add(g.slice(x, 0, 0, 256), mapped), inline) }));
  assert.deepEqual({ ...use, values: 0, constants: 0 }, { values: 0, inputs: K, outputs: K, constants: 0, mapped: K });
  assert.ok(use.constants >= K && use.constants < K + 100, `${use.constants}`);
});

test('memory: a symbolic shape has none', () => {
  assert.throws(() => memoryUse(makeGraph('g', { y: g.exp(input('t', 'float32', ['T'])) })), /symbolic/);
});
