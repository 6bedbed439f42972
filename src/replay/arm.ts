/** What a replay compares: arms answer questions, and may watch what the extension would see. */
import type { Edit } from '../completion/edit.ts';
import type { Quality } from './quality.ts';
import type { Played, Question } from './typist.ts';

/** An answer is a value that can be written to a log and read again. */
export interface Answer {
  readonly edit: Edit;
  /** Compared with the arm's threshold; larger is surer. */
  readonly confidence: number;
  /** What an arm wants to find again in the lesson, such as log-probabilities: plain JSON, logged too. */
  readonly own?: unknown;
}

/** When an arm is asked. */
export interface Context {
  /** The virtual clock: seconds since the source began, one an ask. */
  readonly at: number;
  /** How often it was asked since the text last changed, or another file was opened. */
  readonly still: number;
  /** The virtual clock when this arm's newest suggestion was sure enough to be shown; absent: none was yet. */
  readonly shown?: number;
  /** What `frozen` answers; there for arms that judge its answers (`ArmKind.judges`). */
  readonly given?: Answer | null;
}

/** What of the history an arm may watch. */
export type Seen = Exclude<Played, { kind: 'ask' }>;

/**
 * An arm. It is told neither the point of an ask nor what follows: a far ask and a rest ask look the same to it.
 */
export interface Arm {
  /** null: nothing to suggest. Changes nothing that a later answer depends on. */
  answer(question: Question, context: Context): Answer | null | Promise<Answer | null>;
  /** Told in the order of the history: texts when they are opened, a hunk's edits once the path has left it. */
  watch?(seen: Seen): void | Promise<void>;
  release?(): Promise<void>;
}

/** One past ask, as the extension would have seen it. */
export interface Lesson {
  /** The virtual clock at the ask: seconds since the source began, one an ask. */
  readonly at: number;
  readonly question: Question;
  /** null: nothing was shown. */
  readonly answer: Answer | null;
  /** Silent: what was answered and not shown. */
  readonly withheld: Answer | null;
  /** silent: no suggestion was shown in the whole hunk; for arms with `+typing` only, one lesson a hunk. */
  readonly fate: 'accepted' | 'partly' | 'rejected' | 'silent';
  /** What was typed from there on until the hunk was done (for a far ask: as the next hunk); null at rest. */
  readonly typed: Edit | null;
  /** What a parser says of the answer: a reward that needs no developer. null where nothing was shown. */
  readonly quality: Quality | null;
}

/**
 * An arm that learns along the walk. Two runs that tell it the same in the same order make it answer the same.
 *
 * A run that is resumed tells it everything again (what was watched, every lesson), but neither asks nor trains again:
 * what an earlier run's last training left is put back by `restore`.
 */
export interface Learner extends Arm {
  /** Learns at once, in little time: a memory, a gate. */
  learn(lesson: Lesson): void | Promise<void>;
  /** Learns from the lessons so far, in as many steps and tokens as it has a budget for. */
  train(): Promise<Training>;
  /** Writes what `train` has made of it into an empty folder. */
  save(dir: string): Promise<void>;
  /** Takes up what `save` wrote. */
  restore(dir: string): Promise<void>;
}

/** What trainings took, and how many of them changed what serves. */
export interface Effort {
  readonly tokens: number;
  readonly steps: number;
  readonly seconds: number;
  readonly promoted: number;
}

export const NO_EFFORT: Effort = { tokens: 0, steps: 0, seconds: 0, promoted: 0 };

/** One training. */
export interface Training extends Effort {
  /** Why it was taken up, or why not. */
  readonly reason?: string;
}
