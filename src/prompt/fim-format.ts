/**
 * The format `fim-1`: fill-in-the-middle, for models whose tokenizer has its marks (Qwen2.5-Coder, StarCoder's heirs).
 *
 *     FILE other/path ⏎ added lines …            recent edits that the window does not show, oldest first
 *     FILE path ⏎ PREFIX text up to the cursor SUFFIX text after it MIDDLE
 *
 * The order is that of those models' training (Qwen2.5-Coder's technical report, https://arxiv.org/abs/2409.12186). They
 * are trained on texts that are cut anywhere, so no token is healed. The model's end of text ends an answer; what it
 * writes beyond the first line is left out, as in prefix-1.
 */
import { fit } from '../completion/drawable.ts';
import { continuation, editAtCursor } from '../completion/edit.ts';
import { firstLine } from '../model/decode.ts';
import { hashIds, PROMPT_TOKENS, type PromptTokenizer } from '../model/prompt.ts';
import type { EditFormat, PromptInput, Written } from './format.ts';
import { spellLines } from './spell.ts';
import { headIds, tailIds, textOf } from './window.ts';

export const FIM_FORMAT = 'fim-1';

export interface FimMarks {
  readonly prefix: number;
  readonly suffix: number;
  readonly middle: number;
  /** Before a file's path; null if the vocabulary has none. */
  readonly file: number | null;
  /** What the model ends the middle with. */
  readonly end: number;
}

const NAMES = [
  {
    prefix: '<|fim_prefix|>',
    suffix: '<|fim_suffix|>',
    middle: '<|fim_middle|>',
    file: ['<|file_sep|>'],
    end: '<|endoftext|>',
  },
  {
    prefix: '<fim_prefix>',
    suffix: '<fim_suffix>',
    middle: '<fim_middle>',
    file: ['<file_sep>', '<filename>'],
    end: '<|endoftext|>',
  },
] as const;

/** null if the vocabulary has no marks for it. */
export function fimMarks(tokenizer: Pick<PromptTokenizer, 'special'>): FimMarks | null {
  for (const names of NAMES) {
    const [prefix, suffix, middle, end] = [names.prefix, names.suffix, names.middle, names.end].map((name) =>
      tokenizer.special(name),
    );
    const file = names.file.map((name) => tokenizer.special(name)).find((id) => id !== undefined) ?? null;
    if (prefix !== undefined && suffix !== undefined && middle !== undefined && end !== undefined)
      return { prefix, suffix, middle, file, end };
  }
  return null;
}

/** Shares of the prompt: what follows the cursor, and recent edits. */
const SUFFIX_SHARE = 0.25;
const RECENT_SHARE = 0.2;
const PATH_TOKENS = 24;

/** null for a tokenizer that lacks the marks. */
export function fimFormat(tokenizer: PromptTokenizer, budget: number = PROMPT_TOKENS): EditFormat | null {
  const marks = fimMarks(tokenizer);
  if (marks === null) return null;
  return {
    name: FIM_FORMAT,
    spell: (change) => spellLines(change, tokenizer),
    ask(input, most = budget) {
      const ids = promptIds(input, marks, tokenizer, most);
      const ended = (written: Written): boolean => tokenizer.isControl(written.ids.at(-1) ?? -1);
      const isOver = (written: Written): boolean => {
        const text = textOf(written, '', tokenizer);
        return ended(written) || firstLine(text) !== text;
      };
      return {
        prompt: { ids, heal: '', hash: hashIds(ids) },
        isOver,
        read(written) {
          const text = firstLine(textOf(written, '', tokenizer)).replace(/\ufffd+$/, '');
          if (text.trim() === '') return { none: 'empty' };
          if (!isOver(written)) return { none: 'malformed' };
          const rest = input.after.split('\n', 1)[0]!;
          // What fills a gap stands before the rest of the line as it is.
          if (ended(written) && rest.trim() !== '')
            return { edit: editAtCursor(input, text, 0), kept: written.ids.length };
          const fitted = fit(text.trimEnd(), rest);
          if ('none' in fitted) return fitted;
          return { edit: editAtCursor(input, fitted.text, fitted.replaceAfter), kept: written.ids.length };
        },
        target(edit, isWhole) {
          const going = continuation(input, edit);
          // A middle says what goes in between; it cannot replace what follows.
          if (going === null || going.rest !== input.after) return null;
          const middle = tokenizer.encode(going.text);
          return isWhole ? [...middle, marks.end] : middle;
        },
      };
    },
  };
}

function promptIds(input: PromptInput, marks: FimMarks, tokenizer: PromptTokenizer, budget: number): number[] {
  const path = (name: string): number[] =>
    marks.file === null ? [] : [marks.file, ...tokenizer.encode(name).slice(0, PATH_TOKENS), ...tokenizer.encode('\n')];
  const own = path(input.path);
  let room = marks.file === null ? 0 : Math.floor(budget * RECENT_SHARE);
  const recent: number[][] = [];
  for (const edit of input.recent.toReversed()) {
    const added = edit.added.trimEnd();
    if (added.trim() === '' || (edit.path === input.path && (input.before + input.after).includes(added))) continue;
    const ids = [...path(edit.path), ...tokenizer.encode(`${added}\n`)];
    if (ids.length > room) break;
    room -= ids.length;
    recent.unshift(ids);
  }
  const suffix = headIds(input.after, Math.floor(budget * SUFFIX_SHARE), tokenizer);
  const left = budget - 3 - own.length - suffix.length - recent.flat().length;
  const prefix = tailIds(input.before, input.startLine, left, tokenizer);
  return [...recent.flat(), ...own, marks.prefix, ...prefix, marks.suffix, ...suffix, marks.middle];
}
