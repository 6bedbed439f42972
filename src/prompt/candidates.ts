/**
 * Edits that can be thought of without a model: what recent edits did, done again wherever it applies. The model is
 * asked how likely each of them is (docs/edits.md).
 */
import type { Edit } from '../completion/edit.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import { tokenize } from '../completion/tokens.ts';
import type { Candidate } from './format.ts';
import { lineEdit } from './hunk.ts';
import { type Application, applications, rulesOf } from './rules.ts';
import { MOST_LINES } from './standing.ts';

/** Applications that a candidate is made of, the best ones. */
const MOST_BASES = 64;
/** Changes that are made together, at most. */
const MOST_ALONG = 64;
/** What speaks for changing the lines beside as well, where the same applies there. */
const WHOLE = 0.2;
/** From this fit on a rule is applied along with another one. */
const ALONG_FIT = 1.5;

/** Everywhere that what recent edits did applies in a text. */
interface Applied {
  readonly text: Lines;
  /** The best first. */
  readonly valued: readonly { readonly base: Application; readonly value: number }[];
  readonly byLine: ReadonlyMap<number, readonly Application[]>;
}

/**
 * What can be found in a window, asked for as often as needed.
 *
 * @returns at most `most` different edits, the best first, for `at`: the only line at which an edit may begin, or under
 *   which it may add lines, as an index in the window's lines; null for any
 */
export function findCandidates(input: Omit<Snapshot, 'languageId'>): (most: number, at: number | null) => Candidate[] {
  const text = new Lines(input);
  const all = rulesOf(input).flatMap((rule) => applications(text.tokens, rule));
  const valued = all.map((base) => ({ base, value: text.value(base) })).sort((a, b) => b.value - a.value);
  const byLine = Map.groupBy(all, (application) => text.lineOf(application.from));
  return (most, at) => best({ text, valued, byLine }, most, at);
}

function best({ text, valued, byLine }: Applied, most: number, at: number | null): Candidate[] {
  const bases = valued
    .filter(({ base }) => at === null || Math.abs(text.lineOf(base.from) - at) <= 1)
    .slice(0, MOST_BASES);
  const found = new Map<string, Candidate>();
  for (const { base, value } of bases) {
    const line = text.lineOf(base.from);
    for (const isAlike of [
      (other: Application) => other === base,
      (other: Application) => sameChange(other, base),
      (other: Application) => other.rule.age === base.rule.age && other.fit >= ALONG_FIT,
      (other: Application) => other.fit >= ALONG_FIT,
    ]) {
      const inLine = (n: number): Application[] => (byLine.get(n) ?? []).filter(isAlike);
      const beside: Application[] = [];
      for (let n = line + 1; n <= line + MOST_LINES && inLine(n).length > 0; n++) beside.push(...inLine(n));
      for (let n = line - 1; n >= line - MOST_LINES && inLine(n).length > 0; n--) beside.push(...inLine(n));
      for (const more of beside.length > 0 ? [beside, []] : [[]]) {
        const edit = text.apply(compatible(base, [...inLine(line), ...more]), at);
        const weight = more.length > 0 ? value + WHOLE : value;
        const key = JSON.stringify(edit);
        if (edit === null || (found.get(key)?.weight ?? Number.NEGATIVE_INFINITY) >= weight) continue;
        found.set(key, { edit, weight });
      }
    }
  }
  return [...found.values()].sort((a, b) => b.weight - a.weight).slice(0, most);
}

function sameChange(a: Application, b: Application): boolean {
  const [x, y] = [a.rule, b.rule];
  return x.removed.join('') === y.removed.join('') && x.added.join('') === y.added.join('');
}

/** Those of `along` that leave each other alone, `base` before all, then the best; in order. */
function compatible(base: Application, along: readonly Application[]): Application[] {
  const chosen = [base];
  for (const other of along.toSorted((a, b) => b.fit - a.fit).slice(0, MOST_ALONG)) {
    if (chosen.every(({ from, to }) => other.to < from || other.from > to || isBeside(other, { from, to })))
      chosen.push(other);
  }
  return chosen.sort((a, b) => a.from - b.from);
}

/** Two changes that touch, each of which takes something away. */
function isBeside(a: Pick<Application, 'from' | 'to'>, b: Pick<Application, 'from' | 'to'>): boolean {
  return a.to > a.from && b.to > b.from && (a.to === b.from || b.to === a.from);
}

/** The window's lines as tokens. */
class Lines {
  readonly tokens: readonly string[];
  readonly #lines: readonly string[];
  readonly #row: number;
  readonly #startLine: number;
  /** By line, and one more: the index of its first token. */
  readonly #starts: number[] = [0];

  constructor({ before, after, startLine }: Pick<Snapshot, 'before' | 'after' | 'startLine'>) {
    this.#lines = (before + after).split('\n');
    this.#row = before.split('\n').length - 1;
    this.#startLine = startLine;
    this.tokens = tokenize(before + after);
    for (const [i, token] of this.tokens.entries()) if (token === '\n') this.#starts.push(i + 1);
    this.#starts.push(this.tokens.length + 1);
  }

  /** The line that holds a token, or that the text's end is in. */
  lineOf(token: number): number {
    let [low, high] = [0, this.#starts.length - 1];
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= token) low = middle;
      else high = middle;
    }
    return low;
  }

  value({ rule, from, fit }: Application): number {
    const away = this.lineOf(from) - this.#row;
    return fit - 0.15 * rule.age - 0.3 * Math.log1p(Math.abs(away)) - (away < 0 ? 1 : 0);
  }

  /** @returns null if nothing changes, or if the edit does not begin where it may */
  apply(applied: readonly Application[], place: number | null): Edit | null {
    const first = this.lineOf(applied[0]!.from);
    const last = this.lineOf(Math.max(applied.at(-1)!.from, applied.at(-1)!.to));
    let text = '';
    let done = this.#starts[first]!;
    for (const { rule, from, to } of applied) {
      text += this.tokens.slice(done, from).join('') + rule.added.join('');
      done = to;
    }
    text += this.tokens.slice(done, this.#starts[last + 1]! - 1).join('');
    let removed = this.#lines.slice(first, last + 1);
    let added = text.split('\n');
    let at = first;
    while (removed.length > 0 && added.length > 0 && removed[0] === added[0]) {
      [removed, added] = [removed.slice(1), added.slice(1)];
      at++;
    }
    while (removed.length > 0 && added.length > 0 && removed.at(-1) === added.at(-1))
      [removed, added] = [removed.slice(0, -1), added.slice(0, -1)];
    if (removed.length + added.length === 0) return null;
    if (place !== null && at !== (removed.length > 0 ? place : place + 1)) return null;
    return lineEdit(this.#lines, this.#startLine, at, removed.length, added);
  }
}
