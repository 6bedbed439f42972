/**
 * The arm `copy`: no model. It makes the last token substitution again, or puts the most similar line already seen
 * in place of the cursor's; the similarity of the lines is its confidence. Any arm must beat it.
 */

import type { Edit } from '../completion/edit.ts';
import { tokenize } from '../completion/tokens.ts';
import type { Answer, Arm } from './arm.ts';
import { editorLines, type Played, type Question, type Substitution } from './typist.ts';

/** A line is looked for by its rarest tokens, and among the newest lines that hold them. */
const RARE_TOKENS = 3;
const NEWEST = 100;
/** Lines after and before the cursor's in which the substitution is looked for. */
const REACH = 200;

export class Copy implements Arm {
  #last: Substitution | null = null;
  /** Lines seen, each once, oldest first, without indentation. */
  readonly #lines: Line[] = [];
  readonly #ids = new Map<string, number>();
  /** Token -> lines that hold it, oldest first. */
  readonly #holders = new Map<string, number[]>();

  watch(seen: Exclude<Played, { kind: 'ask' }>): void {
    if (seen.kind === 'edited') return;
    if (seen.kind === 'open') {
      this.#learn(editorLines(seen.text));
      return;
    }
    this.#learn(seen.newLines);
    // An insertion or a deletion substitutes nothing.
    const made = seen.substitutions.findLast((s) => s.removed.trim() !== '' && s.added.trim() !== '');
    if (made) this.#last = made;
  }

  answer({ document, cursor }: Question): Answer | null {
    const lines = editorLines(document);
    const candidates = [this.#substitute(lines, cursor.line), this.#recall(lines, cursor.line)];
    // The surest; the substitution, where both are as sure.
    return candidates.reduce(
      (best, c) => (c !== null && (best === null || c.confidence > best.confidence) ? c : best),
      null,
    );
  }

  /** The last substitution, on the nearest line that holds what it removed: the cursor's, then those after, then before. */
  #substitute(lines: readonly string[], at: number): Answer | null {
    if (this.#last === null) return null;
    const { removed, added, line } = this.#last;
    if (removed.includes('\n')) return null;
    const holds = (n: number): boolean =>
      n >= 0 && n < lines.length && lines[n]!.includes(removed) && find(lines[n]!, removed) >= 0;
    let found = -1;
    for (let n = at; n < Math.min(lines.length, at + REACH) && found < 0; n++) if (holds(n)) found = n;
    for (let n = at - 1; n >= Math.max(0, at - REACH) && found < 0; n--) if (holds(n)) found = n;
    if (found < 0) return null;
    const character = find(lines[found]!, removed);
    const edit: Edit = {
      start: { line: found, character },
      end: { line: found, character: character + removed.length },
      text: added.replaceAll('\r\n', '\n'),
    };
    return { edit, confidence: similarity(words(lines[found]!), words(line)) };
  }

  /** The most similar line seen, in place of the cursor's; on a blank line, the line that followed the most similar one. */
  #recall(lines: readonly string[], at: number): Answer | null {
    const now = lines[at]!;
    const blank = now.trim() === '';
    let model = at;
    while (blank && model > 0 && lines[model]!.trim() === '') model--;
    const query = lines[model]!.trim();
    if (query === '') return null;
    const tokens = words(query);
    let best: { text: string; confidence: number } | null = null;
    for (const id of this.#similar(tokens)) {
      const line = this.#lines[id]!;
      const text = blank ? line.next : line.text;
      if (text === null || text === '' || text === now.trim()) continue;
      const confidence = similarity(tokens, line.tokens);
      if (best === null || confidence > best.confidence) best = { text, confidence };
    }
    if (best === null) return null;
    const indent = /^\s*/.exec(blank && now === '' ? lines[model]! : now)![0];
    const edit = {
      start: { line: at, character: 0 },
      end: { line: at, character: now.length },
      text: indent + best.text,
    };
    return { edit, confidence: best.confidence };
  }

  /** Newest first. */
  #similar(tokens: readonly string[]): number[] {
    const rare = [...new Set(tokens)]
      .map((t) => this.#holders.get(t) ?? [])
      .filter((h) => h.length > 0)
      .sort((a, b) => a.length - b.length)
      .slice(0, RARE_TOKENS);
    return [...new Set(rare.flatMap((h) => h.slice(-NEWEST)))].sort((a, b) => b - a);
  }

  #learn(lines: readonly string[]): void {
    let previous: Line | null = null;
    for (const raw of lines) {
      const text = raw.trim();
      if (text === '') continue;
      if (previous !== null) previous.next = text;
      let id = this.#ids.get(text);
      if (id === undefined) {
        id = this.#lines.length;
        this.#ids.set(text, id);
        const tokens = words(text);
        this.#lines.push({ text, tokens, next: null });
        for (const token of new Set(tokens)) {
          const holders = this.#holders.get(token);
          if (holders) holders.push(id);
          else this.#holders.set(token, [id]);
        }
      }
      previous = this.#lines[id]!;
    }
  }
}

interface Line {
  readonly text: string;
  readonly tokens: readonly string[];
  /** The line that followed it when it was last seen. */
  next: string | null;
}

/** Where whole tokens of a line spell `part`, or -1. */
function find(line: string, part: string): number {
  const begins = new Set<number>();
  let at = 0;
  for (const token of tokenize(line)) {
    begins.add(at);
    at += token.length;
  }
  begins.add(at);
  for (let from = line.indexOf(part); from >= 0; from = line.indexOf(part, from + 1)) {
    if (begins.has(from) && begins.has(from + part.length)) return from;
  }
  return -1;
}

function words(line: string): string[] {
  return tokenize(line).filter((t) => t.trim() !== '');
}

/** Dice's coefficient of two bags of tokens, 0 to 1. */
export function similarity(a: readonly string[], b: readonly string[]): number {
  if (a.length + b.length === 0) return 0;
  const counts = new Map<string, number>();
  for (const token of a) counts.set(token, (counts.get(token) ?? 0) + 1);
  let common = 0;
  for (const token of b) {
    const left = counts.get(token) ?? 0;
    if (left === 0) continue;
    counts.set(token, left - 1);
    common++;
  }
  return (2 * common) / (a.length + b.length);
}
