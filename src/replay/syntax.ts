/**
 * Syntax errors of a text, by tree-sitter's grammars (WebAssembly, from @vscode/tree-sitter-wasm).
 *
 * Texts follow each other in small steps, and a parse begins from the tree before it. Error recovery may then end
 * otherwise than a parse from nothing would, but the same texts in the same order have the same errors.
 */
import { join } from 'node:path';
import treeSitter, { type Edit, type Node, type Parser, type Tree } from '@vscode/tree-sitter-wasm';
import { commonPrefix, commonSuffix } from './path.ts';

/** VS Code's language id -> grammar. */
const GRAMMARS: Readonly<Record<string, string>> = {
  go: 'go',
  javascript: 'javascript',
  javascriptreact: 'javascript',
  python: 'python',
  rust: 'rust',
  typescript: 'typescript',
  typescriptreact: 'tsx',
};

/** Files that `Syntax.load` reads from its folder. */
export const GRAMMAR_FILES: readonly string[] = [
  'tree-sitter.wasm',
  ...[...new Set(Object.values(GRAMMARS))].map((name) => `tree-sitter-${name}.wasm`),
];

/** Longer texts (UTF-16 units) are not parsed. */
const LONGEST = 500_000;

export class Syntax {
  readonly #parsers: ReadonlyMap<string, Parser>;
  /** The last text. */
  #last: { readonly path: string; readonly parsed: Parsed } | null = null;

  private constructor(parsers: ReadonlyMap<string, Parser>) {
    this.#parsers = parsers;
  }

  /** @param folder that holds GRAMMAR_FILES */
  static async load(folder: string): Promise<Syntax> {
    await treeSitter.Parser.init({ locateFile: (file) => join(folder, file) });
    const parsers = new Map<string, Parser>();
    for (const name of new Set(Object.values(GRAMMARS))) {
      const parser = new treeSitter.Parser();
      parser.setLanguage(await treeSitter.Language.load(join(folder, `tree-sitter-${name}.wasm`)));
      parsers.set(name, parser);
    }
    return new Syntax(parsers);
  }

  /** A text as the typist has it, to be released; null in a language without a grammar. */
  at(path: string, languageId: string, text: string): Parsed | null {
    const parser = this.#parsers.get(GRAMMARS[languageId] ?? '');
    if (parser === undefined || text.length > LONGEST) return null;
    const last = this.#last?.path === path ? this.#last.parsed : null;
    const parsed = last === null ? new Parsed(parser, text, parser.parse(text)!) : last.next(text);
    this.#last?.parsed.release();
    this.#last = { path, parsed };
    return parsed.again();
  }
}

/** A text with its tree. */
export class Parsed {
  readonly #parser: Parser;
  readonly #text: string;
  readonly #tree: Tree;
  #errors: number | null = null;

  constructor(parser: Parser, text: string, tree: Tree) {
    this.#parser = parser;
    this.#text = text;
    this.#tree = tree;
  }

  /** Places at which the text is not what the grammar expects. */
  get errors(): number {
    return (this.#errors ??= count(this.#tree.rootNode));
  }

  /** A text that differs a little. */
  next(text: string): Parsed {
    const old = this.#tree.copy();
    if (text !== this.#text) old.edit(difference(this.#text, text));
    const tree = this.#parser.parse(text, old)!;
    old.delete();
    return new Parsed(this.#parser, text, tree);
  }

  /** The same, to be released by itself. */
  again(): Parsed {
    return new Parsed(this.#parser, this.#text, this.#tree.copy());
  }

  /** Gives the tree's memory back. */
  release(): void {
    this.#tree.delete();
  }
}

function count(node: Node): number {
  if (!node.hasError) return 0;
  const own = node.isError || node.isMissing ? 1 : 0;
  return node.children.reduce((n, child) => n + (child === null ? 0 : count(child)), own);
}

function difference(before: string, after: string): Edit {
  const start = commonPrefix(before, after);
  const tail = commonSuffix(before, after, Math.min(before.length, after.length) - start);
  const place = (text: string, at: number) => {
    let row = 0;
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0 && end < at; end = text.indexOf('\n', end + 1)) {
      row++;
      from = end + 1;
    }
    return { row, column: at - from };
  };
  const [oldEnd, newEnd] = [before.length - tail, after.length - tail];
  return {
    startIndex: start,
    oldEndIndex: oldEnd,
    newEndIndex: newEnd,
    startPosition: place(before, start),
    oldEndPosition: place(before, oldEnd),
    newEndPosition: place(after, newEnd),
  };
}
