/**
 * The path of a hunk: the texts that arise while the typist turns the old text into the new one.
 *
 * At any time the typist has done the first `typed` units of the new text and has the old text from `left` on before
 * him, so a text of the path is two numbers, and a path of thousands of texts costs no more than the two ends of it.
 */
import { diffArrays } from 'diff';
import type { Place } from '../completion/edit.ts';
import { visible } from '../completion/text.ts';
import { tokenize } from '../completion/tokens.ts';

/** Edits past which a token diff is given up for "all of it": time must not run away on a rewritten page. */
const MAX_TOKEN_EDITS = 1500;

/** A changed span: `removed` goes in one step, then `added` comes token by token. */
export interface Span {
  /** Index of the path's text on arrival; the next ones are those of this span. */
  readonly arrival: number;
  /** UTF-16 offset in the hunk's text on arrival. */
  readonly offset: number;
  readonly removed: string;
  readonly added: readonly string[];
}

/** One text of the path, after a step (the first: before any). */
interface Stop {
  readonly typed: number;
  readonly left: number;
  /** Visible characters deleted and typed up to here. */
  readonly done: number;
  /** Whether the step typed a token. */
  readonly isTyped: boolean;
}

export class Path {
  /** The document around the hunk's text, the same in all texts of the path. */
  readonly prefix: string;
  readonly suffix: string;
  readonly spans: readonly Span[];
  readonly #old: string;
  readonly #new: string;
  readonly #stops: readonly Stop[];
  readonly #byArrival: ReadonlyMap<number, Span>;
  /** Offsets in the new text at which its second and further lines begin. */
  readonly #lineStarts: readonly number[];
  /** Where the hunk's text begins. */
  readonly #begin: Place;

  /**
   * @param before document before the hunk
   * @param after document after it
   * @param from offset in `before` at which the hunk begins
   * @param to offset in `before` at which it ends
   */
  constructor(before: string, after: string, from: number, to: number) {
    let head = Math.min(from, after.length);
    if (!after.startsWith(before.slice(0, head))) head = commonPrefix(before, after);
    let tail = Math.min(before.length - Math.max(to, head), after.length - head);
    if (before.slice(before.length - tail) !== after.slice(after.length - tail))
      tail = commonSuffix(before, after, tail);
    this.prefix = before.slice(0, head);
    this.suffix = before.slice(before.length - tail);
    this.#old = before.slice(head, before.length - tail);
    this.#new = after.slice(head, after.length - tail);
    this.#begin = {
      line: this.prefix.split('\n').length - 1,
      character: this.prefix.length - this.prefix.lastIndexOf('\n') - 1,
    };
    const { spans, stops } = steps(this.#old, this.#new);
    this.spans = spans;
    this.#byArrival = new Map(spans.map((span) => [span.arrival, span]));
    this.#lineStarts = [...this.#new.matchAll(/\n/g)].map((m) => m.index + 1);
    this.#stops = stops;
  }

  /** Index of the last text. */
  get last(): number {
    return this.#stops.length - 1;
  }

  /** Visible characters that the whole hunk deletes and types. */
  get total(): number {
    return this.#stops.at(-1)!.done;
  }

  /** Visible characters deleted and typed up to a text. */
  done(index: number): number {
    return this.#stops[index]!.done;
  }

  /** Indices of the texts that arose by typing a token. */
  typedTexts(): number[] {
    return this.#stops.flatMap((s, i) => (s.isTyped ? [i] : []));
  }

  /** The hunk's part of a text. */
  text(index: number): string {
    const { typed, left } = this.#stops[index]!;
    return this.#new.slice(0, typed) + this.#old.slice(left);
  }

  /** The whole document at a text. */
  document(index: number): string {
    return this.prefix + this.text(index) + this.suffix;
  }

  /** Offset in the document at which the step to a text ended. */
  cursor(index: number): number {
    return this.prefix.length + this.#stops[index]!.typed;
  }

