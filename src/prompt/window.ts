/** The stretch of lines around the cursor that a rewriting or fill-in model is shown. */
import type { PromptTokenizer } from '../model/prompt.ts';
import type { PromptInput, Written } from './format.ts';

/** Code has about three characters a token; cutting the text first keeps the time to encode it bounded. */
const CHARS_A_TOKEN = 8;

/** What was generated as text, marks left out; a character whose last bytes never came is U+FFFD. */
export function textOf({ ids }: Pick<Written, 'ids'>, heal: string, tokenizer: PromptTokenizer): string {
  const bytes = ids.filter((id) => !tokenizer.isControl(id)).map((id) => tokenizer.bytes(id));
  return new TextDecoder().decode(Buffer.concat(bytes)).slice(heal.length);
}

/**
 * Token ids of the end of a text, at most `budget`: whole lines where they fit, from a line number that is a multiple of
 * `align`, so that the cut stays where it is while the cursor moves on and the KV cache serves again.
 *
 * @param startLine the document's line at which the text begins
 */
export function tailIds(
  text: string,
  startLine: number,
  budget: number,
  tokenizer: PromptTokenizer,
  align = 8,
): number[] {
  const lines = text.split('\n');
  let from = lines.length - 1;
  for (let chars = lines[from]!.length; from > 0 && chars <= CHARS_A_TOKEN * budget; from--)
    chars += lines[from - 1]!.length + 1;
  const aligned = (line: number): number => line + ((align - ((startLine + line) % align)) % align);
  let first = from === 0 && startLine === 0 ? 0 : aligned(from);
  while (first < lines.length) {
    const ids = tokenizer.encode(lines.slice(first).join('\n'));
    if (ids.length <= budget) return ids;
    first = aligned(first + 1);
  }
  // The last lines alone are too long to align: keep the tail.
  return tokenizer.encode(text.slice(-CHARS_A_TOKEN * budget)).slice(-budget);
}

/** Token ids of the beginning of a text, at most `budget`; whole lines where they fit. */
export function headIds(text: string, budget: number, tokenizer: PromptTokenizer): number[] {
  if (budget <= 0) return [];
  const ids = tokenizer.encode(text.slice(0, CHARS_A_TOKEN * budget)).slice(0, budget);
  const shown = new TextDecoder().decode(Buffer.concat(ids.map((id) => tokenizer.bytes(id))));
  const end = shown.lastIndexOf('\n');
  return end <= 0 || shown.length >= text.length ? ids : tokenizer.encode(shown.slice(0, end));
}

/** The lines around the cursor, at most `above` and `below` of them, with their place in the snapshot's window. */
export interface LineWindow {
  /** Lines above the cursor's, and the cursor's up to the cursor. */
  readonly before: string;
  /** From the cursor on. */
  readonly after: string;
  /** The document's line at which `before` begins. */
  readonly startLine: number;
}

export function linesAround(input: PromptInput, above: number, below: number): LineWindow {
  const lines = input.before.split('\n');
  const first = Math.max(0, lines.length - 1 - above);
  return {
    before: lines.slice(first).join('\n'),
    after: input.after
      .split('\n')
      .slice(0, below + 1)
      .join('\n'),
    startLine: input.startLine + first,
  };
}

/** Lines above and below the cursor's, as many as the prompt has room for. */
const LINES = [10, 7, 5, 3, 2, 1, 0];

/**
 * The prompt with as many lines as fit into the budget; where one line alone is too long, with what is nearest to the
 * cursor.
 */
export function fitting(
  input: PromptInput,
  budget: number,
  build: (window: LineWindow) => { readonly ids: readonly number[]; readonly heal: string },
): { readonly window: LineWindow; readonly ids: readonly number[]; readonly heal: string } {
  for (const lines of LINES) {
    const window = linesAround(input, lines, lines);
    if (window.before.length + window.after.length > 8 * budget) continue;
    const built = build(window);
    if (built.ids.length <= budget) return { window, ...built };
  }
  const line = linesAround(input, 0, 0);
  for (let chars = budget; ; chars >>= 1) {
    const [before, after] = [
      line.before.slice(line.before.length - Math.min(chars, line.before.length)),
      line.after.slice(0, chars >> 1),
    ];
    const window = { ...line, before: before.toWellFormed(), after: after.toWellFormed() };
    const built = build(window);
    if (built.ids.length <= budget || chars === 0) return { window, ...built };
  }
}
