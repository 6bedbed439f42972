/**
 * The typist: plays a history as a developer would, and asks for suggestions at places that history and seed fix in
 * advance. What arms answer changes nothing here.
 */

import type { Place } from '../completion/edit.ts';
import { applyEdit, type Edit, firstLineOf, lineAt, placeAt } from '../completion/edit.ts';
import { type LeftEdit, RecentEdits } from '../completion/recent.ts';
import type { RecentEdit } from '../completion/snapshot.ts';
import { hash } from '../completion/text.ts';
import { seeded } from '../trainer/random.ts';
import { editBetween } from './between.ts';
import { type Commit, type FileChange, type Hunk, join, split } from './history.ts';
import { Path } from './path.ts';

export const POINTS = ['far', 'arrival', 'typing', 'rest'] as const;
export type Point = (typeof POINTS)[number];

/** Most asks while typing in one hunk. */
const TYPING_ASKS = 4;

/** All that an arm is told. */
export interface Question {
  readonly path: string;
  readonly languageId: string;
  /** The whole document. */
  readonly document: string;
  readonly cursor: Place;
  readonly recent: readonly RecentEdit[];
}

export interface Verdict {
  readonly outcome: 'right' | 'partly' | 'wrong';
  /** Index of the text that accepting leads to (for partly, its first line); null where there is none. */
  readonly reach: number | null;
  /** Far: the hunk that it applies. */
  readonly target: number | null;
  /** Visible characters of the token diff that accepting supplies. */
  readonly supplied: number;
}

/** Where an ask stands; plain values. */
export interface AskPlace {
  /** Unique in its source, and the same in every run. */
  readonly id: string;
  readonly point: Point;
  /** Index of the commit in the source. */
  readonly commit: number;
  /** Index of the file in the commit, and of the hunk in the file (for rest: the last one). */
  readonly file: number;
  readonly hunk: number;
  /** Index of the document's text in the hunk's path. */
  readonly text: number;
}

/** Names a hunk in its source. */
export function hunkName({ commit, file, hunk }: Pick<AskPlace, 'commit' | 'file' | 'hunk'>): string {
  return `${commit}/${file}/${hunk}`;
}

export interface Ask extends AskPlace {
  readonly question: Question;
  /** Far: the next hunk, after which it shows what the developer did; else `hunk`. */
  readonly settles: number;
  /** What is typed from here to the hunk's end, as one edit of the document (far: the next hunk); null at rest. */
  typed(): Edit | null;
  /** Judges an edit; null (or one that is malformed or changes nothing) is silence, which is right only at rest. */
  judge(edit: Edit | null): Verdict;
}

/** A token substitution, insertion or deletion that was made, with the line on which it began, as it was. */
export interface Substitution {
  readonly removed: string;
  readonly added: string;
  readonly line: string;
}

export type Played =
  | { readonly kind: 'open'; readonly path: string; readonly text: string }
  | { readonly kind: 'ask'; readonly ask: Ask }
  /** As the extension tells of an edit that was left, typed or accepted. */
  | { readonly kind: 'edited'; readonly edit: LeftEdit }
  /** The path has left a hunk: what was typed in it may be known from now on. */
  | {
      readonly kind: 'left';
      readonly path: string;
      readonly commit: number;
      readonly file: number;
      readonly hunk: number;
      readonly newLines: readonly string[];
      readonly substitutions: readonly Substitution[];
      /** Visible characters that the hunk deletes and types. */
      readonly total: number;
    };

const WRONG: Verdict = { outcome: 'wrong', reach: null, target: null, supplied: 0 };

export class Typist {
  readonly #seed: number;
  /** Edits that were left and are still to be told of. */
  readonly #left: LeftEdit[] = [];
  readonly #recent = new RecentEdits((edit) => this.#left.push(edit));
  /** Text that the typist last left at a path. */
  readonly #texts = new Map<string, string>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Takes a commit over without asks: its files count as opened, nothing was typed. */
  *pass(commit: Commit): Generator<Played> {
    for (const { path, after } of commit.files) yield { kind: 'open', path, text: after };
  }

  /** @param index of the commit in its source */
  *play(commit: Commit, index: number): Generator<Played> {
    for (const [n, file] of commit.files.entries()) yield* this.#playFile(commit, index, file, n);
  }

