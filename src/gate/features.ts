/**
 * What a gate looks at: numbers of about unit size that say how sure the model was, what the edit does, where the
 * cursor stands, and what became of the suggestions before. Nothing of it is unknown to the extension when it answers.
 *
 * A feature is added at the end or renamed, never changed in place: stored ones carry VERSION.
 */
import { cursorOf, type Edit, placeAt, rangeInWindow } from '../completion/edit.ts';
import { narrow } from '../completion/present.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import { hash, visible } from '../completion/text.ts';
import type { Past } from './past.ts';

export const VERSION = 2;

/** Weights of a language's own: ids share these many places. */
const LANGUAGES = 8;

/** What is judged. */
export interface Candidate {
  readonly snapshot: Snapshot;
  readonly edit: Edit;
  /** As Suggestion's. */
  readonly tokenLogprobs: readonly number[];
  readonly tokenChances?: readonly number[];
  /** Share of the tokens that a memory put in, 0 to 1. */
  readonly retrieved?: number;
  /** As Suggestion's. */
  readonly repeats?: number;
}

/** When it is judged. */
export interface Moment {
  /** Asks so far. */
  readonly at: number;
  /** As Still tells. */
  readonly still: number;
  /** Asks at the newest suggestion that was let through, whatever came of it; absent where that is not known. */
  readonly shown?: number | undefined;
}

type Feature = readonly [name: string, value: (facts: Facts) => number];

const PROSE = new Set(['markdown', 'plaintext', 'restructuredtext', 'latex', 'git-commit', 'asciidoc']);
const DATA = new Set(['json', 'jsonc', 'yaml', 'toml', 'ini', 'properties', 'xml', 'csv', 'dotenv']);

const LEAST: Feature = ['least log-probability', (f) => Math.max(-6, f.least) / 2];
const UNSURE: Feature = ['unsure tokens', (f) => Math.log1p(f.logs.filter((l) => l < -0.7).length)];
const TOKENS: Feature = ['tokens', (f) => Math.log1p(f.logs.length) / 3];

/** What has weights of its own in some kinds of edit. */
const SURENESS = [LEAST, UNSURE, TOKENS];

