/** Prompts and answers as text with short names for marks, so that tests can be read. */
import type { PromptInput, Written } from '../../src/prompt/format.ts';
import { type Mark, marksOf } from '../../src/prompt/marks.ts';
import { wordTokenizer } from '../model/words.ts';

const NAMES: Readonly<Record<Mark | 'file', string>> = {
  file: '[FILE]',
  removed: '[-]',
  anchor: '[@]',
  added: '[+]',
  end: '[END]',
  cursor: '[CURSOR]',
  none: '[NONE]',
};

export function bench() {
  const tokenizer = wordTokenizer();
  const marks = marksOf(tokenizer)!;
  const names = new Map(Object.entries(NAMES).map(([mark, name]) => [marks[mark as Mark], name]));
  return {
    tokenizer,
    marks,
    show: (ids: readonly number[]): string => ids.map((id) => names.get(id) ?? tokenizer.decode([id])).join(''),
    /** Ids of a text with marks in it. */
    write: (text: string): number[] =>
      text.split(/(\[(?:FILE|-|@|\+|END|CURSOR|NONE)\])/).flatMap((part) => {
        const mark = Object.entries(NAMES).find(([, name]) => name === part);
        return mark === undefined ? tokenizer.encode(part) : [marks[mark[0] as Mark]];
      }),
  };
}

/** A snapshot of a text whose cursor is `|`. */
export function at(text: string, more: Partial<PromptInput> = {}): PromptInput {
  const [before, after] = text.split('|') as [string, string];
  return { path: 'a.ts', before, after, startLine: 0, recent: [], ...more };
}

/** Ids as a decoder would have written them, each as likely as `logprob` says by its place; 1 without it. */
export function written(ids: readonly number[], logprob: (i: number) => number = () => 0): Written {
  const logprobs = ids.map((_, i) => logprob(i));
  const none = ids.map(() => Number.NEGATIVE_INFINITY);
  return { ids, logprobs, chances: logprobs, others: none, rivals: none };
}
