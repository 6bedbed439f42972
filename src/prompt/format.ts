/**
 * A prompt format for edits: what the model is shown, when its answer is whole, what edit the answer is, and what it
 * should have written. Serving, scoring and training share one.
 */
import type { Edit } from '../completion/edit.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import type { None } from '../completion/suggestion.ts';
import type { Prompt } from '../model/prompt.ts';

/** What a prompt is made of: a snapshot less its language. */
export type PromptInput = Pick<Snapshot, 'path' | 'before' | 'after' | 'startLine' | 'recent'>;

/** Generated ids, and each one's natural-log probability. */
export interface Written {
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
}

/** Which tokens may come next: these alone, or all but those. */
export type Choice = { readonly only: readonly number[] } | { readonly not: readonly number[] };

export interface Answer {
  readonly edit: Edit;
  /** How many of the generated ids the edit is made of: the first ones. */
  readonly kept: number;
}

/** A question to the model. */
export interface Ask {
  readonly prompt: Prompt;
  /** Whether the answer is whole, or what would follow could not be used. */
  isOver(written: Written): boolean;
  /** What the answer's form allows after these ids; absent: anything. Log-probabilities stay those of all tokens. */
  choice?(ids: readonly number[]): Choice;
  /**
   * Where a whole answer is none: the step at which its second likeliest token is to be taken instead.
   *
   * @param others each step's second likeliest token's log-probability
   */
  again?(written: Written, others: readonly number[]): number | null;
  read(written: Written): Answer | None;
  /**
   * What the model should have written after the prompt for an edit.
   *
   * @param isWhole false where more might have followed, as after a partial accept
   * @returns null for an edit that the format cannot say there
   */
  target(edit: Edit, isWhole: boolean): number[] | null;
}

export interface EditFormat {
  /** Name and version, as stored with a suggestion. */
  readonly name: string;
  ask(input: PromptInput): Ask;
}
