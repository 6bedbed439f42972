/**
 * When to ask where the cursor has come to. VS Code asks after a keystroke only, but what is to be changed next is seldom
 * where the last key was pressed: whoever goes there has often an edit in mind that the last ones foretell.
 */

/** How long the cursor has to stay, in milliseconds: who holds an arrow key or reads on has not come to anything. */
export const STAY_MS = 300;

/** How long after an edit a cursor that moves is one of somebody who edits, in milliseconds; later it may be reading. */
export const EDITING_MS = 5 * 60_000;

/** Where the cursor is, as an editor tells. */
export interface Cursor {
  readonly at: number;
  /** Identifies the document, such as its URI. */
  readonly document: string;
  /** Of the document's text. */
  readonly version: number;
  readonly line: number;
  /** One cursor, and nothing is selected. */
  readonly isSingle: boolean;
}

export class Arrival {
  #edited = Number.NEGATIVE_INFINITY;
  #last: Cursor | null = null;
  /** It has come to its line, and was not asked for there. */
  #isComing = false;

  /** A text was changed. */
  edited(at: number): void {
    this.#edited = at;
    this.#isComing = false;
  }

  /** It has stayed. */
  asked(): void {
    this.#isComing = false;
  }

  /** @returns whether the cursor has come to another line than it was in, and should be asked for once it has stayed */
  moved(cursor: Cursor): boolean {
    this.#isComing = this.#comes(cursor);
    this.#last = cursor;
    return this.#isComing;
  }

  #comes({ at, document, version, line, isSingle }: Cursor): boolean {
    const last = this.#last;
    if (last === null || !isSingle || at - this.#edited > EDITING_MS) return false;
    if (last.document !== document) return true;
    // With the text the cursor moves by itself, and VS Code asks.
    if (last.version !== version) return false;
    // Down, and on to the line's end: it is still coming.
    return last.line !== line || this.#isComing;
  }
}