  *#playFile(commit: Commit, commitIndex: number, file: FileChange, fileIndex: number): Generator<Played> {
    const { path, before, after, hunks } = file;
    yield { kind: 'open', path, text: before };
    if (!this.#recent.knows(path) || this.#texts.get(path) !== before)
      this.#recent.open(path, path, editorLines(before));
    this.#texts.set(path, after);
    yield* this.#told();

    const applied = (upTo: number): string => withHunks(file, (h) => h < upTo);
    const random = (what: string): (() => number) => seeded(hash(`${this.#seed}\0${commit.id}\0${path}\0${what}`));
    const id = (what: string): string => `${commit.id.slice(0, 12)}/${fileIndex}/${what}`;
    const recent = this.#recent;
    const question = (document: string, cursor: Place): Question => {
      recent.at(path, cursor.line);
      return { path, languageId: file.languageId, document, cursor, recent: recent.recent() };
    };

    let arrivals = 0;
    let text = before;
    for (const [h, hunk] of hunks.entries()) {
      const next = applied(h + 1);
      if (next === text) continue;
      const [from, to] = hunkRange(text, hunk, shiftBefore(hunks, h));
      const walked = new Path(text, next, from, to);
      const places = new Set(
        pick(
          walked.typedTexts().filter((i) => i < walked.last),
          random(`typing ${h}`),
        ),
      );
      const ask = (point: Point, name: string, index: number, cursor: Place): Played => ({
        kind: 'ask',
        ask: {
          id: id(name),
          point,
          commit: commitIndex,
          file: fileIndex,
          hunk: h,
          text: index,
          question: question(walked.document(index), cursor),
          settles: h,
          typed: () => editBetween(walked.document(index), walked.document(walked.last)),
          judge: (edit) => judgeNear(walked, index, edit),
        },
      });
      const substitutions: Substitution[] = [];
      for (const [s, span] of walked.spans.entries()) {
        const document = walked.document(span.arrival);
        const { line } = placeAt(document, walked.prefix.length + span.offset);
        const lineText = lineAt(document, line)!;
        substitutions.push({ removed: span.removed, added: span.added.join(''), line: lineText });
        const moved = random(`arrival ${h} ${s}`)();
        yield* this.#asked(
          ask('arrival', `${h}/arrival${s}`, span.arrival, { line, character: column(lineText, moved) }),
        );
        arrivals++;
        const end = walked.spans[s + 1]?.arrival ?? walked.last;
        for (let i = span.arrival + 1; i <= end; i++) {
          this.#type(path, walked, i);
          yield* this.#told();
          if (!places.has(i)) continue;
          const cursor = walked.placeOfNew(walked.cursor(i) - walked.prefix.length);
          yield* this.#asked(ask('typing', `${h}/typing${i}`, i, cursor));
        }
      }
      text = next;
      yield {
        kind: 'left',
        path,
        commit: commitIndex,
        file: fileIndex,
        hunk: h,
        newLines: hunk.newLines,
        substitutions,
        total: walked.total,
      };
      const following = hunks.findIndex((_, i) => i > h && applied(i + 1) !== applied(i));
      if (following >= 0) {
        const document = text;
        yield* this.#asked({
          kind: 'ask',
          ask: {
            id: id(`${h}/far`),
            point: 'far',
            commit: commitIndex,
            file: fileIndex,
            hunk: h,
            text: walked.last,
            question: question(document, placeAt(document, walked.cursor(walked.last))),
            settles: following,
            typed: () => editBetween(document, applied(following + 1)),
            judge: (edit) => judgeFar(file, h, document, edit),
          },
        });
      }
    }
    const lines = editorLines(text);
    const place = random('rest');
    for (let n = 0; n < arrivals; n++) {
      const line = n === 0 ? lines.length - 1 : Math.floor(place() * lines.length);
      const character = n === 0 ? lines[line]!.length : column(lines[line]!, place());
      yield* this.#asked({
        kind: 'ask',
        ask: {
          id: id(`rest${n}`),
          point: 'rest',
          commit: commitIndex,
          file: fileIndex,
          hunk: hunks.length - 1,
          text: 0,
          question: question(text, { line, character }),
          settles: hunks.length - 1,
          typed: () => null,
          judge: (edit) => (edit === null || applyEdit(text, edit) === null ? { ...WRONG, outcome: 'right' } : WRONG),
        },
      });
    }
  }

  /** What was left is known before the next ask. */
  *#asked(ask: Played): Generator<Played> {
    yield* this.#told();
    yield ask;
  }

  *#told(): Generator<Played> {
    for (const edit of this.#left.splice(0)) yield { kind: 'edited', edit };
  }

  /** Tells the recent edits of the step to a text of the path. */
  #type(path: string, walked: Path, index: number): void {
    const { offset, removed, added } = walked.step(index);
    const start = walked.placeOfNew(offset);
    const breaks = removed.split('\n').length - 1;
    const character = breaks === 0 ? start.character + removed.length : removed.length - removed.lastIndexOf('\n') - 1;
    this.#recent.change(path, [{ start, end: { line: start.line + breaks, character }, text: added }]);
  }
}

