/**
 * Distillation to what a teacher gave for each row: its top k tokens, and one place, the tail, for all the others.
 */
import * as g from '../graph/build.ts';
import { input, type Value } from '../graph/value.ts';
import { checkVocabulary } from './check.ts';
import { type Objective, total } from './objective.ts';

/**
 * Which divergence of teacher p and student q: `forward` KL(p ‖ q) covers all that the teacher does, `reverse`
 * KL(q ‖ p) keeps to what it does most, and a number b from 0 to 1 is the generalised Jensen-Shannon divergence
 * b·KL(p ‖ m) + (1 − b)·KL(q ‖ m) with m = b·p + (1 − b)·q (https://arxiv.org/abs/2306.13649, eq. 1).
 */
export type Divergence = 'forward' | 'reverse' | number;

/** A tail below this counts as this: 1 − Σ of float32 probabilities has no digits there. */
const LEAST_TAIL = 1e-6;

/** What gives the k likeliest tokens of each row. */
export interface Teacher {
  /** Tokens of its vocabulary: the student's, id for id. */
  readonly vocab: number;
  /** Places besides the tail. */
  readonly k: number;
}

/**
 * Σ weight · divergence of the k + 1 places.
 *
 * Inputs: `teacher.ids` int64 (N, k), different tokens of the student's vocabulary; `teacher.logprobs` float32 (N, k),
 * finite natural logs; `teacher.weight` float32 (N), 0 for padding. `checkTeacher` says what is wrong with them.
 *
 * Throws RangeError for a share or a k that cannot be, and when the step is built, so before any session is made, for a
 * teacher of another vocabulary.
 */
export function distillation(teacher: Teacher, divergence: Divergence): Objective {
  const { k } = teacher;
  if (!Number.isInteger(k) || k < 1 || k >= teacher.vocab) {
    throw new RangeError(`a teacher’s top ${k} of ${teacher.vocab} tokens: give at least one, and leave a tail`);
  }
  if (typeof divergence === 'number' && !(divergence > 0 && divergence < 1)) {
    throw new RangeError(`the Jensen-Shannon divergence needs a share between 0 and 1, not ${divergence}`);
  }
  return {
    name: 'distillation',
    build: ({ count, vocab, logprobsOf }) => {
      checkVocabulary(teacher.vocab, vocab);
      const ids = input('teacher.ids', 'int64', [count, k]);
      const target = withTail(input('teacher.logprobs', 'float32', [count, k]));
      const student = withTail(logprobsOf(ids));
      const rows = g.reduceSum(divergenceOf(target, student, divergence), { axes: [1], keepDims: false });
      return { loss: total(g.mul(input('teacher.weight', 'float32', [count]), rows)), outputs: {} };
    },
  };
}

/** Probabilities and their logs, (N, k + 1) each. */
interface Distribution {
  readonly p: Value;
  readonly log: Value;
}

function withTail(logprobs: Value): Distribution {
  const p = g.exp(logprobs);
  const tail = g.max(g.sub(1, g.reduceSum(p, { axes: [1] })), LEAST_TAIL);
  return { p: g.concat([p, tail], 1), log: g.concat([logprobs, g.log(tail)], 1) };
}

/** Each place's part of the divergence. */
function divergenceOf(teacher: Distribution, student: Distribution, divergence: Divergence): Value {
  const kl = (from: Distribution, log: Value): Value => g.mul(from.p, g.sub(from.log, log));
  if (divergence === 'forward') return kl(teacher, student.log);
  if (divergence === 'reverse') return kl(student, teacher.log);
  const mixture = g.log(g.add(g.mul(teacher.p, divergence), g.mul(student.p, 1 - divergence)));
  return g.add(g.mul(kl(teacher, mixture), divergence), g.mul(kl(student, mixture), 1 - divergence));
}
