/**
 * Which requests a figure is about, and how they are summed up. Pure.
 *
 * The figures of `cold` and `warm` are the time from a request to a whole answer of ten tokens. What counts, and why:
 *
 * - An answer counts if the model chose ten tokens for it, the most that it was allowed; what was cut off afterwards, or
 *   was no edit in the end, had to be written all the same. Shorter answers are faster and stand in `all` only. Tokens
 *   that the prompt's format leaves no choice of (lines that are said to be removed) come on top, with the time they take.
 * - Warm is each keystroke after the request before it, also where its prompt parts from that one early.
 * - Cold is a prompt of which nothing is cached, since something else was asked before: the trace's longest, of the
 *   keystrokes of one hunk two at most, as they are nearly alike. The jumps of the trace itself (a file opened, another
 *   place) have shorter prompts, as what is typed in a file fills them, and stand in `all.jumps`.
 */
import type { Timed } from './engine.ts';
import { percentile, round } from './figures.ts';
import type { Step } from './trace.ts';

export interface Request extends Timed {
  /** Tokens of its prompt, and how many of them differ from the beginning of the prompt before. */
  readonly prompt: number;
  readonly fresh: number;
}

/** @param prompts ids of each step's prompt */
export function requestsOf(
  timed: readonly Timed[],
  prompts: readonly (readonly number[])[],
  isCold = false,
): Request[] {
  return timed.map((each, i) => {
    const [ids, before] = [prompts[i]!, isCold ? [] : (prompts[i - 1] ?? [])];
    const parted = ids.findIndex((id, k) => id !== before[k]);
    return { ...each, prompt: ids.length, fresh: parted < 0 ? 0 : ids.length - parted };
  });
}

/** Keystrokes of a hunk from one that may count as cold to the next. */
const APART = 4;

/** Indices of the steps with the longest prompts that are not nearly alike, at most `most`, in the trace's order. */
export function longestOf(
  steps: readonly Pick<Step, 'did'>[],
  prompts: readonly (readonly number[])[],
  most: number,
): number[] {
  let key = 0;
  const apart = steps.flatMap(({ did }, i) => {
    key = did === 'type' ? key + 1 : 0;
    return key === 0 || key % APART === 1 ? [i] : [];
  });
  const longest = apart.toSorted((a, b) => prompts[b]!.length - prompts[a]!.length).slice(0, most);
  return longest.sort((a, b) => a - b);
}

/** Those that took all the tokens that they might. */
export function whole<T extends Pick<Timed, 'effort'>>(all: readonly T[], tokens: number): T[] {
  return all.filter(({ effort }) => effort.chosen === tokens);
}

export interface Figures {
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly requests: number;
  /** Middle values: tokens of the prompt, of those what was not cached, and forced tokens of the answer. */
  readonly prompt: number | null;
  readonly fresh: number | null;
  readonly forced: number | null;
}

export function figuresOf(all: readonly Request[]): Figures {
  const middle = (of: (each: Request) => number): number | null => percentile(all.map(of), 0.5);
  const ms = all.map((each) => each.ms);
  return {
    p50Ms: round(percentile(ms, 0.5)),
    p95Ms: round(percentile(ms, 0.95)),
    requests: all.length,
    prompt: middle((each) => each.prompt),
    fresh: middle((each) => each.fresh),
    forced: middle((each) => each.effort.forced),
  };
}

export function spell({ p50Ms, p95Ms, requests, prompt, fresh, forced }: Figures): string {
  if (requests === 0) return 'none';
  return `${requests}: p50 ${p50Ms} ms, p95 ${p95Ms} ms; prompts of ${prompt} tokens, ${fresh} not cached, ${forced} forced in the answer`;
}

/** One request in a line, for people. */
export function line(kind: string, { did, prompt, fresh, effort, ms }: Request, { snapshot }: Step): string {
  const { chosen, forced, weighed = 0 } = effort;
  return `${kind} ${did}: ${prompt} tokens, ${fresh} fresh; ${chosen} chosen, ${forced} forced, ${weighed} weighed; ${ms.toFixed(0)} ms; ${snapshot.path}:${snapshot.startLine + snapshot.before.split('\n').length}`;
}
