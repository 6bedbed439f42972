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

  /** A text was changed. */
  edited(at: number): void {
    this.#edited = at;
  }

  /** @returns whether the cursor has come to another line than it was in, and should be asked for once it has stayed */
  moved(cursor: Cursor): boolean {
    const last = this.#last;
    this.#last = cursor;
    if (!cursor.isSingle || cursor.at - this.#edited > EDITING_MS) return false;
    // With the text the cursor moves by itself, and VS Code asks.
    if (last?.document === cursor.document && last.version !== cursor.version) return false;
    return last !== null && (last.document !== cursor.document || last.line !== cursor.line);
  }
}
