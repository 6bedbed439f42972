/** How often a suggestion was asked for since the text last changed: who moves around without typing wants few. */
import type { Snapshot } from '../completion/snapshot.ts';

export class Still {
  #last: { readonly path: string; readonly edits: string; readonly asks: number } | null = null;

  /** @returns 0 for the first ask after a change or in another file */
  next({ path, recent }: Pick<Snapshot, 'path' | 'recent'>): number {
    const last = recent.at(-1);
    const edits = last === undefined ? '' : JSON.stringify([recent.length, last]);
    const same = this.#last !== null && this.#last.path === path && this.#last.edits === edits;
    const asks = same ? this.#last!.asks + 1 : 0;
    this.#last = { path, edits, asks };
    return asks;
  }
}
