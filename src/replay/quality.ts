/**
 * What can be said of an answer without knowing what the developer typed: does the file still parse, does the answer
 * undo what was just typed, does it delete.
 */
import { diffChars } from 'diff';
import { type Edit, lineAt, offsetAt } from '../completion/edit.ts';
import { visible } from '../completion/text.ts';
import { commonPrefix, commonSuffix } from './path.ts';
import type { Parsed } from './syntax.ts';
import type { Question } from './typist.ts';

export interface Quality {
  /** Syntax errors of the file before and after; null in a language without a grammar. */
  readonly errors: { readonly before: number; readonly after: number } | null;
  /** Share of the change that goes back to what stood before the last stretch of editing, 0 to 1. */
  readonly reversal: number;
  /** Visible characters that go. */
  readonly removed: number;
  /** Lines that go without another in their place. */
  readonly removedLines: number;
}

/** Edits past which two stretches of text count as wholly different. */
const MAX_EDITS = 100;

/**
 * @param after the document after the edit
 * @param parsed the question's document
 */
export function qualityOf(question: Question, edit: Edit, after: string, parsed: Parsed | null): Quality {
  const { document } = question;
  let errors: Quality['errors'] = null;
  if (parsed !== null) {
    const next = parsed.next(after);
    errors = { before: parsed.errors, after: next.errors };
    next.release();
  }
  const gone = document.slice(offsetAt(document, edit.start)!, offsetAt(document, edit.end)!);
  const head = commonPrefix(gone, edit.text);
  const tail = commonSuffix(gone, edit.text, Math.min(gone.length, edit.text.length) - head);
  return {
    errors,
    reversal: reversal(question, edit, after),
    removed: visible(gone.slice(head, gone.length - tail)),
    removedLines: Math.max(0, edit.end.line - edit.start.line - (edit.text.split('\n').length - 1)),
  };
}

/**
 * How far an edit leads back to the text before the last stretch of editing: with the edit distance d and the texts
 * o (before the stretch), c (now) and a (after the edit), (d(o,c) + d(c,a) - d(o,a)) / 2 characters of d(c,a).
 */
function reversal({ path, document, recent }: Question, edit: Edit, after: string): number {
  const last = recent.at(-1);
  if (last === undefined || last.path !== path) return 0;
  const lines = last.added.split('\n');
  const end = last.line + lines.length - 1;
  if (edit.start.line > end || edit.end.line < last.line) return 0;
  // What is kept of a stretch is bounded: one that does not stand in the document as it says cannot be taken back.
  if (lines.some((line, i) => lineAt(document, last.line + i) !== line)) return 0;
  const from = offsetAt(document, { line: last.line, character: 0 })!;
  const to = offsetAt(document, { line: end, character: lines.at(-1)!.length })!;
  const old = document.slice(0, from) + last.removed + document.slice(to);
  const typed = difference(old, document);
  const changed = difference(document, after);
  // What neither takes away anything that came, nor brings something where something went, leads nowhere back.
  const [typedEnd, changedEnd] = [typed.start + typed.came, changed.start + changed.gone];
  const takes = changed.start < typedEnd && typed.start < changedEnd;
  const touches = changed.start <= typedEnd && typed.start <= changedEnd;
  if (!takes && (typed.gone === 0 || changed.came === 0 || !touches)) return 0;
  const change = distance(document, after);
  if (change === 0) return 0;
  const back = (distance(old, document) + change - distance(old, after)) / 2;
  return Math.min(1, Math.max(0, back / change));
}

/** Where two texts begin to differ, and how many characters of the one gave way to how many of the other. */
function difference(before: string, now: string) {
  const start = commonPrefix(before, now);
  const tail = commonSuffix(before, now, Math.min(before.length, now.length) - start);
  return { start, gone: before.length - tail - start, came: now.length - tail - start };
}

/** Characters that are deleted and inserted from one text to the other. */
function distance(a: string, b: string): number {
  const head = commonPrefix(a, b);
  const tail = commonSuffix(a, b, Math.min(a.length, b.length) - head);
  const [x, y] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  if (x === '' || y === '') return x.length + y.length;
  const parts = diffChars(x, y, { maxEditLength: MAX_EDITS });
  if (parts === undefined) return x.length + y.length;
  return parts.reduce((n, { added, removed, value }) => n + (added || removed ? value.length : 0), 0);
}
