/** Colours of code from TextMate grammars and a theme's rules, as VS Code's own tokenizer finds them (its libraries). */
import { createOnigScanner, createOnigString, loadWASM } from 'vscode-oniguruma';
import wasm from 'vscode-oniguruma/release/onig.wasm';
import {
  type IGrammar,
  INITIAL,
  type IRawTheme,
  type ITokenizeLineResult2,
  parseRawGrammar,
  Registry,
  type StateStack,
} from 'vscode-textmate';
import type { Coloured } from './next-edit-box.ts';

/** A grammar's file: its extension says in which of two formats it is. */
export interface GrammarFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Longest time for one line at a stretch, in milliseconds, and how often it is tried; longest line, in UTF-16 units. A
 * grammar's first lines take long, as its rules are compiled when they are met: what was compiled is kept for the next try.
 */
const LIMITS = { lineMs: 20, tries: 20, units: 2_000 } as const;

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
   * @returns the colours of each of `lines`; null if there is no such grammar, or a line takes too long
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
    const coloured: Coloured[][] = [];
    for (const [n, line] of [...above, ...lines].entries()) {
      const result = await tokenized(grammar, line.slice(0, LIMITS.units), state);
      if (result === null) return null;
      const { tokens, ruleStack } = result;
      state = ruleStack;
      if (n < above.length) continue;
      const ofLine = Array.from({ length: tokens.length / 2 }, (_, i): Coloured => {
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
      coloured.push(ofLine);
    }
    return coloured;
  }
}

/** A line's tokens and what it leaves open, in so many tries, between which messages are read; null if none was enough. */
async function tokenized(grammar: IGrammar, line: string, state: StateStack): Promise<ITokenizeLineResult2 | null> {
  for (let n = 0; n < LIMITS.tries; n++) {
    const result = grammar.tokenizeLine2(line, state, LIMITS.lineMs);
    if (!result.stoppedEarly) return result;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return null;
}
