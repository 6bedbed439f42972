/**
 * What may be written where an answer names lines of the document: only lines that stand there. So no answer is lost to
 * a slip of the pen, and what is left without a choice costs no step of its own.
 */
import type { PromptTokenizer } from '../model/prompt.ts';
import { lineIds } from './log.ts';
import type { Marks } from './marks.ts';

/** Most lines that an answer removes. */
export const MOST_LINES = 8;

export class StandingLines {
  readonly #lines: readonly string[];
  readonly #marks: Marks;
  readonly #tokenizer: PromptTokenizer;
  /** Ids of `count` lines from `at` on, by place. */
  readonly #spelled = new Map<number, readonly number[]>();
  /** Lines of different texts: of equal ones the first stands for all, unless more lines follow. */
  readonly #first: readonly number[];

  constructor(lines: readonly string[], marks: Marks, tokenizer: PromptTokenizer) {
    this.#lines = lines;
    this.#marks = marks;
    this.#tokenizer = tokenizer;
    const seen = new Set<string>();
    this.#first = lines.flatMap((line, at) => {
      if (seen.has(line)) return [];
      seen.add(line);
      return [at];
    });
  }

  /**
   * @param ids what was written of the lines so far
   * @param most how many lines may be named
   * @param from the only line with which they may begin; null for any
   * @returns the ids that go on with them, and `marks.added` where they may end; null where the ids are no beginning
   *   of any lines here
   */
  next(ids: readonly number[], most: number, from: number | null): number[] | null {
    const next = new Set<number>();
    const text = Buffer.concat(ids.map((id) => this.#tokenizer.bytes(id))).toString('latin1');
    const ends = text.split('\n').length - 1;
    // Equal lines differ in what follows them.
    const starts = from !== null ? [from] : ends <= 1 ? this.#first : this.#lines.keys();
    for (const at of starts) {
      const least = Math.max(1, ends);
      for (let count = least; count <= Math.min(least + 1, most, this.#lines.length - at); count++) {
        const spelled = this.#ids(at, count);
        if (spelled.length < ids.length || ids.some((id, i) => spelled[i] !== id)) continue;
        if (spelled.length === ids.length) next.add(this.#marks.added);
        else next.add(spelled[ids.length]!);
      }
    }
    return next.size === 0 ? null : [...next];
  }

  #ids(at: number, count: number): readonly number[] {
    const key = at * (MOST_LINES + 1) + count;
    let ids = this.#spelled.get(key);
    if (ids === undefined) {
      ids = lineIds(this.#lines.slice(at, at + count), this.#marks);
      this.#spelled.set(key, ids);
    }
    return ids;
  }
}
