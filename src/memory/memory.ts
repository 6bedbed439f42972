/**
 * What the developer's edits are remembered in: entries by id, the token sequences that they are found by, and the lines
 * that they begin at.
 *
 * Two entries that are spelled alike share a sequence, so that a thousand equal accepts weigh as one. Over its bounds
 * the memory lets go of what was not remembered again for longest. The same entries in the same order make the same
 * memory, so it is not stored: it is made again from the stored signals.
 */
import type { Change } from '../prompt/hunk.ts';
import { isAlike, keyOf, lineKey } from './again.ts';
import type { Entry } from './entry.ts';
import { NAMED, type Recall, recallOf } from './recall.ts';
import { Sequences } from './sequences.ts';

/** Entries; tokens of all of them, which take 16 to 32 bytes each; and tokens of one entry. */
export const MEMORY_LIMITS = { entries: 100_000, tokens: 2_600_000, entryTokens: 512 } as const;

/** Different edits of a line that are looked at, however many there were. */
const MOST_AT_A_LINE = 64;

interface Kept {
  readonly sequence: number;
  /** By id, oldest first. */
  readonly entries: Map<string, Entry>;
  /** Ids of the newest, newest first: what a recall names. */
  newest: readonly string[];
  /** Key of the line that it begins at (again.ts). */
  readonly line: string | null;
}

export class Memory {
  readonly #spell: (change: Change) => number[];
  readonly #limits: { readonly entries: number; readonly tokens: number };
  readonly #sequences = new Sequences();
  /** By spelling, least recently remembered first. */
  readonly #kept = new Map<string, Kept>();
  readonly #spellings = new Map<number, string>();
  /** Id of an entry -> its spelling. */
  readonly #ids = new Map<string, string>();
  /** Spellings by the key of the line that they begin at, least recently remembered first. */
  readonly #lines = new Map<string, Set<string>>();

  /** @param spell a change as the ids that contexts are made of */
  constructor(spell: (change: Change) => number[], limits: Partial<Record<keyof typeof MEMORY_LIMITS, number>> = {}) {
    this.#spell = spell;
    this.#limits = { ...MEMORY_LIMITS, ...limits };
  }

  /** Entries. */
  get size(): number {
    return this.#ids.size;
  }

  get bytes(): number {
    return this.#sequences.bytes;
  }

  /** Remembers an entry; one with its id is replaced. What cannot be spelled is not remembered. */
  remember(entry: Entry): void {
    this.forget(entry.id);
    const ids = this.#spell(entry.change).slice(0, MEMORY_LIMITS.entryTokens);
    if (ids.length < 2) return;
    const spelling = ids.join(' ');
    const old = this.#kept.get(spelling);
    if (old !== undefined) {
      // Remembered again: it counts as new, in the index too.
      this.#kept.delete(spelling);
      this.#sequences.remove(old.sequence);
      this.#spellings.delete(old.sequence);
    }
    const entries = old?.entries ?? new Map<string, Entry>();
    entries.set(entry.id, entry);
    const sequence = this.#sequences.add(ids);
    const newest = [entry.id, ...(old?.newest ?? [])].slice(0, NAMED);
    const line = old === undefined ? lineKey(entry.change.hunk) : old.line;
    this.#kept.set(spelling, { sequence, entries, newest, line });
    this.#spellings.set(sequence, spelling);
    this.#ids.set(entry.id, spelling);
    if (line !== null) {
      const spellings = this.#lines.get(line) ?? new Set();
      spellings.delete(spelling);
      this.#lines.set(line, spellings.add(spelling));
    }
    this.#bound();
  }

  /** An edit was refused: what did the same to such a line is found by it no more, until it is remembered again. */
  refuse({ hunk }: Change): void {
    const key = lineKey(hunk);
    if (key === null) return;
    for (const spelling of this.#lines.get(key) ?? []) {
      const [entry] = this.#kept.get(spelling)!.entries.values();
      if (isAlike(entry!.change.hunk, hunk)) this.#loseLine(key, spelling);
    }
  }

  /** @returns whether there was such an entry */
  forget(id: string): boolean {
    const spelling = this.#ids.get(id);
    if (spelling === undefined) return false;
    this.#lose(id, spelling, this.#kept.get(spelling)!);
    return true;
  }

  /** Newest first. */
  *entries(): Generator<Entry> {
    for (const { entries } of [...this.#kept.values()].reverse()) yield* [...entries.values()].reverse();
  }

  /**
   * What followed where the context was last seen, by its longest end that was.
   *
   * @param context ids, as `spell` makes them, the newest last
   * @param fits whether a token may follow
   */
  recall(context: readonly number[], fits?: (token: number) => boolean): Recall | null {
    const found = this.#sequences.find(context, fits);
    return found && recallOf(found, (sequence) => this.#kept.get(this.#spellings.get(sequence)!)!.newest);
  }

  /**
   * What was done to a line, wherever it stood and however deep: of each that is spelled alike the newest.
   *
   * @returns newest first, at most MOST_AT_A_LINE
   */
  *begunAt(line: string): Generator<Entry> {
    const key = keyOf(line);
    const spellings = key === null ? undefined : this.#lines.get(key);
    for (const spelling of [...(spellings ?? [])].slice(-MOST_AT_A_LINE).reverse())
      yield [...this.#kept.get(spelling)!.entries.values()].at(-1)!;
  }

  #bound(): void {
    while (this.#ids.size > this.#limits.entries || this.#sequences.tokens > this.#limits.tokens) {
      const [spelling, kept] = this.#kept.entries().next().value!;
      if (this.#kept.size === 1 && kept.entries.size === 1) return;
      // Of what is spelled alike, the newest entry stands for all.
      this.#lose(kept.entries.keys().next().value!, spelling, kept);
    }
  }

  #lose(id: string, spelling: string, kept: Kept): void {
    const { sequence, entries, line } = kept;
    this.#ids.delete(id);
    entries.delete(id);
    if (kept.newest.includes(id)) kept.newest = [...entries.keys()].slice(-NAMED).reverse();
    if (entries.size > 0) return;
    this.#kept.delete(spelling);
    this.#spellings.delete(sequence);
    this.#sequences.remove(sequence);
    if (line !== null) this.#loseLine(line, spelling);
  }

  #loseLine(line: string, spelling: string): void {
    const spellings = this.#lines.get(line);
    spellings?.delete(spelling);
    if (spellings?.size === 0) this.#lines.delete(line);
  }
}
