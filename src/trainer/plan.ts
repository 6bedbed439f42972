/**
 * What fits into the memory that training may take: how many top blocks have an adapter, how many examples a batch.
 *
 * The estimate is for a frozen fp32 base that is mapped from a file, sequences of T tokens and the graph of step.ts.
 * It was fitted to peak resident memory of SmolLM2-135M (docs/log.md) and errs on the large side.
 */
import type { ModelConfig } from '../model/config.ts';
import { type LoraShape, loraSize, topLayers } from '../model/lora.ts';
import type { Example } from './examples.ts';
import type { BatchShape } from './step.ts';

export const LORA_RANK = 8;
export const LORA_ALPHA = 16;
/** Longest example, prompt and target. */
export const LONGEST = 512;
/** Rows that carry loss, for each example of a batch. */
const ROWS = 64;
/** More would fit, but a round of a few dozen signals learns by its number of steps. */
const MOST_BATCH = 2;
/** Examples from which on a step may take one more: with fewer, two steps of one teach more than one of two (docs/log.md). */
const EXAMPLES_A_BATCH = 16;
/** Share of the blocks that is adapted at most: what a round's recipe was found with (docs/log.md); more cost time. */
const MOST_ADAPTED = 2 / 3;

const MB = 2 ** 20;
/** The process, the runtime and its code, and what its kernels take in passing. */
const PROCESS_BYTES = 200 * MB;
/** Attention of at least so many tokens goes in stretches, which keep five eighths of the probabilities. */
const STRETCHED = 128;

/** Peak resident bytes of one training step. */
export function estimateBytes(config: ModelConfig, lora: LoraShape, { batch, time, rows }: BatchShape): number {
  const { hidden, intermediate, heads, vocab } = config;
  const tokens = batch * time;
  // Gate and up, the probabilities, and the narrow ones: both norms' quotients, queries, keys and values in stretches.
  const layer = 4 * (8.3 * hidden + 2 * intermediate + (time < STRETCHED ? 1 : 0.7) * heads * time);
  // The adapter and its moments, which are written in place, the copies that the binding makes of them, and the gradient.
  const state = 4 * 8 * loraSize(config, lora);
  const head = 2 * 4 * rows * vocab;
  return PROCESS_BYTES + 4 * baseParameters(config) + layer * tokens * lora.layers.length + state + head;
}

/**
 * Adapters on all linear layers of as many top blocks, up to two thirds, as `memoryMb` allows for one longest example at
 * a time.
 */
export function loraFor(config: ModelConfig, memoryMb: number): LoraShape {
  for (let count = Math.ceil(MOST_ADAPTED * config.layers); count > 1; count--) {
    const shape = topLayers(config, count, LORA_RANK, LORA_ALPHA);
    if (estimateBytes(config, shape, { batch: 1, time: LONGEST, rows: ROWS }) <= memoryMb * MB) return shape;
  }
  return topLayers(config, 1, LORA_RANK, LORA_ALPHA);
}

/**
 * Examples a batch.
 *
 * @param examples what the round learns from
 * @param time T of the round
 * @param share 1, or less after a crash
 * @returns at least 1
 * @throws RangeError with what to do if not even one example fits
 */
export function batchFor(
  config: ModelConfig,
  lora: LoraShape,
  examples: number,
  time: number,
  memoryMb: number,
  share: number,
): number {
  const bytes = (batch: number): number => estimateBytes(config, lora, { batch, time, rows: batch * ROWS });
  if (bytes(1) > memoryMb * MB) {
    throw new RangeError(
      `Training needs about ${Math.ceil(bytes(1) / MB)} MB; knack.training.memoryMb allows ${memoryMb}. Raise it, or switch training off.`,
    );
  }
  const most = Math.min(MOST_BATCH, Math.floor(examples / EXAMPLES_A_BATCH));
  let batch = 1;
  while (batch < most && bytes(batch + 1) <= memoryMb * MB) batch++;
  return Math.max(1, Math.floor(batch * share));
}

/** How often a round should be able to go over what it learns from. */
const PASSES = 2;

/** Examples of one answer that a round takes: a thousand times the same accept is to be one habit, not all there is. */
const MOST_ALIKE = 16;

/**
 * The newest examples that a round can go over twice within its tokens, as what is new counts most; those that are
 * extra where room is left.
 *
 * @param examples oldest first
 * @returns in that order; at least one where there is one
 */
export function newestWithin(examples: readonly Example[], tokenBudget: number): Example[] {
  let left = tokenBudget / PASSES;
  const chosen = new Set<Example>();
  const alike = new Map<string, number>();
  const newest = examples.toReversed();
  for (const example of [...newest.filter((e) => !e.isExtra), ...newest.filter((e) => e.isExtra)]) {
    const { label, ids, targetStart } = example;
    const answer = `${label} ${ids.slice(targetStart).join(' ')}`;
    const before = alike.get(answer) ?? 0;
    if (before === MOST_ALIKE) continue;
    if (chosen.size > 0 && left < ids.length) break;
    alike.set(answer, before + 1);
    left -= ids.length;
    chosen.add(example);
  }
  return examples.filter((e) => chosen.has(e));
}

function baseParameters(config: ModelConfig): number {
  const { layers, hidden, heads, kvHeads, headDim, intermediate, vocab, tiedHead } = config;
  const block = hidden * headDim * (2 * heads + 2 * kvHeads) + 3 * hidden * intermediate + 2 * hidden;
  return layers * block + vocab * hidden * (tiedHead ? 1 : 2) + hidden;
}
