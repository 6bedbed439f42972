/** How far one forward pass says what another says, token by token. */
import { argmax, type Forward, logSumExp } from '../model/decode.ts';

export interface Agreement {
  /** Mean nats of the next token's distribution: Kullback-Leibler, of the expected by what came. */
  readonly divergence: number;
  /** Share of places with the same likeliest token. */
  readonly topTokens: number;
  /** Mean nats a token of the text itself: what was expected, and what came. */
  readonly expectedLoss: number;
  readonly loss: number;
}

/**
 * Runs texts through both.
 *
 * @param texts token ids, of at least three tokens; the first token predicts nothing worth comparing
 */
export async function compare(expected: Forward, got: Forward, texts: Iterable<readonly number[]>): Promise<Agreement> {
  const sum = { divergence: 0, topTokens: 0, expectedLoss: 0, loss: 0 };
  const { vocab } = expected;
  let places = 0;
  for (const ids of texts) {
    const rows = Array.from({ length: ids.length - 2 }, (_, i) => i + 1);
    const wanted = (await expected.run(ids, null, rows)).logits;
    const came = (await got.run(ids, null, rows)).logits;
    for (const [row, i] of rows.entries()) {
      const [p, q] = [wanted, came].map((all) => all.subarray(row * vocab, (row + 1) * vocab)) as [Logits, Logits];
      const [zp, zq] = [logSumExp(p), logSumExp(q)];
      for (let id = 0; id < vocab; id++) {
        const log = p[id]! - zp;
        // What is less likely than e⁻³⁰ does not show in the sum.
        if (log > -30) sum.divergence += Math.exp(log) * (log - q[id]! + zq);
      }
      sum.topTokens += argmax(p) === argmax(q) ? 1 : 0;
      sum.expectedLoss += zp - p[ids[i + 1]!]!;
      sum.loss += zq - q[ids[i + 1]!]!;
      places++;
    }
  }
  return {
    divergence: sum.divergence / places,
    topTokens: sum.topTokens / places,
    expectedLoss: sum.expectedLoss / places,
    loss: sum.loss / places,
  };
}

type Logits = Float32Array;
