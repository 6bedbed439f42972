/**
 * What can be wrong with the data of a step, said before any session sees it: a device may read out of bounds silently.
 */
import type { ModelConfig } from '../model/config.ts';
import type { BatchShape } from './step.ts';

/** The index arrays of a batch, as `buildTrainStep` takes them. */
export interface BatchIndices {
  /** (B · T) */
  readonly ids: ArrayLike<number>;
  /** (N) indices into B · T */
  readonly rows: ArrayLike<number>;
  /** (N) */
  readonly labels: ArrayLike<number>;
}

/** Throws RangeError that names the first id, row or label that cannot be. */
export function checkBatch(config: ModelConfig, { batch, time, rows }: BatchShape, indices: BatchIndices): void {
  within('token', indices.ids, batch * time, config.vocab, 'the vocabulary');
  within('row', indices.rows, rows, batch * time, 'the batch’s positions');
  within('label', indices.labels, rows, config.vocab, 'the vocabulary');
}

/** Throws RangeError unless teacher and model have one vocabulary, as far as its size tells. */
export function checkVocabulary(teacher: number, model: number): void {
  if (teacher === model) return;
  throw new RangeError(
    `the teacher’s vocabulary has ${teacher} tokens and the model’s ${model}: choose a teacher with the same tokenizer`,
  );
}

/** What a teacher gave for N rows: the ids of its k likeliest tokens and their natural-log probabilities. */
export interface TeacherRows {
  /** Size of the teacher's vocabulary. */
  readonly vocab: number;
  /** (N · k) */
  readonly ids: ArrayLike<number>;
  /** (N · k) */
  readonly logprobs: ArrayLike<number>;
}

/**
 * Throws RangeError for a teacher of another vocabulary, for ids outside of it or given twice for one row, and for
 * probabilities that are not finite logs or sum to more than 1.
 */
export function checkTeacher(config: ModelConfig, count: number, k: number, teacher: TeacherRows): void {
  checkVocabulary(teacher.vocab, config.vocab);
  if (!(k >= 1) || k >= config.vocab) throw new RangeError(`a teacher’s top ${k} of ${config.vocab} tokens`);
  within('teacher’s token', teacher.ids, count * k, config.vocab, 'the vocabulary');
  if (teacher.logprobs.length !== count * k) {
    throw new RangeError(`${teacher.logprobs.length} log-probabilities from the teacher, not ${count * k}`);
  }
  for (let row = 0; row < count; row++) {
    const places = Array.from({ length: k }, (_, i) => row * k + i);
    if (new Set(places.map((at) => teacher.ids[at])).size < k) {
      throw new RangeError(`the teacher gives a token twice for row ${row}`);
    }
    const sum = places.reduce((total, at) => total + Math.exp(teacher.logprobs[at]!), 0);
    const finite = places.every((at) => Number.isFinite(teacher.logprobs[at]!));
    if (!finite || sum > 1 + 1e-3) {
      throw new RangeError(`the teacher’s log-probabilities for row ${row} are no logs of probabilities`);
    }
  }
}

function within(what: string, values: ArrayLike<number>, length: number, below: number, range: string): void {
  if (values.length !== length) throw new RangeError(`${values.length} ${what}s, not ${length}`);
  for (let i = 0; i < length; i++) {
    const value = values[i]!;
    if (!Number.isInteger(value) || value < 0 || value >= below) {
      throw new RangeError(`${what} ${value} at ${i} is outside of ${range} (0 to ${below - 1})`);
    }
  }
}
