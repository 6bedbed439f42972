/** `Knack: Why This Suggestion?`: remembers the suggestion that was last offered, and explains it. */
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { EngineClient } from '../engine/client.ts';
import { formatsFor } from '../panel/format.ts';
import type { Offered, SignalEvent } from '../signals/signal.ts';
import { whyPage } from './explain.ts';
import type { Pages } from './pages.ts';
import type { Settings } from './settings.ts';

/** Most remembered edits that a page names. */
const NAMED = 8;

export class Why {
  readonly #client: EngineClient;
  readonly #pages: Pages;
  readonly #settings: () => Settings;
  #last: Offered | null = null;

  constructor(client: EngineClient, pages: Pages, settings: () => Settings) {
    this.#client = client;
    this.#pages = pages;
    this.#settings = settings;
  }

  /** Takes note of what is offered, on its way to the store. */
  note(events: readonly SignalEvent[]): void {
    for (const event of events) if (event.type === 'offered') this.#last = event;
  }

  forget(): void {
    this.#last = null;
  }

  async show(): Promise<void> {
    if (this.#last === null) {
      void vscode.window.showInformationMessage(t('Knack: nothing has been suggested in this window yet.'));
      return;
    }
    const { suggestion, snapshot, trigger, at } = this.#last;
    // An engine that is not ready explains nothing, but what is known here is shown all the same.
    const prompt = await this.#client.prompt(snapshot).catch(() => null);
    const overview = await this.#client.overview().catch(() => null);
    const { entries = [] } = suggestion.remembered ?? {};
    const memory = entries.length === 0 ? null : await this.#client.memory(NAMED, entries).catch(() => null);
    const page = whyPage({
      suggestion,
      snapshot,
      trigger,
      at,
      eagerness: this.#settings().eagerness,
      checkpoint: overview?.checkpoints.find((c) => c.id === suggestion.checkpoint) ?? null,
      memory: memory?.entries ?? [],
      prompt,
      formats: formatsFor(vscode.env.language),
    });
    await this.#pages.show(t('Why this suggestion'), page);
  }
}
