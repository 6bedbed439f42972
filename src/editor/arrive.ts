/** Asks for a suggestion where the cursor has come to and stays, as VS Code does after a keystroke. */
import * as vscode from 'vscode';
import { Arrival, type Cursor, STAY_MS } from '../completion/arrival.ts';
import { keyOf } from './documents.ts';

/** @param ask has VS Code ask at the cursor */
export function askOnArrival(ask: () => Promise<void>): vscode.Disposable {
  const arrival = new Arrival();
  let timer: NodeJS.Timeout | null = null;
  // Whatever moves the cursor, changes its text or goes elsewhere comes by here: what was waited for is over.
  const cancel = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const look = (editor: vscode.TextEditor): void => {
    cancel();
    if (!arrival.moved(cursorOf(editor))) return;
    timer = setTimeout(() => {
      timer = null;
      arrival.asked();
      if (vscode.window.state.focused) ask().catch(() => undefined); // its editor may have gone meanwhile
    }, STAY_MS);
  };
  return vscode.Disposable.from(
    { dispose: cancel },
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length === 0 || vscode.window.activeTextEditor?.document !== document) return;
      cancel();
      arrival.edited(Date.now());
    }),
    vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
      if (textEditor === vscode.window.activeTextEditor) look(textEditor);
    }),
    vscode.window.onDidChangeActiveTextEditor((editor) => (editor === undefined ? cancel() : look(editor))),
  );
}

function cursorOf({ document, selections, selection }: vscode.TextEditor): Cursor {
  return {
    at: Date.now(),
    document: keyOf(document),
    version: document.version,
    line: selection.active.line,
    isSingle: selections.length === 1 && selection.isEmpty,
  };
}
