/** A round of learning on this machine's sessions, from examples to a judged candidate: for the trainer and for replays. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Adapter } from '../model/adapter.ts';
import { TARGET_TOKENS } from '../model/prompt.ts';
import type { Tokenizer } from '../model/tokenizer.ts';
import { shapeFor } from '../trainer/batch.ts';
import { codeExample, type Example } from '../trainer/examples.ts';
import { batchFor, newestWithin } from '../trainer/plan.ts';
import { type RoundInput, type RoundResult, runRound } from '../trainer/round.ts';
import type { Base } from './base.ts';
import { type PolicyOptions, SessionPolicy } from './policy.ts';

/** Newest signals that a round looks at: old ones are replayed with the new, so that they are not forgotten. */
export const MOST_SIGNALS = 256;
const ORDINARY = { context: 64, targets: TARGET_TOKENS };
/** Of 32 stretches: a pass over them multiplies as much as a dozen steps do, and a first round needs two. */
const CANARY = { context: 64, targets: TARGET_TOKENS };

export interface LearningOptions extends PolicyOptions, Omit<RoundInput, 'examples' | 'ordinary' | 'canary'> {
  /** Folder of the ordinary code that ships with Knack. */
  readonly code: string;
  readonly memoryMb: number;
  /** As batchFor's share. */
  readonly batchShare: number;
  readonly onPlan: (message: string) => void;
}

/**
 * @param start the weights that it goes on from
 * @param examples oldest first
 * @returns null if it was stopped
 * @throws RangeError with what to do if the memory does not do
 */
export async function learnFrom(
  base: Base,
  start: Adapter,
  examples: readonly Example[],
  options: LearningOptions,
): Promise<RoundResult | null> {
  const { code, memoryMb, batchShare, tokenBudget } = options;
  const chosen = newestWithin(examples, tokenBudget);
  const ordinary = codeOf(join(code, 'ordinary.jsonl'), base.tokenizer, ORDINARY);
  const { time } = shapeFor([...chosen, ...ordinary], 1);
  const batch = batchFor(base.model.config, start.shape, chosen.length, time, memoryMb, batchShare);
  options.onPlan(
    `${chosen.length} of ${examples.length} examples; batches of ${batch} x ${time} tokens, ${start.shape.layers.length} layers.`,
  );
  const policy = new SessionPolicy(base, start, shapeFor([...chosen, ...ordinary], batch), options);
  try {
    const canary = codeOf(join(code, 'canary.jsonl'), base.tokenizer, CANARY);
    return await runRound(policy, { ...options, examples: chosen, ordinary, canary });
  } finally {
    await policy.release();
  }
}

/** Stretches of ordinary code that ship with Knack. */
function codeOf(path: string, tokenizer: Tokenizer, size: typeof ORDINARY): Example[] {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.flatMap((line, i) => {
    const { path, text } = JSON.parse(line) as { path: string; text: string };
    return codeExample(String(i), path, text, tokenizer, size) ?? [];
  });
}