const FEATURES: readonly Feature[] = [
  ['always', () => 1],
  // How sure the model was.
  ['mean log-probability', (f) => Math.max(-3, f.mean)],
  ['mean probability', (f) => Math.exp(f.mean)],
  LEAST,
  ['first log-probability', (f) => Math.max(-6, f.logs[0] ?? -6) / 2],
  ['whole log-probability', (f) => Math.max(-20, f.sum) / 5],
  UNSURE,
  ['from memory', (f) => f.retrieved],
  // What the edit does.
  TOKENS,
  ['characters', (f) => Math.log1p(visible(f.added)) / 3],
  ['lines', (f) => Math.log1p(f.added.split('\n').length - 1)],
  ['removes', (f) => Math.log1p(visible(f.removed)) / 3],
  ['only removes', (f) => flag(visible(f.added) === 0)],
  ['at the cursor', (f) => flag(f.from === f.cursor)],
  ['before the cursor', (f) => flag(f.from < f.cursor)],
  ['lines from the cursor', (f) => Math.log1p(Math.abs(f.linesAway)) / 2],
  ['line stands already', (f) => flag(f.stands)],
  ['line stands below', (f) => flag(f.repeatsBelow)],
  ['known words', (f) => f.known],
  ['brackets left open', (f) => Math.log1p(Math.abs(openBrackets(f.added)))],
  ['undoes the last edit', (f) => flag(f.undoes)],
  ['repeats a late edit', (f) => flag(f.follows)],
  // Where the cursor stands.
  ['blank before the cursor', (f) => flag(f.before.trim() === '')],
  ['nothing after the cursor', (f) => flag(f.after.trim() === '')],
  ['closing marks after the cursor', (f) => flag(/^[\s)\]}>;:,"'`]+$/.test(f.after) && f.after.trim() !== '')],
  ['in a word', (f) => flag(/\w$/.test(f.before))],
  ['after a space', (f) => flag(/\S\s+$/.test(f.before))],
  ['after an opening mark', (f) => flag(/[.([{<=,]\s*$/.test(f.before))],
  ['in a comment', (f) => flag(/^\s*(\/\/|#|\/\*|\*|<!--)/.test(f.before))],
  ['at the end of the file', (f) => flag(f.isAtEnd)],
  ['at the last edit', (f) => flag(f.place === 'here')],
  ['last edit in another file', (f) => flag(f.place === 'elsewhere')],
  ['asked again', (f) => flag(f.still === 1)],
  ['asked thrice or more', (f) => flag(f.still >= 2)],
  ['asked often', (f) => Math.log1p(Math.min(50, f.still)) / 2],
  ['prose', (f) => flag(PROSE.has(f.languageId))],
  ['data', (f) => flag(DATA.has(f.languageId))],
  // What became of the suggestions before.
  ['last outcome', (f) => f.past.last(f.at)],
  ['asks since', (f) => Math.log1p(Math.min(200, f.past.since(f.at) ?? 200)) / 3],
  ['late outcomes', (f) => 2 * f.past.fast],
  ['outcomes', (f) => 4 * f.past.slow],
  ['rejected in a row', (f) => f.past.rejectsInARow],
  ['outcomes in the file', (f) => f.past.inFile(f.path)],
  ['same text before', (f) => f.past.sameText(digestOf(f.added))],
  ...Array.from({ length: LANGUAGES }, (_, n): Feature => [`language ${n}`, (f) => flag(bucket(f.languageId) === n)]),
  // Where it does again what an earlier edit did: it was not the likeliest, and something else speaks for it.
  ['does an edit again', (f) => flag(f.repeats !== undefined)],
  ['log-odds of that', (f) => f.repeats ?? 0],
  ['log-probability of that', (f) => (f.repeats === undefined ? 0 : Math.max(-10, f.sum) / 5)],
  // To be sure of an insertion is one thing, of a change or of what a rule made another.
  ['takes away', (f) => flag(f.takesAway)],
  ...SURENESS.map(([name, value]): Feature => [`${name}, taking away`, (f) => (f.takesAway ? value(f) : 0)]),
  ...SURENESS.map(([name, value]): Feature => [`${name}, again`, (f) => (f.repeats === undefined ? 0 : value(f))]),
];

export const FEATURE_NAMES: readonly string[] = FEATURES.map(([name]) => name);

/** Whether a feature says which language it is, and not what kind of text: no prior can know what one language is worth. */
export function isOfLanguage(name: string): boolean {
  return name.startsWith('language ');
}

/** @returns finite numbers, one for each of FEATURE_NAMES, whatever the candidate holds */
export function featuresOf(candidate: Candidate, moment: Moment, past: Past): number[] {
  const facts = factsOf(candidate, moment, past);
  return FEATURES.map(([, value]) => {
    const x = value(facts);
    // Four digits are enough, and they are stored.
    return Number.isFinite(x) ? Math.round(Math.min(8, Math.max(-8, x)) * 1e4) / 1e4 : 0;
  });
}

/** What a suggestion puts in, as Past compares it. */
export function addedText({ snapshot, edit }: Pick<Candidate, 'snapshot' | 'edit'>): string {
  const range = rangeInWindow(snapshot, edit);
  if (range === null) return edit.text;
  return narrow((snapshot.before + snapshot.after).slice(range.from, range.to), edit.text).text;
}

type Facts = ReturnType<typeof factsOf>;

function factsOf(candidate: Candidate, { at, still }: Moment, past: Past) {
  const { snapshot, edit, tokenLogprobs, tokenChances = tokenLogprobs, retrieved = 0, repeats } = candidate;
  const { path, languageId, recent } = snapshot;
  const logs = tokenChances.filter((l) => Number.isFinite(l)).map((l) => Math.min(0, l));
  const sum = logs.reduce((a, b) => a + b, 0);
  const all = snapshot.before + snapshot.after;
  const cursor = snapshot.before.length;
  const range = rangeInWindow(snapshot, edit) ?? { from: cursor, to: cursor };
  const replaced = all.slice(range.from, range.to);
  const change = narrow(replaced, edit.text);
  const from = range.from + change.from;
  const to = range.from + change.to;
  const removed = replaced.slice(change.from, change.to);
  const lines = new Set(all.split('\n').map((l) => l.trim()));
  const whole = wholeLine(all, from, to, change.text);
  const below = all
    .slice(to)
    .split('\n')
    .slice(1)
    .find((l) => l.trim() !== '');
  const last = recent.at(-1);
  const { line } = cursorOf(snapshot);
  return {
    path,
    languageId,
    at,
    still,
    past,
    retrieved,
    repeats,
    logs,
    sum,
    mean: logs.length === 0 ? -3 : sum / logs.length,
    least: logs.length === 0 ? -6 : Math.min(...logs),
    cursor,
    from,
    added: change.text,
    removed,
    takesAway: visible(removed) > 0,
    linesAway: placeAt(all, from).line - placeAt(all, cursor).line,
    stands: isTelling(whole) && lines.has(whole),
    repeatsBelow: isTelling(whole) && below !== undefined && below.trim() === whole,
    known: knownShare(change.text, `${all}\n${recent.map((e) => e.added).join('\n')}`),
    undoes:
      last !== undefined &&
      isTelling(change.text.trim()) &&
      last.removed.includes(change.text.trim()) &&
      !last.added.includes(change.text.trim()),
    follows: isTelling(change.text.trim()) && recent.some((e) => e.added.includes(change.text.trim())),
    before: snapshot.before.slice(snapshot.before.lastIndexOf('\n') + 1),
    after: snapshot.after.split('\n', 1)[0]!,
    isAtEnd: snapshot.after.trim() === '',
    place: placeOf(last, path, line),
  };
}

/** Where the last edit was, seen from the cursor. */
function placeOf(
  last: Snapshot['recent'][number] | undefined,
  path: string,
  line: number,
): 'here' | 'file' | 'elsewhere' {
  if (last === undefined || last.path !== path) return 'elsewhere';
  const height = last.added.split('\n').length;
  return line >= last.line && line <= last.line + height ? 'here' : 'file';
}

/** The first line that the edit makes, without its indentation. */
function wholeLine(all: string, from: number, to: number, added: string): string {
  const start = all.lastIndexOf('\n', from - 1) + 1;
  const end = all.indexOf('\n', to);
  const made = all.slice(start, from) + added + all.slice(to, end < 0 ? all.length : end);
  // Of text put in at a line's end, the line that stood there says nothing.
  const lines = made.split('\n').map((l) => l.trim());
  return lines.length > 1 && all.slice(start, from).trim() === lines[0] ? lines[1]! : lines[0]!;
}

/** Enough of a text that finding it again is no chance. */
function isTelling(text: string): boolean {
  return text.replace(/[^\p{L}\p{N}]/gu, '').length >= 4;
}

/** Share of the words of a text that stand in another one; 1 if it has none. */
function knownShare(text: string, other: string): number {
  const words = text.match(/[\p{L}_$][\p{L}\p{N}_$]*/gu) ?? [];
  if (words.length === 0) return 1;
  const known = new Set(other.match(/[\p{L}_$][\p{L}\p{N}_$]*/gu) ?? []);
  return words.filter((w) => known.has(w)).length / words.length;
}

function openBrackets(text: string): number {
  let open = 0;
  for (const c of text) open += '([{'.includes(c) ? 1 : ')]}'.includes(c) ? -1 : 0;
  return open;
}

function flag(is: boolean): number {
  return is ? 1 : 0;
}

function bucket(languageId: string): number {
  return hash(languageId) % LANGUAGES;
}

/** 16 bits of a text: enough to see it again among a few, too little to guess it; 0 if nothing of it can be seen. */
export function digestOf(text: string): number {
  if (text.trim() === '') return 0;
  const h = hash(text);
  return (h >>> 16) ^ (h & 0xffff) || 1;
}
