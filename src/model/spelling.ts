/** Which tokens can spell a text that the next tokens must begin with. Texts are bytes, as latin1. */

interface Vocabulary {
  bytes(id: number): Uint8Array;
  readonly vocabSize: number;
}

export class Spelling {
  readonly vocabSize: number;
  /** Tokens' texts, sorted, each with its id. */
  readonly #sorted: { text: string; id: number }[] = [];
  readonly #exact = new Map<string, number>();

  constructor(tokenizer: Vocabulary) {
    this.vocabSize = tokenizer.vocabSize;
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      const text = Buffer.from(tokenizer.bytes(id)).toString('latin1');
      if (text === '') continue;
      this.#sorted.push({ text, id });
      if (!this.#exact.has(text)) this.#exact.set(text, id);
    }
    this.#sorted.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
  }

  /**
   * The tokens that can spell `text`, or begin to. An indentation is as deep as it was typed: no token may go on with
   * blanks, and none may end with it, as the word after it brings the last blank.
   */
  tokens(text: string): number[] {
    const isIndentation = /^\s+ $/.test(text);
    const found: number[] = [];
    for (let n = 1; n < text.length; n++) {
      const id = this.#exact.get(text.slice(0, n));
      if (id !== undefined) found.push(id);
    }
    for (let i = this.#firstFrom(text); this.#sorted[i]?.text.startsWith(text); i++)
      if (!isIndentation || /^\S/.test(this.#sorted[i]!.text.slice(text.length))) found.push(this.#sorted[i]!.id);
    return found;
  }

  /** Whether a token begins with `text`. */
  begins(text: string): boolean {
    return this.#sorted[this.#firstFrom(text)]?.text.startsWith(text) ?? false;
  }

  /** Index of the first token that does not come before `text`. */
  #firstFrom(text: string): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]!.text < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const spellings = new WeakMap<Vocabulary, Spelling>();

/** A tokenizer's, made once. */
export function spellingOf(tokenizer: Vocabulary): Spelling {
  const known = spellings.get(tokenizer);
  // A test's vocabulary grows.
  if (known?.vocabSize === tokenizer.vocabSize) return known;
  const made = new Spelling(tokenizer);
  spellings.set(tokenizer, made);
  return made;
}
