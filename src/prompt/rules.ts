/**
 * What recent edits did to tokens, as rules that may do it again elsewhere: a name that changed is used in other lines,
 * an argument that came in one call comes in the next.
 */
import { diffArrays } from 'diff';
import type { Snapshot } from '../completion/snapshot.ts';
import { tokenize } from '../completion/tokens.ts';

/** Tokens that go, and those that come in their place. */
export interface Rule {
  readonly removed: readonly string[];
  readonly added: readonly string[];
  /** What stood before and after them, nearest last and nearest first; at most CONTEXT tokens each. */
  readonly left: readonly string[];
  readonly right: readonly string[];
  /** Edits made since. */
  readonly age: number;
  /** Changes that its edit is made of: many where it was written anew, and each of them tells little. */
  readonly changes: number;
  /** How many of the recent edits changed the same, and whether the last two both did. */
  readonly times: number;
  readonly isRunning: boolean;
}

/** A place in a text's tokens where a rule applies. */
export interface Application {
  readonly rule: Rule;
  /** The tokens from `from` up to `to` go. */
  readonly from: number;
  readonly to: number;
  /** How much of what was there when the rule was made is here too, before, in and after it: about one for each word. */
  readonly left: number;
  readonly own: number;
  readonly right: number;
  /** All of it. */
  readonly fit: number;
}

/** Tokens beside a change that are compared. */
const CONTEXT = 8;
/** Token edits past which an edit is no rule but a rewriting, and most tokens of either side of a rule. */
const MOST_EDITS = 400;
const MOST_TOKENS = 60;
/** What goes, or else what stands beside it, is at least a word. */
const LEAST_FIT = 1;

/** The newest first, each once. */
export function rulesOf(input: Omit<Snapshot, 'languageId'>): Rule[] {
  const lines = (input.before + input.after).split('\n');
  const edits = input.recent.toReversed().map((edit) => changesOf(edit, input, lines));
  /** Of each change the edits that made it, by age. */
  const made = new Map<string, Set<number>>();
  for (const [age, changes] of edits.entries()) {
    for (const change of changes) {
      const ages = made.get(keyOf(change)) ?? new Set();
      made.set(keyOf(change), ages.add(age));
    }
  }
  const rules = new Map<string, Rule>();
  for (const [age, changes] of edits.entries()) {
    for (const change of changes) {
      const ages = made.get(keyOf(change))!;
      const rule = { ...change, age, changes: changes.length, times: ages.size, isRunning: ages.has(0) && ages.has(1) };
      if (!rules.has(placeKeyOf(change))) rules.set(placeKeyOf(change), rule);
    }
  }
  return [...rules.values()];
}

type Change = Pick<Rule, 'removed' | 'added' | 'left' | 'right'>;

function keyOf({ removed, added }: Change): string {
  return `${removed.join('')}\0${added.join('')}`;
}

/** With what stands next to it: where that is the same too, one change is as good as the other. */
function placeKeyOf(change: Change): string {
  return [keyOf(change), change.left.slice(-2).join(''), change.right.slice(0, 2).join('')].join('\0');
}

/**
 * What one edit did, each once.
 *
 * @param lines of the window: where the edit stands there, what is above and below it is beside what changed, too
 */
function changesOf(
  edit: Snapshot['recent'][number],
  { path, startLine }: Pick<Snapshot, 'path' | 'startLine'>,
  lines: readonly string[],
): Change[] {
  const at = edit.line - startLine;
  const height = edit.added.split('\n').length;
  const stands = edit.path === path && edit.added === lines.slice(at, at + height).join('\n') && at >= 0;
  const around = (text: string): string[] => {
    const above = stands && at > 0 ? `\n${lines[at - 1]}` : '';
    const below = stands && at + height < lines.length ? `${lines[at + height]}\n` : '';
    return tokenize(`${above}\n${text}\n${below}`);
  };
  const found = new Map<string, Change>();
  for (const change of changes(around(edit.removed), around(edit.added))) {
    if (!found.has(placeKeyOf(change))) found.set(placeKeyOf(change), change);
  }
  return [...found.values()];
}

function changes(old: readonly string[], now: readonly string[]): Change[] {
  const found: Change[] = [];
  let at = 0;
  const parts = diffArrays([...old], [...now], { maxEditLength: MOST_EDITS }) ?? [];
  for (let i = 0; i < parts.length; ) {
    const from = at;
    const [removed, added]: [string[], string[]] = [[], []];
    for (; parts[i]?.removed || parts[i]?.added; i++) (parts[i]!.removed ? removed : added).push(...parts[i]!.value);
    at += removed.length;
    if (isTelling(removed) || isTelling(added)) {
      const left = old.slice(Math.max(0, from - CONTEXT), from);
      found.push({ removed, added, left, right: old.slice(at, at + CONTEXT) });
    }
    for (; parts[i] !== undefined && !parts[i]!.removed && !parts[i]!.added; i++) at += parts[i]!.value.length;
  }
  return found.filter(({ removed, added }) => removed.length <= MOST_TOKENS && added.length <= MOST_TOKENS);
}

/** Everywhere that the rule applies, but for where its work is done. */
export function applications(tokens: readonly string[], rule: Rule): Application[] {
  const found: Application[] = [];
  const { removed, added } = rule;
  const own = removed.reduce((sum, token) => sum + weight(token), 0);
  for (let from = 0; from + removed.length <= tokens.length; from++) {
    if (!removed.every((token, i) => tokens[from + i] === token)) continue;
    const to = from + removed.length;
    const [left, right] = context(tokens, from, to, rule);
    // Between any two tokens something can come in, and a comma can go anywhere: what stands beside must say so.
    if (own < LEAST_FIT && left + right < LEAST_FIT) continue;
    if (isDone(tokens, from, to, added)) continue;
    found.push({ rule, from, to, left, own, right, fit: own + left + right });
  }
  return found;
}

/** How much stands alike before and after. */
function context(tokens: readonly string[], from: number, to: number, { left, right }: Rule): [number, number] {
  let before = 0;
  for (let i = 1; i <= left.length && from >= i && tokens[from - i] === left.at(-i); i++)
    before += weight(left.at(-i)!);
  let behind = 0;
  for (let i = 0; i < right.length && tokens[to + i] === right[i]; i++) behind += weight(right[i]!);
  return [before, behind];
}

/** Whether what would come stands there already, around what would go. */
function isDone(tokens: readonly string[], from: number, to: number, added: readonly string[]): boolean {
  if (added.length === 0) return false;
  for (let at = Math.max(0, from - added.length); at <= from; at++) {
    if (at + added.length >= to && added.every((token, i) => tokens[at + i] === token)) return true;
  }
  return false;
}

function weight(token: string): number {
  if (token === '\n') return 0.6;
  if (token.trim() === '') return 0.05;
  return /[\p{L}\p{N}]/u.test(token) ? 1 : 0.3;
}

function isTelling(tokens: readonly string[]): boolean {
  return tokens.some((token) => token.trim() !== '');
}