  /** What the step to text `index` (>= 1) did: offset in the hunk's text, what went, what came. */
  step(index: number): { readonly offset: number; readonly removed: string; readonly added: string } {
    const now = this.#stops[index]!;
    if (!now.isTyped) {
      const span = this.#byArrival.get(index - 1)!;
      return { offset: span.offset, removed: span.removed, added: '' };
    }
    const was = this.#stops[index - 1]!;
    // Between two spans lies text that stays: it is passed over, not typed.
    const span = this.#byArrival.get(index - 1);
    const offset = span === undefined ? was.typed : span.offset;
    return { offset, removed: '', added: this.#new.slice(offset, now.typed) };
  }

  /** The last text after `index` that equals this document, or null. */
  find(document: string, index: number): number | null {
    const length = document.length - this.prefix.length - this.suffix.length;
    let hunk: string | null = null;
    for (let i = this.last; i > index; i--) {
      const { typed, left } = this.#stops[i]!;
      if (typed + this.#old.length - left !== length) continue;
      if (hunk === null) {
        if (!document.startsWith(this.prefix) || !document.endsWith(this.suffix)) return null;
        hunk = document.slice(this.prefix.length, this.prefix.length + length);
      }
      if (hunk === this.text(i)) return i;
    }
    return null;
  }

  /** Place of an offset in the hunk's new text, for offsets that the typist has reached. */
  placeOfNew(offset: number): Place {
    let low = 0;
    for (let high = this.#lineStarts.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.#lineStarts[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    const character = low === 0 ? this.#begin.character + offset : offset - this.#lineStarts[low - 1]!;
    return { line: this.#begin.line + low, character };
  }
}

function steps(old: string, now: string): { spans: Span[]; stops: Stop[] } {
  const a = tokenize(old);
  const b = tokenize(now);
  const parts = diffArrays(a, b, { maxEditLength: MAX_TOKEN_EDITS }) ?? [
    { removed: true, added: false, value: a },
    { removed: false, added: true, value: b },
  ];
  const spans: Span[] = [];
  const stops: Stop[] = [{ typed: 0, left: 0, done: 0, isTyped: false }];
  let typed = 0;
  let left = 0;
  let done = 0;
  for (let i = 0; i < parts.length; ) {
    const kept = parts[i]!;
    if (!kept.added && !kept.removed) {
      const length = kept.value.join('').length;
      typed += length;
      left += length;
      i++;
      continue;
    }
    let removed = '';
    const added: string[] = [];
    for (; i < parts.length && (parts[i]!.added || parts[i]!.removed); i++) {
      if (parts[i]!.removed) removed += parts[i]!.value.join('');
      else for (const token of parts[i]!.value) added.push(token);
    }
    spans.push({ arrival: stops.length - 1, offset: typed, removed, added });
    if (removed !== '') {
      left += removed.length;
      done += visible(removed);
      stops.push({ typed, left, done, isTyped: false });
    }
    for (const token of added) {
      typed += token.length;
      done += visible(token);
      stops.push({ typed, left, done, isTyped: true });
    }
  }
  return { spans, stops };
}

/** Characters compared at once, which the runtime does much faster than one by one. */
const STRIDE = 256;

export function commonPrefix(a: string, b: string): number {
  let n = 0;
  while (n + STRIDE <= Math.min(a.length, b.length) && a.slice(n, n + STRIDE) === b.slice(n, n + STRIDE)) n += STRIDE;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

export function commonSuffix(a: string, b: string, most: number): number {
  let n = 0;
  const same = (length: number): boolean =>
    a.slice(a.length - n - length, a.length - n) === b.slice(b.length - n - length, b.length - n);
  while (n + STRIDE <= most && same(STRIDE)) n += STRIDE;
  while (n < most && a[a.length - 1 - n] === b[b.length - 1 - n]) n++;
  return n;
}
