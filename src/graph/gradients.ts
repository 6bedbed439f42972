/**
 * How each operator passes a gradient back: one row an op. The rules build more graph; none runs anything.
 *
 * `dY` is the gradient of the loss by the node's output. A rule gives one entry an input: how to make that input's
 * gradient (asked only where it is needed), or null where the input has none, such as indices.
 */
import * as g from './build.ts';
import { type Dim, sameShape } from './tensor.ts';
import type { Node, Value } from './value.ts';

/** Makes a gradient of its own, or adds one onto the sum of the others (null: there is none yet). */
export type Contribution = (() => Value) | { readonly onto: (sum: Value | null) => Value };

/** `gradients` has one entry an output of the node, null where no gradient arrives. */
export type Rule = (node: Node, gradients: readonly (Value | null)[]) => readonly (Contribution | null)[];

type OneOutput = (dY: Value, y: Value, x: Value, node: Node) => Contribution;

function unary(rule: OneOutput): Rule {
  return (node, [dY]) => [rule(dY!, node.outputs[0]!, node.inputs[0]!, node)];
}

function binary(rule: (dY: Value, a: Value, b: Value, y: Value) => readonly [() => Value, () => Value]): Rule {
  return (node, [dY]) => {
    const [a, b] = node.inputs as [Value, Value];
    return rule(dY!, a, b, node.outputs[0]!).map((each, i) => () => g.sumTo(each(), node.inputs[i]!.shape));
  };
}

/** dY of a reduction, with the reduced axes back as size 1. */
function kept(dY: Value, node: Node): Value {
  const x = node.inputs[0]!;
  if (dY.shape.length === x.shape.length) return dY;
  const axes = reducedAxes(node);
  return g.reshape(
    dY,
    x.shape.map((dim, axis) => (axes.has(axis) ? 1 : dim)),
  );
}

function reducedAxes(node: Node): Set<number> {
  const x = node.inputs[0]!;
  const axes = node.inputs[1] ? intsOf(node.inputs[1]) : x.shape.map((_, axis) => axis);
  return new Set(axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis)));
}

function intsOf(value: Value): number[] {
  const data = value.source.kind === 'constant' ? value.source.tensor.data : null;
  if (!(data instanceof BigInt64Array)) throw new TypeError('not an int64 constant');
  return Array.from(data, Number);
}

function axisOf(node: Node, otherwise: number): number {
  const axis = (node.attributes.axis as number | undefined) ?? otherwise;
  return axis < 0 ? axis + node.inputs[0]!.shape.length : axis;
}

/** x with its last two axes swapped. */
function swapped(x: Value): Value {
  const rank = x.shape.length;
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  perm.splice(rank - 2, 2, rank - 1, rank - 2);
  return g.transpose(x, perm);
}

function zeros(like: Value): Value {
  return g.filled(0, like.shape, like.dtype);
}

/** x between zeros: `before` and `after` of them along the axis. Within a transposition, so that it can meet others. */
function withZeros(x: Value, axis: number, before: number, after: number): Value {
  const turned = g.transposition(x);
  if (turned) return g.transpose(withZeros(turned.of, turned.perm[axis]!, before, after), turned.perm);
  const zerosOf = (size: number): Value[] =>
    size === 0 ? [] : [g.filled(0, x.shape.with(axis, size) as Dim[], x.dtype)];
  return g.concat([...zerosOf(before), x, ...zerosOf(after)], axis);
}

/**
 * Σ dY·y along the last axis. In attention dY is dO × Vᵀ and y × V is O, so that the sum is Σ dO·O, over the head's
 * width instead of the sequence's length (https://arxiv.org/abs/2307.08691, algorithm 2). O is there already: the
 * runtime merges equal nodes.
 */
