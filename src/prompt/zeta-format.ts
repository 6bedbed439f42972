/**
 * The format `zeta-1`: that of Zed's first Zeta (https://huggingface.co/zed-industries/zeta), as Zed builds it
 * (crates/zeta_prompt): an instruction, the user's edits as diffs, an excerpt with marks around what may change, and the
 * model writes that stretch again. The marks are ordinary text to its tokenizer. The answer is given up to the cursor.
 */
import { hashIds, healed, PROMPT_TOKENS, type PromptTokenizer } from '../model/prompt.ts';
import type { EditFormat, PromptInput } from './format.ts';
import { isRewriteOver, readRewrite, rewriteTarget } from './rewrite.ts';
import { spellLines } from './spell.ts';
import { fitting, type LineWindow } from './window.ts';

export const ZETA_FORMAT = 'zeta-1';

const START = '<|editable_region_start|>';
const END = '<|editable_region_end|>';
const CURSOR = '<|user_cursor_is_here|>';
const INSTRUCTION =
  'You are a code completion assistant and your task is to analyze user edits and then rewrite an excerpt that the ' +
  'user provides, suggesting the appropriate edits within the excerpt, taking into account the cursor location.';

/** Lines shown around those that may change, and most characters of each side. */
const CONTEXT = { lines: 3, chars: 240 } as const;
const PATH_CHARS = 96;
/** Most tokens of the edits. */
const EDIT_TOKENS = 96;

export function zetaFormat(tokenizer: PromptTokenizer, budget: number = PROMPT_TOKENS): EditFormat {
  return {
    name: ZETA_FORMAT,
    spell: (change) => spellLines(change, tokenizer),
    ask(input) {
      const edits = editsOf(input, tokenizer);
      const { window, ids, heal } = fitting(input, budget, (lines) => {
        const answer = healed(tokenizer.encode(lines.before), tokenizer);
        const built = (withContext: boolean): number[] => {
          const excerpt = excerptOf(input, lines, withContext);
          const text = `### Instruction:\n${INSTRUCTION}\n\n### User Edits:\n\n${edits}\n\n### User Excerpt:\n\n${excerpt}\n\n### Response:\n`;
          return [...tokenizer.encode(`${text}${START}\n`), ...answer.ids];
        };
        const whole = built(true);
        return { ids: whole.length <= budget ? whole : built(false), heal: answer.heal };
      });
      const rewrite = { input, window, heal, endText: `\n${END}` };
      return {
        prompt: { ids, heal, hash: hashIds(ids) },
        isOver: (written) => isRewriteOver(written, rewrite, tokenizer),
        read: (written) => readRewrite(written, rewrite, tokenizer),
        target: (edit, isWhole) => rewriteTarget(edit, isWhole, rewrite, tokenizer),
      };
    },
  };
}

function excerptOf(input: PromptInput, { before, after }: LineWindow, withContext: boolean): string {
  const chars = withContext ? CONTEXT.chars : 0;
  const above = input.before.slice(0, input.before.length - before.length);
  const below = input.after.slice(after.length);
  const shownAbove = above
    .split('\n')
    .slice(-1 - CONTEXT.lines)
    .join('\n')
    .slice(-chars || Number.POSITIVE_INFINITY)
    .toWellFormed();
  const shownBelow = below
    .split('\n')
    .slice(0, 1 + CONTEXT.lines)
    .join('\n')
    .slice(0, chars)
    .toWellFormed();
  const start = input.startLine === 0 && shownAbove.length === above.length ? '<|start_of_file|>\n' : '';
  return `\`\`\`${input.path.slice(-PATH_CHARS).toWellFormed()}\n${start}${shownAbove}${START}\n${before}${CURSOR}${after}\n${END}${shownBelow}\n\`\`\``;
}

/** The newest edits that there is room for, oldest first, each as a diff without context. */
function editsOf({ recent }: PromptInput, tokenizer: PromptTokenizer): string {
  const blocks: string[] = [];
  let room = EDIT_TOKENS;
  for (const { path, line, removed, added } of recent.toReversed()) {
    const [old, fresh] = [removed.split('\n'), added.split('\n')];
    const head = `@@ -${line + 1},${old.length} +${line + 1},${fresh.length} @@`;
    const diff = [head, ...old.map((each) => `-${each}`), ...fresh.map((each) => `+${each}`)].join('\n');
    const block = `User edited ${path}:\n\`\`\`diff\n${diff}\n\`\`\``;
    const tokens = tokenizer.encode(block).length;
    if (tokens > room) break;
    room -= tokens;
    blocks.unshift(block);
  }
  return blocks.join('\n\n');
}
