/**
 * The one prompt for serving, training and replay: format `prefix-1`.
 *
 *     <filename>other/path.ts\n added lines ...      (recent edits that the window does not show, oldest first)
 *     <filename>path\n text up to the cursor
 *
 * What changes last stands last, so that the KV cache of one keystroke serves the next. The text before the cursor
 * is cut at line numbers that are multiples of ALIGN, so that the cut stays where it is while the cursor moves on.
 *
 * Token healing: the last tokens before the cursor may be half of the token that the model would write. They are left
 * out of the prompt, and the first generated tokens must spell them (`heal`).
 */
import { createHash } from 'node:crypto';
import { spellingOf } from './spelling.ts';

export const PROMPT_FORMAT = 'prefix-1';
/** Prompt tokens that serving, scoring and training give to a prompt. */
export const PROMPT_TOKENS = 448;
/** An edit longer than this is scored and learned by its first tokens. */
export const TARGET_TOKENS = 64;

/** Lines by which the start of the window jumps. */
const ALIGN = 16;
/** Share of the budget that recent edits may take. */
const RECENT_SHARE = 0.25;

export interface PromptTokenizer {
  encode(text: string): number[];
  bytes(id: number): Uint8Array;
  special(name: string): number | undefined;
  isControl(id: number): boolean;
  readonly vocabSize: number;
}

export interface PromptInput {
  readonly path: string;
  readonly before: string;
  readonly after: string;
  /** Zero-based document line at which `before` begins. */
  readonly startLine: number;
  readonly recent: readonly { readonly path: string; readonly line: number; readonly added: string }[];
}

export interface Prompt {
  /** Token ids; never empty. */
  readonly ids: readonly number[];
  /** Text before the cursor that the generated tokens must spell first. */
  readonly heal: string;
  /** SHA-256, hex, of `ids` as little-endian uint32. */
  readonly hash: string;
}

/**
 * @param budget most token ids in the prompt; at least 32
 * @returns a prompt of at most `budget` ids
 * @throws RangeError if the budget is too small
 */
export function buildPrompt(input: PromptInput, tokenizer: PromptTokenizer, budget: number): Prompt {
  if (budget < 32) throw new RangeError(`A prompt needs a budget of at least 32 tokens, not ${budget}.`);
  const header = encodeHeader(input.path, tokenizer).slice(0, Math.floor(budget / 4));
  const recent = encodeRecent(input, tokenizer, Math.floor(budget * RECENT_SHARE));
  const { ids: window, heal } = healed(
    encodeWindow(input, tokenizer, budget - header.length - recent.length),
    tokenizer,
  );
  const ids = [...recent, ...header, ...window];
  return { ids, heal, hash: hashIds(ids) };
}

/**
 * Tokens that the model should have generated for an edit, after `prompt`: the healed text, the edit, and the one
 * token that ends its line, taken from the text that follows so that it is the tokenizer's own.
 *
 * @param rest text of the document after the edit (what `replaceAfter` replaces already dropped)
 * @param withStop false where more might have followed, as after a partial accept
 */
export function encodeTarget(
  prompt: Prompt,
  text: string,
  rest: string,
  tokenizer: PromptTokenizer,
  withStop: boolean,
): number[] {
  const body = prompt.heal + text;
  // A line that goes on after the edit would be scored as if the edit had written it: only a line end is a stop.
  const stop = withStop && /^[ \t]*(\n|$)/.test(rest) ? `\n${rest.replace(/^[ \t]*\n?/, '').slice(0, 64)}` : '';
  const ids = tokenizer.encode(body + stop);
  const end = Buffer.byteLength(body);
  let bytes = 0;
  let n = 0;
  while (n < ids.length && bytes < end + (stop === '' ? 0 : 1)) bytes += tokenizer.bytes(ids[n++]!).length;
  return ids.slice(0, n);
}

/** What stands before a file's text: its path. */
export function encodeHeader(path: string, tokenizer: PromptTokenizer): number[] {
  const marker = tokenizer.special('<filename>');
  return marker === undefined ? tokenizer.encode(`// ${path}\n`) : [marker, ...tokenizer.encode(`${path}\n`)];
}

/**
 * Newest edits first until the budget is full; what the window shows already is left out, and so is the edit that is
 * being made: it changes with every keystroke, and nothing of the cache would fit.
 */
