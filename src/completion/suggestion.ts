/** A suggested edit, and why there may be none. */
import type { Edit } from './edit.ts';

export interface Suggestion {
  /** UUID, made by the engine. */
  readonly id: string;
  /** Within the snapshot's window, and not without effect. */
  readonly edit: Edit;
  /** Natural-log probability of each generated token under the serving policy, in order, stop token included. */
  readonly tokenLogprobs: readonly number[];
  /**
   * The same among the tokens that the prompt's format allowed there, which says more about how sure the model is: a line
   * that can only be copied costs nothing. Absent where nothing was ruled out.
   */
  readonly tokenChances?: readonly number[];
  /** Id of the checkpoint that generated it: `base` or a checkpoint's id. */
  readonly checkpoint: string;
  /** SHA-256 (hex) of the prompt's token ids as little-endian uint32. */
  readonly promptHash: string;
  /** Prompt format's name and version, for example `prefix-1`. */
  readonly promptFormat: string;
  /** How likely it is to be accepted, 0 to 1, as the gate says; absent where nothing has judged it. */
  readonly likely?: number;
  /** The same, or more where little was shown of late: what is held against `knack.eagerness`. */
  readonly tried?: number;
  /** Time in the engine from request to whole suggestion, in milliseconds. */
  readonly latencyMs: number;
  /** Absent where nothing was remembered; the log-probabilities are then the model's alone, else the mixture's. */
  readonly remembered?: Remembered;
  /** Where it does again what an earlier edit did: natural log of the odds that it is wanted, without the model's word (docs/edits.md). */
  readonly repeats?: number;
  /** Absent in what is read from the database. */
  readonly effort?: Effort;
}

/** What an answer took to write, whatever became of it: it may be cut, or no edit. */
export interface Effort {
  /** Tokens that the model chose. */
  readonly chosen: number;
  /** Tokens that the prompt's format left no choice of. */
  readonly forced: number;
  /** Tokens of candidates that the model was asked about; absent where there were none. */
  readonly weighed?: number;
}

/** What was remembered while a suggestion was written. */
export interface Remembered {
  /** Ids of remembered edits that named a token of it, those with the larger part first. */
  readonly entries: readonly string[];
  /** Steps at which something was remembered, of the tokens that the suggestion is made of. */
  readonly steps: readonly RememberedStep[];
}

export interface RememberedStep {
  /** Index of the generated token. */
  readonly at: number;
  /** What was found, as src/memory/trust.ts counts kinds of matches. */
  readonly kind: number;
  /** The memory's part of the token's probability, 0 to 1; 0 where it named others. */
  readonly share: number;
}

/** Share of a suggestion's tokens that the memory put in, 0 to 1. */
export function rememberedShare({
  tokenLogprobs,
  remembered,
}: Pick<Suggestion, 'tokenLogprobs' | 'remembered'>): number {
  if (remembered === undefined || tokenLogprobs.length === 0) return 0;
  return remembered.steps.reduce((sum, step) => sum + step.share, 0) / tokenLogprobs.length;
}

/** Why there is no suggestion: a value, not an error. */
export interface None {
  readonly none:
    | 'empty' // the model has nothing to add
    | 'malformed' // the model's text is no valid edit
    | 'not-drawable' // VS Code would not draw it as ghost text
    | 'cancelled'
    | 'engine-unavailable'
    | 'refused' // the user has just turned the same down, or deleted that text
    | 'excluded' // secrets, `knack.exclude`, git-ignored
    | 'unsuitable' // binary, over-long line, read-only
    | 'not-asked' // snoozed, or `knack.trigger` is manual
    | 'unlikely'; // to be accepted, by what `knack.eagerness` asks for
  /** Where the model was asked. */
  readonly effort?: Effort;
}

export type Completion = Suggestion | None;

export function isSuggestion(c: Completion): c is Suggestion {
  return !('none' in c);
}
