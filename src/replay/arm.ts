/** What a replay compares: arms answer questions, and may watch what the extension would see. */
import type { Edit } from '../completion/edit.ts';
import type { Played, Question } from './typist.ts';

/** An answer is a value that can be written to a log and read again. */
export interface Answer {
  readonly edit: Edit;
  /** Compared with the arm's threshold; larger is surer. */
  readonly confidence: number;
}

/**
 * An arm. It is told neither the point of an ask nor what follows: a far ask and a rest ask look the same to it.
 */
export interface Arm {
  /** null: nothing to suggest. */
  answer(question: Question): Answer | null | Promise<Answer | null>;
  /** Told in the order of the history: texts when they are opened, a hunk's edits once the path has left it. */
  watch?(seen: Exclude<Played, { kind: 'ask' }>): void;
  release?(): Promise<void>;
}
