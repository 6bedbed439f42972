/**
 * Answers VS Code's question for an inline completion: with ghost text, or, where VS Code does not draw the edit, with
 * nothing and a next edit that Knack draws itself. Never throws into it, never makes typing wait.
 */
import * as vscode from 'vscode';
import type { At, Entry, Hit } from '../completion/cache.ts';
import { drawable } from '../completion/drawable.ts';
import { isLikelyEnough } from '../completion/eagerness.ts';
import { present } from '../completion/present.ts';
import type { RecentEdits } from '../completion/recent.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import { type Completion, isSuggestion, type None } from '../completion/suggestion.ts';
import { takeSnapshot } from '../completion/take.ts';
import type { Offered } from '../signals/signal.ts';
import type { Calm } from './calm.ts';
import { type Documents, keyOf, placeOf, textOf } from './documents.ts';
import type { Fates } from './fates.ts';
import type { Log } from './log.ts';
import type { Settings } from './settings.ts';

/** The command that an item runs when it is accepted; its argument is the suggestion's id. */
export const ACCEPTED = 'knack.accepted';

/** A suggestion that takes longer is of no use to anybody. */
const DEADLINE_MS = 8_000;

/** Units before the cursor that the lifecycle is shown, to recognise a change that rewrites the word before it. */
const SHOWN_BEFORE = 200;

export interface ProviderPorts {
  readonly settings: () => Settings;
  readonly documents: Documents;
  readonly calm: Calm;
  readonly recent: RecentEdits;
  readonly fates: Fates;
  readonly complete: (snapshot: Snapshot, signal: AbortSignal, deadlineMs: number) => Promise<Completion>;
  readonly onThinking: (thinking: boolean) => void;
  readonly log: Log;
}

export class Provider implements vscode.InlineCompletionItemProvider {
  readonly #ports: ProviderPorts;
  /** The suggestion that was last asked for: it stands, however unlikely. */
  #wanted: string | null = null;
  /** The next question is not the user's, but follows from an accept. */
  #following = false;

  constructor(ports: ProviderPorts) {
    this.#ports = ports;
  }

  /** Has VS Code ask again, as if by itself: what was accepted may lead to more. */
  async followUp(): Promise<void> {
    this.#following = true;
    await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
  }

  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[] | undefined> {
    const asked = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke && !this.#following;
    this.#following = false;
    try {
      const answer = await this.#answer(document, position, context, asked ? 'explicit' : 'automatic', token);
      if (!('none' in answer)) return [answer];
      this.#ports.log.debug(`no suggestion: ${answer.none}`);
      return undefined;
    } catch (error) {
      this.#ports.log.error(error as Error);
      return undefined;
    }
  }

  async #answer(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    trigger: Offered['trigger'],
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem | None> {
    const { settings, documents, calm, recent, fates, log } = this.#ports;
    const invoked = trigger === 'explicit';
    if (!settings().enabled) return this.#nothing('excluded');
    const quiet = documents.quiet(document);
    if (quiet) return this.#nothing(quiet.none);
    if (!invoked && calm.silence(keyOf(document)) !== null) return this.#nothing('not-asked');
    // What becomes of a suggestion at several cursors at once cannot be told.
    const editor = vscode.window.activeTextEditor;
    if (editor?.document === document && editor.selections.length > 1) return this.#nothing('unsuitable');

    const { version } = document;
    const cursor = placeOf(position);
    const snapshot = takeSnapshot(textOf(document), cursor, recent.recent());
    if ('none' in snapshot) return this.#nothing(snapshot.none);
    const at: At = { document: keyOf(document), cursor, snapshot };

    // Part of a next edit was taken: the rest of it stands.
    const next = fates.nextEdit;
    const rest = next !== null && next.taken !== '' && next.document === at.document;
    if (rest && next.place.offset === document.offsetAt(position)) return { none: 'not-drawable' };
    let hit = fates.find(at);
    if (hit && !invoked && fates.refusals.covers(at, hit.edit, Date.now())) return this.#nothing('refused');
    if (!hit) {
      if (!invoked) await pause(calm.wait(), token);
      if (token.isCancellationRequested) return { none: 'cancelled' };
      const entry = await this.#entry(at, token);
      if ('none' in entry) return token.isCancellationRequested ? { none: 'cancelled' } : this.#nothing(entry.none);
      fates.keep(entry);
      // Kept all the same: who asks for it gets it.
      if (!invoked && fates.refusals.covers(at, entry.suggestion.edit, Date.now())) return this.#nothing('refused');
      hit = { entry, typed: 0, edit: entry.suggestion.edit };
    }
    if (token.isCancellationRequested || document.version !== version) return { none: 'cancelled' };
    const { suggestion } = hit.entry;
    if (invoked) this.#wanted = suggestion.id;
    else if (suggestion.id !== this.#wanted && !isLikelyEnough(suggestion, settings().eagerness)) {
      log.debug(`it would probably be rejected: ${Math.round(100 * (suggestion.likely ?? 0))} % likely to be accepted`);
      return this.#nothing('unlikely');
    }
    if (hit.entry.as === 'next-edit') return this.#offerNextEdit(hit, document, position, context, trigger);
    return this.#offer(hit, document, position, context, trigger, token);
  }

