/**
 * Type-along: while what is typed is what the suggestion says, the rest of the suggestion is there at once.
 *
 * A few suggestions are kept with the place they were made for. At a later place, ghost text still stands if the text between is the beginning of the suggestion; so typing along, and backspacing into it again, needs
 * no engine. A next edit stands for as long as the text is as it was, wherever the cursor is.
 */
import { CLOSERS, fit } from './drawable.ts';
import type { Place } from './edit.ts';
import { type Edit, editAtCursor, rangeInWindow } from './edit.ts';
import type { Presented } from './present.ts';
import type { Snapshot } from './snapshot.ts';
import type { Suggestion } from './suggestion.ts';

/** A snapshot and where in which document it was taken. */
export interface At {
  /** Identifies the document, for example its URI. */
  readonly document: string;
  readonly cursor: Place;
  readonly snapshot: Snapshot;
}

export interface Entry {
  readonly at: At;
  readonly as: Presented['as'];
  readonly suggestion: Suggestion;
}

/** What is left of a suggestion at a later place. */
export interface Hit {
  readonly entry: Entry;
  /** UTF-16 units of the suggestion that have been typed already. */
  readonly typed: number;
  /** What is left to do. */
  readonly edit: Edit;
}

export class TypeAlong {
  readonly #capacity: number;
  /** Oldest first. */
  #entries: Entry[] = [];

  constructor(capacity = 16) {
    this.#capacity = capacity;
  }

  add(entry: Entry): void {
    this.forget(entry.suggestion.id);
    this.#entries = [...this.#entries, entry].slice(-this.#capacity);
  }

  get(id: string): Entry | undefined {
    return this.#entries.find((e) => e.suggestion.id === id);
  }

  /** Drops a suggestion, once its outcome is known: it is not offered again. */
  forget(id: string): void {
    this.#entries = this.#entries.filter((e) => e.suggestion.id !== id);
  }

  clear(): void {
    this.#entries = [];
  }

  /** What is left of the newest suggestion that still stands at a place, if there is any. */
  find(now: At): Hit | null {
    for (const entry of this.#entries.toReversed()) {
      const { at, suggestion } = entry;
      if (at.document !== now.document) continue;
      if (entry.as === 'next-edit') {
        if (standsElsewhere(entry, now.snapshot)) return { entry, typed: 0, edit: suggestion.edit };
        continue;
      }
      const typed = typedAlong(entry, now);
      if (typed === null || (typed > 0 && typed === suggestion.edit.text.length)) continue;
      const edit = remaining(entry, typed, now.snapshot);
      if (edit) return { entry, typed, edit };
    }
    return null;
  }
}

/** How much of the suggestion stands between its place and `now`; null if something else does. */
function typedAlong({ at, suggestion }: Entry, now: At): number | null {
  const { text } = suggestion.edit;
  const typed = unitsBetween(at.cursor, now.cursor, text);
  if (typed === null) return null;
  const before = at.snapshot.before + text.slice(0, typed);
  // Either window may reach further back: the tails that both have must agree.
  const shared = Math.min(before.length, now.snapshot.before.length);
  return before.slice(before.length - shared) === now.snapshot.before.slice(now.snapshot.before.length - shared)
    ? typed
    : null;
}

/** Whether the text around an edit is as it was when it was suggested. */
function standsElsewhere({ at, suggestion }: Entry, now: Snapshot): boolean {
  const from = Math.max(at.snapshot.startLine, now.startLine);
  return rangeInWindow(now, suggestion.edit) !== null && agree(windowFrom(at.snapshot, from), windowFrom(now, from));
}

/** A window's text from a line of the document on. */
function windowFrom({ before, after, startLine }: Snapshot, line: number): string {
  const lines = (before + after).split('\n');
  return lines.slice(line - startLine).join('\n');
}

/** Units of `text` that lead from one place to the other; null if none do. */
function unitsBetween(from: Place, to: Place, text: string): number | null {
  if (to.line < from.line) return null;
  let start = 0;
  for (let line = from.line; line < to.line; line++) {
    start = text.indexOf('\n', start) + 1;
    if (start === 0) return null;
  }
  const units = start + to.character - (to.line === from.line ? from.character : 0);
  return units >= start && units <= text.length ? units : null;
}

/**
 * The text after the cursor must be as it was, but for marks that the editor closed by itself, such as the `)` that
 * follows a typed `(`, and for those of the replaced marks that were typed over.
 */
function remaining({ at, suggestion }: Entry, typed: number, now: Snapshot): Edit | null {
  const { edit } = suggestion;
  const text = edit.text.slice(typed);
  const replaceAfter = edit.end.character - edit.start.character;
  const [wasRest, wasBelow] = split(at.snapshot.after);
  const [rest, below] = split(now.after);
  if (!agree(wasBelow, below)) return null;
  if (rest === wasRest) return editAtCursor(now, text, replaceAfter);

  const kept = wasRest.slice(replaceAfter);
  if (!rest.endsWith(kept)) return null;
  const marks = rest.slice(0, rest.length - kept.length);
  if (!CLOSERS.test(marks)) return null;
  const fitted = fit(text, rest);
  return 'none' in fitted ? null : editAtCursor(now, fitted.text, fitted.replaceAfter);
}

/** The rest of the cursor's line, and the lines below. */
function split(after: string): readonly [rest: string, below: string] {
  const end = after.indexOf('\n');
  return end < 0 ? [after, ''] : [after.slice(0, end), after.slice(end)];
}

/** Whether one is the beginning of the other: windows end where they end. */
function agree(a: string, b: string): boolean {
  const shared = Math.min(a.length, b.length);
  return a.slice(0, shared) === b.slice(0, shared);
}
