/** Listens to the editor, and tells the fates, the recent edits and the engine what happens. */
import * as vscode from 'vscode';
import type { RecentEdits } from '../completion/recent.ts';
import type { SelectionKind } from '../signals/ghost.ts';
import type { EditorEvent } from '../signals/lifecycle.ts';
import { type Documents, isServed, keyOf, placeOf } from './documents.ts';

export interface EventPorts {
  readonly documents: Documents;
  readonly recent: RecentEdits;
  readonly apply: (event: EditorEvent) => void;
  /** A key was pressed that changed a text, as far as one can tell. */
  readonly keyPressed: (at: number) => void;
  /** A line loses text; told before the change, with the line as it was. */
  readonly onDeleted: (document: string, line: number, text: string) => void;
  /** The user did something; at most once a second. */
  readonly activity: (at: number) => void;
  /** Another document is looked at, or the settings of this one changed. */
  readonly onActiveDocument: () => void;
}

const ACTIVITY_MS = 1000;

export function listen({
  documents,
  recent,
  apply,
  keyPressed,
  activity,
  onDeleted,
  onActiveDocument,
}: EventPorts): vscode.Disposable {
  let lastActivity = 0;
  const active = (): void => {
    const now = Date.now();
    if (Math.abs(now - lastActivity) < ACTIVITY_MS) return;
    lastActivity = now;
    activity(now);
  };
  const look = (editor: vscode.TextEditor | undefined): void => {
    if (editor) documents.follow(editor.document, recent);
  };

  vscode.window.visibleTextEditors.forEach(look);
  return vscode.Disposable.from(
    vscode.workspace.onDidChangeTextDocument((e) => {
      // Knack's own log, shown in the output panel, is no doing of the user; nor is a file's state after saving.
      // A log that grows in an open tab is none either.
      const isMine = isByHand(e) || e.document === vscode.window.activeTextEditor?.document;
      if (e.document.uri.scheme !== 'output' && e.contentChanges.length > 0 && isMine) active();
      if (!isServed(e.document) || e.contentChanges.length === 0) return;
      if (documents.quiet(e.document) === null) {
        for (const { line, text } of linesThatLose(e, recent)) onDeleted(keyOf(e.document), line, text);
        recent.change(keyOf(e.document), e.contentChanges.map(textChange), isByHand(e));
        documents.follow(e.document, recent); // from the next change on, if it was not followed yet
      }
      if (isKey(e)) keyPressed(Date.now());
      apply(changeEvent(e));
    }),
    vscode.window.onDidChangeTextEditorSelection((e) => {
      if (e.textEditor.document.uri.scheme !== 'output') active();
      if (e.textEditor !== vscode.window.activeTextEditor || !isServed(e.textEditor.document)) return;
      recent.at(keyOf(e.textEditor.document), e.textEditor.selection.active.line);
      apply(selectEvent(e));
    }),
    vscode.window.onDidChangeActiveTextEditor((editor) => {
      active();
      recent.leave();
      look(editor);
      const document = editor && isServed(editor.document) ? keyOf(editor.document) : null;
      apply({ type: 'switched', at: Date.now(), document });
      onActiveDocument();
    }),
    vscode.window.onDidChangeVisibleTextEditors((editors) => editors.forEach(look)),
    vscode.window.onDidChangeWindowState((state) => {
      // VS Code also tells when nobody has done anything for a minute: that is no activity.
      if (state.active) active();
      if (state.focused) return;
      recent.leave();
      apply({ type: 'focus-lost', at: Date.now() });
    }),
    vscode.workspace.onDidCloseTextDocument((document) => {
      recent.close(keyOf(document));
      if (isServed(document)) apply({ type: 'document-closed', at: Date.now(), document: keyOf(document) });
      onActiveDocument(); // a change of language closes and opens
    }),
    vscode.workspace.onDidOpenTextDocument(onActiveDocument),
  );
}

/** One key's worth of change: what a person types, rather than pastes, accepts or undoes. */
function isKey({ contentChanges, reason }: vscode.TextDocumentChangeEvent): boolean {
  const [change, ...more] = contentChanges;
  if (reason !== undefined || change === undefined || more.length > 0) return false;
  return change.text.trimEnd().length + change.rangeLength <= 2;
}

/**
 * Whether a change is the developer's: where one writes there is a cursor. Programs (a formatter, a rename, a file that
 * was changed on disk) write elsewhere too.
 */
function isByHand({ document, contentChanges }: vscode.TextDocumentChangeEvent): boolean {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document !== document) return false;
  // As they were before the change.
  const { selections } = editor;
  return contentChanges.every(({ range }) =>
    selections.some(({ start, end }) => range.start.line <= end.line && range.end.line >= start.line),
  );
}

/** Lines of one change that are kept as deleted: a whole file that is replaced is nobody's deletion. */
const DELETED_LINES = 16;

/** The lines that a change takes text from, as they were. */
function linesThatLose(e: vscode.TextDocumentChangeEvent, recent: RecentEdits): { line: number; text: string }[] {
  const key = keyOf(e.document);
  return e.contentChanges
    .filter((c) => c.rangeLength > c.text.length)
    .flatMap(({ range: { start, end } }) => {
      const count = Math.min(end.line - start.line + 1, DELETED_LINES);
      return Array.from({ length: count }, (_, i) => ({
        line: start.line + i,
        text: recent.line(key, start.line + i),
      }));
    })
    .filter((l): l is { line: number; text: string } => l.text !== undefined);
}

function textChange(c: vscode.TextDocumentContentChangeEvent) {
  return { start: placeOf(c.range.start), end: placeOf(c.range.end), text: c.text };
}

const CAUSES = {
  [vscode.TextDocumentChangeReason.Undo]: 'undo',
  [vscode.TextDocumentChangeReason.Redo]: 'redo',
} as const;

function changeEvent(e: vscode.TextDocumentChangeEvent): EditorEvent {
  return {
    type: 'changed',
    at: Date.now(),
    document: keyOf(e.document),
    version: e.document.version,
    changes: e.contentChanges.map((c) => ({ offset: c.rangeOffset, removed: c.rangeLength, text: c.text })),
    cause: e.reason === undefined ? 'other' : CAUSES[e.reason],
  };
}

const KINDS: Readonly<Record<vscode.TextEditorSelectionChangeKind, SelectionKind>> = {
  [vscode.TextEditorSelectionChangeKind.Keyboard]: 'keyboard',
  [vscode.TextEditorSelectionChangeKind.Mouse]: 'mouse',
  [vscode.TextEditorSelectionChangeKind.Command]: 'command',
};

function selectEvent(e: vscode.TextEditorSelectionChangeEvent): EditorEvent {
  const { document, selection } = e.textEditor;
  return {
    type: 'selected',
    at: Date.now(),
    document: keyOf(document),
    offset: document.offsetAt(selection.active),
    empty: e.selections.length === 1 && selection.isEmpty,
    kind: e.kind === undefined ? 'none' : KINDS[e.kind],
  };
}