function encodeRecent(input: PromptInput, tokenizer: PromptTokenizer, budget: number): number[] {
  const blocks: number[][] = [];
  let left = budget;
  const cursor = input.startLine + input.before.split('\n').length - 1;
  for (const edit of input.recent.toReversed()) {
    const added = edit.added.trimEnd();
    if (added.trim() === '') continue;
    const isHere = edit.line <= cursor && cursor < edit.line + edit.added.split('\n').length;
    if (edit.path === input.path && (isHere || input.before.includes(added))) continue;
    const block = [...encodeHeader(edit.path, tokenizer), ...tokenizer.encode(`${added}\n`)];
    if (block.length > left) break;
    left -= block.length;
    blocks.push(block);
  }
  return blocks.reverse().flat();
}

function encodeWindow(input: PromptInput, tokenizer: PromptTokenizer, budget: number): number[] {
  const lines = input.before.split('\n');
  // A cheap cut first, so that the time to encode does not depend on the window: code has about three characters a token.
  let first = lines.length - 1;
  for (let chars = lines[first]!.length; first > 0; first--) {
    chars += lines[first - 1]!.length + 1;
    if (chars > 8 * budget) break;
  }
  first = alignUp(first, input.startLine);
  if (first < lines.length) {
    const ids = tokenizer.encode(lines.slice(first).join('\n'));
    if (ids.length <= budget) return ids;
    first = alignedCut(lines, first, input.startLine, ids, budget, tokenizer);
    if (first < lines.length) {
      const cut = tokenizer.encode(lines.slice(first).join('\n'));
      if (cut.length <= budget) return cut;
    }
  }
  // The last lines alone are too long to align: keep the tail.
  return tokenizer
    .encode(
      lines
        .slice(-ALIGN)
        .join('\n')
        .slice(-8 * budget),
    )
    .slice(-budget);
}

/** First aligned line from which at most `budget` of `ids` are left; `ids` encodes lines[first..]. */
function alignedCut(
  lines: string[],
  first: number,
  startLine: number,
  ids: number[],
  budget: number,
  tokenizer: PromptTokenizer,
): number {
  let token = 0;
  let tokenEnd = 0;
  let lineEnd = 0;
  for (let line = first; line < lines.length; line++) {
    if (line > first && (startLine + line) % ALIGN === 0) {
      while (token < ids.length && tokenEnd < lineEnd) tokenEnd += tokenizer.bytes(ids[token++]!).length;
      // A token that spans the cut is split in two or three when encoded again.
      if (ids.length - token + 2 <= budget) return line;
    }
    lineEnd += Buffer.byteLength(lines[line]!) + 1;
  }
  return lines.length;
}

/** Smallest index >= first whose document line is a multiple of ALIGN; index 0 of a whole file stays. */
function alignUp(first: number, startLine: number): number {
  const line = startLine + first;
  return line % ALIGN === 0 ? first : first + ALIGN - (line % ALIGN);
}

/** Most tokens that are left out to be spelled again: half a word has seldom more. */
const MOST_HEALED = 4;

/**
 * Leaves out the last tokens that may be part of one token once the text goes on: ` to`, `ke` of half a ` token`. The
 * last one always is.
 *
 * @param from index of the first token that may be left out
 */
export function healed(
  ids: readonly number[],
  tokenizer: PromptTokenizer,
  from = 0,
): { ids: readonly number[]; heal: string } {
  const spelling = spellingOf(tokenizer);
  let [left, heal] = [0, ''];
  let bytes = Buffer.alloc(0);
  for (let n = 1; n <= MOST_HEALED && ids.length - n >= from; n++) {
    bytes = Buffer.concat([tokenizer.bytes(ids.at(-n)!), bytes]);
    if (n > 1 && !spelling.begins(bytes.toString('latin1'))) continue;
    const text = bytes.toString('utf8');
    // Half a character cannot be spelled as text.
    if (!text.includes('\ufffd')) [left, heal] = [n, text];
  }
  return { ids: ids.slice(0, ids.length - left), heal };
}

export function hashIds(ids: readonly number[]): string {
  return createHash('sha256')
    .update(new Uint8Array(Uint32Array.from(ids).buffer))
    .digest('hex');
}
