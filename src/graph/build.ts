/**
 * One builder function an operator, with shape inference. Numbers among the operands become scalars of the other
 * operand's dtype. Shapes are checked as nodes are made, so a mistake throws where it is written.
 */
import type { Attributes } from './ops.ts';
import { broadcast, type Dim, DTYPES, type DType, elementArray, sameShape } from './tensor.ts';
import { apply, constant, constantOf, scalar, type Value, vector } from './value.ts';

type Operand = Value | number;

function one(op: string, inputs: readonly Value[], attributes?: Attributes): Value {
  return apply(op, inputs, attributes)[0] as Value;
}

/**
 * An element-wise op of two operands. An Expand among them is moved behind the op, where it most often falls away
 * because broadcasting does the same: saves writing the stretched tensor out. So are two transpositions that are alike.
 */
function pair(op: string, a: Operand, b: Operand): Value {
  const dtype = typeof a !== 'number' ? a.dtype : typeof b !== 'number' ? b.dtype : 'float32';
  const left = typeof a === 'number' ? scalar(a, dtype) : a;
  const right = typeof b === 'number' ? scalar(b, dtype) : b;
  const turned = [transposition(left), transposition(right)];
  if (turned[0] && turned[1] && turned[0].perm.join() === turned[1].perm.join()) {
    return transpose(pair(op, turned[0].of, turned[1].of), turned[0].perm);
  }
  const [first, second] = [unexpanded(left), unexpanded(right)];
  const result = one(op, [first, second]);
  const shape = broadcast(left.shape, right.shape);
  return shape === null || (first === left && second === right) ? result : expand(result, shape);
}

/** What a value is the transposition of, if it is one. */
export function transposition(x: Value): { readonly of: Value; readonly perm: readonly number[] } | null {
  const made = x.source.kind === 'node' && x.source.node.op === 'Transpose' && !x.detached ? x.source.node : null;
  const perm = made?.attributes.perm as readonly number[] | undefined;
  return made && perm ? { of: made.inputs[0] as Value, perm } : null;
}

/** What an Expand was made from; any other value as it is. */
function unexpanded(x: Value): Value {
  const made = x.source.kind === 'node' && x.source.node.op === 'Expand' && !x.detached ? x.source.node : null;
  return made?.inputs[0] ?? x;
}

export const abs = (x: Value): Value => one('Abs', [x]);
export const add = (a: Operand, b: Operand): Value => pair('Add', a, b);
export const and = (a: Value, b: Value): Value => one('And', [a, b]);
export const cos = (x: Value): Value => one('Cos', [x]);
export const div = (a: Operand, b: Operand): Value => pair('Div', a, b);
export const equal = (a: Operand, b: Operand): Value => pair('Equal', a, b);
export const exp = (x: Value): Value => one('Exp', [x]);
export const greater = (a: Operand, b: Operand): Value => pair('Greater', a, b);
export const greaterOrEqual = (a: Operand, b: Operand): Value => pair('GreaterOrEqual', a, b);
export const identity = (x: Value): Value => one('Identity', [x]);
export const less = (a: Operand, b: Operand): Value => pair('Less', a, b);
export const lessOrEqual = (a: Operand, b: Operand): Value => pair('LessOrEqual', a, b);
export const log = (x: Value): Value => one('Log', [x]);
export const max = (a: Operand, b: Operand): Value => pair('Max', a, b);
export const min = (a: Operand, b: Operand): Value => pair('Min', a, b);
export const mul = (a: Operand, b: Operand): Value => pair('Mul', a, b);
export const neg = (x: Value): Value => one('Neg', [x]);
export const not = (x: Value): Value => one('Not', [x]);
export const or = (a: Value, b: Value): Value => one('Or', [a, b]);
export const pow = (a: Value, b: Operand): Value => pair('Pow', a, b);
export const sigmoid = (x: Value): Value => one('Sigmoid', [x]);
export const sin = (x: Value): Value => one('Sin', [x]);
export const softplus = (x: Value): Value => one('Softplus', [x]);
export const sqrt = (x: Value): Value => one('Sqrt', [x]);
export const sub = (a: Operand, b: Operand): Value => pair('Sub', a, b);
export const tanh = (x: Value): Value => one('Tanh', [x]);

export const softmax = (x: Value, axis = -1): Value => one('Softmax', [x], { axis });
export const cast = (x: Value, to: DType): Value => (x.dtype === to ? x : one('Cast', [x], { to: DTYPES[to].code }));
export const matmul = (a: Value, b: Value): Value => one('MatMul', [a, b]);
export const concat = (values: readonly Value[], axis: number): Value =>
  values.length === 1 ? (values[0] as Value) : one('Concat', values, { axis });
export const unsqueeze = (x: Value, axis: number): Value => one('Unsqueeze', [x, vector([axis])]);
export const gather = (data: Value, indices: Value, axis = 0): Value => one('Gather', [data, indices], { axis });
export const gatherElements = (data: Value, indices: Value, axis: number): Value =>
  one('GatherElements', [data, indices], { axis });
export const scatterAdd = (data: Value, indices: Value, updates: Value, axis: number): Value =>
  one('ScatterElements', [data, indices, updates], { axis, reduction: 'add' });

/** Axis `i` of the result is axis `perm[i]` of x. A transposition of a transposition is one, or none. */
export function transpose(x: Value, perm: readonly number[]): Value {
  const before = transposition(x);
  if (!before || perm.length !== before.perm.length) return one('Transpose', [x], { perm });
  const whole = perm.map((axis) => before.perm[axis] ?? Number.NaN);
  return whole.every((axis, i) => axis === i) ? before.of : one('Transpose', [before.of], { perm: whole });
}

