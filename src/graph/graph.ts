/**
 * A graph in ONNX's terms: named values, nodes in order, initializers. Plain data, made by `makeGraph` from Values.
 */

import { identity } from './build.ts';
import type { Attributes } from './ops.ts';
import { type Dim, type DType, isExternal, sameShape, type TensorData } from './tensor.ts';
import { GraphError, nodesOf, type Source, type Value } from './value.ts';

export interface NamedValue {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  /** Where in the model it was made. */
  readonly path: string;
  /** Names of graph inputs, initializers or earlier nodes' outputs. */
  readonly inputs: readonly string[];
  readonly outputs: readonly NamedValue[];
  readonly attributes: Attributes;
}

export interface Initializer {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly NamedValue[];
  readonly outputs: readonly NamedValue[];
  readonly nodes: readonly GraphNode[];
  readonly initializers: readonly Initializer[];
}

/** Unnamed constants up to this size are shared when they are equal. */
const SHARED_BYTES = 64;

/**
 * Names and orders what the outputs need. The graph's inputs are those that the outputs depend on. The same values
 * give the same graph, name for name.
 */
export function makeGraph(name: string, outputs: Readonly<Record<string, Value>>): Graph {
  const names = new Map<Source, string>();
  const aliased = new Set<Source>();
  const results = Object.entries(outputs).map(([output, value]): [string, Value] => {
    // An output that is an input, a constant or already another output needs a node of its own.
    const own = value.source.kind === 'node' && !aliased.has(value.source) ? value : identity(value);
    aliased.add(own.source);
    names.set(own.source, output);
    return [output, own];
  });

  const inputs: NamedValue[] = [];
  const initializers: Initializer[] = [];
  const shared = new Map<string, string>();
  const nameLeaf = ({ source, dtype, shape }: Value): string => {
    if (source.kind === 'input') {
      // Two pieces of a graph may ask for the same input; where they differ about it, verify refuses the name.
      const asked = { name: source.name, dtype, shape };
      const same = (each: NamedValue): boolean =>
        each.name === asked.name && each.dtype === dtype && sameShape(each.shape, shape);
      if (!inputs.some(same)) inputs.push(asked);
      return source.name;
    }
    if (source.kind !== 'constant') throw new TypeError('not a leaf');
    const { tensor } = source;
    const small = source.name === null && !isExternal(tensor.data) && tensor.data.byteLength <= SHARED_BYTES;
    const key = small ? `${dtype}[${shape.join()}]${(tensor.data as Float32Array).join()}` : null;
    const known = key === null ? undefined : shared.get(key);
    if (known !== undefined) return known;
    const own = source.name ?? `constant_${initializers.length}`;
    if (key !== null) shared.set(key, own);
    initializers.push({ name: own, ...tensor });
    return own;
  };

  const nodes = nodesOf(results.map(([, value]) => value)).map((node, index): GraphNode => {
    const own = `${node.path === '' ? '' : `${node.path}/`}${node.op}_${index}`;
    const takes = node.inputs.map((each) => {
      const known = names.get(each.source);
      if (known !== undefined) return known;
      const leaf = nameLeaf(each);
      names.set(each.source, leaf);
      return leaf;
    });
    const gives = node.outputs.map((each, i) => {
      const chosen = names.get(each.source) ?? (node.outputs.length === 1 ? own : `${own}:${i}`);
      names.set(each.source, chosen);
      return { name: chosen, dtype: each.dtype, shape: each.shape };
    });
    return { name: own, op: node.op, path: node.path, inputs: takes, outputs: gives, attributes: node.attributes };
  });

  const graph: Graph = {
    name,
    inputs,
    outputs: results.map(([output, { dtype, shape }]) => ({ name: output, dtype, shape })),
    nodes,
    initializers,
  };
  if (graph.outputs.length === 0) throw new GraphError('graph', name, 'has no outputs');
  return graph;
}
