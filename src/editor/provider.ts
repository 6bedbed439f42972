/**
 * Answers VS Code's question for an inline completion: with ghost text, or, where VS Code does not draw the edit, with
 * nothing and a next edit that Knack draws itself. Never throws into it, never makes typing wait.
 */
import * as vscode from 'vscode';
import type { At, Hit } from '../completion/cache.ts';
import { isLikelyEnough } from '../completion/eagerness.ts';
import type { Edit } from '../completion/edit.ts';
import { present } from '../completion/present.ts';
import type { RecentEdits } from '../completion/recent.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import { isSuggestion, type None, type Suggestion } from '../completion/suggestion.ts';
import { takeSnapshot } from '../completion/take.ts';
import type { EngineClient } from '../engine/client.ts';
import type { Offered } from '../signals/signal.ts';
import type { Alternatives } from './alternatives.ts';
import type { Calm } from './calm.ts';
import { type Documents, keyOf, placeOf, textOf } from './documents.ts';
import type { Fates } from './fates.ts';
import type { Log } from './log.ts';
import { type Asked, ghostItem, ghostPlace, nextEditPlace } from './offer.ts';
import type { Settings } from './settings.ts';

/** A suggestion that takes longer is of no use to anybody. */
const DEADLINE_MS = 8_000;

/** Suggestions for one place, at most, for who asks. */
const MOST = 3;

/** How it came to a question, and until when the answer is of use. */
interface How {
  readonly trigger: Offered['trigger'];
  readonly token: vscode.CancellationToken;
  /** Of use only for other next edits than the one that stands. */
  readonly isForOthers?: true;
}

export interface ProviderPorts {
  readonly settings: () => Settings;
  readonly documents: Documents;
  readonly calm: Calm;
  readonly recent: RecentEdits;
  readonly fates: Fates;
  readonly alternatives: Alternatives;
  readonly engine: Pick<EngineClient, 'complete' | 'completeAll'>;
  readonly onThinking: (thinking: boolean) => void;
  /** A suggestion was held back, with how likely it is to be accepted; null: none is. */
  readonly onHeld: (likely: number | null) => void;
  readonly log: Log;
}

/** How soon VS Code asks once it is told to. */
const OWN_MS = 1_000;

export class Provider implements vscode.InlineCompletionItemProvider {
  readonly #ports: ProviderPorts;
  /** The suggestions that were last asked for: they stand, however unlikely. */
  #wanted: ReadonlySet<string> = new Set();
  /** Until when a question is not the user's, but Knack's own: after an accept, or where the cursor has come to. */
  #ownUntil = 0;
  #held: number | null = null;

  constructor(ports: ProviderPorts) {
    this.#ports = ports;
  }

