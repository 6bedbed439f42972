/**
 * What the model wrote after an edit log's prompt, as an edit of the document: cut where the model becomes unsure, and
 * refused where it is no edit at all. Marks never stand in an edit.
 */
import { applyEdit, type Edit, placeAt } from '../completion/edit.ts';
import type { None } from '../completion/suggestion.ts';
import type { PromptTokenizer } from '../model/prompt.ts';
import { broughtOf, isClosing } from './closers.ts';
import type { Answer, Choice, PromptInput, Written } from './format.ts';
import { lineEdit, stands, stretchOf } from './hunk.ts';
import type { LogPrompt } from './log.ts';
import type { Marks } from './marks.ts';
import { MOST_LINES, type StandingLines } from './standing.ts';
import { textOf } from './window.ts';

/** An answer is cut before what follows its first word or line is less likely than this. */
export const SURE = Math.log(0.5);
/** And not even written on below this. */
const HOPELESS = Math.log(0.02);

const EMPTY: None = { none: 'empty' };
const MALFORMED: None = { none: 'malformed' };

/** Whether there is no point in generating on: the answer is whole, or what follows would be cut. */
export function isOver(
  input: PromptInput,
  prompt: LogPrompt,
  written: Written,
  marks: Marks,
  tokenizer: PromptTokenizer,
): boolean {
  const { ids, chances } = written;
  const last = ids.at(-1);
  if (last === undefined) return false;
  if (last === marks.end) return !(prompt.isTyping && isEmptyRest(ids, input, prompt, marks, tokenizer));
  if (marks.has(last) && last !== marks.removed && last !== marks.anchor && last !== marks.added) return true;
  if (endsLine(last, tokenizer) && stutters(addedSoFar(ids, input, prompt, marks, tokenizer))) return true;
  const chance = chances.reduce((sum, x) => sum + x, 0);
  // While all is likely there is nothing to look for.
  if (chance >= SURE) return false;
  return chance < HOPELESS || isSettled(cutsOf(new Document(input), prompt, written, marks, tokenizer), chance);
}

/** Whether nothing longer than what is found can be given, however an answer goes on that is as likely as that so far. */
function isSettled(cuts: readonly Cut[] | None, chance: number): boolean {
  return !('none' in cuts) && chance - cuts[0]!.chance < SURE;
}

/** What an answer's form allows next: which marks, or none of them; and of removed lines those that stand. */
export function choiceOf(
  ids: readonly number[],
  prompt: LogPrompt,
  marks: Marks,
  standing: () => StandingLines,
): Choice {
  const allBut = (mark: number | null): Choice => ({ not: marks.all.filter((id) => id !== mark) });
  const end = prompt.isTyping ? ids.indexOf(marks.end) : -1;
  if (prompt.isTyping && end < 0) return allBut(marks.end);
  const hunk = ids.slice(end + 1);
  if (hunk.length === 0) return { only: [marks.removed, marks.anchor, marks.none] };
  if (hunk.includes(marks.added)) return allBut(marks.end);
  const isRemoved = hunk[0] === marks.removed;
  const only = standing().next(hunk.slice(1), isRemoved ? MOST_LINES : 1, prompt.place) ?? [marks.added];
  // Without a line above, lines are added at the file's beginning.
  return { only: hunk.length === 1 && !isRemoved ? [...only, marks.added] : only };
}

/** Where a hunk's new lines are its old ones so far, they may go on so: most of a changed line stays, and often all of it. */
export function guessOf(ids: readonly number[], marks: Marks): readonly number[] {
  const middle = ids.lastIndexOf(marks.added);
  const from = ids.lastIndexOf(marks.removed);
  if (middle < 0 || from < 0) return [];
  const [old, added] = [ids.slice(from + 1, middle), ids.slice(middle + 1)];
  return added.every((id, i) => id === old[i]) ? old.slice(added.length) : [];
}

/**
 * Where an answer is none, the next likeliest may be one: the step at which that one parts from it.
 *
 * @returns null where all others are hopeless
 */
export function againAt({ chances, others }: Written): number | null {
  let [best, at] = [HOPELESS, null as number | null];
  let sum = 0;
  for (const [i, chance] of chances.entries()) {
    const total = sum + others[i]!;
    if (total > best) [best, at] = [total, i];
    sum += chance;
  }
  return at;
}

/** Most ids for which the rest of the line is looked at: a longer one is seldom written again to say that nothing comes. */
const MOST_REST = 3;

