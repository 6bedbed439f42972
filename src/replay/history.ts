/**
 * A history as values: commits in order, each with the files that it changed and the hunks that did it.
 *
 * Both kinds of source (replay files, git directories) become these values, and both have checked every text after a
 * commit against its git blob id. A text is its lines joined by `\n`; carriage returns stay part of their lines.
 */
import { createHash } from 'node:crypto';

export interface Hunk {
  /** 1-based line in the text before; with no `oldLines` the new lines go in front of it. */
  readonly startLine: number;
  readonly oldLines: readonly string[];
  readonly newLines: readonly string[];
}

export interface FileChange {
  readonly path: string;
  /** VS Code's language id. */
  readonly languageId: string;
  readonly before: string;
  readonly after: string;
  /** In file order, all in terms of `before`. */
  readonly hunks: readonly Hunk[];
}

export interface Commit {
  /** Git's id of the commit. */
  readonly id: string;
  /** Epoch seconds. */
  readonly time: number;
  readonly files: readonly FileChange[];
}

/** What was left out, and how often; counts grow while the commits are read. */
export type Skipped = Map<string, number>;

export interface History {
  /** Name for people: `owner/name`, or the folder's name. */
  readonly name: string;
  readonly skipped: Skipped;
  /** Oldest first; reads as it goes. @throws ReplayError */
  commits(): Iterable<Commit>;
}

/** A source that cannot be replayed, in words that say where and why. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError';
}

export function count(skipped: Skipped, reason: string): void {
  skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
}

/** Lines of a text, and whether the last one is ended; the empty text has no lines. */
export interface Lines {
  readonly lines: readonly string[];
  readonly ended: boolean;
}

export function split(text: string): Lines {
  if (text === '') return { lines: [], ended: true };
  const ended = text.endsWith('\n');
  return { lines: (ended ? text.slice(0, -1) : text).split('\n'), ended };
}

export function join({ lines, ended }: Lines): string {
  return lines.length === 0 ? '' : lines.join('\n') + (ended ? '\n' : '');
}

/** Git's id of a blob with these bytes. */
export function blobId(bytes: Uint8Array | string, algorithm: 'sha1' | 'sha256' = 'sha1'): string {
  const length = typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length;
  return createHash(algorithm).update(`blob ${length}\0`).update(bytes).digest('hex');
}

/**
 * The lines after all hunks.
 *
 * @throws ReplayError if a hunk is out of order or its old lines do not stand where it says
 */
export function applyHunks(before: readonly string[], hunks: readonly Hunk[]): string[] {
  const after: string[] = [];
  let at = 0;
  for (const { startLine, oldLines, newLines } of hunks) {
    const from = startLine - 1;
    if (from < at || from + oldLines.length > before.length) {
      throw new ReplayError(`a hunk at line ${startLine} lies outside of the text or before the hunk above it`);
    }
    const wrong = oldLines.findIndex((line, i) => before[from + i] !== line);
    if (wrong >= 0) throw new ReplayError(`a hunk's old line is not what stands at line ${startLine + wrong}`);
    for (let i = at; i < from; i++) after.push(before[i]!);
    for (const line of newLines) after.push(line);
    at = from + oldLines.length;
  }
  for (let i = at; i < before.length; i++) after.push(before[i]!);
  return after;
}
