/** Sequences with a weight a token as the arrays of a training step. */
import type { Batch } from './batch.ts';
import type { Sequence } from './log-sequences.ts';
import type { BatchShape } from './step.ts';

/**
 * @param sequences at most B, none longer than T
 * @returns a batch whose weights sum to 1; loss-carrying tokens beyond N are left out, the last ones first
 * @throws RangeError if a sequence does not fit
 */
export function weightedBatch(sequences: readonly Sequence[], { batch: B, time: T, rows: N }: BatchShape): Batch {
  if (sequences.length === 0 || sequences.length > B || sequences.some((s) => s.ids.length > T)) {
    throw new RangeError(`${sequences.length} sequences do not fit ${B} x ${T}`);
  }
  const ids = new Array<number>(B * T).fill(0);
  const rows = new Array<number>(N).fill(0);
  const labels = new Array<number>(N).fill(0);
  const weight = new Array<number>(N).fill(0);
  let n = 0;
  let sum = 0;
  for (const [at, sequence] of sequences.entries()) {
    const share = Math.floor((N - n) / (sequences.length - at));
    let left = share;
    for (const [i, id] of sequence.ids.entries()) {
      ids[at * T + i] = id;
      const own = sequence.weights[i]!;
      if (i === 0 || own === 0 || left === 0) continue;
      rows[n] = at * T + i - 1;
      labels[n] = id;
      weight[n] = own;
      sum += own;
      n++;
      left--;
    }
  }
  if (sum > 0) for (let i = 0; i < n; i++) weight[i]! /= sum;
  const one = (value: number): number[] => new Array<number>(B).fill(value);
  return {
    ids,
    rows,
    labels,
    weight,
    sequence: new Array<number>(N).fill(B),
    kto: { label: one(1), weight: one(0), reference: one(0) },
    tokens: sequences.reduce((total, s) => total + s.ids.length, 0),
  };
}
