/** Replay files as edits to train on: commits by file, hunks cut into the parts that a typist makes of them. */
import { diffArrays } from 'diff';
import { tokenize } from '../../src/completion/tokens.ts';
import { type Hunk, hunkOf } from '../../src/prompt/hunk.ts';
import type { FileChange } from '../../src/replay/history.ts';
import { readReplay } from '../../src/replay/read.ts';
import { editorLines } from '../../src/replay/typist.ts';
import type { CommitHunk, FileEdits, LineChange } from '../../src/trainer/log-sequences.ts';

/** Hunks of other files that are remembered; as an editor does, see completion/recent.ts. */
const EARLIER = 8;
/** Token edits past which a hunk is one part. */
const MOST_TOKEN_EDITS = 600;

/** Every changed file of a history, oldest commit first. */
export function* readEdits(path: string): Generator<FileEdits> {
  let earlier: { path: string; hunk: Hunk }[] = [];
  for (const commit of readReplay(path).commits()) {
    for (const file of commit.files) {
      const hunks = hunksOf(file);
      if (hunks.length === 0) continue;
      const before = file.before === '' ? [] : editorLines(file.before);
      yield { path: file.path, before, hunks, earlier };
      const own = hunks.map(({ line, removed, added }) => ({
        path: file.path,
        hunk: hunkOf(removed, added, before[line - 1] ?? null)!,
      }));
      earlier = [...earlier, ...own].slice(-EARLIER);
    }
  }
}

function hunksOf(file: FileChange): CommitHunk[] {
  return file.hunks.flatMap(({ startLine, oldLines, newLines }) => {
    const clean = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/\r$/, ''));
    const hunk = { line: startLine - 1, removed: clean(oldLines), added: clean(newLines) };
    if (hunkOf(hunk.removed, hunk.added, null) === null) return [];
    return [{ ...hunk, parts: partsOf(hunk) }];
  });
}

/** A change cut at the line ends that its token diff keeps. */
export function partsOf(change: LineChange): LineChange[] {
  const { line, removed, added } = change;
  if (removed.length === 0 || added.length === 0) return [change];
  const diff = diffArrays(tokenize(removed.join('\n')), tokenize(added.join('\n')), {
    maxEditLength: MOST_TOKEN_EDITS,
  });
  if (diff === undefined) return [change];
  const parts: LineChange[] = [];
  let [oldLine, newLine] = [0, 0];
  let [oldFrom, newFrom] = [0, 0];
  const cut = (): void => {
    const part = {
      line: line + oldFrom,
      removed: removed.slice(oldFrom, oldLine),
      added: added.slice(newFrom, newLine),
    };
    if (part.removed.join('\n') !== part.added.join('\n') || part.removed.length !== part.added.length)
      parts.push(part);
    [oldFrom, newFrom] = [oldLine, newLine];
  };
  for (const { value, added: isAdded, removed: isRemoved } of diff) {
    for (const token of value) {
      if (token !== '\n') continue;
      if (!isAdded) oldLine++;
      if (!isRemoved) newLine++;
      if (!isAdded && !isRemoved) cut();
    }
  }
  [oldLine, newLine] = [removed.length, added.length];
  cut();
  return parts.map(trimmed);
}

/** Without the lines that both sides begin and end with. */
function trimmed(part: LineChange): LineChange {
  let head = 0;
  const { removed, added } = part;
  while (head < removed.length && head < added.length && removed[head] === added[head]) head++;
  const { removed: r, added: a } = hunkOf(removed, added, null)!;
  return { line: part.line + head, removed: r, added: a };
}
