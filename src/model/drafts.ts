/**
 * Guesses at what the model is going to write, from what stands near by: the last answer, as the user types along, the
 * text after the cursor, and the prompt itself. Those that are right save a forward pass each (prompt lookup decoding,
 * https://github.com/apoorvumang/prompt-lookup-decoding); what is written is the same with them and without.
 */
import type { Drafts } from './decode.ts';

/** Ids to guess by how many of the last ids stand alike elsewhere, from two on. A wrong one costs a tenth of a pass. */
const GUESSES = [0, 0, 3, 6, 10] as const;
/** Ids of the last answer that are guessed at once. */
const ALONG = 12;

export class Lookup implements Drafts {
  /** The last prompt and the answer to it. */
  #last: readonly number[] = [];
  #nearby: readonly number[] = [];

  /** Ids of text that may be written again, such as what follows the cursor. */
  set nearby(ids: readonly number[]) {
    this.#nearby = ids;
  }

  wrote(ids: readonly number[]): void {
    this.#last = ids;
  }

  after(context: readonly number[]): readonly number[] {
    const along = this.#last.length > context.length && context.every((id, i) => this.#last[i] === id);
    if (along) return this.#last.slice(context.length, context.length + ALONG);
    let best: readonly number[] = [];
    let most = 1;
    for (const ids of [this.#nearby, context, this.#last]) {
      const { at, alike } = nearest(ids, context, most);
      if (alike <= most) continue;
      most = alike;
      best = ids.slice(at, at + GUESSES[alike]!);
    }
    return best;
  }
}

/** Where in `ids` the last place goes on that ends like `context`, in more than `least` ids; how many are alike, up to four. */
function nearest(ids: readonly number[], context: readonly number[], least: number): { at: number; alike: number } {
  const last = context.at(-1);
  let [at, alike] = [0, least];
  for (let i = ids.length - 1; i > 0 && alike < GUESSES.length - 1; i--) {
    // What follows the end itself is not known.
    if (ids[i - 1] !== last) continue;
    let n = 1;
    while (n < GUESSES.length - 1 && n < i && ids[i - 1 - n] === context[context.length - 1 - n]) n++;
    if (n > alike) [at, alike] = [i, n];
  }
  return { at, alike };
}
