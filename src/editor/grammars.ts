/**
 * Colours of code from TextMate grammars and a theme's rules, as VS Code's own tokenizer finds them (its libraries).
 *
 * A bundle of its own, loaded when the first next edit is drawn: nobody else needs it.
 */
import { createOnigScanner, createOnigString, loadWASM } from 'vscode-oniguruma';
import wasm from 'vscode-oniguruma/release/onig.wasm';
import { INITIAL, type IRawTheme, parseRawGrammar, Registry } from 'vscode-textmate';
import type { Coloured } from './next-edit-box.ts';

/** A grammar's file: its extension says in which of two formats it is. */
export interface GrammarFile {
  readonly path: string;
  readonly text: string;
}

/** Longest time for one line, in milliseconds; longest line, in UTF-16 units. */
const LIMITS = { lineMs: 20, units: 2_000 } as const;

let loaded: Promise<void> | null = null;

export class Highlighter {
  readonly #registry: Registry;

  /** @param grammar finds the grammar of a scope, such as `source.ts` */
  constructor(theme: IRawTheme, grammar: (scope: string) => Promise<GrammarFile | null>) {
    loaded ??= loadWASM(wasm);
    this.#registry = new Registry({
      onigLib: loaded.then(() => ({ createOnigScanner, createOnigString })),
      theme,
      loadGrammar: async (scope) => {
        const file = await grammar(scope);
        return file && parseRawGrammar(file.text, file.path);
      },
    });
  }

  /**
   * @param above lines before those that are wanted, for what they leave open (comments, texts)
   * @returns the colours of each of `lines`, or null if there is no such grammar
   */
  async colour(
    scope: string,
    above: readonly string[],
    lines: readonly string[],
  ): Promise<readonly (readonly Coloured[])[] | null> {
    const grammar = await this.#registry.loadGrammar(scope);
    if (!grammar) return null;
    const colours = this.#registry.getColorMap();
    let state = INITIAL;
    for (const line of above)
      state = grammar.tokenizeLine2(line.slice(0, LIMITS.units), state, LIMITS.lineMs).ruleStack;
    return lines.map((line) => {
      const { tokens, ruleStack } = grammar.tokenizeLine2(line.slice(0, LIMITS.units), state, LIMITS.lineMs);
      state = ruleStack;
      return Array.from({ length: tokens.length / 2 }, (_, i): Coloured => {
        const metadata = tokens[2 * i + 1]!;
        // Of the metadata, bits 11 to 14 are the font's style (1 italic, 2 bold), bits 15 to 23 the colour.
        const style = (metadata >>> 11) & 0xf;
        return {
          from: tokens[2 * i]!,
          to: i + 1 < tokens.length / 2 ? tokens[2 * i + 2]! : line.length,
          colour: colours[(metadata >>> 15) & 0x1ff] ?? colours[1]!,
          ...(style & 1 ? { italic: true } : {}),
          ...(style & 2 ? { bold: true } : {}),
        };
      });
    });
  }
}
