/**
 * What Knack says at run time, found in its sources: for the test that every text can be translated, and
 * `node scripts/texts.ts de`, which prints what a language still lacks.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from '@swc/core';
import { ROOT } from './paths.ts';

export interface Texts {
  /** Arguments of `t(...)`, each once. */
  readonly keys: ReadonlySet<string>;
  /** Calls of `t` whose text is no plain literal: `file: source`. */
  readonly computed: readonly string[];
  /** What reads like a sentence or a title, and goes to the user without `t`: `file: text`. */
  readonly bare: readonly string[];
}

/** Files whose texts the user reads; what others say is for the log, or reaches the user through these. */
const SPOKEN =
  /^src\/(extension\.ts$|editor\/|panel\/|replay\/(page|page-texts|sentence|chart|start)\.ts$)|^src\/signals\/idle\.ts$/;

/** What is said here is for the log, or for a stack trace. */
const SILENT = /^(log\.\w+|console\.\w+|log|this\.#log|Error|TypeError|RangeError|getConfiguration|executeCommand)$/;

interface Node {
  readonly type?: string;
  readonly [key: string]: unknown;
}

export function textsOf(files: readonly string[] = sources()): Texts {
  const keys = new Set<string>();
  const computed: string[] = [];
  const bare: string[] = [];
  for (const file of files) {
    const source = readFileSync(join(ROOT, file), 'utf8');
    const translates = /import \{[^}]*\bt\b[^}]*\} from '@vscode\/l10n'/.test(source);
    const walk = (node: unknown, heard: boolean): void => {
      if (typeof node !== 'object' || node === null) return;
      const { type } = node as Node;
      if (type === 'ImportDeclaration' || type === 'TsLiteralType') return;
      if (type === 'CallExpression' || type === 'NewExpression') {
        const name = calleeOf((node as Node).callee as Node);
        const args = ((node as Node).arguments ?? []) as { readonly expression: Node }[];
        if (translates && name === 't') {
          const key = literal(args[0]?.expression);
          if (key === null) computed.push(`${file}: t(${args[0]?.expression.type})`);
          else keys.add(key);
          for (const arg of args.slice(1)) walk(arg, heard);
          return;
        }
        if (SILENT.test(name)) heard = false;
      }
      const text = literal(node as Node) ?? template(node as Node);
      if (text !== null) {
        if (heard && isProse(text)) bare.push(`${file}: ${text}`);
        if (type === 'StringLiteral') return;
      }
      for (const value of Object.values(node)) walk(value, heard);
    };
    walk(parseSync(source, { syntax: 'typescript' }).body, SPOKEN.test(file));
  }
  return { keys, computed, bare };
}

const sources = (): string[] => globSync('src/**/*.ts', { cwd: ROOT }).map((file) => file.replaceAll('\\', '/'));

/** Two words or more, as a sentence or a title has them. The name alone, before a text that is translated, is none. */
function isProse(text: string): boolean {
  return /^\p{Lu}\S*\s+\p{L}|\p{L}{2,}\s+\p{L}{2,}.*[.?!]$/su.test(text) && /\p{L}{3,} \p{L}/u.test(text);
}

function literal(node: Node | undefined): string | null {
  if (node?.type === 'StringLiteral') return node.value as string;
  if (node?.type === 'TemplateLiteral' && (node.expressions as unknown[]).length === 0) return template(node);
  return null;
}

function template(node: Node): string | null {
  if (node.type !== 'TemplateLiteral') return null;
  return (node.quasis as { cooked?: string }[]).map((q) => q.cooked ?? '').join('…');
}

function calleeOf(node: Node): string {
  if (node.type === 'Identifier') return node.value as string;
  if (node.type !== 'MemberExpression') return '';
  const { object, property } = node as unknown as { object: Node; property: Node };
  const name = property.type === 'PrivateName' ? `#${property.value}` : String(property.value);
  if (object.type === 'ThisExpression') return `this.${name}`;
  if (name === 'getConfiguration' || name === 'executeCommand') return name;
  return object.type === 'Identifier' ? `${object.value}.${name}` : '';
}

/** Path, under the checkout, of a language's texts. */
export const bundleOf = (language: string): string => join(ROOT, 'l10n', `bundle.l10n.${language}.json`);

if (import.meta.main) {
  const known = JSON.parse(readFileSync(bundleOf(process.argv[2] ?? 'de'), 'utf8'));
  for (const key of textsOf().keys) if (!(key in known)) console.log(JSON.stringify(key));
}
