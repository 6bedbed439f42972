/** ONNX Runtime's profile of a session: which provider ran each node. Pure. */

export interface NodeRun {
  /** The node's name in the graph, or one of the runtime's own for a node that it put in. */
  readonly node: string;
  readonly op: string;
  readonly provider: string;
  readonly microseconds: number;
}

/** The nodes in the order in which they ran, over all runs. @param json the profile's text */
export function nodeRuns(json: string): NodeRun[] {
  const events = JSON.parse(json) as readonly {
    readonly cat?: string;
    readonly name: string;
    readonly dur: number;
    readonly args?: { readonly op_name?: string; readonly provider?: string };
  }[];
  return events.flatMap(({ cat, name, dur, args }) =>
    cat === 'Node' && args?.provider
      ? [
          {
            node: name.replace(/_kernel_time$/, ''),
            op: args.op_name ?? '',
            provider: args.provider,
            microseconds: dur,
          },
        ]
      : [],
  );
}

/** Ops that may run on the CPU in the hot path, and why that costs nothing. */
export const ALLOWED_FALLBACKS: Readonly<Record<string, string>> = {
  Cast: 'int64 indices to int32, where the input lies anyway: half the bytes are copied (1 to 10 µs a step)',
};

/** Nodes that did not run on the provider and are not on the list, with how often they ran. */
export function fallbacks(runs: readonly NodeRun[], provider: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const { node, op, provider: own } of runs) {
    if (own === provider || op in ALLOWED_FALLBACKS) continue;
    const what = `${op} (${node})`;
    found.set(what, (found.get(what) ?? 0) + 1);
  }
  return found;
}

/** Copies to the host in the middle of the graph: what a fallback in the hot path costs. */
export function hostCopies(runs: readonly NodeRun[]): number {
  return runs.filter(({ op }) => op === 'MemcpyToHost').length;
}
