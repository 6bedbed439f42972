/**
 * Dtypes, dimensions and constant data: what every value of a graph has.
 */

/** ONNX's element types that our graphs use, with TensorProto's code and bytes an element. */
export const DTYPES = {
  float32: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  bool: { code: 9, bytes: 1 },
  float16: { code: 10, bytes: 2 },
} as const;

export type DType = keyof typeof DTYPES;

/**
 * One dimension: a size, or a symbol that has its size when the graph runs. Symbols add and multiply by name, so that
 * the cache's length after a step is `P+T` and the grouped queries are `3*T`.
 */
export type Dim = number | string;

/** Elements in row-major order: bool as 0 and 1, float16 as bit patterns. */
export type ElementArray = Float32Array | Uint8Array | Int8Array | Uint16Array | Int32Array | BigInt64Array;

/** Bytes in a file beside the graph's own `.onnx`: memory-mapped by the runtime, never read by us. */
export interface ExternalData {
  /** Relative to the folder of the `.onnx` file; without `..`. */
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

export type TensorData = ElementArray | ExternalData;

/** A tensor that is known when the graph is built. */
export interface ConstantTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export function isExternal(data: TensorData): data is ExternalData {
  return !ArrayBuffer.isView(data);
}

/** Number of elements of a static shape. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A symbolic or static product: `factor * symbols[0] * …`, symbols sorted. */
interface Product {
  readonly factor: number;
  readonly symbols: readonly string[];
}

function factors(dim: Dim): Product {
  if (typeof dim === 'number') return { factor: dim, symbols: [] };
  // A sum is one symbol of a product.
  const parts = dim.includes('+') && !dim.includes('(') ? [`(${dim})`] : dim.match(/\([^)]*\)|[^*]+/g)!;
  const numbers = parts.filter((part) => /^\d+$/.test(part)).map(Number);
  return { factor: elements(numbers), symbols: parts.filter((part) => !/^\d+$/.test(part)).sort() };
}

/** The product of dimensions as one dimension, in normal form: `6`, `T`, `3*T`. */
export function multiplyDims(...dims: readonly Dim[]): Dim {
  const all = dims.map(factors);
  const factor = elements(all.map((each) => each.factor));
  const symbols = all.flatMap((each) => each.symbols).sort();
  if (symbols.length === 0 || factor === 0) return factor;
  if (factor === 1 && symbols.length === 1) return symbols[0]!.replace(/^\(|\)$/g, '');
  return [...(factor === 1 ? [] : [factor]), ...symbols].join('*');
}

/** `dividend / divisor` in normal form, or null if it does not divide. */
export function divideDims(dividend: Dim, divisor: Dim): Dim | null {
  const above = factors(dividend);
  const below = factors(divisor);
  if (below.factor === 0 || above.factor % below.factor !== 0) return null;
  const symbols = [...above.symbols];
  for (const symbol of below.symbols) {
    const at = symbols.indexOf(symbol);
    if (at < 0) return null;
    symbols.splice(at, 1);
  }
  return multiplyDims(above.factor / below.factor, ...symbols);
}

/** The sum of two dimensions in normal form: `P+T`, `3*T` for `2*T` and `T`. */
export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const terms = new Map<string, number>();
  for (const dim of [a, b]) {
    for (const term of typeof dim === 'number' ? [dim] : dim.split('+')) {
      const { factor, symbols } = factors(/^\d+$/.test(`${term}`) ? Number(term) : term);
      terms.set(symbols.join('*'), (terms.get(symbols.join('*')) ?? 0) + factor);
    }
  }
  return [...terms]
    .filter(([, factor]) => factor !== 0)
    .map(([symbol, factor]) => (symbol === '' ? factor : multiplyDims(factor, symbol)))
    .join('+');
}

export function sameShape(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** NumPy's broadcasting of two shapes, or null if they do not fit. */
export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] | null {
  const rank = Math.max(a.length, b.length);
  const shape: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return null;
    shape.push(left === 1 ? right : left);
  }
  return shape;
}

/** A typed array of the dtype from plain numbers. Throws for float16, which has no use for it. */
export function elementArray(dtype: DType, values: ArrayLike<number>): ElementArray {
  switch (dtype) {
    case 'float32':
      return Float32Array.from(values);
    case 'int64':
      return BigInt64Array.from({ length: values.length }, (_, i) => BigInt(values[i] as number));
    case 'int32':
      return Int32Array.from(values);
    case 'bool':
    case 'uint8':
      return Uint8Array.from(values);
    case 'int8':
      return Int8Array.from(values);
    case 'float16':
      throw new TypeError('float16 constants are given as bits (Uint16Array)');
  }
}
