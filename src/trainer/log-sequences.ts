/**
 * Commits as edit logs to train on: one sequence holds a window of a file and its hunks in order, and every hunk carries
 * loss, where an example of one ask carries it for a handful of tokens.
 *
 * What the model will be asked is made alike: hunks after `CURSOR` are cut where the typist would have left the line,
 * hunks without it are whole; places where nothing changes end in NONE.
 */
import { type Hunk, hunkOf } from '../prompt/hunk.ts';
import { hunkIds, LOG_BUDGET, lineIds, openIds, pathIds, placeIds, windowOf } from '../prompt/log.ts';
import type { Marks } from '../prompt/marks.ts';

/** Token ids, and what each counts in the loss. */
export interface Sequence {
  readonly ids: readonly number[];
  readonly weights: readonly number[];
}

/** A change of whole lines of a text. */
export interface LineChange {
  /** Zero-based line of the text before all changes. */
  readonly line: number;
  readonly removed: readonly string[];
  readonly added: readonly string[];
}

/** A hunk of a commit, and the same in the parts that a typist makes one after the other. */
export interface CommitHunk extends LineChange {
  readonly parts: readonly LineChange[];
}

export interface FileEdits {
  readonly path: string;
  /** Lines before the commit. */
  readonly before: readonly string[];
  /** In order. */
  readonly hunks: readonly CommitHunk[];
  /** What was edited before in other files, oldest first. */
  readonly earlier: readonly { readonly path: string; readonly hunk: Hunk }[];
}

/** Shares and weights, chosen by hand before the first run. */
const MIX = {
  /** Sequences with edits of other files before them. */
  others: 0.5,
  /** Hunks that follow a cursor's line, and are cut into parts. */
  cursor: 0.55,
  /** Parts that do not stand alone but go on in the next one. */
  joined: 0.4,
  /** Places between hunks at which nothing changes. */
  distractor: 0.2,
  /** The end of a file's log without a cursor. */
  silence: 0.6,
  /** Tokens of earlier edits of the file, at most. */
  history: 96,
  /** Share of the window's budget that a sequence's window has, at least. */
  window: 0.5,
  /** Most places after the last hunk. */
  rests: 2,
  removedWeight: 0.5,
  noneWeight: 1,
} as const;
/** Lines of a long insertion that make one unit. */
const CHUNK = 24;
/** Tokens of a unit's removed lines; it is left out beyond. */
const MOST_REMOVED = 128;

interface Unit extends LineChange {
  /** Whether the cursor's line comes before it. */
  readonly cursor: boolean;
}

/**
 * @param length most ids of a sequence
 * @param most sequences of one file
 */
export function* logSequences(
  file: FileEdits,
  marks: Marks,
  length: number,
  most: number,
  random: () => number,
): Generator<Sequence> {
  const units = file.hunks.flatMap((hunk) => unitsOf(hunk, random)).flatMap(chunks);
  let made = 0;
  for (let first = 0; first < units.length && made < most; ) {
    const { sequence, next } = build(file, units, first, marks, length, random);
    first = Math.max(next, first + 1);
    if (sequence === null) continue;
    made++;
    yield sequence;
  }
}

/** Ordinary text of a file, as far as it fits; every token counts. */
export function textSequence(path: string, lines: readonly string[], marks: Marks, length: number): Sequence {
  const head = pathIds(path, marks);
  const ids = [...head, ...lineIds(lines, marks)].slice(0, length);
  return { ids, weights: ids.map((_, i) => (i < head.length ? 0 : 1)) };
}

function unitsOf(hunk: CommitHunk, random: () => number): Unit[] {
  if (random() >= MIX.cursor) return [{ ...hunk, cursor: false }];
  const units: Unit[] = [];
  let joins = false;
  for (const part of hunk.parts) {
    const last = units.at(-1);
    if (joins && last !== undefined && last.line + last.removed.length === part.line) {
      units[units.length - 1] = {
        ...last,
        removed: [...last.removed, ...part.removed],
        added: [...last.added, ...part.added],
      };
    } else units.push({ ...part, cursor: units.length === 0 || random() < 0.7 });
    joins = random() < MIX.joined;
  }
  return units;
}

/** A long insertion in several. */
function chunks(unit: Unit): Unit[] {
  if (unit.removed.length > 0 || unit.added.length <= CHUNK) return [unit];
  const parts: Unit[] = [];
  for (let at = 0; at < unit.added.length; at += CHUNK) {
    parts.push({ ...unit, added: unit.added.slice(at, at + CHUNK), cursor: unit.cursor && at === 0 });
  }
  return parts;
}