function judgeNear(walked: Path, index: number, edit: Edit | null): Verdict {
  if (edit === null) return WRONG;
  const document = walked.document(index);
  const result = applyEdit(document, edit);
  if (result === null) return WRONG;
  const verdict = (outcome: 'right' | 'partly', reach: number): Verdict => {
    return { outcome, reach, target: null, supplied: walked.done(reach) - walked.done(index) };
  };
  const whole = walked.find(result, index);
  if (whole !== null) return verdict('right', whole);
  const first = firstLineOf(document, edit);
  const firstResult = first === null ? null : applyEdit(document, first);
  const part = firstResult === null ? null : walked.find(firstResult, index);
  return part === null ? WRONG : verdict('partly', part);
}

function judgeFar(file: FileChange, done: number, document: string, edit: Edit | null): Verdict {
  const result = edit === null ? null : applyEdit(document, edit);
  if (result === null) return WRONG;
  for (let h = done + 1; h < file.hunks.length; h++) {
    const next = withHunks(file, (i) => i <= done || i === h);
    if (next !== result) continue;
    const [from, to] = hunkRange(document, file.hunks[h]!, shiftBefore(file.hunks, done + 1));
    return { outcome: 'right', reach: null, target: h, supplied: new Path(document, next, from, to).total };
  }
  return WRONG;
}

/** The file's text with some of its hunks applied; how the text ends goes with the last hunk. */
function withHunks({ before, after, hunks }: FileChange, has: (hunk: number) => boolean): string {
  const old = split(before);
  const lines: string[] = [];
  let at = 0;
  for (const [h, { startLine, oldLines, newLines }] of hunks.entries()) {
    if (!has(h)) continue;
    for (; at < startLine - 1; at++) lines.push(old.lines[at]!);
    for (const line of newLines) lines.push(line);
    at = startLine - 1 + oldLines.length;
  }
  for (; at < old.lines.length; at++) lines.push(old.lines[at]!);
  return join({ lines, ended: (has(hunks.length - 1) ? split(after) : old).ended });
}

/** Lines by which the hunks before the n-th moved what follows them. */
function shiftBefore(hunks: readonly Hunk[], n: number): number {
  return hunks.slice(0, n).reduce((sum, h) => sum + h.newLines.length - h.oldLines.length, 0);
}

/**
 * Offsets at which a hunk begins and ends in a document. The line end after the last line stays out of it, and new
 * lines alone begin at the end of the line above: who types a line has nothing of the next one to the cursor's right.
 */
function hunkRange(
  document: string,
  { startLine, oldLines, newLines }: Hunk,
  shift: number,
): [from: number, to: number] {
  const start = (line: number): number => {
    let at = 0;
    for (let n = 0; n < line; n++) {
      const end = document.indexOf('\n', at);
      if (end < 0) return document.length;
      at = end + 1;
    }
    return at;
  };
  const lineEnd = (at: number): number =>
    at - (/\r?\n$/.exec(document.slice(Math.max(0, at - 2), at))?.[0].length ?? 0);
  const from = start(startLine - 1 + shift);
  const to = start(startLine - 1 + shift + oldLines.length);
  if (newLines.length === 0) return [from, to];
  return oldLines.length === 0 ? [lineEnd(from), lineEnd(from)] : [from, lineEnd(to)];
}

/** Up to TYPING_ASKS of the texts, one of each equal share of them. */
function pick(texts: readonly number[], random: () => number): number[] {
  const n = Math.min(TYPING_ASKS, texts.length);
  return Array.from({ length: n }, (_, i) => {
    const from = Math.floor((i * texts.length) / n);
    const to = Math.floor(((i + 1) * texts.length) / n);
    return texts[from + Math.floor(random() * (to - from))]!;
  });
}

/** A column of a line, never inside a surrogate pair. */
function column(line: string, random: number): number {
  const at = Math.floor(random * (line.length + 1));
  const unit = line.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at - 1 : at;
}

/** Lines as an editor shows them: one more than line ends. */
export function editorLines(text: string): string[] {
  return text.split('\n').map((line) => line.replace(/\r$/, ''));
}