/** Whether all that was written so far ends the hunk at the cursor, as it stands. */
function isEmptyRest(
  ids: readonly number[],
  input: PromptInput,
  prompt: LogPrompt,
  marks: Marks,
  tokenizer: PromptTokenizer,
): boolean {
  if (ids.indexOf(marks.end) !== ids.length - 1) return false;
  const text = textOf({ ids: ids.slice(0, -1) }, prompt.heal, tokenizer);
  return text === '' || (ids.length <= MOST_REST && text === input.after.split('\n', 1)[0]);
}

export function readAnswer(
  input: PromptInput,
  prompt: LogPrompt,
  written: Written,
  marks: Marks,
  tokenizer: PromptTokenizer,
): Answer | None {
  const document = new Document(input);
  const cuts = cutsOf(document, prompt, written, marks, tokenizer);
  if ('none' in cuts) return cuts;
  const answer = sureCut(cuts);
  return document.isEdit(answer.edit) ? answer : EMPTY;
}

/** Whether an edit changes something, and something else than what the last edit did. */
export function isEdit(input: PromptInput, edit: Edit): boolean {
  return new Document(input).isEdit(edit);
}

/** An answer that ends early or whole. */
interface Cut extends Answer {
  /** Log-probability of the kept ids among what could come. */
  readonly chance: number;
}

/** All the edits that an answer may be cut to, the shortest first; at least one. */
function cutsOf(
  document: Document,
  prompt: LogPrompt,
  written: Written,
  marks: Marks,
  tokenizer: PromptTokenizer,
): readonly Cut[] | None {
  const cuts = prompt.isTyping
    ? typingCuts(document, prompt, written, marks, tokenizer)
    : hunkCuts(document, written, 0, marks, tokenizer);
  if ('none' in cuts) return cuts;
  const { line, character } = document.behind(0);
  const isHere = ({ start }: Edit): boolean => start.line === line && start.character === character;
  const fluent = cuts.filter(({ edit }) => !stutters(((isHere(edit) ? document.head : '') + edit.text).split('\n')));
  return fluent.length > 0 ? fluent : cuts;
}

/**
 * Whether a line says again what the one above it says. Of 15,600 answers of the base none did; one whose weights know a
 * line too well goes on so until it is stopped. Closing marks are lines that do come one after the other.
 */
function stutters(lines: readonly string[]): boolean {
  return lines.some((line, i) => i > 0 && /\w/.test(line) && line.trim() === lines[i - 1]!.trim());
}

function endsLine(id: number, tokenizer: PromptTokenizer): boolean {
  return tokenizer.bytes(id).includes(0x0a);
}

/** The whole lines that come in so far; none where several lines give way, whose answer cannot be cut. */
function addedSoFar(
  ids: readonly number[],
  input: PromptInput,
  prompt: LogPrompt,
  marks: Marks,
  tokenizer: PromptTokenizer,
): readonly string[] {
  const at = ids.findLastIndex((id) => marks.has(id));
  if (at < 0) {
    const head = input.before.slice(input.before.lastIndexOf('\n') + 1);
    return (head + textOf({ ids }, prompt.heal, tokenizer)).split('\n').slice(0, -1);
  }
  const gone = linesOf(ids.slice(ids.lastIndexOf(marks.removed) + 1, at), tokenizer) ?? [];
  if (ids[at] !== marks.added || gone.length > 1) return [];
  return textOf({ ids: ids.slice(at + 1) }, '', tokenizer)
    .split('\n')
    .slice(0, -1);
}

/** The longest that is likely if the shortest is right. */
function sureCut(cuts: readonly Cut[]): Cut {
  const [first] = cuts;
  return cuts.findLast(({ chance }) => chance - first!.chance >= SURE) ?? first!;
}

/** The window of the document, in lines. */
class Document {
  readonly lines: readonly string[];
  readonly row: number;
  /** The cursor's line up to the cursor, and what follows it. */
  readonly head: string;
  readonly rest: string;
  readonly #input: PromptInput;

  constructor(input: PromptInput) {
    this.#input = input;
    this.lines = (input.before + input.after).split('\n');
    this.row = input.before.split('\n').length - 1;
    this.head = input.before.slice(input.before.lastIndexOf('\n') + 1);
    this.rest = this.lines[this.row]!.slice(this.head.length);
  }

