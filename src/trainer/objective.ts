/**
 * What training minimises, as pieces of graph that add up. Each piece reads the rows that carry loss and inputs of its
 * own, and gives a scalar.
 *
 * Weights are absolute: for a mean over n tokens, give each 1/n. So batches of a step, and pieces of one loss, add up.
 */
import * as g from '../graph/build.ts';
import { detach, input, scope, type Value, withGradient } from '../graph/value.ts';

/** The positions that carry loss, N of them; a row may appear twice, and one of weight 0 is padding. */
export interface Rows {
  readonly count: number;
  /** Tokens of the vocabulary. */
  readonly vocab: number;
  /** (N) natural-log probability of each row's label. */
  readonly logprobs: Value;
  /** (N, k) natural-log probabilities of other tokens: `ids` is int64 (N, k). */
  readonly logprobsOf: (ids: Value) => Value;
}

export interface Term {
  /** Scalar, already weighted. */
  readonly loss: Value;
  /** What else the graph should give out, by name. */
  readonly outputs: Readonly<Record<string, Value>>;
}

export interface Objective {
  /** Its loss is the output `loss.<name>`. */
  readonly name: string;
  readonly build: (rows: Rows) => Term;
}

/**
 * The rows of logits (N, vocab) with the log-probabilities of `labels` (N) int64.
 *
 * By the softmax, whose fused kernel costs fewer passes over the largest tensor of a step than subtracting,
 * exponentiating and summing: with m the row's largest logit, log Σ exp(logit − m) is the negative log of m's
 * probability, which is at least 1 / vocab and so keeps its digits.
 */
export function rowsOf(logits: Value, labels: Value): Rows {
  const [count, vocab] = g.staticShape(logits.shape) as [number, number];
  return scope('logprobs', () => {
    const softmax = g.softmax(logits);
    const largest = detach(g.reduceMax(logits, { axes: [1] }));
    const peak = g.log(g.reduceMax(softmax, { axes: [1] }));
    // m carries no gradient, here and below, for its parts would cancel: what is left is that of −log Σ exp(logit).
    const negated = withGradient(peak, [logits], (dY) => [() => g.mul(softmax, g.neg(dY))]);
    // The runtime works out the second operand first: then nothing reads the logits after the softmax, which takes their place.
    const logprobsOf = (ids: Value): Value => g.add(negated, g.sub(g.gatherElements(logits, ids, 1), largest));
    // WebGPU has no Unsqueeze of int64.
    const own = g.unsqueeze(g.cast(labels, 'int32'), 1);
    // −dY · (softmax − one-hot): the softmax becomes the difference where it lies, and the rows' factor is left to the
    // head's gradient, which multiplies by it where rows are narrower (graph/gradients.ts).
    const ofLabels = withGradient(logprobsOf(own), [logits], (dY) => [
      () => g.mul(g.scatterAdd(softmax, own, g.filled(-1, [count, 1]), 1), g.neg(dY)),
    ]);
    return { count, vocab, logprobs: g.reshape(ofLabels, [count]), logprobsOf };
  });
}

/**
 * Cross-entropy: Σ weight · −log p(label). Input `weight` float32 (N), 0 for padding.
 */
export function crossEntropy(): Objective {
  return {
    name: 'crossEntropy',
    build: (rows) => {
      const weight = input('weight', 'float32', [rows.count]);
      return { loss: g.neg(total(g.mul(weight, rows.logprobs))), outputs: {} };
    },
  };
}

/**
 * The loss of Kahneman-Tversky optimisation (https://arxiv.org/abs/2402.01306, eq. 8) in TRL's spelling, bounded by the
 * weight of each example: Σ weight · (1 − σ(label · β · (Σ log p − reference − z))).
 *
 * Inputs: `sequence` int64 (N), the example that a row belongs to (`examples` for a row of none); `kto.label` float32
 * (E), 1 for desirable and −1 for undesirable; `kto.weight` float32 (E), 0 switches an example off; `kto.reference`
 * float32 (E), the example's log-probability under the reference policy; scalars `kto.beta` and `kto.z`, the reference
 * point in nats. Output `kto.logprob` (E): each example's log-probability now.
 *
 * @param examples E
 */
export function kto(examples: number): Objective {
  return {
    name: 'kto',
    build: (rows) => {
      const perExample = (name: string): Value => input(`kto.${name}`, 'float32', [examples]);
      const number = (name: string): Value => input(`kto.${name}`, 'float32', []);
      const logprob = perSequence(rows, rows.logprobs, examples);
      const reward = g.mul(number('beta'), g.sub(g.sub(logprob, perExample('reference')), number('z')));
      // 1 − σ(x) = σ(−x), which keeps its digits where σ(x) is near 1.
      const losses = g.sigmoid(g.neg(g.mul(perExample('label'), reward)));
      return { loss: total(g.mul(perExample('weight'), losses)), outputs: { 'kto.logprob': logprob } };
    },
  };
}

/** Sums (N) over the rows of each example: (E). Input `sequence`. */
function perSequence(rows: Rows, values: Value, examples: number): Value {
  // One place more than there are examples takes the rows that belong to none.
  const sums = g.scatterAdd(g.filled(0, [examples + 1]), input('sequence', 'int64', [rows.count]), values, 0);
  return g.slice(sums, 0, 0, examples);
}

/** The sum of all elements, a scalar. */
export function total(x: Value): Value {
  return g.reduceSum(x, { keepDims: false });
}
