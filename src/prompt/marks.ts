/**
 * The marks of an edit log: one token each, taken from those that SmolLM2's vocabulary has for other documents and that
 * code never holds.
 */
import type { PromptTokenizer } from '../model/prompt.ts';

export interface Marks {
  /** Before a path. */
  readonly file: number;
  /** Before a hunk's removed lines. */
  readonly removed: number;
  /** Before the line above a hunk that removes nothing. */
  readonly anchor: number;
  /** Before a hunk's added lines. */
  readonly added: number;
  /** Ends a hunk. */
  readonly end: number;
  /** Before the cursor's line. */
  readonly cursor: number;
  /** In place of a hunk: nothing will change. */
  readonly none: number;
}

const NAMES: Readonly<Record<keyof Marks, string>> = {
  file: '<filename>',
  removed: '<jupyter_code>',
  anchor: '<jupyter_text>',
  added: '<jupyter_output>',
  end: '<empty_output>',
  cursor: '<issue_comment>',
  none: '<issue_closed>',
};

/** null if the vocabulary lacks one of them: such a model cannot write edit logs. */
export function marksOf(tokenizer: Pick<PromptTokenizer, 'special'>): Marks | null {
  const ids = Object.entries(NAMES).map(([mark, name]) => [mark, tokenizer.special(name)] as const);
  return ids.every(([, id]) => id !== undefined) ? (Object.fromEntries(ids) as unknown as Marks) : null;
}
