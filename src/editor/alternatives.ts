/** Other suggestions for the place of the one that stands: which there are, and going from one to the next. */
import * as vscode from 'vscode';
import { keyOf } from './documents.ts';

/** One of several suggestions. */
export interface Option {
  readonly id: string;
  /** Tells that it is shown now, in the place of the one before. */
  readonly show: () => void;
}

export class Alternatives {
  #options: readonly Option[] = [];
  #document = '';
  #version = -1;

  /** Keeps what was answered for a document as it is now: the suggestion that stands, and the others in VS Code's order. */
  set(document: vscode.TextDocument, options: readonly Option[]): void {
    this.#options = options;
    this.#document = keyOf(document);
    this.#version = document.version;
  }

  /** Whether others are known for the suggestion that stands. */
  has(standing: string | null): boolean {
    return this.#at(standing) >= 0;
  }

  /** Goes on to the next one, or back to the one before. @returns whether there is another */
  step(standing: string | null, by: 1 | -1): boolean {
    const at = this.#at(standing);
    const count = this.#options.length;
    if (at < 0 || count < 2) return false;
    this.#options[(at + by + count) % count]!.show();
    return true;
  }

  #at(standing: string | null): number {
    const document = vscode.window.activeTextEditor?.document;
    if (!document || keyOf(document) !== this.#document || document.version !== this.#version) return -1;
    return this.#options.findIndex(({ id }) => id === standing);
  }
}
