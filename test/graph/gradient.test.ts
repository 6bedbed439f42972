/**
 * Each op's gradient against central differences, run by ONNX Runtime on two threads at sizes where threads matter.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, type Tensor } from '../../src/engine/runtime.ts';
import * as g from '../../src/graph/build.ts';
import { gradient } from '../../src/graph/gradient.ts';
import { GRADIENTS } from '../../src/graph/gradients.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import { elementArray, elements } from '../../src/graph/tensor.ts';
import { apply, constant, detach, input, type Value } from '../../src/graph/value.ts';
import { swiglu } from '../../src/model/network.ts';

/** A seeded generator of numbers from 0 to 1 (mulberry32). */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Case {
  /** Shapes of the float inputs: `96x130`. */
  readonly shapes: readonly string[];
  readonly build: (...inputs: Value[]) => Value | readonly Value[];
  /** Range of the inputs' values; -1 to 1 unless told. */
  readonly range?: readonly [number, number];
  /** Keeps values apart from kinks: rounds them to odd multiples of 0.15. */
  readonly apart?: boolean;
}

/** Indices with many duplicates. */
function indices(seed: number, shape: readonly number[], below: number): Value {
  const random = seeded(seed);
  const values = Array.from({ length: elements(shape) }, () => Math.floor(random() * random() * below));
  return constant({ dtype: 'int64', shape, data: elementArray('int64', values) });
}

const mask = (seed: number, shape: readonly number[]): Value => {
  const random = seeded(seed);
  const values = Array.from({ length: elements(shape) }, () => (random() < 0.5 ? 0 : 1));
  return constant({ dtype: 'bool', shape, data: elementArray('bool', values) });
};

/** Numbers at least 3 apart from each other in every stretch of 64. */
const hills = (length: number): number[] => Array.from({ length }, (_, i) => 3 * ((i * 37) % 67));

