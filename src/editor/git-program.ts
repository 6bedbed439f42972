/** Finds git, and tells when what it ignores may have changed. */
import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';

/**
 * The git that VS Code's own setting names, or the first one in PATH. By its whole path: Windows would look into the
 * folder that was opened first.
 *
 * @returns null if there is none
 */
export function gitProgram(): string | null {
  const named = [vscode.workspace.getConfiguration('git').get<string | string[] | null>('path')].flat();
  const name = process.platform === 'win32' ? 'git.exe' : 'git';
  const inPath = (process.env.PATH ?? '')
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, name));
  return [...named, ...inPath].find((path) => path && isAbsolute(path) && existsSync(path)) ?? null;
}

/** Tells of each `.gitignore` in the workspace that is made, written or deleted. */
export function onIgnoreRules(changed: () => void): vscode.Disposable {
  const watcher = vscode.workspace.createFileSystemWatcher('**/.gitignore');
  return vscode.Disposable.from(
    watcher,
    watcher.onDidChange(changed),
    watcher.onDidCreate(changed),
    watcher.onDidDelete(changed),
  );
}
