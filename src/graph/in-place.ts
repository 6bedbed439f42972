/** Which inputs of a graph may be overwritten by its outputs while it runs. */
import type { Graph, GraphNode } from './graph.ts';
import { sameShape } from './tensor.ts';

/** Element i of the result depends on element i of each operand of its shape: may write where it reads. */
const ELEMENTWISE: ReadonlySet<string> = new Set(['Add', 'Div', 'Mul', 'Sub', 'Where']);

/**
 * Ops that an optimiser may leave out, so that their reader reads the input itself. A reader of their result counts as
 * a reader of what they read.
 */
const TRANSPARENT: ReadonlySet<string> = new Set(['Cast', 'Identity', 'Reshape', 'Transpose', 'Unsqueeze']);

/**
 * Whether the output may lie in the input's memory: of one type, made by an element-wise node, and all other readers
 * of the input are among those that this node waits for.
 */
export function mayOverwrite(graph: Graph, input: string, output: string): boolean {
  const target = graph.inputs.find(({ name }) => name === input);
  const writer = graph.nodes.find(({ outputs }) => outputs.some(({ name }) => name === output));
  const result = writer?.outputs[0];
  if (!target || !writer || !result || !ELEMENTWISE.has(writer.op)) return false;
  if (result.dtype !== target.dtype || !sameShape(result.shape, target.shape)) return false;
  const before = ancestors(graph, writer);
  const views = new Set([input]);
  // Nodes are in order: what a view is made from comes before it.
  for (const node of graph.nodes) {
    if (!node.inputs.some((name) => views.has(name))) continue;
    if (node !== writer && !before.has(node)) return false;
    if (!TRANSPARENT.has(node.op)) continue;
    // An element of another place, or of another width.
    if (before.has(node) && writer.inputs.includes(node.outputs[0]!.name)) return false;
    for (const { name } of node.outputs) views.add(name);
  }
  return true;
}

function ancestors(graph: Graph, of: GraphNode): Set<GraphNode> {
  const needed = new Set(of.inputs);
  const found = new Set<GraphNode>();
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some(({ name }) => needed.has(name))) continue;
    found.add(node);
    for (const name of node.inputs) needed.add(name);
  }
  return found;
}