function build(
  file: FileEdits,
  units: readonly Unit[],
  first: number,
  marks: Marks,
  length: number,
  random: () => number,
): { readonly sequence: Sequence | null; readonly next: number } {
  const ids: number[] = [];
  const weights: number[] = [];
  const push = (more: readonly number[], weight: number): void => {
    for (const id of more) {
      ids.push(id);
      weights.push(weight);
    }
  };
  if (random() < MIX.others) {
    for (const each of others(file, marks)) push(each, 0);
  }
  // The file as it stands with all units before the first: those are not listed, but for a few.
  let begin = first;
  const listed: number[][] = [];
  for (let room: number = Math.floor(random() * MIX.history); begin > 0; begin--) {
    const each = hunkIds(hunkAt(applied(file.before, units, begin - 1), units[begin - 1]!, units, begin - 1), marks);
    if (each.length > room) break;
    room -= each.length;
    listed.unshift(each);
  }
  const lines = applied(file.before, units, begin);
  const at = Math.min(Math.max(0, lineNow(units, begin, units[first]!)), Math.max(0, lines.length - 1));
  const budget = Math.floor(LOG_BUDGET.window * (MIX.window + (1 - MIX.window) * random()));
  const window = windowOf(lines.length === 0 ? [''] : lines, 0, at, marks, budget);
  push(pathIds(file.path, marks), 0);
  push(window.ids, 0);
  for (const each of listed) push(each, 0);

  const isSeen = (line: number): boolean => line >= window.from && line < window.to;
  const shift = (n: number): number =>
    units.slice(begin, n).reduce((sum, u) => sum + u.added.length - u.removed.length, 0);
  let n = first;
  for (; n < units.length; n++) {
    const unit = units[n]!;
    const now = applied(file.before, units, n);
    const line = lineNow(units, n, unit);
    const hunk = hunkAt(now, unit, units, n);
    const head = ids.length;
    if (n > first && random() < MIX.distractor && now.length > 0) {
      push(placeIds(now, near(line, now.length, random), marks), 0);
      push([marks.none], MIX.noneWeight);
    }
    if (unit.cursor && now.length > 0) {
      const row = hunk.removed.length > 0 ? line + commonHead(unit) : line - 1 + commonHead(unit);
      push(placeIds(now, Math.min(Math.max(0, row), now.length - 1), marks), 0);
    }
    const open = openIds(hunk, marks);
    const split = open.indexOf(marks.added);
    const visible = isSeen(line - shift(n));
    if (hunk.removed.length > 0 && split > MOST_REMOVED) break;
    if (ids.length + split + 8 > length) {
      ids.length = head;
      weights.length = head;
      break;
    }
    // What can be told neither from the window nor from the cursor's line is given, not asked for.
    const isTold = visible || unit.cursor;
    push(open.slice(0, 1), isTold ? 1 : 0);
    push(open.slice(1, split), isTold ? MIX.removedWeight : 0);
    push(open.slice(split), 1);
    push([marks.end], 1);
  }
  if (n === units.length && ids.length < length - 24) {
    const now = applied(file.before, units, n);
    if (random() < MIX.silence) push([marks.none], MIX.noneWeight);
    const rests = 1 + Math.floor(random() * MIX.rests);
    for (let i = 0; i < rests && now.length > 0 && ids.length < length - 24; i++) {
      const row =
        random() < 0.3
          ? now.length - 1
          : random() < 0.4
            ? near(lineNow(units, n - 1, units[n - 1]!), now.length, random)
            : Math.floor(random() * now.length);
      push(placeIds(now, row, marks), 0);
      push([marks.none], MIX.noneWeight);
    }
  }
  ids.length = Math.min(ids.length, length);
  weights.length = ids.length;
  return { sequence: weights.some((w) => w > 0) ? { ids, weights } : null, next: n };
}

function others(file: FileEdits, marks: Marks): number[][] {
  const blocks: number[][] = [];
  let room: number = LOG_BUDGET.others;
  for (const { path, hunk } of file.earlier.toReversed()) {
    if (path === file.path) continue;
    const ids = [...pathIds(path, marks), ...hunkIds(hunk, marks)];
    if (ids.length > room) continue;
    room -= ids.length;
    blocks.unshift(ids);
  }
  return blocks;
}

/** The lines after the first `count` units. */
function applied(before: readonly string[], units: readonly Unit[], count: number): string[] {
  const lines = [...before];
  for (let n = count - 1; n >= 0; n--) {
    const { line, removed, added } = units[n]!;
    // Chunks of one insertion stand at one line: the later ones go in first, below the earlier ones.
    lines.splice(line, removed.length, ...added);
  }
  return lines;
}

/** Where a unit begins in the lines after those before it. */
function lineNow(units: readonly Unit[], n: number, unit: Unit): number {
  return units.slice(0, n).reduce((line, u) => line + u.added.length - u.removed.length, unit.line);
}

function hunkAt(now: readonly string[], unit: Unit, units: readonly Unit[], n: number): Hunk {
  const above = now[lineNow(units, n, unit) - 1] ?? null;
  return hunkOf(unit.removed, unit.added, above) ?? { anchor: above, removed: unit.removed, added: unit.added };
}

function commonHead({ removed, added }: LineChange): number {
  let n = 0;
  while (n < removed.length && n < added.length && removed[n] === added[n]) n++;
  return n;
}

/** A line within 30 of another, but not the very one. */
function near(line: number, count: number, random: () => number): number {
  const moved = line + Math.round((random() - 0.5) * 60);
  return Math.min(Math.max(0, moved === line ? line + 2 : moved), count - 1);
}