const CASES: Readonly<Record<string, Case>> = {
  Abs: { shapes: ['96x130'], build: g.abs, apart: true },
  Add: { shapes: ['64x1x130', '48x1'], build: g.add },
  Cast: { shapes: ['8x8'], build: (x) => apply('Cast', [x], { to: 1 })[0]! },
  Concat: { shapes: ['64x30', '64x50', '64x20'], build: (...x) => g.concat(x, 1) },
  Cos: { shapes: ['96x130'], build: g.cos, range: [-3, 3] },
  Div: { shapes: ['96x130', '130'], build: g.div, range: [0.5, 2] },
  Exp: { shapes: ['96x130'], build: g.exp },
  Expand: { shapes: ['96x1'], build: (x) => g.identity(g.expand(x, [4, 96, 130])) },
  Gather: { shapes: ['96x130'], build: (x) => g.gather(x, indices(1, [16, 64], 96)) },
  'Gather of few rows, many times': { shapes: ['3x130'], build: (x) => g.gather(x, indices(2, [2048], 3)) },
  'Gather, with another use of the table': {
    shapes: ['96x64', '32x64'],
    build: (x, y) => [g.gather(x, indices(3, [512], 96)), g.gemm(y, x, { transB: true })],
  },
  GatherElements: { shapes: ['256x130'], build: (x) => g.gatherElements(x, indices(4, [256, 3], 130), 1) },
  'GatherElements on axis 0': { shapes: ['40x130'], build: (x) => g.gatherElements(x, indices(5, [2048, 130], 40), 0) },
  Gemm: { shapes: ['96x130', '130x70'], build: (a, b) => g.gemm(a, b) },
  'Gemm, A transposed': { shapes: ['130x96', '130x70'], build: (a, b) => g.gemm(a, b, { transA: true }) },
  'Gemm, B transposed, scaled, with C': {
    shapes: ['96x130', '70x130', '70'],
    build: (a, b, c) => g.gemm(a, b, { transB: true, alpha: 0.7, c }),
  },
  'Gemm, B transposed, the left narrower': {
    shapes: ['130x70', '96x70'],
    build: (a, b) => g.gemm(a, b, { transB: true }),
  },
  'Gemm, B transposed, the right narrower': {
    shapes: ['130x96', '70x96'],
    build: (a, b) => g.gemm(a, b, { transB: true }),
  },
  'Gemm, both transposed': {
    shapes: ['130x96', '70x130', '96x70'],
    build: (a, b, c) => g.gemm(a, b, { transA: true, transB: true, alpha: -1.5, c }),
  },
  'Gemm, whose rows are scaled and wider than its left': {
    shapes: ['96x70', '70x130', '96x1'],
    build: (a, b, s) => g.mul(g.gemm(a, b), s),
  },
  'Gemm, B transposed, whose rows are scaled and wider than its left, with another use of it': {
    shapes: ['96x70', '130x70', '96x1'],
    build: (a, b, s) => [g.mul(g.gemm(a, b, { transB: true, alpha: 0.7 }), s), g.mul(a, a)],
  },
  Identity: { shapes: ['8x8'], build: g.identity },
  Log: { shapes: ['96x130'], build: g.log, range: [0.5, 2] },
  MatMul: { shapes: ['3x4x60x40', '4x40x50'], build: g.matmul },
  Max: { shapes: ['96x130', '96x1'], build: (a, b) => g.max(a, g.add(b, 0.15)), apart: true },
  Min: { shapes: ['96x130', '96x1'], build: (a, b) => g.min(a, g.add(b, 0.15)), apart: true },
  Mul: { shapes: ['64x3x130', '64x1x130'], build: g.mul },
  Neg: { shapes: ['96x130'], build: g.neg },
  Pow: { shapes: ['96x130'], build: (x) => g.add(g.pow(x, 2), g.pow(x, -0.5)), range: [0.5, 2] },
  ReduceMax: {
    shapes: ['96x64'],
    build: (x) => g.reduceMax(g.add(x, g.floats(hills(96 * 64), [96, 64])), { axes: [-1] }),
  },
  ReduceMean: { shapes: ['8x12x130'], build: (x) => g.reduceMean(x, { axes: [0, 2], keepDims: false }) },
  ReduceSum: { shapes: ['8x12x130'], build: (x) => g.mul(g.reduceSum(x, { axes: [1] }), g.reduceSum(x)) },
  ReduceSumSquare: { shapes: ['96x130'], build: (x) => g.reduceSumSquare(x, { axes: [-1] }) },
  Reshape: { shapes: ['96x130'], build: (x) => g.reshape(x, [13, 2, 480]) },
  RotaryEmbedding: {
    shapes: ['3x4x48x16'],
    build: (x) => {
      const table = (f: (angle: number) => number): Value =>
        g.floats(
          Float32Array.from({ length: 48 * 8 }, (_, i) => f(0.1 * i)),
          [48, 8],
        );
      return g.rotary(x, table(Math.cos), table(Math.sin));
    },
  },
  ScatterElements: {
    shapes: ['40x130', '2048x130'],
    build: (x, y) => g.scatterAdd(x, indices(6, [2048, 130], 40), y, 0),
  },
  Sigmoid: { shapes: ['96x130'], build: g.sigmoid, range: [-3, 3] },
  Sin: { shapes: ['96x130'], build: g.sin, range: [-3, 3] },
  Slice: { shapes: ['96x130'], build: (x) => g.mul(g.slice(x, 1, 10, 40), g.slice(x, 1, 100, 130)) },
  Softmax: { shapes: ['8x48x96'], build: (x) => g.softmax(x), range: [-3, 3] },
  'Softmax in attention': {
    shapes: ['8x48x96', '8x96x16'],
    build: (scores, v) => g.matmul(g.softmax(scores), v),
    range: [-3, 3],
  },
  'SwiGLU by its shortcut': { shapes: ['96x130', '96x130'], build: swiglu, range: [-3, 3] },
  Softplus: { shapes: ['96x130'], build: g.softplus, range: [-3, 3] },
  Split: {
    shapes: ['64x96'],
    build: (x) => {
      const [first, , last] = g.split(x, 1, [32, 40, 24]);
      return [g.exp(first!), g.sin(last!)];
    },
  },
  Sqrt: { shapes: ['96x130'], build: g.sqrt, range: [0.5, 2] },
  Sub: { shapes: ['130', '96x130'], build: g.sub },
  Tanh: { shapes: ['96x130'], build: g.tanh },
  Transpose: { shapes: ['4x30x7x20'], build: (x) => g.transpose(x, [2, 0, 3, 1]) },
  Unsqueeze: { shapes: ['96x130'], build: (x) => g.unsqueeze(x, 1) },
  Where: { shapes: ['96x130', '130'], build: (a, b) => g.where(mask(7, [96, 130]), a, b) },
};

test('every op with a gradient rule has a case here', () => {
  const covered = new Set(Object.keys(CASES).map((name) => name.split(/[ ,]/)[0]));
  assert.deepEqual(
    Object.keys(GRADIENTS).filter((op) => !covered.has(op)),
    [],
  );
});

