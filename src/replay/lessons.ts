/**
 * What an arm that learns is told, and when: no more and no earlier than the extension would know it.
 *
 * A suggestion's fate, and what was typed instead, are known once the path has left the hunk that they belong to (for
 * a far ask the hunk that it names, or else the next one); a suggestion at rest is refused at once. Skipped asks teach
 * nothing.
 */
import type { Answer, Lesson } from './arm.ts';
import { type Ask, hunkName } from './typist.ts';
import { type Answered, Walker } from './walk.ts';

interface Pending {
  readonly lessons: Lesson[];
  /** The hunk's first ask. */
  first: { readonly ask: Ask; readonly at: number; readonly answer: Answer | null } | null;
}

export class Lessons {
  readonly #threshold: number;
  readonly #typing: boolean;
  readonly #walker = new Walker();
  /** By hunk; those of a file that was left are gone with their hunks. */
  readonly #pending = new Map<string, Pending>();

  /**
   * @param threshold the arm's own, live
   * @param typing whether hunks without a shown suggestion teach too
   */
  constructor(threshold: number, typing: boolean) {
    this.#threshold = threshold;
    this.#typing = typing;
  }

  /** An ask was answered. @returns lessons that are known at once */
  ask(ask: Ask, answered: Answered, answer: Answer | null): Lesson[] {
    const { fate } = this.#walker.step(answered, this.#threshold);
    const isNear = ask.point === 'arrival' || ask.point === 'typing';
    if (isNear) this.#at(ask, ask.hunk).first ??= { ask, at: answered.index, answer };
    if (fate === 'silent' || fate === 'covered') return [];
    const { index, quality } = answered;
    const lesson = { at: index, question: ask.question, answer, withheld: null, fate, typed: ask.typed(), quality };
    if (ask.point === 'rest') return [lesson];
    this.#at(ask, answered.target ?? ask.settles).lessons.push(lesson);
    return [];
  }

  /** The path has left a hunk. @returns what is known now, in the order of the asks */
  left(place: { readonly commit: number; readonly file: number; readonly hunk: number }): Lesson[] {
    const key = hunkName(place);
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    if (pending === undefined) return [];
    const { lessons, first } = pending;
    if (!this.#typing || first === null || lessons.length > 0) return lessons;
    const { ask, at, answer } = first;
    const { question } = ask;
    return [{ at, question, answer: null, withheld: answer, fate: 'silent', typed: ask.typed(), quality: null }];
  }

  #at(place: { readonly commit: number; readonly file: number }, hunk: number): Pending {
    const key = hunkName({ ...place, hunk });
    let pending = this.#pending.get(key);
    if (pending === undefined) this.#pending.set(key, (pending = { lessons: [], first: null }));
    return pending;
  }
}