function rowDot(dY: Value, y: Value): Value {
  const made = dY.source.kind === 'node' && dY.source.node.op === 'MatMul' ? dY.source.node.inputs : null;
  const narrower = made && (made[0]!.shape.at(-1) as number) < (y.shape.at(-1) as number);
  const [left, right] = narrower ? [made[0]!, g.matmul(y, swapped(made[1]!))] : [dY, y];
  return g.reduceSum(g.mul(left, right), { axes: [-1] });
}

/** Narrower than this, a matrix is transposed within the product. */
const NARROW = 64;

/**
 * aᵀ × b of a (rows, m) and b (rows, n): a weight's gradient. The runtime's product reads a transposed operand in
 * strides, so the narrower of the two is transposed first: a pass over it, for a tenth of the product's time.
 */
function productOverRows(a: Value, b: Value): Value {
  const [m, n] = [a.shape[1], b.shape[1]];
  if (typeof m !== 'number' || typeof n !== 'number' || m < NARROW || n < NARROW) return g.gemm(a, b, { transA: true });
  // Of two alike it is b, the layer's input, which other layers' gradients have transposed as well.
  return n <= m ? g.transpose(g.gemm(g.transpose(b, [1, 0]), a), [1, 0]) : g.gemm(g.transpose(a, [1, 0]), b);
}

/** aᵀ × b of stacks of matrices, the narrower of the two transposed: in attention b is a head and a is probabilities. */
function transposedProduct(a: Value, b: Value): Value {
  const [m, n] = [a.shape.at(-1) as number, b.shape.at(-1) as number];
  return n < m ? swapped(g.matmul(swapped(b), a)) : g.matmul(swapped(a), b);
}

/** What a matrix was made from by multiplying each of its rows by a number; null if it was made otherwise. */
function scaledRows(x: Value): { readonly of: Value; readonly by: Value } | null {
  if (x.source.kind !== 'node' || x.source.node.op !== 'Mul') return null;
  const [of, by] = x.source.node.inputs as [Value, Value];
  return sameShape(of.shape, x.shape) && sameShape(by.shape, [x.shape[0]!, 1]) ? { of, by } : null;
}

/**
 * The gradients by a and b of y = a × b, where that by y is diag(s) · D and wider than a, such as that of the logits:
 * D × bᵀ and aᵀ × D with the factors at the narrower rows.
 */
function gradientsByScaled(node: Node, D: Value, s: Value): readonly Contribution[] {
  const [a, b] = node.inputs as [Value, Value];
  const left = g.mul(a.again?.() ?? a, s);
  const [byA] = gemm({ ...node, inputs: [a, b] }, [D]) as [Contribution];
  const [, byB] = gemm({ ...node, inputs: [left, b] }, [D]) as [Contribution, Contribution];
  const unscaled = (): Value => (typeof byA === 'function' ? byA() : byA.onto(null));
  return [() => g.mul(unscaled(), s), byB];
}

const gemm: Rule = (node, gradients) => {
  const dY = gradients[0]!;
  const [a, b, c] = node.inputs as [Value, Value, Value | undefined];
  const scaled = c || node.attributes.transA === 1 ? null : scaledRows(dY);
  if (scaled && (dY.shape[1] as number) > (a.shape[1] as number)) return gradientsByScaled(node, scaled.of, scaled.by);
  const alpha = (node.attributes.alpha as number | undefined) ?? 1;
  const beta = (node.attributes.beta as number | undefined) ?? 1;
  const transA = node.attributes.transA === 1;
  const transB = node.attributes.transB === 1;
  return [
    transA
      ? () => g.gemm(b, dY, { transA: transB, transB: true, alpha })
      : // Onto the sum of the other gradients, as C: saves a pass over the activations for each layer that reads them.
        { onto: (sum) => g.gemm(dY, b, { transB: !transB, alpha, ...(sum ? { c: sum } : {}) }) },
    () => {
      const left = a.again?.() ?? a;
      if (!transA && transB && alpha === 1) return productOverRows(dY, left);
      return transB
        ? g.gemm(dY, left, { transA: true, transB: transA, alpha })
        : g.gemm(left, dY, { transA: !transA, alpha });
    },
    ...(c ? [() => g.sumTo(beta === 1 ? dY : g.mul(dY, beta), c.shape)] : []),
  ];
};

