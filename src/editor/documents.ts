/** Which documents Knack works in, and what it reads of them. */
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { Place } from '../completion/edit.ts';
import { type Excluder, excluder } from '../completion/exclude.ts';
import type { RecentEdits } from '../completion/recent.ts';
import { SUITABLE, type TextPort } from '../completion/take.ts';
import type { GitIgnored } from './git-ignored.ts';
import type { Settings } from './settings.ts';

/**
 * Files and untitled documents, here or on a remote machine. Not: output panels, the SCM input, other sides of diffs,
 * the settings editor, notebooks (their cells have no order of lines yet).
 */
export const SCHEMES = ['file', 'untitled', 'vscode-remote'] as const;

/** Bytes of a saved file that is compared with what it is now. */
const MOST_SAVED = 4 * 1024 * 1024;

/** Why a document gets no suggestions. */
export interface Quiet {
  readonly none: 'excluded' | 'unsuitable';
  /** For people, in half a sentence. */
  readonly reason: string;
}

export class Documents {
  readonly #ignored: GitIgnored;
  #settings: Settings;
  #excluder: Excluder;
  /** By URI: the excluding reason, or null. */
  #excluded = new Map<string, string | null>();

  constructor(settings: Settings, ignored: GitIgnored) {
    this.#ignored = ignored;
    this.#settings = settings;
    this.#excluder = excluder(settings.exclude);
  }

  configure(settings: Settings): void {
    this.#settings = settings;
    this.#excluder = excluder(settings.exclude);
    this.#excluded = new Map();
  }

  /** Why a document is left alone, or null. Says nothing about its text, which `takeSnapshot` looks at. */
  quiet(document: vscode.TextDocument): Quiet | null {
    if (!isServed(document)) return { none: 'unsuitable', reason: t('Knack works in files only') };
    const reason = this.#excludedBy(document.uri);
    if (reason !== null) return { none: 'excluded', reason };
    if (this.#settings.disabledLanguages.includes(document.languageId)) {
      return { none: 'excluded', reason: t('knack.disabledLanguages has {0}', document.languageId) };
    }
    const ignored = this.#ignoredByGit(document.uri);
    if (ignored !== null) return { none: 'excluded', reason: ignored };
    if (document.lineCount > SUITABLE.lines) return { none: 'unsuitable', reason: t('the file is too large') };
    if (vscode.workspace.fs.isWritableFileSystem(document.uri.scheme) === false) {
      return { none: 'unsuitable', reason: t('the file is read-only') };
    }
    return null;
  }

  /** What may not be read any more, as settings or git say now, is forgotten: its edits, and its text as it was. */
  review(recent: RecentEdits): void {
    for (const document of vscode.workspace.textDocuments) {
      if (recent.knows(keyOf(document)) && this.quiet(document) !== null) recent.forget(keyOf(document));
    }
  }

  /** Follows the edits to a document from now on, if it may be read. */
  follow(document: vscode.TextDocument, recent: RecentEdits): void {
    const key = keyOf(document);
    if (recent.knows(key) || this.quiet(document) !== null) return;
    const port = textOf(document);
    recent.open(
      key,
      port.path,
      Array.from({ length: port.lineCount }, (_, n) => port.line(n)),
    );
    // Edited before the window was reloaded, before Knack was running, or before git said that it may be read.
    if (document.isDirty && !document.isUntitled) {
      void savedLines(document.uri).then((saved) => {
        const editor = vscode.window.activeTextEditor;
        const line = editor?.document === document ? editor.selection.active.line : 0;
        if (saved !== null) recent.recall(key, saved, line);
      });
    }
  }

  #ignoredByGit(uri: vscode.Uri): string | null {
    if (uri.scheme !== 'file') return null;
    const ignored = this.#ignored.has(uri.fsPath);
    if (ignored === undefined) return t('git has not said yet whether it ignores the file');
    return ignored ? t('git ignores the file') : null;
  }

  #excludedBy(uri: vscode.Uri): string | null {
    const key = uri.toString();
    let reason = this.#excluded.get(key);
    if (reason === undefined) {
      // A pattern may name the file from its workspace folder on, with that folder's name, or as a whole.
      const paths = [relativePath(uri, false), relativePath(uri), uri.path];
      reason = paths.map((path) => this.#excluder(path)).find((r) => r !== null) ?? null;
      this.#excluded.set(key, reason);
    }
    return reason;
  }
}

/** The lines of a file as it was saved; null where they cannot be told, as in another encoding than UTF-8. */
async function savedLines(uri: vscode.Uri): Promise<string[] | null> {
  try {
    const { size } = await vscode.workspace.fs.stat(uri);
    if (size > MOST_SAVED) return null;
    const bytes = await vscode.workspace.fs.readFile(uri);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).split(/\r\n|\r|\n/);
  } catch {
    return null;
  }
}

/** Whether a document is of a kind that Knack works in at all. */
export function isServed(document: vscode.TextDocument): boolean {
  return (SCHEMES as readonly string[]).includes(document.uri.scheme);
}

/** What identifies a document in this window. */
export function keyOf(document: vscode.TextDocument): string {
  return document.uri.toString();
}

/** A document as what `completion/` reads. */
export function textOf(document: vscode.TextDocument): TextPort {
  return {
    path: pathOf(document.uri),
    languageId: document.languageId,
    lineCount: document.lineCount,
    line: (n) => document.lineAt(n).text,
  };
}

export function placeOf(position: vscode.Position): Place {
  return { line: position.line, character: position.character };
}

/** Path for the model: from the workspace folder on; outside of any, the bare name, as the rest is nobody's business. */
function pathOf(uri: vscode.Uri): string {
  return vscode.workspace.getWorkspaceFolder(uri) ? relativePath(uri) : uri.path.slice(uri.path.lastIndexOf('/') + 1);
}

/** @param withFolder whether it begins with the folder's name where there are several */
function relativePath(uri: vscode.Uri, withFolder?: boolean): string {
  return vscode.workspace.asRelativePath(uri, withFolder).replaceAll('\\', '/');
}
