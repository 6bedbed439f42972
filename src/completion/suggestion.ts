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
  /** Time in the engine from request to whole suggestion, in milliseconds. */
  readonly latencyMs: number;
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
    | 'unsure'; // less likely than `knack.eagerness` asks for
}

export type Completion = Suggestion | None;

export function isSuggestion(c: Completion): c is Suggestion {
  return !('none' in c);
}
