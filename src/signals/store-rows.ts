/**
 * From events to rows: checked, bounded, and without secrets. Whatever reaches the database comes through here.
 */
import { type Edit, placeInWindow, rangeInWindow, type Window } from '../completion/edit.ts';
import { REDACTED } from '../completion/kept.ts';
import { WINDOW } from '../completion/snapshot.ts';
import type { Remembered } from '../completion/suggestion.ts';
import { redact, redactJoins, redactParts } from './redact.ts';
import type { Offered, Outcome, SignalEvent, Survival, TypedInstead, Written } from './signal.ts';
import { SURVIVAL_AT } from './survival.ts';

/** Most UTF-16 units (or entries) that one row keeps. An offer is 30 KB at the very most. */
export const ROW_LIMITS = {
  text: 4_096,
  typed: 2_048,
  word: 64,
  id: 200,
  path: 1_024,
  logprobs: 1_024,
  remembered: 32,
  /** Of the JSON of an edit, which is left out beyond it. */
  written: 16_384,
} as const;

/** Text beyond the limit that is looked at for secrets before it is dropped, so that the cut does not hide one. */
const SLACK = 512;

const OUTCOME_KINDS: ReadonlySet<string> = new Set<Outcome['kind']>([
  'accepted',
  'partly-accepted',
  'rejected',
  'ignored',
  'superseded',
  'never-seen',
]);

export interface OfferRow {
  readonly at: number;
  readonly window_id: string;
  readonly trigger: string;
  readonly shown_as: string;
  readonly checkpoint: string;
  readonly prompt_hash: string | null;
  readonly prompt_format: string;
  readonly path: string;
  readonly language: string;
  readonly start_line: number;
  readonly before: string;
  readonly after: string;
  readonly recent: string;
  readonly text: string;
  /** What `text` replaces: places in the window as it is stored, which has other columns where a secret was cut. */
  readonly edit_start_line: number;
  readonly edit_start_character: number;
  readonly edit_end_line: number;
  readonly edit_end_character: number;
  readonly token_logprobs: string;
  readonly latency_ms: number;
  /** JSON of Suggestion.remembered. */
  readonly remembered: string | null;
  /** Secrets cut from the row; one that two of its texts show counts for each. */
  readonly redactions: number;
}

export interface OutcomeRow {
  readonly at: number;
  readonly kind: string;
  readonly observed: number;
  readonly reason: string;
  readonly shown: string;
  readonly jumped: number;
  readonly accepted_chars: number;
  readonly typed_chars: number;
}

/** The suggestion, or edit, that an event is about. @throws TypeError if the event is none of ours */
export function suggestionOf(event: SignalEvent): string {
  if (event.type === 'written') return text(event.editId, ROW_LIMITS.id, 'id of an edit');
  return text(event.type === 'offered' ? event.suggestion.id : event.suggestionId, ROW_LIMITS.id, 'suggestion id');
}

/** @throws TypeError if a field is missing or of another type */
export function offerRow(event: Offered): OfferRow {
  const { suggestion: s, snapshot } = event;
  const { window, edit, secrets } = cleanEdit(snapshot, s.edit);
  const recent = snapshot.recent.slice(-WINDOW.recentEdits).map((edit) => ({
    path: cleanHead(edit.path, ROW_LIMITS.path),
    line: edit.line,
    removed: cleanHead(edit.removed, WINDOW.edit),
    added: cleanHead(edit.added, WINDOW.edit),
  }));
  const recentJson = JSON.stringify(recent);
  const redactions = secrets + recentJson.split(REDACTED).length - 1;
  return {
    at: time(event.at),
    window_id: text(event.windowId, ROW_LIMITS.id, 'window id'),
    trigger: text(event.trigger, ROW_LIMITS.word, 'trigger'),
    shown_as: text(event.shownAs, ROW_LIMITS.word, 'way of showing'),
    checkpoint: text(s.checkpoint, ROW_LIMITS.id, 'checkpoint'),
    prompt_hash: redactions > 0 ? null : text(s.promptHash, ROW_LIMITS.id, 'prompt hash'),
    prompt_format: text(s.promptFormat, ROW_LIMITS.word, 'prompt format'),
    path: cleanHead(snapshot.path, ROW_LIMITS.path),
    language: text(snapshot.languageId, ROW_LIMITS.word, 'language'),
    start_line: window.startLine,
    before: window.before,
    after: window.after,
    recent: recentJson,
    text: edit.text,
    edit_start_line: edit.start.line,
    edit_start_character: edit.start.character,
    edit_end_line: edit.end.line,
    edit_end_character: edit.end.character,
    token_logprobs: JSON.stringify(s.tokenLogprobs.slice(0, ROW_LIMITS.logprobs)),
    latency_ms: number(s.latencyMs),
    remembered: rememberedJson(s.remembered),
    redactions,
  };
}