  place(line: number, character: number): Edit['start'] {
    return { line: this.#input.startLine + line, character };
  }

  /** The place so many units behind the cursor. */
  behind(units: number): Edit['start'] {
    const { line, character } = placeAt(this.#input.after, units);
    return this.place(this.row + line, line === 0 ? this.head.length + character : character);
  }

  /** As lineEdit. */
  change(at: number, count: number, added: readonly string[]): Edit {
    return lineEdit(this.lines, this.#input.startLine, at, count, added);
  }

  /** The window's text after an edit; null if it changes nothing. */
  after({ start, end, text }: Edit): string | null {
    const { before, after, startLine } = this.#input;
    const moved = (place: Edit['start']) => ({ ...place, line: place.line - startLine });
    return applyEdit(before + after, { start: moved(start), end: moved(end), text });
  }

  isEdit(edit: Edit): boolean {
    const result = this.after(edit);
    return result !== null && !this.#isReversal(result);
  }

  /** Whether the text is that before the last edit: a suggestion must not undo what was just done. */
  #isReversal(result: string): boolean {
    const last = this.#input.recent.at(-1);
    if (last === undefined || last.path !== this.#input.path) return false;
    const stretch = stretchOf(last);
    if (!stands(this.lines, this.#input.startLine, stretch)) return false;
    const at = stretch.line - this.#input.startLine;
    const before = this.lines.toSpliced(at, stretch.added.length, ...stretch.removed);
    return before.join('\n') === result;
  }

  /** First of the lines that stand here one after the other, nearest to the cursor; -1 if they do nowhere. */
  find(wanted: readonly string[]): number {
    let best = -1;
    for (let at = 0; at + wanted.length <= this.lines.length; at++) {
      if (!wanted.every((line, i) => this.lines[at + i] === line)) continue;
      if (best < 0 || Math.abs(at - this.row) < Math.abs(best - this.row)) best = at;
    }
    return best;
  }
}

/** Text that goes on at the cursor; or, where nothing is to be added, the hunk after it. */
function typingCuts(
  document: Document,
  prompt: LogPrompt,
  written: Written,
  marks: Marks,
  tokenizer: PromptTokenizer,
): readonly Cut[] | None {
  const { ids, chances } = written;
  const stop = ids.findIndex((id) => marks.has(id));
  const length = stop < 0 ? ids.length : stop;
  const texts = prefixes(ids.slice(0, length), prompt.heal, tokenizer);
  const whole = texts.at(-1) ?? '';
  if (stop >= 0 && ids[stop] !== marks.end) return MALFORMED;
  if (stop >= 0 && (whole === '' || (whole === document.rest && !whole.includes('\n')))) {
    return hunkCuts(document, written, stop + 1, marks, tokenizer);
  }
  const cuts: Cut[] = [];
  let chance = 0;
  for (const [k, place] of placesOf(texts, document.rest, prompt.closed, stop >= 0).entries()) {
    chance += chances[k]!;
    if (place === null) continue;
    const edit = { start: document.behind(0), end: document.behind(place.replaced), text: place.text };
    cuts.push({ edit, kept: k + 1, chance });
  }
  if (cuts.length > 0) return cuts;
  return whole.trim() === '' ? EMPTY : MALFORMED;
}

interface TextEnd {
  readonly text: string;
  /** Units behind the cursor in whose place it comes. */
  readonly replaced: number;
}

/** The text after each token, less what was healed; null inside of a character or of the healed text. */
function prefixes(ids: readonly number[], heal: string, tokenizer: PromptTokenizer): string[] {
  const chunks: Uint8Array[] = [];
  return ids.map((id) => {
    chunks.push(tokenizer.bytes(id));
    return new TextDecoder().decode(Buffer.concat(chunks)).slice(heal.length);
  });
}

/**
 * Where the text may end: at a line's end, where it takes the place of the rest of the cursor's line; and at a word's
 * end, where the rest can stay. A rest of closing marks alone, which editors put there by themselves, stays as far as
 * the text does not bring them.
 */
function placesOf(texts: readonly string[], rest: string, closed: string, isWhole: boolean): (TextEnd | null)[] {
  const whole = texts.at(-1) ?? '';
  const lineEnd = whole.indexOf('\n', 0);
  const first = lineEnd < 0 ? whole : whole.slice(0, lineEnd);
  const isLineKnown = lineEnd >= 0 || isWhole;
  const isBlank = rest.trim() === '';
  const closing = isClosing(rest) && !closed.includes('\n') ? rest : closed;
  // Within the first line, as far as the rest of the cursor's line is written again.
  const inserted = isBlank ? first.length : isLineKnown && first.endsWith(rest) ? first.length - rest.length : 0;
  return texts.map((text, k) => {
    if (text.includes('\ufffd') || text.trim() === '') return null;
    const next = texts[k + 1];
    const following = next === undefined ? (isWhole ? '\n' : null) : next.slice(text.length);
    if (following === null) return null;
    const isLine = following.startsWith('\n');
    const kept = isLine ? text : text.trimEnd();
    if (!isLine) {
      if (text.includes('\n') || !isBoundary(kept, whole.slice(kept.length))) return null;
      if (kept.length <= inserted) return { text: kept, replaced: 0 };
    }
    const brought = broughtOf(kept, closing);
    if (brought !== null) return { text: kept, replaced: brought };
    // A bracket that the text leaves open would be closed by a mark of another one's.
    return isLine && (isBlank || closing === '') ? { text, replaced: rest.length } : null;
  });
}

/** Whether a word, a number or an operator ends between two texts. */
function isBoundary(left: string, right: string): boolean {
  const [a, b] = [left.at(-1) ?? '', right[0] ?? ''];
  if (/[\p{L}\p{N}_$]/u.test(a)) return !/[\p{L}\p{N}\p{M}_$]/u.test(b);
  if (/[()[\]{};,"'`]/.test(a) || /[()[\]{};,"'`\s]/.test(b)) return true;
  return /[\p{L}\p{N}_$]/u.test(b);
}

/** A hunk from the `from`-th id on. */
function hunkCuts(
  document: Document,
  written: Written,
  from: number,
  marks: Marks,
  tokenizer: PromptTokenizer,
): readonly Cut[] | None {
  const { ids, chances } = written;
  const kind = ids[from];
  if (kind === undefined || kind === marks.none) return EMPTY;
  if (kind !== marks.removed && kind !== marks.anchor) return MALFORMED;
  const middle = ids.indexOf(marks.added, from);
  if (middle < 0) return MALFORMED;
  const before = linesOf(ids.slice(from + 1, middle), tokenizer);
  const stop = ids.findIndex((id, i) => i > middle && marks.has(id));
  if (before === null || (stop >= 0 && ids[stop] !== marks.end)) return MALFORMED;
  if (kind === marks.removed && before.length === 0) return MALFORMED;
  const at = before.length === 0 ? -1 : document.find(before);
  if (before.length > 0 && at < 0) return MALFORMED;

  // Steps: whatever says that there is a hunk and where, as one; then each token of it.
  const head = chances.slice(0, middle + 1).reduce((sum, x) => sum + x, 0);
  const length = stop < 0 ? ids.length : stop;
  const texts = prefixes(ids.slice(middle + 1, length), '', tokenizer);
  const canCut = before.length <= 1;
  const within = kind === marks.removed && canCut ? cutsWithin(before[0]!, texts, stop >= 0) : [];
  const cuts: Cut[] = [];
  let sum = head;
  for (let k = middle + 1; k <= length; k++) {
    // Up to, not including, the k-th: the end mark, or a token that begins a line.
    const text = k === middle + 1 ? '' : texts[k - middle - 2]!;
    const isEnd = k === stop;
    const next = k < length ? texts[k - middle - 1]!.slice(text.length) : '';
    const isLine = isEnd || (canCut && k > middle + 1 && next.startsWith('\n'));
    const added = isLine ? split(text) : (within[k - middle - 2] ?? null);
    if (added !== null && !(kind === marks.anchor && added.length === 0)) {
      const edit =
        kind === marks.anchor ? document.change(at + 1, 0, added) : document.change(at, before.length, added);
      cuts.push({ edit, kept: isEnd ? k + 1 : k, chance: sum + (isEnd ? chances[k]! : 0) });
    }
    if (k < length) sum += chances[k]!;
  }
  if (cuts.length > 0) return cuts;
  return stop === middle + 1 ? EMPTY : MALFORMED;
}

/**
 * Where a changed line may be cut within what is new in it, by token: what follows is the old line's end. Only the ends
 * that both lines have in common count as old.
 */
function cutsWithin(old: string, texts: readonly string[], isWhole: boolean): (readonly string[] | null)[] {
  const whole = texts.at(-1) ?? '';
  const lineEnd = whole.indexOf('\n', 1);
  if (!whole.startsWith('\n') || (lineEnd < 0 && !isWhole)) return [];
  const line = whole.slice(1, lineEnd < 0 ? whole.length : lineEnd);
  let head = 0;
  while (head < old.length && head < line.length && old[head] === line[head]) head++;
  let tail = 0;
  const most = Math.min(old.length, line.length) - head;
  while (tail < most && old[old.length - 1 - tail] === line[line.length - 1 - tail]) tail++;
  return texts.map((text) => {
    const kept = text.slice(1).trimEnd();
    if (kept.length <= head || kept.length >= line.length - tail || text.includes('\ufffd')) return null;
    return isBoundary(kept, line.slice(kept.length)) ? [kept + old.slice(old.length - tail)] : null;
  });
}

/** The lines of a part, each after its line end; null if it does not begin with one. */
function linesOf(ids: readonly number[], tokenizer: PromptTokenizer): string[] | null {
  return split(prefixes(ids, '', tokenizer).at(-1) ?? '');
}

function split(text: string): string[] | null {
  if (text === '') return [];
  return text.startsWith('\n') && !text.includes('\ufffd') ? text.slice(1).split('\n') : null;
}