for (const [name, each] of Object.entries(CASES)) {
  test(`gradient of ${name} equals central differences`, async () => {
    const random = seeded(11);
    const [low, high] = each.range ?? [-1, 1];
    const draw = (): number => {
      const value = low + random() * (high - low);
      return each.apart ? (Math.floor(value / 0.3) + 0.5) * 0.3 : value;
    };
    const shapes = each.shapes.map((shape) => shape.split('x').map(Number));
    const inputs = shapes.map((shape, i) => input(`x${i}`, 'float32', shape));
    const made = each.build(...inputs);
    const outputs = Array.isArray(made) ? (made as Value[]) : [made as Value];
    // The loss: every output element times a weight of its own.
    const weights = outputs.map((output) => {
      const shape = g.staticShape(output.shape);
      return Float32Array.from({ length: elements(shape) }, () => random() * 2 - 1);
    });
    const loss = outputs
      .map((output, i) =>
        g.reduceSum(g.mul(output, g.floats(weights[i]!, g.staticShape(output.shape))), { keepDims: false }),
      )
      .reduce((sum, term) => g.add(sum, term));
    const gradients = gradient(loss, inputs);
    const graph = makeGraph('case', {
      ...Object.fromEntries(outputs.map((output, i) => [`y${i}`, output])),
      ...Object.fromEntries(gradients.map((value, i) => [`dx${i}`, value])),
    });
    const session = await createSession(graph, { threads: 2 });
    const point = shapes.map((shape) => Float32Array.from({ length: elements(shape) }, draw));
    const feeds = (values: Float32Array[]): Record<string, Tensor> =>
      Object.fromEntries(values.map((data, i) => [`x${i}`, { dtype: 'float32', dims: shapes[i]!, data }]));
    const fetches = outputs.map((_, i) => `y${i}`);
    /** The loss, summed in float64. */
    const lossAt = async (values: Float32Array[]): Promise<number> => {
      const results = await session.run(feeds(values), fetches);
      return fetches.reduce((sum, fetch, i) => {
        const y = results[fetch]!.data as Float32Array;
        return y.reduce((part, value, k) => part + value * weights[i]![k]!, sum);
      }, 0);
    };
    const results = await session.run(feeds(point));
    const step = 1 / 64;
    for (const [i, x] of point.entries()) {
      const analytic = results[`dx${i}`]!.data as Float32Array;
      assert.deepEqual(results[`dx${i}`]!.dims, shapes[i]);
      // Along random directions every element takes part; along its own, one element is seen by itself.
      const directions = Array.from({ length: 3 }, () => Float32Array.from(x, () => (random() < 0.5 ? -1 : 1)));
      for (let k = 0; k < 5; k++) {
        const single = new Float32Array(x.length);
        single[Math.floor(random() * x.length)] = 1;
        directions.push(single);
      }
      for (const direction of directions) {
        const moved = (by: number): Float32Array[] =>
          point.map((values, j) => (j === i ? values.map((value, k) => value + by * direction[k]!) : values));
        // Fourth order, so that a step large enough for float32 has no error of its own.
        const difference = async (by: number): Promise<number> =>
          ((await lossAt(moved(by))) - (await lossAt(moved(-by)))) / (2 * by);
        const expected = (4 * (await difference(step)) - (await difference(2 * step))) / 3;
        const got = direction.reduce((sum, value, k) => sum + value * analytic[k]!, 0);
        assert.ok(
          Math.abs(got - expected) <= 2e-3 * Math.max(1, Math.abs(expected)),
          `input ${i}: ${got}, by differences ${expected}`,
        );
      }
    }
    await session.release();
  });
}

test('a detached use carries no gradient', async () => {
  const x = input('x', 'float32', [4]);
  const loss = g.reduceSum(g.mul(x, detach(x)), { keepDims: false });
  const session = await createSession(makeGraph('detached', { dx: gradient(loss, [x])[0]! }), { threads: 1 });
  const { dx } = await session.run({ x: { dtype: 'float32', dims: [4], data: Float32Array.of(1, 2, 3, 4) } });
  assert.deepEqual([...dx!.data], [1, 2, 3, 4]);
  await session.release();
});

test('an op without a rule is named with its path', () => {
  const x = input('x', 'float32', [4]);
  const loss = g.reduceSum(g.mul(x, g.cast(g.cast(x, 'float16'), 'float32')), { keepDims: false });
  assert.equal(gradient(loss, [x]).length, 1);
  const y = input('y', 'float32', [4, 4]);
  const scattered = apply('ScatterElements', [
    y,
    constant({ dtype: 'int64', shape: [1, 4], data: new BigInt64Array(4) }),
    g.floats([1, 2, 3, 4], [1, 4]),
  ]);
  assert.throws(() => gradient(g.reduceSum(scattered[0]!, { keepDims: false }), [y]), /ScatterElements.*reduction/);
});

test('a value that the loss does not depend on is refused', () => {
  const x = input('x', 'float32', [4]);
  const other = input('other', 'float32', [4]);
  assert.throws(
    () => gradient(g.reduceSum(x, { keepDims: false }), [x, other]),
    /does not depend on value 1 \(other\)/,
  );
  assert.throws(() => gradient(x, [x]), /the loss has shape \[4\]/);
});
