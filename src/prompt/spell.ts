/** A change as token ids, for the formats whose answers are text: the new lines as they stand in the file. */
import type { PromptTokenizer } from '../model/prompt.ts';
import type { Change } from './hunk.ts';

/** UTF-16 units of a change, and of each line beside it, that are spelled. */
const CHANGE_CHARS = 2_048;
const BESIDE_CHARS = 160;

/** The lines of a change between those beside it, each after its line end; empty for a deletion. */
export function spellLines({ hunk, below }: Change, tokenizer: PromptTokenizer): number[] {
  if (hunk.added.length === 0) return [];
  const above = hunk.anchor === null ? [] : [hunk.anchor.slice(-BESIDE_CHARS)];
  const lines = [...above, hunk.added.join('\n').slice(0, CHANGE_CHARS), (below ?? '').slice(0, BESIDE_CHARS)];
  return tokenizer.encode(`\n${lines.join('\n').toWellFormed()}`);
}
