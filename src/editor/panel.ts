/** `Knack: Show Panel`: the webview, its figures from the engine, its buttons to commands. */
import { randomBytes } from 'node:crypto';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { EngineClient } from '../engine/client.ts';
import { formatsFor } from '../panel/format.ts';
import { PANEL_COMMANDS, pageOf } from '../panel/page.ts';
import { type Section, sectionsOf, withoutFigures } from '../panel/sections.ts';
import type { Settings } from './settings.ts';

/** Figures are asked for again so often while the panel is in view, and soon after something has happened. */
const REFRESH_MS = 10_000;
const SOON_MS = 200;

export class Panel implements vscode.Disposable {
  readonly #extensionUri: vscode.Uri;
  readonly #client: EngineClient;
  readonly #settings: () => Settings;
  #panel: vscode.WebviewPanel | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(extensionUri: vscode.Uri, client: EngineClient, settings: () => Settings) {
    this.#extensionUri = extensionUri;
    this.#client = client;
    this.#settings = settings;
  }

  async show(): Promise<void> {
    if (this.#panel) return this.#panel.reveal();
    const dist = vscode.Uri.joinPath(this.#extensionUri, 'dist');
    const panel = vscode.window.createWebviewPanel('knack.panel', 'Knack', vscode.ViewColumn.Active, {
      enableScripts: true,
      localResourceRoots: [dist],
    });
    this.#panel = panel;
    panel.iconPath = vscode.Uri.joinPath(this.#extensionUri, 'media', 'icon.png');
    panel.webview.onDidReceiveMessage((message) => this.#received(message));
    panel.onDidChangeViewState(() => this.refresh());
    panel.onDidDispose(() => {
      this.#panel = null;
      this.#stop();
    });
    const { sections, problem } = await this.#figures();
    if (this.#panel !== panel) return; // closed meanwhile
    const script = panel.webview.asWebviewUri(vscode.Uri.joinPath(dist, 'panel.js')).toString();
    const page = { language: vscode.env.language, nonce: randomBytes(16).toString('hex'), script };
    panel.webview.html = pageOf(sections ?? withoutFigures(), page);
    if (problem !== null) this.refresh();
  }

  /** Something has happened that the figures may tell of. */
  refresh(afterMs = SOON_MS): void {
    this.#stop();
    if (this.#panel?.visible) this.#timer = setTimeout(() => void this.#update(), afterMs);
  }

  dispose(): void {
    this.#panel?.dispose();
    this.#stop();
  }

  #stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #update(): Promise<void> {
    const { sections, problem } = await this.#figures();
    await this.#panel?.webview.postMessage({
      problem,
      sections: sections?.map(({ id, body }) => ({ id, html: body.html })),
    });
    this.refresh(REFRESH_MS);
  }

  async #figures(): Promise<{ sections: readonly Section[] | null; problem: string | null }> {
    try {
      const overview = await this.#client.overview();
      const { training } = this.#settings().engine;
      const facts = { overview, state: this.#client.state, now: Date.now(), formats: formatsFor(vscode.env.language) };
      const sections = sectionsOf({ ...facts, minSignals: training.minSignals, learning: training.enabled });
      return { sections, problem: null };
    } catch (error) {
      return { sections: null, problem: t('There are no figures now: {0}', (error as Error).message) };
    }
  }

  #received(message: unknown): void {
    const { command, argument } = message as { command?: unknown; argument?: unknown };
    if (command === 'loaded') this.refresh(0);
    if (typeof command !== 'string' || !PANEL_COMMANDS.has(command)) return;
    void vscode.commands.executeCommand(command, argument ?? undefined).then(() => this.refresh());
  }
}
