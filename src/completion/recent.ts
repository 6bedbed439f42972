/**
 * What was edited lately, joined into stretches.
 *
 * An editor reports what went in, and where, but not what was there before; so the lines of the documents that are
 * being edited are mirrored here (the strings themselves are shared with the editor's). Text is kept raw and made
 * well-formed when it is asked for.
 */
import { type RecentEdit, WINDOW } from './snapshot.ts';
import { cutEnd, normalise, type Place, SUITABLE } from './take.ts';

/** One replacement; places are those at its turn, that is, after the changes that come before it in the list. */
export interface TextChange {
  readonly start: Place;
  readonly end: Place;
  readonly text: string;
}

/** Bounds on what is mirrored: documents at once, and lines in one of them. */
export const MIRROR = { documents: 16, lines: 50_000 } as const;

/** A stretch that may still grow: `count` lines from `line` on stand where the lines `removed` stood. */
interface Live {
  readonly path: string;
  readonly removed: readonly string[];
  line: number;
  count: number;
}

/** A stretch that grew too long to be joined further, or whose document is gone. */
type Stretch = Live | { readonly done: RecentEdit };

export class RecentEdits {
  /** Path to lines, least recently edited first. */
  readonly #mirrors = new Map<string, string[]>();
  /** Oldest first. */
  #stretches: Stretch[] = [];

  /**
   * Starts to follow a document, whose text is `lines`; too long a document is not followed. Changes to a document
   * that is not followed are ignored, as what they replaced is unknown.
   */
  open(path: string, lines: readonly string[]): void {
    this.close(path);
    if (lines.length > MIRROR.lines || lines.some((l) => l.length > SUITABLE.lineLength)) return;
    this.#mirrors.set(path, [...lines]);
    for (const oldest of this.#mirrors.keys()) {
      if (this.#mirrors.size <= MIRROR.documents) break;
      this.close(oldest);
    }
  }

  follows(path: string): boolean {
    return this.#mirrors.has(path);
  }

  /** Stops to follow a document; its stretches stay as they are now. */
  close(path: string): void {
    this.#stretches = this.#stretches.map((s) => ('done' in s || s.path !== path ? s : { done: this.#read(s) }));
    this.#mirrors.delete(path);
  }

  /** Forgets every stretch in a document, and the document. */
  forget(path: string): void {
    this.close(path);
    this.#stretches = this.#stretches.filter((s) => !('done' in s) || s.done.path !== path);
  }

  change(path: string, changes: readonly TextChange[]): void {
    const lines = this.#mirrors.get(path);
    if (!lines) return;
    this.#mirrors.delete(path);
    this.#mirrors.set(path, lines);
    for (const change of changes) {
      if (!this.#apply(path, lines, change)) {
        this.close(path); // out of step with the editor: stop rather than tell stories
        return;
      }
    }
  }

  /** Oldest first, at most WINDOW.recentEdits, each side at most WINDOW.edit units; what was undone is left out. */
  recent(): readonly RecentEdit[] {
    return this.#stretches
      .map((s) => ('done' in s ? s.done : this.#read(s)))
      .filter((e) => e.removed !== e.added)
      .slice(-WINDOW.recentEdits);
  }

  #apply(path: string, lines: string[], { start, end, text }: TextChange): boolean {
    const first = lines[start.line];
    const last = lines[end.line];
    if (first === undefined || last === undefined || end.line < start.line) return false;
    if (start.character > first.length || end.character > last.length) return false;

    const stretch = this.#reach(path, lines, start.line, end.line);
    const inserted = (first.slice(0, start.character) + text + last.slice(end.character)).split(/\r\n|\r|\n/);
    const grown = inserted.length - (end.line - start.line + 1);
    splice(lines, start.line, end.line - start.line + 1, inserted);

    stretch.count += grown;
    for (const other of this.#stretches) {
      if (other !== stretch && !('done' in other) && other.path === path && other.line > start.line)
        other.line += grown;
    }
    if (sum(stretch.removed, 0, stretch.removed.length) + sum(lines, stretch.line, stretch.count) > 2 * WINDOW.edit) {
      this.#stretches[this.#stretches.length - 1] = { done: this.#read(stretch) };
    }
    this.#bound();
    return true;
  }

  /** The newest stretch, made to cover the lines `from` to `to` before they change; it takes in those it touches. */
  #reach(path: string, lines: readonly string[], from: number, to: number): Live {
    const live = this.#stretches.filter((s): s is Live => !('done' in s) && s.path === path);
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
    const stretch: Live = { path, removed: removed.concat(lines.slice(at, end)), line, count: end - line };
    this.#stretches = [...this.#stretches.filter((s) => 'done' in s || !touched.has(s)), stretch];
    return stretch;
  }

  /** Twice what is shown, as some of it may come to nothing. */
  #bound(): void {
    if (this.#stretches.length > 2 * WINDOW.recentEdits) {
      this.#stretches = this.#stretches.slice(-2 * WINDOW.recentEdits);
    }
  }

  #read(s: Live): RecentEdit {
    const lines = this.#mirrors.get(s.path) ?? [];
    return {
      path: s.path,
      line: s.line,
      removed: shown(s.removed),
      added: shown(lines.slice(s.line, s.line + s.count)),
    };
  }
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
