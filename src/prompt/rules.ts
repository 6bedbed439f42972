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
}

/** A place in a text's tokens where a rule applies. */
export interface Application {
  readonly rule: Rule;
  /** The tokens from `from` up to `to` go. */
  readonly from: number;
  readonly to: number;
  /** How much of what was there when the rule was made is here too: about one for each word. */
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
export function rulesOf({ path, before, after, startLine, recent }: Omit<Snapshot, 'languageId'>): Rule[] {
  const lines = (before + after).split('\n');
  const rules = new Map<string, Rule>();
  for (const [age, edit] of recent.toReversed().entries()) {
    const at = edit.line - startLine;
    const height = edit.added.split('\n').length;
    const stands = edit.path === path && edit.added === lines.slice(at, at + height).join('\n') && at >= 0;
    const around = (text: string): string[] => {
      const above = stands && at > 0 ? `\n${lines[at - 1]}` : '';
      const below = stands && at + height < lines.length ? `${lines[at + height]}\n` : '';
      return tokenize(`${above}\n${text}\n${below}`);
    };
    for (const rule of changes(around(edit.removed), around(edit.added), age)) {
      const key = [rule.removed, rule.added, rule.left.slice(-2), rule.right.slice(0, 2)]
        .map((t) => t.join(''))
        .join('\0');
      if (!rules.has(key)) rules.set(key, rule);
    }
  }
  return [...rules.values()];
}

function changes(old: readonly string[], now: readonly string[], age: number): Rule[] {
  const rules: Rule[] = [];
  let at = 0;
  const parts = diffArrays([...old], [...now], { maxEditLength: MOST_EDITS }) ?? [];
  for (let i = 0; i < parts.length; ) {
    const from = at;
    const [removed, added]: [string[], string[]] = [[], []];
    for (; parts[i]?.removed || parts[i]?.added; i++) (parts[i]!.removed ? removed : added).push(...parts[i]!.value);
    at += removed.length;
    if (isTelling(removed) || isTelling(added)) {
      const left = old.slice(Math.max(0, from - CONTEXT), from);
      rules.push({ removed, added, left, right: old.slice(at, at + CONTEXT), age });
    }
    for (; parts[i] !== undefined && !parts[i]!.removed && !parts[i]!.added; i++) at += parts[i]!.value.length;
  }
  return rules.filter(({ removed, added }) => removed.length <= MOST_TOKENS && added.length <= MOST_TOKENS);
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
    found.push({ rule, from, to, fit: own + left + right });
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