export const GRADIENTS: Readonly<Record<string, Rule>> = {
  Abs: unary((dY, _y, x) => () => g.where(g.greaterOrEqual(x, 0), dY, g.neg(dY))),
  Add: binary((dY) => [() => dY, () => dY]),
  Cast: unary((dY, _y, x) => () => g.cast(dY, x.dtype)),
  Concat: (node, [dY]) => {
    const axis = axisOf(node, NaN);
    let parts: readonly Value[] | null = null;
    const sizes = () => g.staticShape(node.inputs.map((each) => each.shape[axis]!));
    return node.inputs.map((_, i) => () => (parts ??= g.split(dY!, axis, sizes()))[i]!);
  },
  Cos: unary((dY, _y, x) => () => g.neg(g.mul(dY, g.sin(x)))),
  // Summed before the division: b is the same all along a stretched axis.
  Div: binary((dY, _a, b, y) => [() => g.div(dY, b), () => g.neg(g.div(g.sumTo(g.mul(dY, y), b.shape), b))]),
  Exp: unary((dY, y) => () => g.mul(dY, y)),
  Expand: (node, [dY]) => [() => g.sumTo(dY!, node.inputs[0]!.shape), null],
  // Through ScatterElements: ONNX Runtime's CPU ScatterND(add) loses updates when two threads meet on an index.
  Gather: (node, [dY]) => {
    const [data, indices] = node.inputs as [Value, Value];
    if (axisOf(node, 0) !== 0) throw new Error('has a gradient on axis 0 alone');
    const [rows, ...rest] = g.staticShape(data.shape) as [number, ...number[]];
    const width = rest.reduce((product, size) => product * size, 1);
    const count = g.staticShape(indices.shape).reduce((product, size) => product * size, 1);
    const onto = (sum: Value | null): Value => {
      const table = g.reshape(sum ?? zeros(data), [rows, width]);
      // WebGPU has no Reshape or Expand of int64.
      const index = g.expand(g.reshape(g.cast(indices, 'int32'), [count, 1]), [count, width]);
      return g.reshape(g.scatterAdd(table, index, g.reshape(dY!, [count, width]), 0), data.shape);
    };
    return [{ onto }, null];
  },
  GatherElements: (node, [dY]) => {
    const [data, indices] = node.inputs as [Value, Value];
    return [{ onto: (sum) => g.scatterAdd(sum ?? zeros(data), indices, dY!, axisOf(node, 0)) }, null];
  },
  Gemm: gemm,
  Identity: unary((dY) => () => dY),
  Log: unary((dY, _y, x) => () => g.div(dY, x)),
  MatMul: binary((dY, a, b) => [() => g.matmul(dY, swapped(b.again?.() ?? b)), () => transposedProduct(a, dY)]),
  // A tie's gradient goes to the first.
  Max: binary((dY, a, b) => [
    () => g.where(g.greaterOrEqual(a, b), dY, 0),
    () => g.where(g.greaterOrEqual(a, b), 0, dY),
  ]),
  Min: binary((dY, a, b) => [() => g.where(g.lessOrEqual(a, b), dY, 0), () => g.where(g.lessOrEqual(a, b), 0, dY)]),
  Mul: binary((dY, a, b) => [() => g.mul(dY, b), () => g.mul(dY, a)]),
  Neg: unary((dY) => () => g.neg(dY)),
  Pow: (node, [dY]) => {
    const [x, exponent] = node.inputs as [Value, Value];
    const power = g.scalarOf(exponent);
    if (power === null) throw new Error('has a gradient for a constant exponent alone');
    const slope = () => (power === 2 ? x : g.pow(x, power - 1));
    return [() => g.mul(slope(), g.mul(dY!, power)), null];
  },
  // Ties share the gradient evenly.
  ReduceMax: (node, [dY]) => {
    const x = node.inputs[0]!;
    const axes = [...reducedAxes(node)];
    const largest = (): Value => g.cast(g.equal(x, kept(node.outputs[0]!, node)), x.dtype);
    return [() => g.mul(largest(), g.div(kept(dY!, node), g.reduceSum(largest(), { axes }))), null];
  },
  ReduceMean: (node, [dY]) => {
    const shape = g.staticShape(node.inputs[0]!.shape);
    const count = [...reducedAxes(node)].reduce((product, axis) => product * shape[axis]!, 1);
    return [() => g.expand(g.mul(kept(dY!, node), 1 / count), shape), null];
  },
  ReduceSum: (node, [dY]) => [() => g.expand(kept(dY!, node), node.inputs[0]!.shape), null],
  ReduceSumSquare: (node, [dY]) => [() => g.mul(node.inputs[0]!, g.mul(kept(dY!, node), 2)), null],
  Reshape: (node, [dY]) => [() => g.reshape(dY!, node.inputs[0]!.shape), null],
  // The same angles backwards.
  RotaryEmbedding: (node, [dY]) => {
    const [cos, sin] = node.inputs.slice(2) as [Value, Value];
    return [() => g.rotary(dY!, cos, g.neg(sin)), null, null, null];
  },
  ScatterElements: (node, [dY]) => {
    if (node.attributes.reduction !== 'add') throw new Error('has a gradient with reduction “add” alone');
    return [() => dY!, null, () => g.gatherElements(dY!, node.inputs[1]!, axisOf(node, 0))];
  },
  Sigmoid: unary((dY, y) => () => g.mul(dY, g.mul(y, g.sub(1, y)))),
  Sin: unary((dY, _y, x) => () => g.mul(dY, g.cos(x))),
  Slice: (node, [dY]) => {
    const [x, starts, ends, axes] = node.inputs as [Value, Value, Value, Value | undefined];
    const padded = (): Value => {
      let part = dY!;
      for (const [i, axis] of (axes ? intsOf(axes) : intsOf(starts).map((_, k) => k)).entries()) {
        part = withZeros(part, axis, intsOf(starts)[i]!, (x.shape[axis] as number) - intsOf(ends)[i]!);
      }
      return part;
    };
    return [padded, ...node.inputs.slice(1).map(() => null)];
  },
  Softmax: unary((dY, y, x, node) => () => {
    const axis = axisOf(node, -1);
    return g.mul(
      y,
      g.sub(dY, axis === x.shape.length - 1 ? rowDot(dY, y) : g.reduceSum(g.mul(dY, y), { axes: [axis] })),
    );
  }),
  Softplus: unary((dY, _y, x) => () => g.mul(dY, g.sigmoid(x))),
  Split: (node, gradients) => [
    () =>
      g.concat(
        gradients.map((dY, i) => dY ?? zeros(node.outputs[i]!)),
        axisOf(node, 0),
      ),
    null,
  ],
  Sqrt: unary((dY, y) => () => g.div(g.mul(dY, 0.5), y)),
  Sub: binary((dY) => [() => dY, () => g.neg(dY)]),
  Tanh: unary((dY, y) => () => g.mul(dY, g.sub(1, g.mul(y, y)))),
  Transpose: unary((dY, _y, x, node) => () => {
    const rank = x.shape.length;
    const perm = (node.attributes.perm as readonly number[] | undefined) ?? x.shape.map((_, axis) => rank - 1 - axis);
    return g.transpose(
      dY,
      perm.map((_, axis) => perm.indexOf(axis)),
    );
  }),
  Unsqueeze: (node, [dY]) => [() => g.reshape(dY!, node.inputs[0]!.shape), null],
  Where: (node, [dY]) => {
    const [condition, a, b] = node.inputs as [Value, Value, Value];
    return [
      null,
      () => g.sumTo(g.where(condition, dY!, 0), a.shape),
      () => g.sumTo(g.where(condition, 0, dY!), b.shape),
    ];
  },
};
