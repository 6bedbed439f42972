/** A suggestion as VS Code takes it, and where it stands in a document, as the signals have it. */
import * as vscode from 'vscode';
import type { Hit } from '../completion/cache.ts';
import { drawable } from '../completion/drawable.ts';
import { keyOf, placeOf } from './documents.ts';
import type { NextEditPlace, OfferPlace } from './fates.ts';

/** The command that an item runs when it is accepted; its argument is the suggestion's id. */
export const ACCEPTED = 'knack.accepted';

/** Units before the cursor that the lifecycle is shown, to recognise a change that rewrites the word before it. */
const SHOWN_BEFORE = 200;

/** Where ghost text is asked for. */
export interface Asked {
  readonly document: vscode.TextDocument;
  readonly position: vscode.Position;
  readonly context: vscode.InlineCompletionContext;
}

/** The item that VS Code draws at the cursor; null where it would not. */
export function ghostItem({ entry, edit }: Hit, asked: Asked): vscode.InlineCompletionItem | null {
  const { document, position, context } = asked;
  const { start, end, text } = edit;
  // Ghost text begins at the cursor.
  const line = document.lineAt(position.line).text;
  if (start.character !== position.character || !drawable(edit, placeOf(position), line)) return null;
  // IntelliSense comes first: next to its chosen item VS Code draws only what continues that item. The suggestion
  // stays kept for when its widget has gone.
  if (!continues(text, document, position, context.selectedCompletionInfo)) return null;
  const range = new vscode.Range(start.line, start.character, end.line, end.character);
  const item = new vscode.InlineCompletionItem(text, range);
  item.command = { command: ACCEPTED, title: 'Knack', arguments: [entry.suggestion.id] };
  return item;
}

/** Where ghost text stands. */
export function ghostPlace({ document, position }: Asked): OfferPlace {
  const line = document.lineAt(position.line).text;
  return {
    document: keyOf(document),
    version: document.version,
    offset: document.offsetAt(position),
    before: line.slice(0, position.character).slice(-SHOWN_BEFORE),
    after: line.slice(position.character),
    eol: document.eol === vscode.EndOfLine.CRLF ? '\r\n' : '\n',
  };
}

/** Where a next edit stands, and what it replaces. */
export function nextEditPlace({ edit: { start, end, text } }: Hit, { document, position }: Asked): NextEditPlace {
  const line = new vscode.Position(start.line, 0);
  const range = new vscode.Range(start.line, start.character, end.line, end.character);
  const lines = new vscode.Range(line, document.lineAt(end.line).range.end);
  return {
    document: keyOf(document),
    place: { offset: document.offsetAt(range.start), text: document.getText(range) },
    target: document.eol === vscode.EndOfLine.CRLF ? text.replaceAll('\n', '\r\n') : text,
    lines: { offset: document.offsetAt(line), text: document.getText(lines) },
    cursor: document.offsetAt(position),
  };
}

/** Whether a text at the cursor begins with what the item that is chosen in the suggest widget would add. */
function continues(
  text: string,
  document: vscode.TextDocument,
  position: vscode.Position,
  chosen: vscode.SelectedCompletionInfo | undefined,
): boolean {
  if (!chosen) return true;
  const typed = document.getText(chosen.range);
  if (!chosen.range.end.isEqual(position) || !chosen.text.startsWith(typed)) return false;
  return text.startsWith(chosen.text.slice(typed.length));
}
