/** Examples as the arrays that a training step or a scoring pass is fed with. */
import type { Example } from './examples.ts';
import type { BatchShape } from './step.ts';

/** Arrays for the inputs of `buildTrainStep` (cross-entropy and KTO) and, of the first three, `buildEvalGraph`. */
export interface Batch {
  /** (B · T) */
  readonly ids: number[];
  /** (N) indices into B · T: the position before each target token. */
  readonly rows: number[];
  /** (N) */
  readonly labels: number[];
  /** (N) cross-entropy's weight: a batch of whole pulls sums to 1. */
  readonly weight: number[];
  /** (N) the example of each row; B for padding. */
  readonly sequence: number[];
  /** (B) each. */
  readonly kto: { readonly label: number[]; readonly weight: number[]; readonly reference: number[] };
  /** Tokens of examples, padding left out: what the budget counts. */
  readonly tokens: number;
}

/** Smallest T and N, rounded up so that few graphs serve many rounds, for `batch` examples at a time. */
export function shapeFor(examples: readonly Example[], batch: number): BatchShape {
  const longest = Math.max(1, ...examples.map((e) => e.ids.length));
  const targets = Math.max(1, ...examples.map((e) => e.ids.length - e.targetStart));
  return { batch, time: roundUp(longest, 64), rows: batch * roundUp(targets, 16) };
}

/**
 * @param examples 1 to B of them; none longer than T, nor with more targets than N / B
 * @param references each push example's log-probability under the reference policy, by id
 * @throws RangeError if an example does not fit the shape
 */
export function makeBatch(
  examples: readonly Example[],
  shape: BatchShape,
  references: ReadonlyMap<string, number> = new Map(),
): Batch {
  const { batch: B, time: T, rows: N } = shape;
  if (examples.length === 0 || examples.length > B)
    throw new RangeError(`${examples.length} examples for a batch of ${B}`);
  const ids = new Array<number>(B * T).fill(0);
  const rows = new Array<number>(N).fill(0);
  const labels = new Array<number>(N).fill(0);
  const weight = new Array<number>(N).fill(0);
  const sequence = new Array<number>(N).fill(B);
  const kto = { label: perExample(B, 1), weight: perExample(B, 0), reference: perExample(B, 0) };
  let n = 0;
  examples.forEach((example, at) => {
    const targets = example.ids.length - example.targetStart;
    if (example.ids.length > T || targets > N / B || targets < 1 || example.targetStart < 1) {
      throw new RangeError(
        `example ${example.id} (${example.ids.length} ids, target from ${example.targetStart}) does not fit ${B} x ${T}, ${N} rows`,
      );
    }
    for (let i = 0; i < example.ids.length; i++) ids[at * T + i] = example.ids[i]!;
    const share = example.weight / examples.length;
    for (let i = example.targetStart; i < example.ids.length; i++, n++) {
      rows[n] = at * T + i - 1;
      labels[n] = example.ids[i]!;
      sequence[n] = at;
      weight[n] = example.label === 'pull' ? share / targets : 0;
    }
    if (example.label === 'push') {
      kto.label[at] = -1;
      kto.weight[at] = share;
      kto.reference[at] = references.get(example.id) ?? 0;
    }
  });
  return { ids, rows, labels, weight, sequence, kto, tokens: examples.reduce((sum, e) => sum + e.ids.length, 0) };
}

function perExample(count: number, value: number): number[] {
  return new Array<number>(count).fill(value);
}

function roundUp(n: number, to: number): number {
  return Math.ceil(n / to) * to;
}
