/** Values that a gradient makes anew: nothing of the forward pass is kept for them, and the gradient is the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, float32 } from '../../src/engine/runtime.ts';
import * as g from '../../src/graph/build.ts';
import { gradient } from '../../src/graph/gradient.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import { input } from '../../src/graph/value.ts';
import { rmsNorm, swiglu } from '../../src/model/network.ts';

const [x, w, v] = [input('x', 'float32', [5, 6]), input('w', 'float32', [6]), input('v', 'float32', [6, 6])];
const feeds = Object.fromEntries(
  [x, w, v].map((value) => {
    const dims = g.staticShape(value.shape);
    const count = dims.reduce((product, size) => product * size, 1);
    const name = value.source.kind === 'input' ? value.source.name : '';
    return [
      name,
      float32(
        dims,
        Float32Array.from({ length: count }, (_, i) => Math.sin(3 * i + name.charCodeAt(0))),
      ),
    ];
  }),
);

for (const { what, value } of [
  { what: 'RMSNorm', value: rmsNorm(x, w, 1e-5) },
  { what: 'SwiGLU', value: swiglu(g.mul(x, w), g.gemm(x, v)) },
]) {
  test(`${what}: a product's gradient takes the value made anew`, async () => {
    const { again, ...kept } = value;
    assert.ok(again);
    const loss = (left: typeof kept) => g.reduceSumSquare(g.gemm(left, v), { keepDims: false });
    const gradients = [loss(value), loss(kept)].map((each) => gradient(each, [x, v]));
    const outputs = Object.fromEntries(gradients.flatMap((each, i) => each.map((d, k) => [`${i}.${k}`, d])));
    const graph = makeGraph('test', outputs);
    const products = graph.nodes.filter(({ op, attributes }) => op === 'Gemm' && attributes.transA === 1);
    assert.equal(new Set(products.flatMap(({ inputs }) => inputs[0])).size > 1, true, 'two values of one size');
    const session = await createSession(graph, { threads: 2 });
    const out = await session.run(feeds);
    for (const k of [0, 1]) assert.deepEqual(out[`0.${k}`]!.data, out[`1.${k}`]!.data);
    await session.release();
  });
}
