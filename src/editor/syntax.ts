/**
 * The theme's own colours for the box of a next edit.
 *
 * VS Code gives no extension its colours, but every extension may read what the others contribute: the files of the
 * theme in use and of the language's grammar. Where they cannot be found, the box has one plain colour.
 */
import { join } from 'node:path';
import { parse } from 'jsonc-parser';
import * as vscode from 'vscode';
import type { GrammarFile } from './grammars.ts';
import { Highlighting } from './highlighting.ts';
import type { Coloured } from './next-edit-box.ts';
import type { BoxLine } from './next-edit-layout.ts';

/** A box's plain colour and the colours of its lines. */
export interface Painted {
  readonly text: string | null;
  readonly lines: readonly (readonly Coloured[])[];
}

interface Theme {
  readonly foreground: string | null;
  readonly highlighting: Highlighting;
}

/** Contributed files, as far as they matter here. */
interface Contributes {
  readonly themes?: readonly { id?: string; label?: string; uiTheme?: string; path?: string }[];
  readonly grammars?: readonly { language?: string; scopeName?: string; path?: string }[];
}

interface ThemeFile {
  readonly include?: string;
  readonly colors?: Readonly<Record<string, string>>;
  readonly tokenColors?: readonly unknown[] | string;
}

/** Lines above the box that are read for what they leave open. */
const CONTEXT_LINES = 200;

const UI_THEMES: Readonly<Record<vscode.ColorThemeKind, string>> = {
  [vscode.ColorThemeKind.Light]: 'vs',
  [vscode.ColorThemeKind.Dark]: 'vs-dark',
  [vscode.ColorThemeKind.HighContrast]: 'hc-black',
  [vscode.ColorThemeKind.HighContrastLight]: 'hc-light',
};

/** Where VS Code looks for the theme, by its kind, if it follows the system. */
const PREFERRED: Readonly<Record<string, string>> = {
  vs: 'preferredLightColorTheme',
  'vs-dark': 'preferredDarkColorTheme',
  'hc-black': 'preferredHighContrastColorTheme',
  'hc-light': 'preferredHighContrastLightColorTheme',
};

export class Syntax {
  readonly #dist: string;
  #name = '';
  #theme: Promise<Theme | null> = Promise.resolve(null);

  /** @param dist folder of the bundles */
  constructor(dist: string) {
    this.#dist = dist;
  }

  /** The colours of a box's lines, or null where they are not known. */
  async paint(lines: readonly BoxLine[], document: vscode.TextDocument): Promise<Painted | null> {
    const name = themeName();
    if (name === null) return null;
    if (name !== this.#name) {
      this.dispose();
      this.#name = name;
      this.#theme = this.#load(name);
    }
    const theme = await this.#theme;
    const scope = contributed('grammars').find(({ value }) => value.language === document.languageId)?.value.scopeName;
    if (!theme || !scope || lines.length === 0) return null;
    const first = Math.min(lines[0]!.line, document.lineCount);
    const above = Array.from({ length: Math.min(first, CONTEXT_LINES) }, (_, i) => {
      return document.lineAt(first - Math.min(first, CONTEXT_LINES) + i).text;
    });
    const colours = await theme.highlighting.colour(
      scope,
      above,
      lines.map(({ whole }) => whole),
    );
    if (!colours) return null;
    const shown = colours.map((line, i) => {
      const { skipped } = lines[i]!;
      return line
        .map((c) => ({ ...c, from: Math.max(0, c.from - skipped), to: c.to - skipped }))
        .filter((c) => c.to > c.from);
    });
    return { text: theme.foreground, lines: shown };
  }

  async #load(name: string): Promise<Theme | null> {
    const found = contributed('themes').find(({ value }) => isNamed(value, name));
    if (!found?.value.path) return null;
    const { colors, tokenColors } = await readTheme(
      vscode.Uri.joinPath(found.extension.extensionUri, found.value.path),
    );
    const foreground = colors['editor.foreground'] ?? null;
    const plain = foreground === null ? [] : [{ settings: { foreground } }];
    const rules = { settings: [...plain, ...tokenColors] };
    return { foreground, highlighting: new Highlighting(join(this.#dist, 'grammars.cjs'), rules, grammarOf) };
  }

  /** Ends the thread of the last theme. */
  dispose(): void {
    this.#theme.then(
      (theme) => theme?.highlighting.stop(),
      () => undefined, // it could not be read: there is no thread
    );
  }
}

/** Id of the theme in use, or null if what is set is not what is shown. */
function themeName(): string | null {
  const kind = UI_THEMES[vscode.window.activeColorTheme.kind];
  const settings = vscode.workspace.getConfiguration('workbench');
  const names = [settings.get<string>('colorTheme'), settings.get<string>(PREFERRED[kind]!)];
  const themes = contributed('themes').map(({ value }) => value);
  return names.find((name) => themes.some((t) => name && isNamed(t, name) && t.uiTheme === kind)) ?? null;
}

/** VS Code's own themes lost a word of their names in 2026 ("Default Dark Modern"); settings may hold either name. */
function isNamed({ id, label }: { readonly id?: string; readonly label?: string }, name: string): boolean {
  const short = (full: string): string => full.replace(/^Default (?=(Dark|Light)( Modern|\+)$)/, '');
  return short(id ?? label ?? '') === short(name);
}

function contributed<K extends keyof Contributes>(kind: K) {
  return vscode.extensions.all.flatMap((extension) => {
    const values = (extension.packageJSON as { contributes?: Contributes }).contributes?.[kind] ?? [];
    return values.map((value) => ({ extension, value: value as NonNullable<Contributes[K]>[number] }));
  });
}

/** A theme's file and those that it includes; what is nearer counts more. */
async function readTheme(
  uri: vscode.Uri,
  depth = 0,
): Promise<{ colors: Record<string, string>; tokenColors: never[] }> {
  const file = parse(await readText(uri)) as ThemeFile;
  const base =
    file.include && depth < 8
      ? await readTheme(vscode.Uri.joinPath(uri, '..', file.include), depth + 1)
      : { colors: {}, tokenColors: [] };
  const own = Array.isArray(file.tokenColors) ? (file.tokenColors as never[]) : [];
  return { colors: { ...base.colors, ...file.colors }, tokenColors: [...base.tokenColors, ...own] };
}

async function grammarOf(scope: string): Promise<GrammarFile | null> {
  const found = contributed('grammars').find(({ value }) => value.scopeName === scope);
  if (!found?.value.path) return null;
  const { path } = found.value;
  return { path, text: await readText(vscode.Uri.joinPath(found.extension.extensionUri, path)) };
}

async function readText(uri: vscode.Uri): Promise<string> {
  return new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
}