  /** Has VS Code ask, as if by itself: what was accepted may lead to more, or the cursor has come to another line. */
  async askUnasked(): Promise<void> {
    if (!this.#mayAsk()) return;
    this.#ownUntil = Date.now() + OWN_MS;
    // With its argument `explicit: false` VS Code asks only if it had stopped asking, as after ghost text that went.
    await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
  }

  /**
   * Whether VS Code may be told to ask: it asks every extension then, and also where inline suggestions are switched
   * off, so what would be answered with nothing anyway is not asked.
   */
  #mayAsk(): boolean {
    const document = vscode.window.activeTextEditor?.document;
    if (document === undefined || !this.#ports.settings().enabled) return false;
    if (this.#ports.documents.quiet(document) !== null || this.#ports.calm.silence(keyOf(document)) !== null)
      return false;
    return vscode.workspace.getConfiguration('editor', document).get('inlineSuggest.enabled') !== false;
  }

  /**
   * Asks for others than the next edit that stands. VS Code has no part in that: it takes what it was answered before for
   * all there is.
   */
  async askForOthers({ document, selection }: vscode.TextEditor): Promise<void> {
    const source = new vscode.CancellationTokenSource();
    const context = { triggerKind: vscode.InlineCompletionTriggerKind.Invoke, selectedCompletionInfo: undefined };
    const asked = { document, position: selection.active, context };
    try {
      await this.#answer(asked, { trigger: 'explicit', token: source.token, isForOthers: true });
    } finally {
      source.dispose();
    }
  }

  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[] | undefined> {
    const isInvoked = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
    const asked = isInvoked && Date.now() >= this.#ownUntil;
    // What VS Code asks by itself meanwhile is not what it was told to ask.
    if (isInvoked) this.#ownUntil = 0;
    try {
      const how: How = { trigger: asked ? 'explicit' : 'automatic', token };
      const answer = await this.#answer({ document, position, context }, how);
      if (!('none' in answer)) return [...answer];
      this.#ports.log.debug(`no suggestion: ${answer.none}`);
      return undefined;
    } catch (error) {
      this.#ports.log.error(error as Error);
      return undefined;
    }
  }

  async #answer(asked: Asked, how: How): Promise<readonly vscode.InlineCompletionItem[] | None> {
    const { document, position } = asked;
    const { trigger, token } = how;
    const { settings, documents, calm, recent, fates } = this.#ports;
    const invoked = trigger === 'explicit';
    this.#hold(null);
    if (!settings().enabled) return this.#nothing('excluded');
    const quiet = documents.quiet(document);
    if (quiet) return this.#nothing(quiet.none);
    // What was asked for goes on standing while it is typed along.
    const silent = !invoked && calm.silence(keyOf(document)) !== null;
    if (silent && fates.standing === null) return this.#nothing('not-asked');
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
    if (silent && !this.#stands(hit)) return this.#nothing('not-asked');
    if (hit && !invoked && fates.refusals.covers(at, hit.edit, Date.now())) return this.#nothing('refused');
    let others: readonly Hit[] = [];
    if (!hit || invoked) {
      if (!invoked) await pause(calm.wait(), token);
      if (token.isCancellationRequested) return { none: 'cancelled' };
      const hits = await this.#hits(at, invoked ? MOST : 1, token);
      if (token.isCancellationRequested) return { none: 'cancelled' };
      if (!('none' in hits)) {
        const first: Hit = hit ?? hits[0]!;
        hit = first;
        others = hits.filter((h) => h.entry.as === first.entry.as && !isSame(h.edit, first.edit));
        // Of those that stand in one place the one that was kept last is found again.
        for (const { entry } of [...others, first]) fates.keep(entry);
      }
      if (!hit) return this.#nothing((hits as None).none);
      // Kept all the same: who asks for it gets it.
      if (!invoked && fates.refusals.covers(at, hit.edit, Date.now())) return this.#nothing('refused');
    }
    if (token.isCancellationRequested || document.version !== version) return { none: 'cancelled' };
    const { suggestion } = hit.entry;
    if (invoked) this.#wanted = new Set([hit, ...others].map((h) => h.entry.suggestion.id));
    else if (!this.#stands(hit) && !isLikelyEnough(suggestion, settings().eagerness)) {
      this.#hold(suggestion.likely ?? 0);
      return this.#nothing('unlikely');
    }
    if (hit.entry.as === 'next-edit') return this.#offerNextEdit(hit, others, asked, how);
    if (how.isForOthers) return { none: 'not-drawable' };
    return this.#offer(hit, others, asked, how);
  }

  /** Whether it was asked for and answered with: the others that were kept with it were not, and must be likely enough. */
  #stands(hit: Hit | null): boolean {
    const id = hit?.entry.suggestion.id;
    return id !== undefined && this.#wanted.has(id) && this.#ports.fates.waitsFor(id);
  }

  #hold(likely: number | null): void {
    if (likely === this.#held) return;
    this.#held = likely;
    this.#ports.onHeld(likely);
  }

  /** What the engine suggests, the likeliest first, each in the form in which it is shown; one at least. */
  async #hits(at: At, most: number, token: vscode.CancellationToken): Promise<readonly Hit[] | None> {
    const suggestions = await this.#ask(at.snapshot, most, token);
    if ('none' in suggestions) return suggestions;
    let none: None = { none: 'empty' };
    const hits: Hit[] = [];
    for (const suggestion of suggestions) {
      const presented = present(at.snapshot, suggestion.edit);
      if ('none' in presented) {
        if (hits.length === 0) none = presented;
        continue;
      }
      const { as, edit } = presented;
      if (hits.some((h) => isSame(h.edit, edit))) continue;
      hits.push({ entry: { at, as, suggestion: { ...suggestion, edit } }, typed: 0, edit });
    }
    return hits.length > 0 ? hits : none;
  }

