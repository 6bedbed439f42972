/** Outputs in the memory of inputs: where that is allowed, and that it changes nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, type Tensor } from '../../src/engine/runtime.ts';
import { StatefulSession } from '../../src/engine/stateful.ts';
import { makeTrial } from '../../src/engine/trial.ts';
import * as g from '../../src/graph/build.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import { mayOverwrite } from '../../src/graph/in-place.ts';
import { input } from '../../src/graph/value.ts';

const x = input('x', 'float32', [4, 4]);
const y = input('y', 'float32', [4, 4]);
const norm = g.reduceSum(g.matmul(x, y), { keepDims: false });

for (const { what, outputs, allowed } of [
  { what: 'an element-wise step', outputs: { next: g.sub(x, y) }, allowed: true },
  { what: 'what waits for all other readers', outputs: { next: g.sub(g.mul(x, norm), y) }, allowed: true },
  { what: 'a reader that may run later', outputs: { next: g.sub(x, y), other: g.matmul(x, y) }, allowed: false },
  {
    what: 'a reader of a view that may run later',
    outputs: { next: g.sub(x, y), other: g.matmul(g.transpose(x, [1, 0]), y) },
    allowed: false,
  },
  { what: 'elements that change places', outputs: { next: g.sub(g.transpose(x, [1, 0]), y) }, allowed: false },
  { what: 'a product', outputs: { next: g.matmul(x, y) }, allowed: false },
  { what: 'another shape', outputs: { next: g.add(g.reduceSum(x, { axes: [0] }), g.reduceSum(y)) }, allowed: false },
]) {
  test(`${what} ${allowed ? 'may' : 'may not'} overwrite`, () => {
    assert.equal(mayOverwrite(makeGraph('test', outputs), 'x', 'next'), allowed);
  });
}

test('a training step writes its parameters and moments in place, and gives what a plain run gives', async () => {
  const { graph, state, feeds } = makeTrial('small');
  for (const name of Object.keys(state)) assert.ok(mayOverwrite(graph, name, `${name}.next`), name);
  const before = state.lora!.data.slice();
  const plain = await createSession(graph, { threads: 2 });
  const inPlace = await StatefulSession.create(graph, state, { threads: 2 });
  let expected: Record<string, Tensor> = state;
  for (let step = 1; step <= 5; step++) {
    const out = await plain.run({ ...feeds(step), ...expected });
    expected = Object.fromEntries(Object.keys(state).map((name) => [name, out[`${name}.next`]!]));
    const { loss } = await inPlace.run(feeds(step), ['loss']);
    assert.deepEqual(loss!.data, out.loss!.data);
  }
  const read = await inPlace.read();
  for (const name of Object.keys(state)) assert.deepEqual(read[name]!.data, expected[name]!.data, name);
  assert.deepEqual(state.lora!.data, before, 'what it was given is left alone');
  await inPlace.run(feeds(6), ['loss']);
  for (const name of Object.keys(state)) assert.deepEqual(read[name]!.data, expected[name]!.data, `${name}, read`);
  inPlace.write(state);
  assert.deepEqual((await inPlace.read()).lora!.data, before);
  await plain.release();
  await inPlace.release();
});