/** `condition ? a : b`, element by element. */
export function where(condition: Value, a: Operand, b: Operand): Value {
  const dtype = typeof a !== 'number' ? a.dtype : typeof b !== 'number' ? b.dtype : 'float32';
  return one('Where', [
    condition,
    typeof a === 'number' ? scalar(a, dtype) : a,
    typeof b === 'number' ? scalar(b, dtype) : b,
  ]);
}

export interface GemmOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly alpha?: number;
  /** Added to the product; broadcast to [m, n]. */
  readonly c?: Value;
}

/** `alpha * op(a) × op(b) + c` for matrices: [m, k] and [k, n] after their transposition. */
export function gemm(a: Value, b: Value, options: GemmOptions = {}): Value {
  return one('Gemm', options.c ? [a, b, options.c] : [a, b], {
    transA: options.transA ? 1 : undefined,
    transB: options.transB ? 1 : undefined,
    alpha: options.alpha === 1 ? undefined : options.alpha,
  });
}

/**
 * `(a - 128) × b · scale · unit` in whole numbers, exact before it is scaled: uint8 a [m, k], int8 b [k, n], a scale a
 * column.
 */
export const integerMatmul = (a: Value, b: Value, scale: Value, unit = 1): Value =>
  one('MatMulIntegerToFloat', [a, b, scalar(unit), scale, scalar(128, 'uint8')]);

/**
 * Rotary positions of x (batch, heads, T, width), first half against second half, in one node: cosines and
 * sines are (T, width / 2), those of the T positions, and carry no gradient.
 */
export const rotary = (x: Value, cosines: Value, sines: Value): Value =>
  one('RotaryEmbedding', [x, vector([0]), cosines, sines]);

/** The same elements in another shape. At most one dimension may be symbolic (it is inferred when the graph runs). */
export function reshape(x: Value, shape: readonly Dim[]): Value {
  if (sameShape(x.shape, shape)) return x;
  const result = one('Reshape', [x, vector(shape.map((dim) => (typeof dim === 'number' ? dim : -1)))]);
  if (!sameShape(result.shape, shape)) {
    throw new TypeError(
      `reshape of [${x.shape.join(', ')}] gives [${result.shape.join(', ')}], not [${shape.join(', ')}]`,
    );
  }
  return result;
}

/** Broadcasts to a static shape. */
export function expand(x: Value, shape: readonly Dim[]): Value {
  return sameShape(x.shape, shape) ? x : one('Expand', [x, vector(staticShape(shape))]);
}

/** `x[..., start:end, ...]` on one axis. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  return one('Slice', [x, vector([start]), vector([end]), vector([axis])]);
}

export function split(x: Value, axis: number, sizes: readonly number[]): readonly Value[] {
  return apply('Split', [x, vector(sizes)], { axis });
}

/** The parts of an axis that is a sum of symbols, in their order, with the sizes that these tensors have on an axis. */
export function splitSum(
  x: Value,
  axis: number,
  sizes: readonly (readonly [of: Value, axis: number])[],
): readonly Value[] {
  const sizeOf = ([of, at]: readonly [Value, number]): Value => one('Shape', [of], { start: at, end: at + 1 });
  return apply('Split', [x, concat(sizes.map(sizeOf), 0)], { axis });
}

export interface ReduceOptions {
  /** All axes unless told. */
  readonly axes?: readonly number[];
  /** Whether reduced axes stay, with size 1: true unless told. */
  readonly keepDims?: boolean;
}

function reduce(op: string, x: Value, options: ReduceOptions): Value {
  const inputs = options.axes ? [x, vector(options.axes)] : [x];
  return one(op, inputs, { keepdims: options.keepDims === false ? 0 : 1 });
}

export const reduceSum = (x: Value, options: ReduceOptions = {}): Value => reduce('ReduceSum', x, options);
export const reduceMean = (x: Value, options: ReduceOptions = {}): Value => reduce('ReduceMean', x, options);
export const reduceLogSumExp = (x: Value, options: ReduceOptions = {}): Value => reduce('ReduceLogSumExp', x, options);
export const reduceMax = (x: Value, options: ReduceOptions = {}): Value => reduce('ReduceMax', x, options);
export const reduceSumSquare = (x: Value, options: ReduceOptions = {}): Value => reduce('ReduceSumSquare', x, options);

/** A tensor of one repeated value, written as a broadcast scalar. */
export function filled(value: number, shape: readonly Dim[], dtype: DType = 'float32'): Value {
  return expand(scalar(value, dtype), shape);
}

/** A constant matrix or tensor of float32 from numbers in row-major order. */
export function floats(values: ArrayLike<number>, shape: readonly number[]): Value {
  return constant({ dtype: 'float32', shape, data: elementArray('float32', values) });
}

/** Sum over the axes that broadcasting added or stretched, so that `x` has `shape` again. */
export function sumTo(x: Value, shape: readonly Dim[]): Value {
  if (sameShape(x.shape, shape)) return x;
  const added = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dim, axis) => (axis < added || (shape[axis - added] === 1 && dim !== 1) ? [axis] : []));
  const summed = axes.length === 0 ? x : reduceSum(x, { axes, keepDims: true });
  return reshape(summed, shape);
}

/** The sizes of a shape without symbols. Throws a TypeError for a symbolic one. */
export function staticShape(shape: readonly Dim[]): number[] {
  return shape.map((dim) => {
    if (typeof dim !== 'number')
      throw new TypeError(`[${shape.join(', ')}] is symbolic where a static shape is needed`);
    return dim;
  });
}

/** The number of a float scalar constant, or null. */
export function scalarOf(value: Value): number | null {
  const data = constantOf(value)?.data;
  return data instanceof Float32Array && data.length === 1 ? (data[0] as number) : null;
}
