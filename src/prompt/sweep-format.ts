/**
 * The format `sweep-1`: that of Sweep's next-edit models, as published beside them
 * (https://huggingface.co/sweepai/sweep-next-edit-1.5B, run_model.py).
 *
 *     FILE_SEP path.diff ⏎ original: ⏎ lines ⏎ updated: ⏎ lines        recent edits, oldest first
 *     FILE_SEP original/path ⏎ lines before the most recent change
 *     FILE_SEP current/path ⏎ lines as they are
 *     FILE_SEP updated/path ⏎                                          the model goes on with the lines as they will be
 *
 * Of the file, the 21 lines around the cursor (https://blog.sweep.dev/posts/oss-next-edit), or fewer where they are too
 * long for the prompt that serving and training share. The updated ones are given up to the cursor.
 */
import type { RecentEdit } from '../completion/snapshot.ts';
import { hashIds, healed, PROMPT_TOKENS, type PromptTokenizer } from '../model/prompt.ts';
import type { EditFormat, PromptInput } from './format.ts';
import { stands, stretchOf } from './hunk.ts';
import { isRewriteOver, readRewrite, rewriteTarget } from './rewrite.ts';
import { spellLines } from './spell.ts';
import { fitting, type LineWindow } from './window.ts';

export const SWEEP_FORMAT = 'sweep-1';

/** Most tokens of all recent edits, and characters of a path. */
const EDIT_TOKENS = 96;
const PATH_CHARS = 96;

/** null for a tokenizer without Qwen2.5-Coder's file separator. */
export function sweepFormat(tokenizer: PromptTokenizer, budget: number = PROMPT_TOKENS): EditFormat | null {
  const separator = tokenizer.special('<|file_sep|>');
  if (separator === undefined) return null;
  const head = (prefix: string, name: string, suffix = ''): number[] => [
    separator,
    ...tokenizer.encode(`${prefix}${name.slice(-PATH_CHARS).toWellFormed()}${suffix}\n`),
  ];
  return {
    name: SWEEP_FORMAT,
    spell: (change) => spellLines(change, tokenizer),
    ask(input) {
      const { window, ids, heal } = fitting(input, budget, (lines) => {
        const current = lines.before + lines.after;
        const original = beforeLastEdit(input, lines);
        const updated = healed(tokenizer.encode(lines.before), tokenizer);
        const ids = [
          ...editIds(original === null ? input.recent : input.recent.slice(0, -1), head, tokenizer),
          ...head('original/', input.path),
          ...tokenizer.encode(`${original ?? current}\n`),
          ...head('current/', input.path),
          ...tokenizer.encode(`${current}\n`),
          ...head('updated/', input.path),
          ...updated.ids,
        ];
        return { ids, heal: updated.heal };
      });
      const rewrite = { input, window, heal, endText: null };
      return {
        prompt: { ids, heal, hash: hashIds(ids) },
        isOver: (written) => isRewriteOver(written, rewrite, tokenizer),
        read: (written) => readRewrite(written, rewrite, tokenizer),
        target: (edit, isWhole) => rewriteTarget(edit, isWhole, rewrite, tokenizer),
      };
    },
  };
}

/** The window's text as it stood before the most recent edit; null if that edit is not in it. */
function beforeLastEdit(input: PromptInput, window: LineWindow): string | null {
  const last = input.recent.at(-1);
  if (last === undefined || last.path !== input.path) return null;
  const stretch = stretchOf(last);
  const lines = (window.before + window.after).split('\n');
  if (!stands(lines, window.startLine, stretch)) return null;
  return lines.toSpliced(stretch.line - window.startLine, stretch.added.length, ...stretch.removed).join('\n');
}

/** The newest edits that there is room for, oldest first. */
function editIds(
  recent: readonly RecentEdit[],
  head: (prefix: string, name: string, suffix: string) => number[],
  tokenizer: PromptTokenizer,
): number[] {
  const blocks: number[][] = [];
  let room = EDIT_TOKENS;
  for (const edit of recent.toReversed()) {
    const text = `original:\n${edit.removed}\nupdated:\n${edit.added}\n`;
    const ids = [...head('', edit.path, '.diff'), ...tokenizer.encode(text)];
    if (ids.length > room) break;
    room -= ids.length;
    blocks.unshift(ids);
  }
  return blocks.flat();
}
