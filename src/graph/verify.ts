/**
 * The checker of finished graphs: refuses an illegal node with its name and path.
 */
import type { Graph, GraphNode, NamedValue } from './graph.ts';
import { OPS, type Operand } from './ops.ts';
import { DTYPES, elements, isExternal, sameShape } from './tensor.ts';
import { GraphError } from './value.ts';

/**
 * Throws GraphError unless the graph is legal: every name made once and before its use, every node accepted by its
 * op's row with the outputs that it declares, every initializer as long as its shape says.
 */
export function verify(graph: Graph): void {
  const known = new Map<string, Operand>();
  const define = (value: NamedValue, operand: Operand, what: string, path: string): void => {
    if (value.name === '') throw new GraphError(what, path, 'makes a value without a name');
    if (known.has(value.name)) throw new GraphError(what, path, `the name “${value.name}” is taken`);
    known.set(value.name, operand);
  };
  for (const each of graph.inputs) define(each, { ...each, constant: null }, `input “${each.name}”`, graph.name);
  for (const each of graph.initializers) {
    const what = `initializer “${each.name}”`;
    const { dtype, shape, data } = each;
    const bytes = elements(shape) * DTYPES[dtype].bytes;
    if (isExternal(data)) {
      if (data.length !== bytes || !(data.offset >= 0)) {
        throw new GraphError(
          what,
          graph.name,
          `${data.length} bytes at ${data.offset} do not fill [${shape.join(', ')}]`,
        );
      }
      if (data.file === '' || /(^|[\\/])\.\.([\\/]|$)|^[\\/]|^[A-Za-z]:/.test(data.file)) {
        throw new GraphError(what, graph.name, `the file “${data.file}” must lie in the graph’s own folder`);
      }
    } else if (data.byteLength !== bytes) {
      throw new GraphError(what, graph.name, `${data.byteLength} bytes do not fill [${shape.join(', ')}] of ${dtype}`);
    }
    define(each, { dtype, shape, constant: each }, what, graph.name);
  }
  const nodeNames = new Set<string>();
  for (const node of graph.nodes) {
    const what = `${node.op} “${node.name}”`;
    if (nodeNames.has(node.name)) throw new GraphError(what, node.path, 'another node has this name');
    nodeNames.add(node.name);
    checkNode(node, what, known);
    for (const each of node.outputs) define(each, { ...each, constant: null }, what, node.path);
  }
  for (const each of graph.outputs) {
    const made = known.get(each.name);
    if (!made) throw new GraphError(`output “${each.name}”`, graph.name, 'no node makes it');
    if (made.dtype !== each.dtype || !sameShape(made.shape, each.shape)) {
      throw new GraphError(`output “${each.name}”`, graph.name, `is ${spell(made)}, not ${spell(each)}`);
    }
  }
}

function checkNode(node: GraphNode, what: string, known: ReadonlyMap<string, Operand>): void {
  const spec = OPS[node.op];
  if (!spec) throw new GraphError(what, node.path, 'no such operator in the table of graph/ops.ts');
  const operands = node.inputs.map((name) => {
    const operand = known.get(name);
    if (!operand) throw new GraphError(what, node.path, `takes “${name}”, which nothing before it makes`);
    return operand;
  });
  let inferred: ReturnType<typeof spec.infer>;
  try {
    inferred = spec.infer(operands, node.attributes);
  } catch (error) {
    throw new GraphError(what, node.path, (error as Error).message);
  }
  if (inferred.length !== node.outputs.length) {
    throw new GraphError(what, node.path, `makes ${inferred.length} outputs, not ${node.outputs.length}`);
  }
  for (const [i, output] of node.outputs.entries()) {
    const truth = inferred[i]!;
    if (truth.dtype !== output.dtype || !sameShape(truth.shape, output.shape)) {
      throw new GraphError(what, node.path, `output ${i} is ${spell(truth)}, not ${spell(output)}`);
    }
  }
}

function spell({ dtype, shape }: Pick<NamedValue, 'dtype' | 'shape'>): string {
  return `${dtype}[${shape.join(', ')}]`;
}
