/**
 * Reverse-mode differentiation: one walk from the loss back, asking each op's row in gradients.ts.
 */
import { add } from './build.ts';
import { type Contribution, GRADIENTS } from './gradients.ts';
import { GraphError, type Node, nodesOf, type Source, scalar, scope, type Value } from './value.ts';

/**
 * The gradients of a scalar loss by each value of `wrt` (inputs, constants or what a node made), in their order.
 *
 * Builds only what those gradients need: nothing below the lowest of them, no gradient of a frozen weight.
 * Throws GraphError for an op without a rule on the way, for a loss that is not a scalar and for a value that the loss
 * does not depend on.
 */
export function gradient(loss: Value, wrt: readonly Value[]): Value[] {
  if (loss.shape.length !== 0) throw new GraphError('gradient', '', `the loss has shape [${loss.shape.join(', ')}]`);
  const nodes = nodesOf([loss]);

  // Sources that depend on any of `wrt` through differentiable uses.
  const wanted = new Set<Source>(wrt.map((value) => value.source));
  const needs = (value: Value): boolean => !value.detached && wanted.has(value.source);
  for (const node of nodes) {
    if (!node.inputs.some(needs)) continue;
    for (const output of node.outputs) if (isFloat(output)) wanted.add(output.source);
  }

  const pending = new Map<Source, { sum: Value | null; onto: (() => void)[] }>();
  const contribute = (source: Source, contribution: Contribution, path: string): void => {
    let entry = pending.get(source);
    if (!entry) pending.set(source, (entry = { sum: null, onto: [] }));
    const slot = entry;
    if (typeof contribution === 'function') {
      const value = scope(path, contribution);
      slot.sum = slot.sum ? scope(path, () => add(slot.sum!, value)) : value;
    } else {
      slot.onto.push(() => {
        slot.sum = scope(path, () => contribution.onto(slot.sum));
      });
    }
  };
  const collect = (source: Source): Value | null => {
    const entry = pending.get(source);
    // What adds onto the sum comes last, when the sum of all others is there.
    for (const apply of entry?.onto.splice(0) ?? []) apply();
    return entry?.sum ?? null;
  };

  contribute(loss.source, () => scalar(1, loss.dtype), 'gradient');
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => wanted.has(output.source)) || !node.inputs.some(needs)) continue;
    const gradients = node.outputs.map((output) => collect(output.source));
    if (gradients.every((each) => each === null)) continue;
    const path = `gradient.${node.path}`;
    const inputs = node.shortcut?.inputs ?? node.inputs;
    const contributions = contributionsOf(node, gradients, path);
    for (const [index, each] of inputs.entries()) {
      const contribution = contributions[index];
      if (contribution && needs(each)) contribute(each.source, contribution, path);
    }
  }
  return wrt.map((value, index) => {
    const result = collect(value.source);
    if (!result) throw new GraphError('gradient', '', `the loss does not depend on value ${index} (${nameOf(value)})`);
    return result;
  });
}

/** What a node passes back, an entry an input. Throws GraphError for an op without a rule or a node that it refuses. */
function contributionsOf(
  node: Node,
  gradients: readonly (Value | null)[],
  path: string,
): readonly (Contribution | null)[] {
  const rule = GRADIENTS[node.op];
  try {
    if (node.shortcut) return scope(path, () => node.shortcut!.rule(gradients[0]!));
    if (!rule) throw new Error('has no gradient rule in the table of graph/gradients.ts');
    return scope(path, () => rule(node, gradients));
  } catch (error) {
    if (error instanceof GraphError) throw error;
    throw new GraphError(node.op, node.path, (error as Error).message);
  }
}

function isFloat(value: Value): boolean {
  return value.dtype === 'float32' || value.dtype === 'float16';
}

function nameOf({ source }: Value): string {
  if (source.kind === 'node') return `${source.node.op} at ${source.node.path}`;
  return source.name ?? 'an unnamed constant';
}
