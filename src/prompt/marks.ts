/**
 * The marks of an edit log, one token each: characters that code hardly holds. Where a text holds one all the same, it
 * is spelled byte by byte, so that no text becomes a mark.
 *
 * SmolLM2's control tokens would be the obvious choice, but all of them beside `<filename>` and two others were never
 * trained: their embeddings are the same vector, and no adapter can tell them apart (docs/log.md).
 */
import type { PromptTokenizer } from '../model/prompt.ts';

const CHARACTERS = {
  /** Before a hunk's removed lines. */
  removed: '«',
  /** Before the line above a hunk that removes nothing. */
  anchor: '§',
  /** Before a hunk's added lines. */
  added: '»',
  /** Ends a hunk. */
  end: '†',
  /** Before the cursor's line. */
  cursor: '¿',
  /** In place of a hunk: nothing will change. */
  none: '¬',
} as const;

export type Mark = keyof typeof CHARACTERS;

export interface Marks extends Readonly<Record<Mark, number>> {
  /** Before a path. */
  readonly file: number;
  /** Whether it is a mark or another token that stands for no text. */
  has(id: number): boolean;
  /** All of these. */
  readonly all: readonly number[];
  /** Ids of ordinary text, without any mark. */
  encode(text: string): number[];
}

/** null if the vocabulary lacks one of them: such a model cannot write edit logs. */
export function marksOf(tokenizer: PromptTokenizer): Marks | null {
  const file = tokenizer.special('<filename>');
  if (file === undefined) return null;
  const ids = new Map<Mark, number>();
  for (const [mark, character] of Object.entries(CHARACTERS)) {
    const [id, ...more] = tokenizer.encode(character);
    if (id === undefined || more.length > 0) return null;
    ids.set(mark as Mark, id);
  }
  const all = new Set([file, ...ids.values()]);
  const controls = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) => tokenizer.isControl(id));
  const bytes = singleBytes(tokenizer);
  const spelled = (id: number): number[] => [...tokenizer.bytes(id)].flatMap((byte) => bytes.get(byte) ?? []);
  return {
    ...(Object.fromEntries(ids) as Record<Mark, number>),
    file,
    has: (id) => all.has(id) || tokenizer.isControl(id),
    all: [...new Set([...controls, ...all])],
    encode(text) {
      const plain = tokenizer.encode(text);
      return plain.some((id) => all.has(id)) ? plain.flatMap((id) => (all.has(id) ? spelled(id) : id)) : plain;
    },
  };
}

/** The tokens that stand for one byte. */
function singleBytes(tokenizer: PromptTokenizer): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    if (tokenizer.isControl(id)) continue;
    const bytes = tokenizer.bytes(id);
    if (bytes.length === 1 && !found.has(bytes[0]!)) found.set(bytes[0]!, id);
  }
  return found;
}
