/**
 * What was edited lately, joined into stretches.
 *
 * An editor reports what went in, and where, but not what was there before; so the lines of the documents that are
 * being edited are mirrored here (the strings themselves are shared with the editor's). Text is kept raw and made
 * well-formed when it is asked for.
 */

import { changedLines } from './changed-lines.ts';
import type { Place } from './edit.ts';
import { type RecentEdit, WINDOW } from './snapshot.ts';
import { cutEnd, normalise, SUITABLE } from './take.ts';

/** One replacement; places are those at its turn, that is, after the changes that come before it in the list. */
export interface TextChange {
  readonly start: Place;
  readonly end: Place;
  readonly text: string;
}

/** A stretch that the developer has left, with the lines that it stands between. */
export interface LeftEdit {
  /**
   * Counts stretches. One that is gone on with is told of as nothing, as half a line would be found as its own end, and
   * once it is left again, with what it has become, under its number.
   */
  readonly stretch: number;
  readonly path: string;
  /** Whole lines before and after, well-formed; none where it is gone on with, was taken back, or became part of another. */
  readonly removed: readonly string[];
  readonly added: readonly string[];
  /** The line above and the line below; null where there is none. */
  readonly above: string | null;
  readonly below: string | null;
}

/** Bounds on what is mirrored: documents at once, and lines in one of them. */
export const MIRROR = { documents: 16, lines: 50_000 } as const;

/** UTF-16 units of both sides of an edit that is told of when it is left; a longer one is a paste or a new file. */
const MOST_LEFT = 2 * WINDOW.edit;

/** A stretch that may still grow: `count` lines from `line` on stand where the lines `removed` stood. */
interface Live {
  readonly document: string;
  readonly removed: readonly string[];
  /** As LeftEdit.stretch. */
  readonly id: number;
  line: number;
  count: number;
  /** Whether the developer did any of it, rather than a program. */
  isByHand: boolean;
  /** Whether it was told of as it is. */
  isTold: boolean;
}

/** A stretch that grew too long to be joined further, or whose document is no longer followed. */
interface Done {
  readonly document: string;
  readonly done: RecentEdit;
}

type Stretch = Live | Done;

interface Mirror {
  readonly path: string;
  readonly lines: string[];
}

export class RecentEdits {
  /** By document (any text that identifies it, such as its URI), least recently edited first; null: not followed. */
  readonly #mirrors = new Map<string, Mirror | null>();
  /** Oldest first: the last one is being edited. */
  #stretches: Stretch[] = [];
  #count = 0;
  readonly #onLeft: (edit: LeftEdit) => void;

  /** @param onLeft told of an edit that was made by hand, once another one is begun or it is left in another way */
  constructor(onLeft: (edit: LeftEdit) => void = () => undefined) {
    this.#onLeft = onLeft;
  }