/**
 * A window and the edit in it, bounded and without secrets. The edit's places are those in the window that is left.
 *
 * @throws TypeError if the edit does not lie in the window
 */
function cleanEdit(snapshot: Window, edit: Edit): { window: Window; edit: Edit; secrets: number } {
  const range = rangeInWindow(snapshot, edit);
  if (range === null) throw new TypeError('The edit lies outside of the text that it was suggested for.');
  const { window: given, dropped: lost } = bounded({ ...snapshot, startLine: count(snapshot.startLine) }, SLACK);
  const cursor = given.before.length;
  const all = given.before + given.after;
  const inGiven = (offset: number): number => Math.min(Math.max(0, offset - lost), all.length);
  const [from, to] = [inGiven(range.from), inGiven(range.to)];
  const cuts = [...new Set([0, from, cursor, to, all.length])].sort((a, b) => a - b);
  const pieces = cuts.slice(1).map((end, i) => ({ start: cuts[i]!, end, text: all.slice(cuts[i], end) }));
  const replaced = (i: number): boolean => pieces[i]!.start >= from && pieces[i]!.end <= to;
  const indices = pieces.map((_, i) => i);
  const upTo = (offset: number) => indices.filter((i) => pieces[i]!.end <= offset);
  const beyond = indices.filter((i) => pieces[i]!.start >= from && !replaced(i));
  // A secret may be whole only in the document as it was, or only with the suggestion in it.
  const { parts, found } = redactJoins(
    [...pieces.map((p) => p.text), head(edit.text, ROW_LIMITS.text + SLACK)],
    [indices, [...upTo(from), pieces.length, ...beyond]],
  );
  const clean = (of: readonly number[]): string => of.map((i) => parts[i]!).join('');
  const before = clean(upTo(cursor));
  const { window, dropped } = bounded({
    before,
    after: clean(indices).slice(before.length),
    startLine: given.startLine,
  });
  const place = (offset: number) =>
    placeInWindow(window, Math.min(Math.max(0, offset - dropped), window.before.length + window.after.length));
  const start = clean(upTo(from)).length;
  return {
    window,
    edit: {
      start: place(start),
      end: place(start + clean(indices.filter(replaced)).length),
      text: head(parts[pieces.length]!, ROW_LIMITS.text),
    },
    secrets: found.length,
  };
}

/** A window within its limits, and how many units its start has lost. */
function bounded({ before, after, startLine }: Window, slack = 0): { window: Window; dropped: number } {
  const dropped = Math.max(0, before.length - WINDOW.before - slack);
  const lines = before.slice(0, dropped).split('\n').length - 1;
  return {
    window: {
      before: before.slice(dropped).toWellFormed(),
      after: head(after, WINDOW.after + slack),
      startLine: startLine + lines,
    },
    dropped,
  };
}

/** @throws TypeError */
export function outcomeRow(event: Outcome): OutcomeRow {
  if (!OUTCOME_KINDS.has(event.kind)) throw new TypeError(`There is no outcome "${event.kind}".`);
  return {
    at: time(event.at),
    kind: event.kind,
    observed: event.observed ? 1 : 0,
    reason: text(event.reason, ROW_LIMITS.word, 'reason'),
    shown: text(event.shown, ROW_LIMITS.word, 'way of being seen'),
    jumped: event.jumped ? 1 : 0,
    accepted_chars: count(event.acceptedChars),
    typed_chars: count(event.typedChars ?? 0),
  };
}