  /** What the engine suggests, in the form in which it is shown. */
  async #entry(at: At, token: vscode.CancellationToken): Promise<Entry | None> {
    const completion = await this.#ask(at.snapshot, token);
    if (!isSuggestion(completion)) return completion;
    const presented = present(at.snapshot, completion.edit);
    if ('none' in presented) return presented;
    return { at, as: presented.as, suggestion: { ...completion, edit: presented.edit } };
  }

  async #ask(snapshot: Snapshot, token: vscode.CancellationToken): Promise<Completion> {
    const abort = new AbortController();
    const onCancel = token.onCancellationRequested(() => abort.abort());
    this.#ports.onThinking(true);
    const began = performance.now();
    try {
      const completion = await this.#ports.complete(snapshot, abort.signal, DEADLINE_MS);
      if (!token.isCancellationRequested) this.#ports.calm.answered(performance.now() - began);
      return completion;
    } finally {
      this.#ports.onThinking(false);
      onCancel.dispose();
    }
  }

  #offer(
    hit: Hit,
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    trigger: Offered['trigger'],
    token: vscode.CancellationToken,
  ): vscode.InlineCompletionItem | None {
    const { fates } = this.#ports;
    const line = document.lineAt(position.line).text;
    const before = line.slice(0, position.character);
    const after = line.slice(position.character);
    const { id } = hit.entry.suggestion;
    const { start, end, text } = hit.edit;
    // Ghost text begins at the cursor.
    if (start.character !== position.character || !drawable(hit.edit, placeOf(position), line)) {
      return this.#nothing('not-drawable');
    }
    // IntelliSense comes first: next to its chosen item VS Code draws only what continues that item. The suggestion
    // stays kept for when its widget has gone.
    if (!continues(text, document, position, context.selectedCompletionInfo)) return { none: 'not-drawable' };

    const offset = document.offsetAt(position);
    fates.offer(
      hit,
      {
        document: keyOf(document),
        version: document.version,
        offset,
        before: before.slice(-SHOWN_BEFORE),
        after,
        eol: document.eol === vscode.EndOfLine.CRLF ? '\r\n' : '\n',
      },
      trigger,
      Date.now(),
    );
    token.onCancellationRequested(() => fates.apply({ type: 'cancelled', at: Date.now(), id }));
    const item = new vscode.InlineCompletionItem(
      text,
      new vscode.Range(start.line, start.character, end.line, end.character),
    );
    item.command = { command: ACCEPTED, title: 'Knack', arguments: [id] };
    return item;
  }

  /** Draws a next edit; VS Code gets nothing to draw. */
  #offerNextEdit(
    hit: Hit,
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    trigger: Offered['trigger'],
  ): None {
    // Of two that want Tab, IntelliSense comes first.
    if (context.selectedCompletionInfo) return { none: 'not-drawable' };
    const { start, end, text } = hit.edit;
    const offset = document.offsetAt(new vscode.Position(start.line, start.character));
    const replaced = document.getText(new vscode.Range(start.line, start.character, end.line, end.character));
    const first = document.offsetAt(new vscode.Position(start.line, 0));
    const last = document.lineAt(end.line).range.end;
    this.#ports.fates.offerNextEdit(
      hit,
      {
        document: keyOf(document),
        place: { offset, text: replaced },
        target: document.eol === vscode.EndOfLine.CRLF ? text.replaceAll('\n', '\r\n') : text,
        lines: { offset: first, text: document.getText(new vscode.Range(new vscode.Position(start.line, 0), last)) },
        cursor: document.offsetAt(position),
      },
      trigger,
      Date.now(),
    );
    return { none: 'not-drawable' };
  }

  /** The answer is nothing: whatever stood there is taken away by that. */
  #nothing(none: None['none']): None {
    this.#ports.fates.apply({ type: 'withdrawn', at: Date.now() });
    return { none };
  }
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

/** Waits, or less if cancelled. */
function pause(ms: number, token: vscode.CancellationToken): Promise<void> {
  if (ms <= 0 || token.isCancellationRequested) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      onCancel.dispose();
      resolve();
    };
    const timer = setTimeout(done, ms);
    const onCancel = token.onCancellationRequested(done);
  });
}