  /**
   * Starts to follow a document, whose text is `lines`; too long a document is not followed. Changes to a document
   * that is not followed are ignored, as what they replaced is unknown.
   * @param path as in Snapshot.path
   */
  open(document: string, path: string, lines: readonly string[]): void {
    this.close(document);
    const tooLong = lines.length > MIRROR.lines || lines.some((l) => l.length > SUITABLE.lineLength);
    this.#mirrors.set(document, tooLong ? null : { path, lines: [...lines] });
    for (const oldest of this.#mirrors.keys()) {
      if (this.#mirrors.size <= MIRROR.documents) break;
      this.close(oldest);
    }
  }

  /**
   * A document that is followed was edited before it was: it had been `saved`. What differs was edited, the nearest to
   * the cursor last. By whom and when is not known: it is told of only once somebody goes on with it.
   *
   * @param line the cursor's
   */
  recall(document: string, saved: readonly string[], line: number): void {
    const mirror = this.#mirrors.get(document);
    const changes = mirror && changedLines(saved, mirror.lines);
    // Long edits that are done with cannot be told from what is found.
    if (!changes || this.#stretches.some((s) => s.document === document && 'done' in s)) return;
    const known = new Set(this.#stretches.filter((s): s is Live => !('done' in s) && s.document === document));
    const away = (s: Live): number => Math.max(s.line - line, line - (s.line + s.count - 1), 0);
    const found: Live[] = [];
    for (const { from, to, fromNow, toNow } of changes) {
      const [removed, count] = [saved.slice(from, to), toNow - fromNow];
      if (sum(removed, 0, removed.length) + sum(mirror.lines, fromNow, count) > WINDOW.edit) continue;
      const own = [...known].filter((s) => s.line <= toNow && s.line + s.count >= fromNow);
      for (const s of own) {
        known.delete(s);
        if (s.isTold) this.#retract(s);
      }
      const id = own.length > 0 ? Math.min(...own.map((s) => s.id)) : ++this.#count;
      const isByHand = own.some((s) => s.isByHand);
      found.push({ document, removed, id, line: fromNow, count, isByHand, isTold: false });
    }
    const others = this.#stretches.filter((s) => s.document !== document);
    this.#stretches = [...others, ...[...known, ...found].sort((a, b) => away(b) - away(a))];
    this.#bound();
  }

  /** Whether a document was opened here, be it too long to be followed. */
  knows(document: string): boolean {
    return this.#mirrors.has(document);
  }

  /** A line of a document that is followed, as it was before a change that is still to be told; else undefined. */
  line(document: string, line: number): string | undefined {
    return this.#mirrors.get(document)?.lines[line];
  }

  /** Stops to follow a document; its stretches stay as they are now. */
  close(document: string): void {
    if (this.#stretches.at(-1)?.document === document) this.leave();
    this.#stretches = this.#stretches.map((s) => (s.document === document ? this.#freeze(s) : s));
    this.#mirrors.delete(document);
  }

  /** Stops to follow a document, and forgets its stretches. */
  forget(document: string): void {
    this.#mirrors.delete(document);
    this.#stretches = this.#stretches.filter((s) => s.document !== document);
  }

  /** Forgets everything. */
  clear(): void {
    this.#mirrors.clear();
    this.#stretches = [];
  }

  /** The edit that is being made is done for now, as when the window loses the focus. */
  leave(): void {
    const last = this.#stretches.at(-1);
    if (last !== undefined && !('done' in last)) this.#tell(last);
  }

  /** The cursor came to a line: an edit that it does not stand in, or next to, is left. */
  at(document: string, line: number): void {
    const last = this.#stretches.at(-1);
    if (last === undefined || 'done' in last) return;
    if (last.document !== document || line < last.line - 1 || line > last.line + last.count) this.#tell(last);
  }

  /** @param isByHand whether it is the developer's doing: programs change documents too */
  change(document: string, changes: readonly TextChange[], isByHand = true): void {
    const mirror = this.#mirrors.get(document);
    if (!mirror) return;
    this.#mirrors.delete(document);
    this.#mirrors.set(document, mirror);
    for (const change of changes) {
      if (!this.#apply(document, mirror.lines, change, isByHand)) {
        this.close(document); // out of step with the editor: stop rather than tell stories
        return;
      }
    }
  }

  /** Oldest first, at most WINDOW.recentEdits, each side at most WINDOW.edit units; what was undone is left out. */
  recent(): readonly RecentEdit[] {
    return this.#stretches
      .map((s) => this.#freeze(s).done)
      .filter((e) => e.removed !== e.added)
      .slice(-WINDOW.recentEdits);
  }

  #apply(document: string, lines: string[], { start, end, text }: TextChange, isByHand: boolean): boolean {
    const first = lines[start.line];
    const last = lines[end.line];
    if (first === undefined || last === undefined || end.line < start.line) return false;
    if (start.character > first.length || end.character > last.length) return false;

    const left = this.#stretches.at(-1);
    const stretch = this.#reach(document, lines, start.line, end.line);
    // Not one that the new stretch has taken in.
    if (left !== undefined && !('done' in left) && this.#stretches.includes(left)) this.#tell(left);
    stretch.isByHand ||= isByHand;
    const inserted = (first.slice(0, start.character) + text + last.slice(end.character)).split(/\r\n|\r|\n/);
    const grown = inserted.length - (end.line - start.line + 1);
    splice(lines, start.line, end.line - start.line + 1, inserted);

    stretch.count += grown;
    for (const other of this.#stretches) {
      if (other !== stretch && !('done' in other) && other.document === document && other.line > start.line)
        other.line += grown;
    }
    if (sum(stretch.removed, 0, stretch.removed.length) + sum(lines, stretch.line, stretch.count) > WINDOW.edit) {
      // What follows is another stretch. Of new text the lines above the cursor are whole, and all that is sure.
      const cursor = start.line + inserted.length - 1;
      if (stretch.removed.length <= 1 && cursor > stretch.line) this.#tell(stretch, cursor);
      this.#stretches[this.#stretches.length - 1] = this.#freeze(stretch);
    }
    this.#bound();
    return true;
  }

  /** The newest stretch, made to cover the lines `from` to `to` before they change; it takes in those it touches. */
  #reach(document: string, lines: readonly string[], from: number, to: number): Live {
    const live = this.#stretches.filter((s): s is Live => !('done' in s) && s.document === document);
    const touched = new Set<Live>();
    let line = from;
    let end = to + 1;
    for (let size = -1; touched.size > size; ) {
      size = touched.size;
      for (const s of live) {
        if (s.line > end || s.line + s.count < line) continue;
        touched.add(s);
        line = Math.min(line, s.line);
        end = Math.max(end, s.line + s.count);
      }
    }
    // Live stretches never overlap: what stood here before is theirs where they are, and the present text elsewhere.
    let removed: string[] = [];
    let at = line;
    for (const s of [...touched].sort((a, b) => a.line - b.line)) {
      removed = removed.concat(lines.slice(at, s.line), s.removed);
      at = s.line + s.count;
    }
    for (const s of touched) if (s.isTold) this.#retract(s);
    const stretch: Live = {
      document,
      removed: removed.concat(lines.slice(at, end)),
      id: touched.size > 0 ? Math.min(...[...touched].map((s) => s.id)) : ++this.#count,
      line,
      count: end - line,
      isByHand: [...touched].some((s) => s.isByHand),
      isTold: false,
    };
    this.#stretches = [...this.#stretches.filter((s) => 'done' in s || !touched.has(s)), stretch];
    return stretch;
  }

  /** @param end line before which it ends, if not where the stretch does */
  #tell(stretch: Live, end = stretch.line + stretch.count): void {
    if (!stretch.isByHand || stretch.isTold) return;
    const { path, lines } = this.#mirrors.get(stretch.document)!; // a live stretch's document is followed
    const { id, removed, line } = stretch;
    const units = sum(removed, 0, removed.length) + sum(lines, line, end - line);
    if (units > MOST_LEFT) return;
    const text = (n: number): string | null => lines[n]?.toWellFormed() ?? null;
    const edit: LeftEdit = {
      stretch: id,
      path,
      removed: removed.map((l) => l.toWellFormed()),
      added: lines.slice(line, end).map((l) => l.toWellFormed()),
      above: text(line - 1),
      below: text(end),
    };
    if (isAlike(edit.removed, edit.added)) return;
    stretch.isTold = true;
    this.#onLeft(edit);
  }

  #retract({ id, document }: Live): void {
    const { path } = this.#mirrors.get(document)!;
    this.#onLeft({ stretch: id, path, removed: [], added: [], above: null, below: null });
  }

  /** Twice what is shown, as some of it may come to nothing. */
  #bound(): void {
    if (this.#stretches.length > 2 * WINDOW.recentEdits) {
      this.#stretches = this.#stretches.slice(-2 * WINDOW.recentEdits);
    }
  }

  #freeze(s: Stretch): Done {
    if ('done' in s) return s;
    const { path, lines } = this.#mirrors.get(s.document)!; // a live stretch's document is followed
    const added = shown(lines.slice(s.line, s.line + s.count));
    return { document: s.document, done: { path, line: s.line, removed: shown(s.removed), added } };
  }
}

function isAlike(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}

function shown(lines: readonly string[]): string {
  return cutEnd(normalise(lines.join('\n')), WINDOW.edit);
}

function sum(lines: readonly string[], from: number, count: number): number {
  let units = 0;
  for (let n = from; n < from + count; n++) units += (lines[n]?.length ?? 0) + 1;
  return units;
}

/** Array.splice, without a spread that overflows the stack on a long paste. */
function splice(lines: string[], at: number, remove: number, insert: readonly string[]): void {
  const same = Math.min(remove, insert.length);
  for (let i = 0; i < same; i++) lines[at + i] = insert[i]!;
  if (remove > same) lines.splice(at + same, remove - same);
  for (let i = same; i < insert.length; i += 1024) lines.splice(at + i, 0, ...insert.slice(i, i + 1024));
}