  async #ask(snapshot: Snapshot, most: number, token: vscode.CancellationToken): Promise<readonly Suggestion[] | None> {
    const { engine } = this.#ports;
    const abort = new AbortController();
    const onCancel = token.onCancellationRequested(() => abort.abort());
    this.#ports.onThinking(true);
    const began = performance.now();
    try {
      if (most > 1) return await engine.completeAll(snapshot, most, abort.signal, DEADLINE_MS);
      const completion = await engine.complete(snapshot, abort.signal, DEADLINE_MS);
      if (!token.isCancellationRequested) this.#ports.calm.answered(performance.now() - began);
      return isSuggestion(completion) ? [completion] : completion;
    } finally {
      this.#ports.onThinking(false);
      onCancel.dispose();
    }
  }

  /** Ghost text for VS Code: the likeliest first, and the others for who asks for them. */
  #offer(hit: Hit, others: readonly Hit[], asked: Asked, how: How): readonly vscode.InlineCompletionItem[] | None {
    const { fates, alternatives } = this.#ports;
    const item = ghostItem(hit, asked);
    if (item === null) {
      if (!asked.context.selectedCompletionInfo) return this.#nothing('not-drawable');
      // Next to IntelliSense's chosen item it stays for when its widget has gone, or another item is chosen.
      fates.postpone(hit);
      return { none: 'not-drawable' };
    }
    const more = others.flatMap((other) => {
      const drawn = ghostItem(other, asked);
      return drawn === null ? [] : [{ hit: other, item: drawn }];
    });
    const all = [hit, ...more.map((m) => m.hit)];
    const place = ghostPlace(asked);
    const offer = (one: Hit, type: 'offered' | 'cycled'): void =>
      fates.offer(
        one,
        place,
        how.trigger,
        Date.now(),
        all.filter((h) => h !== one),
        type,
      );
    offer(hit, 'offered');
    const { id } = hit.entry.suggestion;
    how.token.onCancellationRequested(() => fates.apply({ type: 'cancelled', at: Date.now(), id }));
    const show = (one: Hit) => () => {
      fates.keep(one.entry);
      offer(one, 'cycled');
    };
    if (how.trigger === 'explicit') {
      const options = all.map((one) => ({ id: one.entry.suggestion.id, show: show(one) }));
      alternatives.set(asked.document, options);
    }
    return [item, ...more.map((m) => m.item)];
  }

  /** Draws a next edit; VS Code gets nothing to draw. */
  #offerNextEdit(hit: Hit, others: readonly Hit[], asked: Asked, { trigger }: How): None {
    const { fates, alternatives } = this.#ports;
    // Of two that want Tab, IntelliSense comes first.
    if (asked.context.selectedCompletionInfo) return { none: 'not-drawable' };
    fates.offerNextEdit(hit, nextEditPlace(hit, asked), trigger, Date.now());
    const options = [hit, ...others].map((one) => {
      const place = nextEditPlace(one, asked);
      const show = (): void => {
        fates.keep(one.entry);
        fates.offerNextEdit(one, place, trigger, Date.now(), 'next-cycled');
      };
      return { id: one.entry.suggestion.id, show };
    });
    if (trigger === 'explicit') alternatives.set(asked.document, options);
    return { none: 'not-drawable' };
  }

  /** The answer is nothing: whatever stood there is taken away by that. */
  #nothing(none: None['none']): None {
    this.#ports.fates.apply({ type: 'withdrawn', at: Date.now() });
    return { none };
  }
}

function isSame(a: Edit, b: Edit): boolean {
  const places = (edit: Edit) => [edit.start.line, edit.start.character, edit.end.line, edit.end.character];
  return a.text === b.text && places(a).join() === places(b).join();
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
