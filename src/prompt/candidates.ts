/**
 * Edits that can be thought of without a model: what recent edits did, done again wherever it applies. The model is
 * asked how likely each of them is (docs/edits.md).
 */
import type { Edit } from '../completion/edit.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import { tokenize } from '../completion/tokens.ts';
import type { Candidate } from './format.ts';
import { lineEdit } from './hunk.ts';
import { ALONG, type Along, type Facts, logOdds, type Situation } from './odds.ts';
import { type Application, applications, rulesOf } from './rules.ts';
import { MOST_LINES } from './standing.ts';

/** Applications that a candidate is made of, the best ones. */
const MOST_BASES = 64;
/** Changes that are made together, at most. */
const MOST_ALONG = 64;
/** From this fit on a rule is applied along with another one. */
const ALONG_FIT = 1.5;

/** A candidate, and what its weight is made of. */
export interface Found extends Candidate {
  readonly facts: Facts;
}

/**
 * What recent edits did, done again in a window.
 *
 * @param at the only line at which an edit may begin, or under which it may add lines, as an index in the window's
 *   lines; null for any
 * @returns at most `most` different edits, those that are likeliest to come next in the situation first
 */
export function findCandidates(
  input: Omit<Snapshot, 'languageId'>,
  most: number,
  at: number | null,
  situation: Situation,
): Found[] {
  const text = new Lines(input);
  const all = rulesOf(input).flatMap((rule) => applications(text.tokens, rule));
  const byLine = Map.groupBy(all, (application) => text.lineOf(application.from));
  const byRule = Map.groupBy(all, ({ rule }) => rule);
  const alone = (base: Application): Facts => {
    const places = byRule.get(base.rule)!.length;
    return { base, away: text.away(base), places, along: 'alone', changes: 1, beside: 0, addedLines: 0 };
  };
  const bases = all
    .filter(({ from }) => at === null || Math.abs(text.lineOf(from) - at) <= 1)
    .map(alone)
    .map((facts) => ({ facts, odds: logOdds(situation, facts) }))
    .sort((a, b) => b.odds - a.odds)
    .slice(0, MOST_BASES);
  const found = new Map<string, Found>();
  for (const { facts } of bases) {
    const { base } = facts;
    const line = text.lineOf(base.from);
    for (const along of ALONG) {
      const inLine = (n: number): Application[] => (byLine.get(n) ?? []).filter((a) => goesAlong(along, a, base));
      const beside: Application[] = [];
      for (let n = line + 1; n <= line + MOST_LINES && inLine(n).length > 0; n++) beside.push(...inLine(n));
      for (let n = line - 1; n >= line - MOST_LINES && inLine(n).length > 0; n--) beside.push(...inLine(n));
      for (const more of beside.length > 0 ? [beside, []] : [[]]) {
        const here = inLine(line);
        const edit = text.apply(compatible(base, [...here, ...more]), at);
        if (edit === null) continue;
        const addedLines = edit.text.split('\n').length - 1;
        const told = { ...facts, along, changes: Math.max(1, here.length), beside: more.length, addedLines };
        const weight = logOdds(situation, told);
        const key = JSON.stringify(edit);
        if ((found.get(key)?.weight ?? Number.NEGATIVE_INFINITY) >= weight) continue;
        found.set(key, { edit, weight, facts: told });
      }
    }
  }
  return [...found.values()].sort((a, b) => b.weight - a.weight).slice(0, most);
}

function goesAlong(along: Along, other: Application, base: Application): boolean {
  switch (along) {
    case 'alone':
      return other === base;
    case 'alike':
      return sameChange(other, base);
    case 'of its edit':
      return other.rule.age === base.rule.age && other.fit >= ALONG_FIT;
    case 'of any edit':
      return other.fit >= ALONG_FIT;
  }
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

  /** Lines from the cursor's down to it. */
  away({ from }: Application): number {
    return this.lineOf(from) - this.#row;
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
