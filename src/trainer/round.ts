/**
 * One round of learning: epochs over the signals with ordinary code mixed in, judged after each on held-out signals,
 * until the budget is spent or nothing improves; then the canary, and the verdict.
 */
import { type Batch, makeBatch } from './batch.ts';
import { type Example, splitHeldOut } from './examples.ts';
import { CANARY_LIMIT, type HeldOut, judge, LEAST_GAIN, type Verdict } from './promotion.ts';
import { seeded, shuffled } from './random.ts';
import type { BatchShape } from './step.ts';

/** The weights in training, behind whatever runs them. */
export interface Policy {
  readonly shape: BatchShape;
  /** One optimizer step. */
  step(batch: Batch, learningRate: number): Promise<StepResult>;
  /** Sum of the target's natural-log probabilities, and the target's tokens, of each example. */
  score(examples: readonly Example[]): Promise<Score[]>;
  /** A copy of the adapter's parameters. */
  parameters(): Promise<Float32Array>;
  /** Goes on from these parameters. */
  restore(parameters: Float32Array): Promise<void>;
}

export interface StepResult {
  readonly loss: number;
  readonly norm: number;
  /** False if the step was dropped: not finite, or the norm beyond its limit. */
  readonly applied: boolean;
}

export interface Score {
  readonly logprob: number;
  readonly tokens: number;
}

export interface RoundInput {
  readonly examples: readonly Example[];
  /** Ordinary code, as pull examples; mixed into training. */
  readonly ordinary: readonly Example[];
  /** Ordinary code that is only looked at. */
  readonly canary: readonly Example[];
  /** The canary's loss (nats a token) before the round, if it is known: it belongs to the weights it starts from. */
  readonly canaryLoss?: number | null;
  /** Tokens that may be trained on. */
  readonly tokenBudget: number;
  readonly seed: number;
  /** Asked between steps. */
  readonly shouldStop: () => boolean;
  readonly onProgress: (message: string) => void;
}

export interface RoundResult {
  readonly verdict: Verdict;
  /** The candidate's parameters. */
  readonly parameters: Float32Array;
  readonly steps: number;
  readonly dropped: number;
  readonly tokens: number;
  /** The canary's loss of the candidate, nats a token. */
  readonly canaryLoss: number;
  readonly canaryLossBefore: number;
  /** Mean training loss of the first and the last epoch; null if there was none. */
  readonly lossFirst: number | null;
  readonly lossLast: number | null;
}

export const RECIPE = {
  learningRate: 1e-3,
  warmupSteps: 4,
  /** Ordinary examples for each signal example. */
  ordinaryShare: 0.5,
  mostEpochs: 6,
  /** Epochs without a better held-out score before training ends. */
  patience: 2,
  /** Each halves the way from the current parameters where the canary's loss rose too much. */
  backtracks: 2,
} as const;

/** @returns null if it was stopped before its end: nothing of it is used */
export async function runRound(policy: Policy, input: RoundInput): Promise<RoundResult | null> {
  const random = seeded(input.seed);
  const { train, heldOut } = splitHeldOut(input.examples);
  const start = await policy.parameters();
  const canaryBefore = input.canaryLoss ?? meanLoss(await policy.score(input.canary));
  const before = await policy.score(heldOut);
  const references = await referencesOf(policy, train);
  const held = async (): Promise<HeldOut[]> => {
    const after = await policy.score(heldOut);
    return heldOut.map(({ label, weight }, i) => ({
      label,
      weight,
      tokens: before[i]!.tokens,
      current: before[i]!.logprob,
      candidate: after[i]!.logprob,
    }));
  };

  const run = { steps: 0, dropped: 0, tokens: 0 };
  const losses: number[] = [];
  let best = { gain: Number.NEGATIVE_INFINITY, parameters: start };
  let stale = 0;
  const epochs = train.length === 0 ? 0 : RECIPE.mostEpochs;
  for (let epoch = 0; epoch < epochs && run.tokens < input.tokenBudget && stale < RECIPE.patience; epoch++) {
    let sum = 0;
    let done = 0;
    const batches = epochBatches(train, input.ordinary, policy.shape, references, random);
    for (const batch of batches) {
      if (input.shouldStop()) return null;
      if (run.tokens + batch.tokens > input.tokenBudget && run.steps > 0) break;
      const result = await policy.step(batch, RECIPE.learningRate * Math.min(1, (run.steps + 1) / RECIPE.warmupSteps));
      run.steps++;
      run.tokens += batch.tokens;
      if (!result.applied) run.dropped++;
      sum += result.loss;
      done++;
      input.onProgress(
        `Learning from ${input.examples.length} examples: step ${run.steps}, loss ${result.loss.toFixed(3)}.`,
      );
    }
    if (done > 0) losses.push(sum / done);
    if (input.shouldStop()) return null;
    const { gain } = judge(await held(), { current: 1, candidate: 1 }).metrics;
    stale = gain > best.gain + LEAST_GAIN ? 0 : stale + 1;
    if (gain > best.gain) best = { gain, parameters: await policy.parameters() };
  }

  await policy.restore(best.parameters);
  let [verdict, canaryLoss] = await verdictOf();
  for (let i = 0; i < RECIPE.backtracks && verdict.metrics.canaryRise > CANARY_LIMIT; i++) {
    if (input.shouldStop()) return null;
    await policy.restore(halfway(start, await policy.parameters()));
    [verdict, canaryLoss] = await verdictOf();
  }
  return {
    verdict,
    parameters: await policy.parameters(),
    ...run,
    canaryLoss,
    canaryLossBefore: canaryBefore,
    lossFirst: losses[0] ?? null,
    lossLast: losses.at(-1) ?? null,
  };

  async function verdictOf(): Promise<[Verdict, number]> {
    input.onProgress('Judging what was learned.');
    const candidate = meanLoss(await policy.score(input.canary));
    return [judge(await held(), { current: canaryBefore, candidate }), candidate];
  }
}

/** Shuffled batches of one epoch: all signals, and ordinary code in its share. */
function epochBatches(
  train: readonly Example[],
  ordinary: readonly Example[],
  shape: BatchShape,
  references: ReadonlyMap<string, number>,
  random: () => number,
): Batch[] {
  const mixed = shuffled(ordinary, random).slice(0, Math.ceil(train.length * RECIPE.ordinaryShare));
  const all = shuffled([...train, ...mixed], random);
  const batches: Batch[] = [];
  for (let i = 0; i < all.length; i += shape.batch) {
    batches.push(makeBatch(all.slice(i, i + shape.batch), shape, references));
  }
  return batches;
}

/** Log-probabilities of the refused edits under the policy that the round starts from: KTO's reference. */
async function referencesOf(policy: Policy, train: readonly Example[]): Promise<Map<string, number>> {
  const pushes = train.filter((e) => e.label === 'push');
  const scores = await policy.score(pushes);
  return new Map(pushes.map((e, i) => [e.id, scores[i]!.logprob]));
}

/** Mean loss a token, nats. */
function meanLoss(scores: readonly Score[]): number {
  const tokens = scores.reduce((sum, s) => sum + s.tokens, 0);
  return scores.reduce((sum, s) => sum - s.logprob, 0) / tokens;
}

function halfway(from: Float32Array, to: Float32Array): Float32Array {
  return from.map((value, i) => (value + to[i]!) / 2);
}
