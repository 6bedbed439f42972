/** The format `prefix-1`: ordinary text up to the cursor, for models that were not tuned to write edits. */

import { fit } from '../completion/drawable.ts';
import { continuation, editAtCursor } from '../completion/edit.ts';
import { firstLine } from '../model/decode.ts';
import { buildPrompt, encodeTarget, PROMPT_FORMAT, PROMPT_TOKENS, type PromptTokenizer } from '../model/prompt.ts';
import type { EditFormat, Written } from './format.ts';
import { spellLines } from './spell.ts';

export function prefixFormat(tokenizer: PromptTokenizer, budget: number = PROMPT_TOKENS): EditFormat {
  return {
    name: PROMPT_FORMAT,
    spell: (change) => spellLines(change, tokenizer),
    ask(input, most = budget) {
      const prompt = buildPrompt(input, tokenizer, most);
      /** The text after the healed part; the token that ended it may have bytes of its own or none. */
      const textOf = ({ ids }: Written): string => {
        const bytes = ids.filter((id) => !tokenizer.isControl(id)).map((id) => tokenizer.bytes(id));
        return new TextDecoder().decode(Buffer.concat(bytes)).slice(prompt.heal.length);
      };
      const isEnded = (written: Written): boolean => {
        const text = textOf(written);
        return tokenizer.isControl(written.ids.at(-1)!) || firstLine(text) !== text;
      };
      return {
        prompt,
        isOver: isEnded,
        read(written) {
          // A character whose last bytes never came is left out.
          const text = firstLine(textOf(written))
            .replace(/\ufffd+$/, '')
            .trimEnd();
          if (text.trim() === '') return { none: 'empty' };
          // An answer that was cut off is no whole edit.
          if (!isEnded(written)) return { none: 'malformed' };
          const fitted = fit(text, input.after.split('\n', 1)[0]!);
          if ('none' in fitted) return fitted;
          return { edit: editAtCursor(input, fitted.text, fitted.replaceAfter), kept: written.ids.length };
        },
        target(edit, isWhole) {
          const going = continuation(input, edit);
          return going === null ? null : encodeTarget(prompt, going.text, going.rest, tokenizer, isWhole);
        },
      };
    },
  };
}
