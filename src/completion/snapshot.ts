/**
 * What the editor held at one moment, as plain values.
 *
 * Only `editor/` knows TextDocument; everything after it sees a Snapshot. Text is cut to a window around the
 * cursor before it gets here, so that a 50 MB file costs no more than a small one.
 */

/** Characters (UTF-16 units) of text kept before and after the cursor, and in one recent edit. */
export const WINDOW = { before: 8192, after: 2048, edit: 1024, recentEdits: 8 } as const;

export interface Snapshot {
  /** Path as the model sees it: relative to the workspace folder, with forward slashes. */
  readonly path: string;
  /** VS Code's language id. */
  readonly languageId: string;
  /** Text from the window's start to the cursor: LF line ends, well-formed UTF-16. */
  readonly before: string;
  /** Text from the cursor to the window's end: LF line ends, well-formed UTF-16. */
  readonly after: string;
  /** Zero-based line of the document at which `before` begins; 0 means that it reaches the start of the file. */
  readonly startLine: number;
  /** What was edited lately in this window, oldest first, at most WINDOW.recentEdits. */
  readonly recent: readonly RecentEdit[];
}

/** One stretch of editing: adjacent changes are joined into one. Line ends are LF. */
export interface RecentEdit {
  readonly path: string;
  /** Zero-based line of the edit's first change. */
  readonly line: number;
  /** Whole lines before and after the edit. */
  readonly removed: string;
  readonly added: string;
}
