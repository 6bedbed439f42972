/** Says, once each, what the user has to know: that the model is missing, the engine has failed or is ready, its notices. */
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { EngineState } from '../engine/protocol.ts';

/** Key in the extension's memory: the user has answered the question for the model. */
const ASKED = 'knack.modelAsked';

export class Announcer {
  readonly #memory: vscode.Memento;
  readonly #ask: () => Promise<void>;
  readonly #said = new Set<string>();

  /** @param ask has VS Code ask for a suggestion, as if by itself */
  constructor(memory: vscode.Memento, ask: () => Promise<void>) {
    this.#memory = memory;
    this.#ask = ask;
  }

  onState(state: EngineState): void {
    for (const notice of state.notices) {
      if (this.#first(`notice ${notice}`)) void vscode.window.showWarningMessage(`Knack: ${notice}`);
    }
    if (state.phase === 'model-missing' && this.#first('model')) void this.#offerModel();
    if (state.phase === 'failed' && this.#first(`failed ${state.message}`)) void this.#failed(state.message);
    if (state.phase === 'ready') {
      this.#forget('failed ');
      if (this.#first('ready')) this.#askAgain();
    }
  }

  /** Settings that cannot be used, in one message. */
  problems(problems: readonly string[]): void {
    if (problems.length === 0 || !this.#first(`problems ${problems.join()}`)) return;
    const open = t('Open Settings');
    void vscode.window.showWarningMessage(`Knack: ${problems.join(' ')}`, open).then((chosen) => {
      if (chosen === open) void vscode.commands.executeCommand('workbench.action.openSettings', 'knack.');
    });
  }

  async #offerModel(): Promise<void> {
    if (this.#memory.get(ASKED)) return; // the status bar goes on saying it
    const download = t('Download …');
    const later = t('Not Now');
    const question = t('Knack needs its model (98 MB, once) before it can suggest anything.');
    const chosen = await vscode.window.showInformationMessage(question, download, later);
    if (chosen !== undefined) await this.#memory.update(ASKED, true);
    if (chosen === download) await vscode.commands.executeCommand('knack.downloadModel');
  }

  async #failed(message: string): Promise<void> {
    const restart = t('Restart Engine');
    const show = t('Show Log');
    const chosen = await vscode.window.showErrorMessage(`Knack: ${message}`, restart, show);
    if (chosen === restart) await vscode.commands.executeCommand('knack.restartEngine');
    if (chosen === show) await vscode.commands.executeCommand('knack.showLog');
  }

  /** VS Code asks after a keystroke only, and what was typed before the model was ready went unanswered. */
  #askAgain(): void {
    const typed = (vscode.window.activeTextEditor?.document.version ?? 1) > 1;
    if (typed) this.#ask().catch(() => undefined); // its editor may have gone meanwhile
  }

  #first(key: string): boolean {
    if (this.#said.has(key)) return false;
    this.#said.add(key);
    return true;
  }

  #forget(prefix: string): void {
    for (const key of this.#said) if (key.startsWith(prefix)) this.#said.delete(key);
  }
}
