/**
 * A computation as values: each Value knows the node that makes it, each Node the values that it takes. Nothing is
 * named or ordered before `makeGraph`; what no output needs is never part of a graph.
 */
import { type Attributes, type AttributeValue, OPS } from './ops.ts';
import { type ConstantTensor, type Dim, type DType, elementArray, elements, isExternal } from './tensor.ts';

export interface Value {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
  readonly source: Source;
  /** True if no gradient flows through this use of the value. */
  readonly detached: boolean;
  /** Makes the value anew from others that are kept anyway: what a gradient rule takes instead of keeping this one. */
  readonly again?: () => Value;
}

export type Source =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'constant'; readonly name: string | null; readonly tensor: ConstantTensor }
  | { readonly kind: 'node'; readonly node: Node; readonly index: number };

export interface Node {
  readonly op: string;
  /** Where in the model it was made, for people: `model.layers.3.mlp`. */
  readonly path: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
  /** How the gradient by some earlier values is made as a whole, where the walk through what lies between costs more. */
  readonly shortcut?: Shortcut;
}

export interface Shortcut {
  readonly inputs: readonly Value[];
  /** The gradients of the loss by `inputs`, from that by the node's output. */
  readonly rule: (dY: Value) => readonly (() => Value)[];
}

/** An illegal node or graph: `node` names the op (and the node, once it has a name), `path` where it was made. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
  readonly node: string;
  readonly path: string;

  constructor(node: string, path: string, reason: string) {
    super(`${node}${path === '' ? '' : ` at ${path}`}: ${reason}`);
    this.node = node;
    this.path = path;
  }
}

const scopes: string[] = [];

/** Runs `build`; the nodes that it makes have `name` in their path. Labels only: no meaning hangs on them. */
export function scope<T>(name: string, build: () => T): T {
  scopes.push(name);
  try {
    return build();
  } finally {
    scopes.pop();
  }
}

/** A graph input. Inputs of one graph that share a name are the same input. */
export function input(name: string, dtype: DType, shape: readonly Dim[]): Value {
  return { dtype, shape, source: { kind: 'input', name }, detached: false };
}

/** A constant. A name makes it an initializer of that name, such as a weight; small unnamed ones are shared. */
export function constant(tensor: ConstantTensor, name: string | null = null): Value {
  if (!isExternal(tensor.data) && tensor.data.length !== elements(tensor.shape)) {
    throw new GraphError(
      'constant',
      name ?? scopes.join('.'),
      `${tensor.data.length} elements do not fill the shape [${tensor.shape.join(', ')}]`,
    );
  }
  return { dtype: tensor.dtype, shape: tensor.shape, source: { kind: 'constant', name, tensor }, detached: false };
}

/** A constant of rank 0. */
export function scalar(value: number, dtype: DType = 'float32'): Value {
  return constant({ dtype, shape: [], data: elementArray(dtype, [value]) });
}

/** A constant vector, int64 unless told. */
export function vector(values: readonly number[], dtype: DType = 'int64'): Value {
  return constant({ dtype, shape: [values.length], data: elementArray(dtype, values) });
}

/** The same value, but no gradient flows through this use of it. */
export function detach(value: Value): Value {
  return { ...value, detached: true };
}

/**
 * One node: checks its inputs and attributes against the op's row and infers its outputs.
 * Throws GraphError, naming op and path, for an op without a row or a node that the row refuses.
 */
export function apply(op: string, inputs: readonly Value[], attributes: Attributes = {}): readonly Value[] {
  const path = scopes.join('.');
  const spec = OPS[op];
  if (!spec) throw new GraphError(op, path, 'no such operator in the table of graph/ops.ts');
  const given: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) given[name] = value;
  let inferred: ReturnType<typeof spec.infer>;
  try {
    inferred = spec.infer(
      inputs.map((each) => ({ dtype: each.dtype, shape: each.shape, constant: constantOf(each) })),
      given,
    );
  } catch (error) {
    throw new GraphError(op, path, (error as Error).message);
  }
  const node = { op, path, inputs, attributes: given, outputs: [] as Value[] };
  for (const [index, { dtype, shape }] of inferred.entries()) {
    node.outputs.push({ dtype, shape, source: { kind: 'node', node, index }, detached: false });
  }
  return node.outputs;
}

/**
 * The same value, but its gradient by `inputs`, of which it must be a function, is what `rule` says. The rule is a
 * claim: it needs a test against the walk through the nodes between.
 */
export function withGradient(output: Value, inputs: readonly Value[], rule: Shortcut['rule']): Value {
  if (output.source.kind !== 'node') throw new TypeError('only what a node made has a gradient to replace');
  const { node, index } = output.source;
  if (node.outputs.length !== 1) throw new TypeError(`${node.op} has more than one output`);
  const outputs: Value[] = [];
  const own: Node = { ...node, outputs, shortcut: { inputs, rule } };
  outputs.push({ ...output, source: { kind: 'node', node: own, index } });
  return outputs[0]!;
}

/** The tensor of a constant, or null. */
export function constantOf(value: Value): ConstantTensor | null {
  return value.source.kind === 'constant' ? value.source.tensor : null;
}

/** Nodes that the values need, each after what it takes; the same values give the same order. */
export function nodesOf(values: readonly Value[]): Node[] {
  const order: Node[] = [];
  const done = new Set<Node>();
  // An explicit stack: a backward pass is thousands of nodes deep.
  const stack: { node: Node; next: number }[] = [];
  const visit = (value: Value): void => {
    if (value.source.kind === 'node' && !done.has(value.source.node)) {
      done.add(value.source.node);
      stack.push({ node: value.source.node, next: 0 });
    }
  };
  for (const value of values) {
    visit(value);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const following = top.node.inputs[top.next++];
      if (following) visit(following);
      else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}
