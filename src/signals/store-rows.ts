/**
 * From events to rows: checked, bounded, and without secrets. Whatever reaches the database comes through here.
 */
import { WINDOW } from '../completion/snapshot.ts';
import { redact, redactJoins, redactParts } from './redact.ts';
import type { Offered, Outcome, SignalEvent, Survival, TypedInstead } from './signal.ts';
import { SURVIVAL_AT } from './survival.ts';

/** Most UTF-16 units (or entries) that one row keeps. An offer is 30 KB at the very most. */
export const ROW_LIMITS = { text: 4_096, typed: 2_048, word: 64, id: 200, path: 1_024, logprobs: 1_024 } as const;

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
  readonly replace_after: number;
  readonly token_logprobs: string;
  readonly latency_ms: number;
  /** Secrets cut from the row; one that two of its texts show counts for each. */
  readonly redactions: number;
}

export interface OutcomeRow {
  readonly at: number;
  readonly kind: string;
  readonly observed: number;
  readonly reason: string;
  readonly accepted_chars: number;
  readonly typed_chars: number;
}

/** The suggestion that an event is about. @throws TypeError if the event is none of ours */
export function suggestionOf(event: SignalEvent): string {
  return text(event.type === 'offered' ? event.suggestion.id : event.suggestionId, ROW_LIMITS.id, 'suggestion id');
}

/** @throws TypeError if a field is missing or of another type */
export function offerRow(event: Offered): OfferRow {
  const { suggestion: s, snapshot } = event;
  const after = head(snapshot.after, WINDOW.after + SLACK);
  const replaceAfter = Math.min(count(s.replaceAfter), after.length);
  const parts = [
    tail(snapshot.before, WINDOW.before + SLACK),
    head(s.text, ROW_LIMITS.text + SLACK),
    after.slice(0, replaceAfter),
    after.slice(replaceAfter),
  ];
  // A secret may be whole only in the document as it was, or only with the suggestion in it.
  const { parts: clean, found } = redactJoins(parts, [
    [0, 2, 3],
    [0, 1, 3],
  ]);
  const recent = snapshot.recent.slice(-WINDOW.recentEdits).map((edit) => ({
    path: cleanHead(edit.path, ROW_LIMITS.path),
    line: edit.line,
    removed: cleanHead(edit.removed, WINDOW.edit),
    added: cleanHead(edit.added, WINDOW.edit),
  }));
  const recentJson = JSON.stringify(recent);
  const redactions = found.length + recentJson.split('<redacted:').length - 1;
  return {
    at: time(event.at),
    window_id: text(event.windowId, ROW_LIMITS.id, 'window id'),
    trigger: text(event.trigger, ROW_LIMITS.word, 'trigger'),
    checkpoint: text(s.checkpoint, ROW_LIMITS.id, 'checkpoint'),
    prompt_hash: redactions > 0 ? null : text(s.promptHash, ROW_LIMITS.id, 'prompt hash'),
    prompt_format: text(s.promptFormat, ROW_LIMITS.word, 'prompt format'),
    path: cleanHead(snapshot.path, ROW_LIMITS.path),
    language: text(snapshot.languageId, ROW_LIMITS.word, 'language'),
    start_line: count(snapshot.startLine),
    before: tail(clean[0]!, WINDOW.before),
    after: head(clean[2]! + clean[3]!, WINDOW.after),
    recent: recentJson,
    text: head(clean[1]!, ROW_LIMITS.text),
    replace_after: clean[2]!.length,
    token_logprobs: JSON.stringify(s.tokenLogprobs.slice(0, ROW_LIMITS.logprobs)),
    latency_ms: number(s.latencyMs),
    redactions,
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
    accepted_chars: count(event.acceptedChars),
    typed_chars: count(event.typedChars ?? 0),
  };
}

/** @throws TypeError */
export function survivalRow(event: Survival): { at: number; after_ms: number; share: number; observed: number } {
  if (!SURVIVAL_AT.includes(event.afterMs)) throw new TypeError(`Nothing is looked at after ${event.afterMs} ms.`);
  const share = Math.min(1, Math.max(0, number(event.share)));
  return { at: time(event.at), after_ms: event.afterMs, share, observed: event.observed ? 1 : 0 };
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

function cleanHead(value: string, limit: number): string {
  return head(redact(head(value, limit + SLACK)).text, limit);
}

/** The first units, well-formed (SQLite stores UTF-8, where half a surrogate pair has no place). */
function head(value: string, limit: number): string {
  return value.slice(0, limit).toWellFormed();
}

function tail(value: string, limit: number): string {
  return value.slice(Math.max(0, value.length - limit)).toWellFormed();
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
