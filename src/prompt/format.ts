/**
 * A prompt format for edits: what the model is shown, when its answer is whole, what edit the answer is, and what it
 * should have written. Serving, scoring and training share one.
 */
import type { Edit } from '../completion/edit.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import type { None } from '../completion/suggestion.ts';
import type { AnswerForm, Written } from '../model/decode.ts';
import type { Prompt } from '../model/prompt.ts';
import type { Change } from './hunk.ts';

export type { Choice, Written } from '../model/decode.ts';

/** What a prompt is made of: a snapshot less its language. */
export type PromptInput = Pick<Snapshot, 'path' | 'before' | 'after' | 'startLine' | 'recent'>;

export interface Answer {
  readonly edit: Edit;
  /** How many of the generated ids the edit is made of: the first ones. */
  readonly kept: number;
}

/** An edit that was thought of without the model. */
export interface Candidate {
  /** A change of whole lines. */
  readonly edit: Edit;
  /** Natural log of the odds that it is what comes next, before the model is asked. */
  readonly weight: number;
  /** Id of the remembered edit that it comes from; absent for what a recent one did. */
  readonly entry?: string;
}

/** A candidate as an answer. */
export interface Given extends Candidate {
  /** The ids that say it; the first `done` of them only end what is being typed. */
  readonly target: readonly number[];
  readonly done: number;
}

/** A question to the model. */
export interface Ask extends AnswerForm {
  readonly prompt: Prompt;
  isOver(written: Written): boolean;
  read(written: Written): Answer | None;
  /**
   * What the model should have written after the prompt for an edit.
   *
   * @param isWhole false where more might have followed, as after a partial accept
   * @returns null for an edit that the format cannot say there
   */
  target(edit: Edit, isWhole: boolean): number[] | null;
  /**
   * What was done before to a line like the one that the cursor has come to; null where it has come to none, or nothing
   * is known of it. Absent where the format does not tell.
   *
   * @param known of a line, an index in the input's lines
   */
  repeated?(known: (line: number) => Candidate | null): Given | null;
  /** At most `most` answers that may be as good as the model's own, the best first. Absent where the format has none. */
  candidates?(most: number): readonly Given[];
}

export interface EditFormat {
  /** Name and version, as stored with a suggestion. */
  readonly name: string;
  /**
   * @param most prompt tokens, fewer than the format's own, for examples to train on; a format whose prompt cannot be
   *   shorter leaves it as it is
   */
  ask(input: PromptInput, most?: number): Ask;
  /** A change as a prompt and its answer would hold it, so that both can be found in it; empty if there is nothing. */
  spell(change: Change): number[];
}
