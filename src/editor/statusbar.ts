/** The status bar item. */
import * as vscode from 'vscode';
import { type StatusFacts, statusOf } from './status.ts';

export class StatusBar implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem('knack.status', vscode.StatusBarAlignment.Right, 100);
  #facts: StatusFacts;

  constructor(facts: StatusFacts) {
    this.#facts = facts;
    this.#item.name = 'Knack';
    this.update({});
    this.#item.show();
  }

  get facts(): StatusFacts {
    return this.#facts;
  }

  update(changed: Partial<StatusFacts>): void {
    this.#facts = { ...this.#facts, ...changed };
    const { icon, text, details, level, command } = statusOf(this.#facts);
    this.#item.text = `$(${icon}) ${text}`;
    this.#item.command = command;
    this.#item.tooltip = details.join('\n');
    this.#item.accessibilityInformation = { label: `${text}. ${details.join(' ')}` };
    this.#item.backgroundColor =
      level === 'normal' ? undefined : new vscode.ThemeColor(`statusBarItem.${level}Background`);
  }

  dispose(): void {
    this.#item.dispose();
  }
}
