/**
 * The text around the cursor as a memory of its own: what stands there already is likely to be written again, also where
 * the prompt has no room for it. Nothing of it is kept but for the next request at the same place.
 */
import { type Recall, recallOf } from './recall.ts';
import { Sequences } from './sequences.ts';

export interface Around {
  /** Text up to the cursor, and from it on. */
  readonly before: string;
  readonly after: string;
}

export class Nearby {
  readonly #encode: (text: string) => number[];
  #key = '';
  #sequences = new Sequences();

  /** @param encode a text as the ids that contexts are made of */
  constructor(encode: (text: string) => number[]) {
    this.#encode = encode;
  }

  /**
   * @param around the line that is being written is left out of it up to the cursor: it would be found as its own
   *   continuation
   */
  recall({ before, after }: Around, context: readonly number[], fits: (token: number) => boolean): Recall | null {
    const above = before.slice(0, Math.max(0, before.lastIndexOf('\n')));
    const key = `${above}\0${after}`;
    if (key !== this.#key) {
      this.#key = key;
      this.#sequences = new Sequences();
      this.#sequences.add(this.#encode(above));
      this.#sequences.add(this.#encode(after));
    }
    const found = this.#sequences.find(context, fits);
    return found && recallOf(found, () => []);
  }
}
