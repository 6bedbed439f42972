/**
 * The operators that a graph may hold: one row an op, which checks a node and infers its outputs.
 *
 * They are of ONNX's default domain at opset 21 (https://onnx.ai/onnx/operators/), but for those whose row names
 * ONNX Runtime's own domain (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md). A new op is a
 * row here, its gradient's row in gradients.ts (none for what only serves), a builder in build.ts and a case in
 * test/graph.
 */
import {
  addDims,
  broadcast,
  type ConstantTensor,
  type Dim,
  DTYPES,
  type DType,
  divideDims,
  isExternal,
  multiplyDims,
  sameShape,
} from './tensor.ts';

export const OPSET = 21;

export type AttributeValue = number | string | readonly number[];
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;
export type AttributeType = 'int' | 'float' | 'string' | 'ints';

/** What a row sees of an input. */
export interface Operand {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
  /** The tensor, where it is known when the graph is built. */
  readonly constant: ConstantTensor | null;
}

export interface Inferred {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** ONNX Runtime's own operators, with the version of their set. */
export const MICROSOFT = 'com.microsoft';
export const MICROSOFT_OPSET = 1;

export interface OpSpec {
  /** ONNX's default domain where absent. */
  readonly domain?: typeof MICROSOFT;
  readonly attributes: Readonly<Record<string, AttributeType>>;
  /** Outputs' dtypes and shapes. Throws an Error that says what is wrong with the node. */
  infer(inputs: readonly Operand[], attributes: Attributes): readonly Inferred[];
}

type Infer = (inputs: readonly Operand[], attributes: Attributes) => Inferred | readonly Inferred[];

const FLOATS: readonly DType[] = ['float32', 'float16'];
const NUMBERS: readonly DType[] = ['float32', 'float16', 'int64', 'int32'];
const INDICES: readonly DType[] = ['int64', 'int32'];
const BOOL: readonly DType[] = ['bool'];
const ANY = Object.keys(DTYPES) as DType[];

function show(shape: readonly Dim[]): string {
  return `[${shape.join(', ')}]`;
}

/** A row: arity and attribute types are checked before `infer` sees the node. */
function row(
  arity: number | readonly [number, number],
  attributes: Record<string, AttributeType>,
  infer: Infer,
): OpSpec {
  const [least, most] = typeof arity === 'number' ? [arity, arity] : arity;
  return {
    attributes,
    infer(inputs, given) {
      if (inputs.length < least || inputs.length > most) {
        throw new Error(`takes ${least === most ? least : `${least} to ${most}`} inputs, not ${inputs.length}`);
      }
      for (const [name, value] of Object.entries(given)) {
        const type = attributes[name];
        if (!type) throw new Error(`has no attribute “${name}”`);
        if (!fits(type, value))
          throw new Error(`attribute “${name}” must be of type ${type}, not ${JSON.stringify(value)}`);
      }
      const outputs = infer(inputs, given);
      return Array.isArray(outputs) ? outputs : [outputs as Inferred];
    },
  };
}

function fits(type: AttributeType, value: unknown): boolean {
  if (type === 'string') return typeof value === 'string';
  if (type === 'ints') return Array.isArray(value) && value.every(Number.isSafeInteger);
  return type === 'int' ? Number.isSafeInteger(value) : typeof value === 'number';
}

function at(inputs: readonly Operand[], index: number): Operand {
  const operand = inputs[index];
  if (!operand) throw new Error(`input ${index} is missing`);
  return operand;
}

function need(operand: Operand, dtypes: readonly DType[], what: string): void {
  if (!dtypes.includes(operand.dtype)) throw new Error(`${what} is ${operand.dtype}, not ${dtypes.join(' or ')}`);
}

function sameDtype(a: Operand, b: Operand): void {
  if (a.dtype !== b.dtype) throw new Error(`dtypes differ: ${a.dtype} and ${b.dtype}`);
}

function broadcastOf(a: Operand, b: Operand): Dim[] {
  const shape = broadcast(a.shape, b.shape);
  if (!shape) throw new Error(`shapes ${show(a.shape)} and ${show(b.shape)} do not broadcast`);
  return shape;
}

/** The attribute as an axis from 0 to rank - 1. */
function axisOf(value: AttributeValue | undefined, rank: number, otherwise: number): number {
  const axis = (value as number | undefined) ?? otherwise;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new Error(`axis ${axis} is not one of rank ${rank}`);
  return axis < 0 ? axis + rank : axis;
}

/** The numbers of an int64 vector that must be a constant. */
function constantInts(operand: Operand, what: string): number[] {
  const { constant } = operand;
  if (!constant || isExternal(constant.data)) throw new Error(`${what} must be a constant`);
  if (constant.dtype !== 'int64' || constant.shape.length !== 1) throw new Error(`${what} must be an int64 vector`);
  return Array.from(constant.data, Number);
}

const unary = (dtypes: readonly DType[]): OpSpec =>
  row(1, {}, ([x]) => {
    need(x!, dtypes, 'the input');
    return { dtype: x!.dtype, shape: x!.shape };
  });

const binary = (dtypes: readonly DType[], result?: DType): OpSpec =>
  row(2, {}, ([a, b]) => {
    need(a!, dtypes, 'the first input');
    sameDtype(a!, b!);
    return { dtype: result ?? a!.dtype, shape: broadcastOf(a!, b!) };
  });

const reduce = row([1, 2], { keepdims: 'int' }, (inputs, attributes) => {
  const x = at(inputs, 0);
  need(x, NUMBERS, 'the input');
  const rank = x.shape.length;
  const axes = inputs[1] ? constantInts(inputs[1], 'axes') : x.shape.map((_, axis) => axis);
  const reduced = new Set(axes.map((axis) => axisOf(axis, rank, 0)));
  const keep = attributes.keepdims !== 0;
  const shape = x.shape.flatMap((dim, axis) => (reduced.has(axis) ? (keep ? [1] : []) : [dim]));
  return { dtype: x.dtype, shape };
});

export const OPS: Readonly<Record<string, OpSpec>> = {
  Abs: unary(NUMBERS),
  Add: binary(NUMBERS),
  And: binary(BOOL),
  Cast: row(1, { to: 'int' }, ([x], { to }) => {
    const dtype = ANY.find((name) => DTYPES[name].code === to);
    if (!dtype) throw new Error(`cannot cast to element type ${String(to)}`);
    return { dtype, shape: x!.shape };
  }),
  Concat: row([1, Infinity], { axis: 'int' }, (inputs, attributes) => {
    const first = at(inputs, 0);
    const axis = axisOf(attributes.axis, first.shape.length, NaN);
    let total: Dim = 0;
    for (const each of inputs) {
      sameDtype(first, each);
      const others = each.shape.map((dim, i) => (i === axis ? first.shape[axis]! : dim));
      if (!sameShape(others, first.shape)) {
        throw new Error(`shapes ${show(first.shape)} and ${show(each.shape)} do not join on axis ${axis}`);
      }
      total = addDims(total, each.shape[axis]!);
    }
    return { dtype: first.dtype, shape: first.shape.map((dim, i) => (i === axis ? total : dim)) };
  }),
  Cos: unary(FLOATS),
  Div: binary(NUMBERS),
  Equal: binary([...NUMBERS, 'bool'], 'bool'),
  Exp: unary(FLOATS),
  Expand: row(2, {}, ([x, target]) => {
    const shape = constantInts(target!, 'the shape');
    return { dtype: x!.dtype, shape: broadcastOf(x!, { dtype: x!.dtype, shape, constant: null }) };
  }),
  Gather: row(2, { axis: 'int' }, ([data, indices], attributes) => {
    need(indices!, INDICES, 'the second input');
    const axis = axisOf(attributes.axis, data!.shape.length, 0);
    return { dtype: data!.dtype, shape: data!.shape.toSpliced(axis, 1, ...indices!.shape) };
  }),
  GatherElements: row(2, { axis: 'int' }, ([data, indices], attributes) => {
    need(indices!, INDICES, 'the second input');
    checkElementIndices(data!, indices!, axisOf(attributes.axis, data!.shape.length, 0));
    return { dtype: data!.dtype, shape: indices!.shape };
  }),
  Gemm: row([2, 3], { alpha: 'float', beta: 'float', transA: 'int', transB: 'int' }, (inputs, attributes) => {
    const a = at(inputs, 0);
    const b = at(inputs, 1);
    need(a, FLOATS, 'A');
    sameDtype(a, b);
    if (a.shape.length !== 2 || b.shape.length !== 2) {
      throw new Error(`A and B must be matrices, not ${show(a.shape)} and ${show(b.shape)}`);
    }
    const [m, k] = attributes.transA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!];
    const [kB, n] = attributes.transB ? [b.shape[1]!, b.shape[0]!] : [b.shape[0]!, b.shape[1]!];
    if (k !== kB) {
      const spelled = [a, b].map((each, i) => show(each.shape) + (attributes[i ? 'transB' : 'transA'] ? 'ᵀ' : ''));
      throw new Error(`${spelled.join(' × ')}: ${k} and ${kB} differ`);
    }
    const c = inputs[2];
    if (c) {
      sameDtype(a, c);
      const shape = broadcast(c.shape, [m, n]);
      if (!shape || !sameShape(shape, [m, n]))
        throw new Error(`C ${show(c.shape)} does not broadcast to ${show([m, n])}`);
    }
    return { dtype: a.dtype, shape: [m, n] };
  }),
  Greater: binary(NUMBERS, 'bool'),
  GreaterOrEqual: binary(NUMBERS, 'bool'),
  Identity: unary(ANY),
  Less: binary(NUMBERS, 'bool'),
  LessOrEqual: binary(NUMBERS, 'bool'),
  Log: unary(FLOATS),
  MatMul: row(2, {}, ([a, b]) => {
    need(a!, FLOATS, 'the first input');
    sameDtype(a!, b!);
    if (a!.shape.length < 2 || b!.shape.length < 2 || a!.shape.at(-1) !== b!.shape.at(-2)) {
      throw new Error(`${show(a!.shape)} × ${show(b!.shape)} is no matrix product`);
    }
    const batch = broadcast(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    if (!batch) throw new Error(`the batches of ${show(a!.shape)} and ${show(b!.shape)} do not broadcast`);
    return { dtype: a!.dtype, shape: [...batch, a!.shape.at(-2)!, b!.shape.at(-1)!] };
  }),
  MatMulIntegerToFloat: {
    domain: MICROSOFT,
    ...row(5, {}, ([a, b, aScale, bScale, aZero]) => {
      need(a!, ['uint8'], 'A');
      need(b!, ['int8'], 'B');
      need(aScale!, ['float32'], 'the scale of A');
      need(bScale!, ['float32'], 'the scale of B');
      need(aZero!, ['uint8'], 'the zero point of A');
      if (a!.shape.length !== 2 || b!.shape.length !== 2 || a!.shape[1] !== b!.shape[0]) {
        throw new Error(`${show(a!.shape)} × ${show(b!.shape)} is no matrix product`);
      }
      const n = b!.shape[1]!;
      if (!sameShape(bScale!.shape, [n])) throw new Error(`scales ${show(bScale!.shape)} are not one a column of B`);
      if (aScale!.shape.length !== 0 || aZero!.shape.length !== 0) throw new Error('A has one scale and zero point');
      return { dtype: 'float32', shape: [a!.shape[0]!, n] };
    }),
  },
  Max: binary(NUMBERS),
  Min: binary(NUMBERS),
  Mul: binary(NUMBERS),
  Neg: unary(NUMBERS),
  Not: unary(BOOL),
  Or: binary(BOOL),
  Pow: binary(FLOATS),
  ReduceLogSumExp: reduce,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
  Reshape: row(2, { allowzero: 'int' }, ([x, target]) => {
    const asked = constantInts(target!, 'the shape');
    const total = multiplyDims(...x!.shape);
    const known = multiplyDims(...asked.filter((size) => size !== -1));
    const open = asked.filter((size) => size === -1).length;
    if (open > 1 || asked.some((size) => size < -1 || size === 0))
      throw new Error(`${show(asked)} is no shape to take`);
    const rest = divideDims(total, known);
    if (rest === null || (open === 0 && rest !== 1))
      throw new Error(`${show(x!.shape)} does not reshape to ${show(asked)}`);
    return { dtype: x!.dtype, shape: asked.map((size) => (size === -1 ? rest : size)) };
  }),
  ScatterElements: row(3, { axis: 'int', reduction: 'string' }, ([data, indices, updates], attributes) => {
    need(indices!, INDICES, 'the indices');
    sameDtype(data!, updates!);
    checkElementIndices(data!, indices!, axisOf(attributes.axis, data!.shape.length, 0));
    if (!sameShape(indices!.shape, updates!.shape)) {
      throw new Error(`indices ${show(indices!.shape)} and updates ${show(updates!.shape)} differ`);
    }
    const reduction = attributes.reduction ?? 'none';
    if (reduction !== 'add' && reduction !== 'none')
      throw new Error(`reduction “${String(reduction)}” is not used here`);
    return { dtype: data!.dtype, shape: data!.shape };
  }),
  Sigmoid: unary(FLOATS),
  Sin: unary(FLOATS),
  Slice: row([3, 5], {}, (inputs) => {
    const x = at(inputs, 0);
    const starts = constantInts(at(inputs, 1), 'starts');
    const ends = constantInts(at(inputs, 2), 'ends');
    const axes = inputs[3] ? constantInts(inputs[3], 'axes') : starts.map((_, i) => i);
    const steps = inputs[4] ? constantInts(inputs[4], 'steps') : starts.map(() => 1);
    const shape = [...x.shape];
    for (const [i, start] of starts.entries()) {
      const axis = axisOf(axes[i], shape.length, NaN);
      const size = shape[axis];
      const end = ends[i];
      if (typeof size !== 'number') throw new Error(`axis ${axis} of ${show(x.shape)} is symbolic`);
      if (steps[i] !== 1 || end === undefined || start < 0 || end <= start || end > size) {
        throw new Error(`${start} to ${end} by ${steps[i]} is no range of axis ${axis} of ${show(x.shape)}`);
      }
      shape[axis] = end - start;
    }
    return { dtype: x.dtype, shape };
  }),
  Softmax: row(1, { axis: 'int' }, ([x], attributes) => {
    need(x!, FLOATS, 'the input');
    axisOf(attributes.axis, x!.shape.length, -1);
    return { dtype: x!.dtype, shape: x!.shape };
  }),
  RotaryEmbedding: {
    domain: MICROSOFT,
    ...row(4, {}, ([x, start, cos, sin]) => {
      for (const each of [x!, cos!, sin!]) need(each, ['float32'], 'an input');
      need(start!, ['int64'], 'the first position');
      const [T, width] = [x!.shape.at(-2)!, x!.shape.at(-1)!];
      if (x!.shape.length !== 4 || typeof width !== 'number')
        throw new Error(`${show(x!.shape)} is not (batch, heads, T, width)`);
      if (!sameShape(start!.shape, [1])) throw new Error('there is one first position');
      for (const each of [cos!, sin!])
        if (!sameShape(each.shape, [T, width / 2])) throw new Error(`${show(each.shape)} is not [${T}, ${width / 2}]`);
      return { dtype: 'float32', shape: x!.shape };
    }),
  },
  Shape: row(1, { start: 'int', end: 'int' }, ([x], { start = 0, end = x!.shape.length }) => {
    const count = Math.max(0, (end as number) - (start as number));
    if ((start as number) < 0 || (end as number) > x!.shape.length) throw new Error('start and end are axes');
    return { dtype: 'int64', shape: [count] };
  }),
  Softplus: unary(FLOATS),
  Split: row(2, { axis: 'int' }, ([x, sizes], attributes) => {
    const axis = axisOf(attributes.axis, x!.shape.length, 0);
    if (sizes!.constant === null) {
      // Sizes that are known when the graph runs: those of the symbols of which the axis is the sum, in their order.
      const terms = String(x!.shape[axis]).split('+');
      need(sizes!, ['int64'], 'the sizes');
      if (terms.length < 2 || sizes!.shape[0] !== terms.length || sizes!.shape.length !== 1)
        throw new Error(`sizes ${show(sizes!.shape)} do not part axis ${axis} of ${show(x!.shape)}`);
      return terms.map((term) => ({ dtype: x!.dtype, shape: x!.shape.with(axis, term) }));
    }
    const parts = constantInts(sizes!, 'the sizes');
    const total = parts.reduce((sum, size) => sum + size, 0);
    if (total !== x!.shape[axis])
      throw new Error(`${parts.join(' + ')} is not the size of axis ${axis} of ${show(x!.shape)}`);
    return parts.map((size) => ({ dtype: x!.dtype, shape: x!.shape.with(axis, size) }));
  }),
  Sqrt: unary(FLOATS),
  Sub: binary(NUMBERS),
  Tanh: unary(FLOATS),
  Transpose: row(1, { perm: 'ints' }, ([x], attributes) => {
    const rank = x!.shape.length;
    const perm = (attributes.perm as readonly number[] | undefined) ?? x!.shape.map((_, axis) => rank - 1 - axis);
    if (perm.length !== rank || perm.toSorted((a, b) => a - b).some((axis, i) => axis !== i)) {
      throw new Error(`perm ${show(perm)} is no permutation of the axes of ${show(x!.shape)}`);
    }
    return { dtype: x!.dtype, shape: perm.map((axis) => x!.shape[axis]!) };
  }),
  Unsqueeze: row(2, {}, ([x, axes]) => {
    const shape = [...x!.shape];
    const rank = shape.length + constantInts(axes!, 'axes').length;
    const places = constantInts(axes!, 'axes').map((axis) => axisOf(axis, rank, NaN));
    for (const axis of places.sort((a, b) => a - b)) shape.splice(axis, 0, 1);
    return { dtype: x!.dtype, shape };
  }),
  Where: row(3, {}, ([condition, a, b]) => {
    need(condition!, BOOL, 'the condition');
    sameDtype(a!, b!);
    const shape = broadcast(condition!.shape, broadcastOf(a!, b!));
    if (!shape) throw new Error(`the condition ${show(condition!.shape)} does not broadcast`);
    return { dtype: a!.dtype, shape };
  }),
};

/** Indices of GatherElements and ScatterElements have the data's rank and are no larger on the other axes. */
function checkElementIndices(data: Operand, indices: Operand, axis: number): void {
  const fit =
    indices.shape.length === data.shape.length &&
    indices.shape.every((dim, i) => {
      const size = data.shape[i]!;
      return i === axis || dim === size || (typeof dim === 'number' && typeof size === 'number' && dim < size);
    });
  if (!fit) throw new Error(`indices ${show(indices.shape)} do not fit data ${show(data.shape)} on axis ${axis}`);
}