/** @throws TypeError */
export function survivalRow(event: Survival): {
  at: number;
  after_ms: number;
  share: number;
  observed: number;
  gone_on: number;
} {
  if (!SURVIVAL_AT.includes(event.afterMs)) throw new TypeError(`Nothing is looked at after ${event.afterMs} ms.`);
  const share = Math.min(1, Math.max(0, number(event.share)));
  const [observed, gone_on] = [event.observed ? 1 : 0, event.goneOn ? 1 : 0];
  return { at: time(event.at), after_ms: event.afterMs, share, observed, gone_on };
}

/**
 * What was typed, without secrets that it holds alone or together with the text around it.
 *
 * @param around the stored text before and after, once the offer is known
 * @throws TypeError
 */
export function typedText(
  typed: TypedInstead['text'],
  around: { readonly before: string; readonly after: string } | null,
): string {
  const bounded = head(text(typed, Number.MAX_SAFE_INTEGER, 'typed text'), ROW_LIMITS.typed + SLACK);
  const { parts } = redactParts([around?.before ?? '', bounded, around?.after ?? '']);
  return head(parts[1]!, ROW_LIMITS.typed);
}

/** The lines of an edit, and those that it stands between. */
export type WrittenLines = Pick<Written, 'removed' | 'added' | 'above' | 'below'>;

export interface WrittenRow {
  readonly at: number;
  readonly path: string;
  /** JSON of WrittenLines; null for an edit that was taken back, is too long, or holds a secret or stands next to one. */
  readonly lines: string | null;
}

/** @throws TypeError */
export function writtenRow(event: Written): WrittenRow {
  const sides = [event.removed, event.added].map((side) => {
    if (!Array.isArray(side)) throw new TypeError('A side of the edit is no list of lines.');
    return side.map((line) => text(line, Number.MAX_SAFE_INTEGER, 'line'));
  });
  const [removed, added] = sides as [string[], string[]];
  const around = [event.above, event.below].map((line) => line && text(line, Number.MAX_SAFE_INTEGER, 'line'));
  const [above, below] = around as [string | null, string | null];
  const lines: WrittenLines = { removed, added, above, below };
  const isNothing = removed.join('\n') === added.join('\n');
  const json = JSON.stringify(lines);
  const isKept = !isNothing && json.length <= ROW_LIMITS.written && !hasSecret(lines);
  return {
    at: time(event.at),
    path: cleanHead(text(event.path, ROW_LIMITS.path + SLACK, 'path'), ROW_LIMITS.path),
    lines: isKept ? json : null,
  };
}

/** Also one that only the lines around it make whole. */
function hasSecret({ removed, added, above, below }: WrittenLines): boolean {
  return [removed, added].some((side) => redact([above ?? '', ...side, below ?? ''].join('\n')).found.length > 0);
}

/** Ids and numbers alone: no text. @throws TypeError */
function rememberedJson(remembered: Remembered | undefined): string | null {
  if (remembered === undefined) return null;
  const { entries, steps } = remembered;
  return JSON.stringify({
    entries: entries.slice(0, ROW_LIMITS.remembered).map((id) => text(id, ROW_LIMITS.id, 'id of what was remembered')),
    steps: steps
      .slice(0, ROW_LIMITS.logprobs)
      .map(({ at, kind, share }) => ({ at: count(at), kind: count(kind), share: number(share) })),
  } satisfies Remembered);
}

function cleanHead(value: string, limit: number): string {
  return head(redact(head(value, limit + SLACK)).text, limit);
}

/** The first units, well-formed (SQLite stores UTF-8, where half a surrogate pair has no place). */
function head(value: string, limit: number): string {
  return value.slice(0, limit).toWellFormed();
}

function text(value: unknown, limit: number, what: string): string {
  if (typeof value !== 'string') throw new TypeError(`The ${what} is ${typeof value}, not text.`);
  return value.slice(0, limit).toWellFormed();
}

function number(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new TypeError(`${String(value)} is no finite number.`);
  return value;
}

const time = (value: unknown): number => Math.round(number(value));
const count = (value: unknown): number => Math.max(0, Math.round(number(value)));
