/**
 * Not again right away: what the user has turned down, or has just deleted.
 *
 * Compared is what the text would become: the same refused completion, asked for one key later, is another edit with
 * the same result.
 */
import type { At } from './cache.ts';
import { type Edit, rangeInWindow } from './edit.ts';

export const REFUSAL_LIMITS = {
  /** How long, in milliseconds, something turned down is not shown again in its place. */
  refusedMs: 300_000,
  /** ... and text that was deleted. */
  deletedMs: 30_000,
  /** Of each kind, the newest so many. */
  kept: 32,
} as const;

/** Fewest UTF-16 units that make a deletion: less is a slip of the finger. */
const DELETED_UNITS = 3;

interface Refused {
  readonly document: string;
  readonly result: string;
  readonly at: number;
}

interface Deleted {
  readonly document: string;
  readonly line: number;
  /** The line as it was. */
  readonly text: string;
  readonly at: number;
}

export class Refusals {
  #refused: Refused[] = [];
  #deleted: Deleted[] = [];

  /** An edit was turned down. @param at epoch ms */
  refused(place: At, edit: Edit, at: number): void {
    const result = resultOf(place, edit);
    if (result === null) return;
    this.#refused = [...this.#refused, { document: place.document, result, at }].slice(-REFUSAL_LIMITS.kept);
  }

  /** Text went from a line by the user's hand. @param text the line before it went */
  deleted(document: string, line: number, text: string, at: number): void {
    if (text.trim() === '') return;
    this.#deleted = [...this.#deleted, { document, line, text, at }].slice(-REFUSAL_LIMITS.kept);
  }

  clear(): void {
    this.#refused = [];
    this.#deleted = [];
  }

  /** Whether an edit would bring about what was turned down or deleted a short while ago. */
  covers(place: At, edit: Edit, now: number): boolean {
    const { document, snapshot } = place;
    const result = resultOf(place, edit);
    if (result === null) return false;
    const { refusedMs, deletedMs } = REFUSAL_LIMITS;
    if (this.#refused.some((r) => r.document === document && r.result === result && now - r.at < refusedMs))
      return true;
    const lines = result.split('\n').slice(1);
    const present = (snapshot.before + snapshot.after).split('\n');
    return this.#deleted.some((d) => {
      if (d.document !== document || now - d.at >= deletedMs) return false;
      const made = lines[d.line - edit.start.line];
      const stands = present[d.line - snapshot.startLine];
      if (made === undefined || stands === undefined) return false;
      return d.text.length - stands.length >= DELETED_UNITS && made.startsWith(d.text) && !stands.startsWith(d.text);
    });
  }
}

/** The line above the edit, and the lines that the edit changes, as they would be; null if it is out of the window. */
function resultOf({ snapshot }: At, edit: Edit): string | null {
  const range = rangeInWindow(snapshot, edit);
  if (range === null) return null;
  const all = snapshot.before + snapshot.after;
  const start = all.slice(0, range.from).lastIndexOf('\n') + 1;
  const above = all.slice(0, Math.max(0, start - 1)).lastIndexOf('\n') + 1;
  const end = all.indexOf('\n', range.to);
  const changed = all.slice(start, range.from) + edit.text + all.slice(range.to, end < 0 ? all.length : end);
  return `${start === 0 ? '' : all.slice(above, start - 1)}\n${changed}`;
}
