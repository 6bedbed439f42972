/** Which format a model is asked in, by its style. */
import { ModelError } from '../model/errors.ts';
import { knownModel, type PromptStyle, promptStyle, type Traits } from '../model/library/catalogue.ts';
import type { PromptTokenizer } from '../model/prompt.ts';
import { fimFormat, fimMarks } from './fim-format.ts';
import type { EditFormat } from './format.ts';
import { prefixFormat } from './prefix-format.ts';
import { sweepFormat } from './sweep-format.ts';
import { zetaFormat } from './zeta-format.ts';

/**
 * The format of a model that has no tuning of Knack's own: what the user chose, else the table's by its name and shape,
 * else what its tokenizer has marks for.
 *
 * @param names that the model's files go by
 * @throws ModelError 'tokenizer' if the tokenizer has no marks for what the user chose
 */
export function formatOf(
  chosen: PromptStyle | null,
  names: readonly string[],
  traits: Traits,
  tokenizer: PromptTokenizer,
): EditFormat {
  const style = promptStyle(chosen, knownModel(names, traits), fimMarks(tokenizer) !== null);
  const formats: Readonly<Record<PromptStyle, () => EditFormat | null>> = {
    knack: () => prefixFormat(tokenizer),
    fim: () => fimFormat(tokenizer),
    sweep: () => sweepFormat(tokenizer),
    zeta: () => zetaFormat(tokenizer),
  };
  const format = formats[style]();
  if (format !== null) return format;
  if (chosen === null) return fimFormat(tokenizer) ?? prefixFormat(tokenizer);
  throw new ModelError(
    'tokenizer',
    `The model’s tokenizer has no marks for the prompt format “${chosen}”. Set knack.model.promptFormat to “auto”.`,
  );
}
