/**
 * Token sequences in which the longest earlier occurrence of a context's end is found: what followed there is likely to
 * follow here (unbounded n-gram models, as Infini-gram, https://arxiv.org/abs/2401.17377).
 *
 * All sequences lie in one array. Two hash chains lead from the last tokens of a context to the positions after them,
 * newest first: one by ORDERS[0] tokens, and one by ORDERS[1] where the first finds nothing. A match is then followed
 * back token by token, so what is returned was compared and not only hashed.
 */

/** Tokens that a chain's key is made of; a match is never shorter than the last. */
const ORDERS = [5, 2] as const;
/** A match is followed back so far. */
export const LONGEST = 48;
/** Positions of one chain that are looked at, newest first: what bounds a look-up. */
const LOOKS = 512;
/** Positions that a look-up returns, newest first. */
const MOST_FOUND = 32;

/** In place of a removed token. Sequences are parted by -1 - their number. */
const GONE = -0x8000_0000;

export interface Found {
  /** Tokens of the context that the positions follow; at least ORDERS[1]. */
  readonly length: number;
  /** Newest first: the token that followed, and the number of the sequence that it stands in. */
  readonly next: readonly { readonly token: number; readonly sequence: number }[];
}

export class Sequences {
  #tokens = new Int32Array(1 << 12);
  #used = 0;
  /** Tokens of sequences that were not removed. */
  #alive = 0;
  /** By order: where each bucket's chain begins, and each position's next older one; 0 ends a chain. */
  #heads: Int32Array[] = [];
  #older: Int32Array[] = [];
  /** Sequence -> its first token, and how many they are. */
  readonly #places = new Map<number, { from: number; readonly length: number }>();
  #next = 0;

  constructor() {
    this.#reindex();
  }

  /** Tokens of all sequences. */
  get tokens(): number {
    return this.#alive;
  }

  /** Bytes of the arrays. */
  get bytes(): number {
    const chains = [...this.#heads, ...this.#older].reduce((sum, a) => sum + a.byteLength, 0);
    return this.#tokens.byteLength + chains;
  }

  /** @param ids not negative. @returns the sequence's number; a later one has a larger number */
  add(ids: readonly number[]): number {
    const sequence = this.#next++;
    this.#reserve(ids.length + 1);
    this.#tokens[this.#used++] = -1 - sequence;
    this.#places.set(sequence, { from: this.#used, length: ids.length });
    for (const id of ids) this.#tokens[this.#used++] = id;
    this.#index(this.#used - ids.length, ids.length);
    this.#alive += ids.length;
    return sequence;
  }

  /** Forgets a sequence; its tokens are overwritten at once. */
  remove(sequence: number): void {
    const place = this.#places.get(sequence);
    if (place === undefined) return;
    this.#places.delete(sequence);
    this.#tokens.fill(GONE, place.from - 1, place.from + place.length);
    this.#alive -= place.length;
  }

  /**
   * @param fits whether a token may follow at all; positions after which another one stands are passed over
   * @returns where the longest end of the context stands, or null if not even ORDERS[1] tokens of it do
   */
  find(context: readonly number[], fits?: (token: number) => boolean): Found | null {
    const tokens = this.#tokens;
    for (const [i, order] of ORDERS.entries()) {
      if (context.length < order) continue;
      let length = 0;
      let at: number[] = [];
      let position = this.#heads[i]![this.#bucket(context, context.length, order)]!;
      for (let look = 0; position > 0 && look < LOOKS; look++, position = this.#older[i]![position]!) {
        const token = tokens[position]!;
        if (token < 0) continue;
        let n = 0;
        while (n < LONGEST && n < context.length && tokens[position - 1 - n] === context[context.length - 1 - n]) n++;
        if (n < order || n < length || (fits !== undefined && !fits(token))) continue;
        if (n > length) {
          length = n;
          at = [];
        }
        if (at.length < MOST_FOUND) at.push(position);
      }
      if (at.length > 0) return { length, next: at.map((p) => ({ token: tokens[p]!, sequence: this.#owner(p) })) };
    }
    return null;
  }

  /** The sequence of a position: its mark stands before it. */
  #owner(position: number): number {
    let at = position;
    while (this.#tokens[at]! >= 0) at--;
    return -1 - this.#tokens[at]!;
  }

  /** Enters a sequence's positions in the chains of the tokens before them. */
  #index(from: number, length: number): void {
    for (const [i, order] of ORDERS.entries()) {
      const [heads, older] = [this.#heads[i]!, this.#older[i]!];
      for (let position = from + order; position < from + length; position++) {
        const bucket = this.#bucket(this.#tokens, position, order);
        older[position] = heads[bucket]!;
        heads[bucket] = position;
      }
    }
  }

  /** Bucket of the `order` tokens before `end` (FNV-1a over tokens). */
  #bucket(tokens: ArrayLike<number>, end: number, order: number): number {
    let h = 0x811c9dc5;
    for (let n = end - order; n < end; n++) h = Math.imul(h ^ tokens[n]!, 0x01000193);
    h ^= h >>> 15;
    return (h >>> 0) & (this.#heads[0]!.length - 1);
  }

  #reserve(more: number): void {
    const needed = this.#used + more;
    if (needed <= this.#tokens.length) return;
    // What was removed is given back before more is taken.
    let capacity = this.#tokens.length;
    while (capacity < 1.5 * (this.#alive + this.#places.size + more)) capacity *= 2;
    const old = this.#tokens;
    this.#tokens = new Int32Array(capacity);
    this.#used = 0;
    for (const [sequence, place] of this.#places) {
      this.#tokens[this.#used++] = -1 - sequence;
      this.#tokens.set(old.subarray(place.from, place.from + place.length), this.#used);
      place.from = this.#used;
      this.#used += place.length;
    }
    this.#reindex();
  }

  #reindex(): void {
    const capacity = this.#tokens.length;
    this.#heads = ORDERS.map(() => new Int32Array(Math.max(1 << 10, capacity >> 1)));
    this.#older = ORDERS.map(() => new Int32Array(capacity));
    for (const { from, length } of this.#places.values()) this.#index(from, length);
  }
}
