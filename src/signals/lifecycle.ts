/**
 * From editor events to exactly one outcome for each suggestion, and to what was typed instead.
 *
 * A pure state machine: `advance(state, event)` gives the next state and what became known. The clock is the event's
 * `at`. Offsets and text are the document's own (UTF-16 units, its own line ends); what is emitted has LF.
 *
 * What VS Code tells, and what has to be inferred (measured on 1.139):
 * - All of it accepted with Tab: a change that completes the text, then our command, which names the suggestion.
 *   Observed. The outcome waits SETTLE_MS for that command.
 * - Accepted by word or line: a pure insertion of a part of what is left, after which the selection event's kind is
 *   undefined ('none' here; typing gives 'keyboard'). Inferred.
 * - Esc: our command, bound only while the ghost text is visible. Observed.
 * - That ghost text was seen is never observable. A suggestion that stood for less than SEEN_MS was never seen.
 *
 * - Of several suggestions at one place VS Code shows one, and goes on to the next by a command that tells nobody. Our
 *   key tells (`cycled`); what was taken without it is recognised by its text.
 *
 * An outcome is terminal: undoing an accept leaves it accepted, and the survival of 0 tells the rest.
 */
import { afterChanges, agrees, attribute, type DocumentChange, type Live, type SelectionKind } from './ghost.ts';
import {
  changePlaces,
  isFull,
  type Place,
  placeOf,
  TYPED_INSTEAD_IDLE_MS,
  TYPED_INSTEAD_LIMIT,
  typedAt,
} from './instead.ts';
import type { Outcome, OutcomeKind, TypedInstead } from './signal.ts';
import { applyChanges, end, type Stretch } from './stretch.ts';
import type { AcceptedEdit } from './survival.ts';

/**
 * How long ghost text has to stand before it counts as seen: about 50 ms until it is drawn (33-40 ms measured) and one
 * fixation of the eye, 200-250 ms in reading (Rayner 1998, Psychological Bulletin 124:372). What was overtaken sooner
 * says nothing about whether it was wanted.
 */
export const SEEN_MS = 300;

/** How long a completed text waits for our accept command, which VS Code runs right after the change. */
export const SETTLE_MS = 1_000;

/** How long a change waits for the selection event that VS Code sends right after it. */
const CURSOR_MS = 100;

/** How many suggestions that have their outcome are remembered: a provider's cache is far smaller. */
const ENDED_LIMIT = 64;

/** Every word that an outcome's `reason` can be. */
export const REASONS = [
  'command', // our accept command named it
  'by-parts', // its parts were taken by word or line until nothing was left
  'typed-through', // the user typed all of it by hand
  'escape',
  'typed-other', // something that it does not begin with came in at its place
  'deleted', // text at its place was taken away
  'undo', // an undo or redo changed its place
  'moved-away',
  'focus-lost',
  'switched-file',
  'document-closed',
  'superseded', // another suggestion was returned
  'cycled', // the user went on to another suggestion for the same place
  'withdrawn', // the provider answered with nothing
  'cancelled', // VS Code cancelled the request before the answer
  'stale', // the document or the cursor had moved on before the answer
  'window-closed',
] as const;
export type Reason = (typeof REASONS)[number];

/** What is left of a suggestion (LF) at the cursor, and the units after it that it replaces. */
export interface Alternative {
  readonly id: string;
  readonly text: string;
  readonly replaceAfter: number;
  /** What of it was typed already before it was returned for the first time (LF). */
  readonly typed?: string;
}

export type EditorEvent =
  /** A suggestion was returned to VS Code for this version and cursor. The same id again: it still stands, or has its outcome. */
  | (Alternative & {
      /** `cycled`: the user went on to it from another one that stands in the same place, and may come back to that. */
      readonly type: 'offered' | 'cycled';
      readonly at: number;
      /** Others that were returned with it: VS Code shows one of them in its place if the user asks for it. */
      readonly alternatives?: readonly Alternative[];
      readonly document: string;
      readonly version: number;
      readonly offset: number;
      /** Some text before the cursor and what follows it, at least `replaceAfter` units. */
      readonly before: string;
      readonly after: string;
      readonly eol: '\n' | '\r\n';
    })
  | DocumentChange
  /** The primary selection; VS Code sends it after the change that moved it. `empty`: it is a bare cursor. */
  | {
      readonly type: 'selected';
      readonly at: number;
      readonly document: string;
      readonly offset: number;
      readonly empty: boolean;
      readonly kind: SelectionKind;
    }
  | { readonly type: 'accept-command'; readonly at: number; readonly id: string }
  | { readonly type: 'escape'; readonly at: number }
  | { readonly type: 'focus-lost'; readonly at: number }
  | { readonly type: 'document-closed'; readonly at: number; readonly document: string }
  | { readonly type: 'switched'; readonly at: number; readonly document: string | null }
  /** Another suggestion is shown in its place, in another way. */
  | { readonly type: 'superseded'; readonly at: number }
  /** The provider was asked again and had nothing. */
  | { readonly type: 'withdrawn'; readonly at: number }
  | { readonly type: 'cancelled'; readonly at: number; readonly id: string }
  | { readonly type: 'tick'; readonly at: number }
  | { readonly type: 'closing'; readonly at: number };

export type Known =
  | Outcome
  | TypedInstead
  /** It was shown in the place of the one that stood, as is known from what came of it. */
  | { readonly type: 'alternative'; readonly id: string; readonly at: number }
  | { readonly type: 'accepted-edit'; readonly edit: AcceptedEdit };

/** All of the suggestion stands in the document; how it got there is about to be told. */
interface Settling {
  readonly live: Live;
  readonly at: number;
  readonly now: Stretch;
}

/** A suggestion that the user went on from, to another one for the same place. */
interface Aside {
  readonly live: Live;
  readonly until: number;
}

export interface LifecycleState {
  readonly live: Live | null;
  /** Those that stood before it in the same place, until nobody can come back to them. */
  readonly aside: readonly Aside[];
  /** Those that VS Code may show in its place without telling. */
  readonly standby: readonly Live[];
  readonly settling: readonly Settling[];
  readonly places: readonly Place[];
  /** The last suggestions that got their outcome; offering one of them again changes nothing. */
  readonly ended: readonly string[];
  /** Where the cursor is known to be. */
  readonly cursor: { readonly document: string; readonly version: number; readonly offset: number | null } | null;
}

export const INITIAL: LifecycleState = {
  live: null,
  aside: [],
  standby: [],
  settling: [],
  places: [],
  ended: [],
  cursor: null,
};

export interface Step {
  readonly state: LifecycleState;
  readonly known: readonly Known[];
}

/** The state after `event`, and what became known through it. */
export function advance(state: LifecycleState, event: EditorEvent): Step {
  const run = new Run(state);
  // What diverged waits for where the cursor is only until the next event.
  const arrival = state.live?.arrival;
  const waits =
    event.type === 'selected' ||
    (event.type === 'offered' && event.id === state.live?.id) ||
    (event.type === 'tick' && event.at - (arrival?.at ?? 0) < CURSOR_MS);
  if (arrival?.diverged && !waits) run.endLive(arrival.diverged);
  run.settleDue(event.at);
  run.handle(event);
  return { state: run.state, known: run.known };
}

/** One advance: a mutable copy of the state and the list of what became known. */
class Run {
  state: LifecycleState;
  readonly known: Known[] = [];

  constructor(state: LifecycleState) {
    this.state = state;
  }

  handle(event: EditorEvent): void {
    const live = this.state.live;
    switch (event.type) {
      case 'offered':
        this.offered(event);
        break;
      case 'cycled':
        this.cycled(event);
        break;
      case 'changed':
        this.changed(event);
        break;
      case 'selected':
        this.selected(event);
        break;
      case 'accept-command':
        this.acceptCommand(event.id, event.at);
        break;
      case 'escape':
        this.endLive('escape', event.at);
        break;
      case 'focus-lost':
        this.endLive('focus-lost', event.at);
        this.finishPlaces(event.at, () => true);
        break;
      case 'document-closed':
        if (live?.document === event.document) this.endLive('document-closed', event.at);
        this.finishSettling(event.at, (s) => s.live.document === event.document);
        if (this.state.cursor?.document === event.document) this.state = { ...this.state, cursor: null };
        this.finishPlaces(event.at, (p) => p.document === event.document);
        break;
      case 'switched':
        if (live && live.document !== event.document) this.endLive('switched-file', event.at);
        if (this.state.cursor && this.state.cursor.document !== event.document) {
          this.state = { ...this.state, cursor: null };
        }
        this.finishPlaces(event.at, (p) => p.document !== event.document);
        break;
      case 'withdrawn':
      case 'superseded':
        this.endLive(event.type, event.at);
        break;
      case 'cancelled':
        if (live?.id === event.id) this.endLive('cancelled', event.at);
        break;
      case 'tick':
        break; // settleDue has done what is due
      case 'closing':
        this.endLive('window-closed', event.at);
        this.finishSettling(event.at, () => true);
        this.finishPlaces(event.at, () => true);
        break;
    }
  }

  private offered(e: Offer): void {
    const { live, aside, cursor } = this.state;
    if (live?.id === e.id) {
      if (e.alternatives) this.state = { ...this.state, standby: standbyOf(e) };
      return;
    }
    if (aside.some((a) => a.live.id === e.id)) {
      this.cycled(e);
      return;
    }
    if (this.isDone(e.id)) return;
    const next = liveOf(e);
    const stale =
      cursor !== null &&
      (cursor.document !== e.document ||
        cursor.version > e.version ||
        (cursor.offset !== null && cursor.offset !== e.offset));
    if (stale) {
      this.tellOutcome(next, 'stale', e.at);
      return;
    }
    this.endLive('superseded', e.at);
    const { document, version, offset } = e;
    this.state = { ...this.state, live: next, standby: standbyOf(e), cursor: { document, version, offset } };
  }

  /** Another one for the same place is shown: the one that stood waits for whether the user comes back to it. */
  private cycled(e: Offer): void {
    const { live, aside } = this.state;
    if (live?.id === e.id || this.isDone(e.id)) return;
    // One that was partly taken is not the same any more when it is come back to.
    if (live === null || live.document !== e.document || live.marks !== '') {
      this.endLive(live?.document === e.document ? 'cycled' : 'superseded', e.at);
      this.offered({ ...e, type: 'offered' });
      return;
    }
    const back = aside.find((a) => a.live.id === e.id);
    const others = aside.filter((a) => a !== back);
    this.state = {
      ...this.state,
      live: back?.live ?? liveOf(e),
      aside: [...others, { live, until: e.at }],
      standby: standbyOf(e),
    };
  }

  private isDone(id: string): boolean {
    return this.state.ended.includes(id) || this.state.settling.some((s) => s.live.id === id);
  }

  /** Tells what became of those that the user went on from: nobody comes back to them any more. */
  private finishAside(): void {
    const { aside } = this.state;
    this.state = { ...this.state, aside: [], standby: [] };
    for (const { live, until } of aside) this.tellOutcome(live, 'cycled', until);
  }

  /** The alternative that a change brings in, or begins to: VS Code has shown it without telling. */
  private unseenAlternative(e: DocumentChange): Live | null {
    for (const live of this.state.standby.filter(({ id }) => !this.isDone(id))) {
      const next = afterChanges(live, e);
      const { arrival, marks, target } = next;
      if (!arrival || arrival.diverged) continue;
      // One unit could have been typed as well.
      if (marks.length === target.length || (arrival.pureInsert && marks.length > 1)) return next;
    }
    return null;
  }

  private changed(e: DocumentChange): void {
    const { live, cursor } = this.state;
    this.state = {
      ...this.state,
      // Other documents change in the background; that does not move the cursor.
      cursor: cursor?.document === e.document ? { ...cursor, version: e.version, offset: null } : cursor,
      settling: this.state.settling.map((s) =>
        s.live.document === e.document ? { ...s, now: applyChanges(s.now, e.changes, 'out') } : s,
      ),
    };
    this.changePlaces(e);
    if (live?.document !== e.document || e.changes.length === 0) return;
    let next = afterChanges(live, e);
    const other = next.arrival?.diverged === 'typed-other' && live.marks === '' ? this.unseenAlternative(e) : null;
    if (other !== null) {
      if (this.state.aside.every((a) => a.live.id !== other.id)) {
        this.known.push({ type: 'alternative', id: other.id, at: e.at });
      }
      const others = this.state.aside.filter((a) => a.live.id !== other.id);
      this.state = { ...this.state, aside: [...others, { live, until: e.at }] };
      next = other;
    }
    this.finishAside();
    if (next.arrival && !next.arrival.diverged && next.marks.length === next.target.length) {
      this.settle(next, e.at);
      return;
    }
    this.state = { ...this.state, live: next };
    // A removal cannot be saved by where the cursor is.
    if (next.arrival?.diverged === 'deleted' || next.arrival?.diverged === 'undo') {
      this.endLive(next.arrival.diverged, e.at);
    }
  }

  private settle(live: Live, at: number): void {
    this.finishAside();
    const now = { offset: live.place.offset, text: live.place.text.slice(0, live.target.length) };
    this.state = { ...this.state, live: null, settling: [...this.state.settling, { live, at, now }] };
  }

  private selected(e: EditorEvent & { type: 'selected' }): void {
    this.state = {
      ...this.state,
      cursor: { document: e.document, version: this.knownVersion(e.document), offset: e.empty ? e.offset : null },
      settling: this.state.settling.map((s) =>
        s.live.document === e.document && s.live.arrival
          ? { ...s, live: attribute(s.live, s.live.marks.length, e.kind) }
          : s,
      ),
    };
    const { live } = this.state;
    if (live?.document === e.document) this.selectedLive(live, e);
    this.finishPlaces(
      e.at,
      (p) => p.document === e.document && (e.offset < p.typed.offset || e.offset > end(p.typed) || !e.empty),
    );
  }

  private selectedLive(live: Live, e: EditorEvent & { type: 'selected' }): void {
    const caret = e.offset - live.place.offset;
    if (live.arrival === null) {
      if (caret !== live.marks.length || !e.empty) this.endLive('moved-away', e.at);
      return;
    }
    const agreed = e.empty && caret >= 0 && caret <= live.place.text.length && agrees(live, caret);
    if (agreed && caret === live.target.length) this.settle(attribute(live, caret, e.kind), live.arrival.at);
    else if (agreed) this.state = { ...this.state, live: attribute(live, caret, e.kind) };
    else this.endLive(live.arrival.diverged ?? 'moved-away', live.arrival.at);
  }

  private acceptCommand(id: string, at: number): void {
    const settling = this.state.settling.find((s) => s.live.id === id);
    if (settling) {
      const { live } = settling;
      // The command names the suggestion: what came in last came in by it, whatever the selection event's kind.
      const from = live.arrival?.from ?? live.marks.length;
      const marks = live.marks.slice(0, from) + 'a'.repeat(live.marks.length - from);
      this.state = { ...this.state, settling: this.state.settling.filter((s) => s !== settling) };
      this.accepted({ ...settling, live: { ...live, marks } }, 'command', at);
      return;
    }
    const { live } = this.state;
    if (live?.id !== id) return;
    // The change that brought it in looked like something else; the command is to be trusted.
    const marks = live.marks.padEnd(live.target.length, 'a');
    this.state = { ...this.state, live: null };
    this.finishAside();
    this.accepted({ live: { ...live, marks }, at, now: live.place }, 'command', at);
  }

  /** Ends the suggestion that stands, if there is one. */
  endLive(reason: Reason, at = this.state.live?.arrival?.at ?? 0): void {
    const { live } = this.state;
    if (live === null) return;
    this.state = { ...this.state, live: null };
    const outcome = this.tellOutcome(live, reason, at);
    this.finishAside();
    const part = live.marks.lastIndexOf('a') + 1;
    if (outcome === 'partly-accepted') {
      this.tellEdit(live, at, { offset: live.place.offset, text: live.place.text.slice(0, part) });
    }
    if ((reason !== 'escape' && reason !== 'typed-other') || live.arrival?.rewritten) return;
    const places = [...this.state.places, placeOf(live, reason, at)];
    const oldest = places.length > TYPED_INSTEAD_LIMIT.places ? places[0] : undefined;
    this.state = { ...this.state, places };
    this.finishPlaces(at, (p) => p === oldest || isFull(p));
  }

  private tellOutcome(live: Live, reason: Reason, at: number): OutcomeKind {
    const kind = kindOf(live, reason, at);
    const stands = kind === 'partly-accepted' ? live.marks.length : 0;
    this.tell(live, kind, reason, at, stands);
    return kind;
  }

  private accepted(s: Settling, reason: Reason, at: number): void {
    const { live } = s;
    const byHand = !live.marks.includes('a');
    // Typed to its end before it could be seen: the guess was right, yet nobody took it.
    if (byHand && s.at - live.at < SEEN_MS) {
      this.tell(live, 'never-seen', reason, at, 0);
      return;
    }
    this.tell(live, 'accepted', reason, at, live.target.length);
    this.tellEdit(live, s.at, s.now);
  }

  private tell(live: Live, kind: OutcomeKind, reason: Reason, at: number, stands: number): void {
    const lf = (units: number) => live.target.slice(0, units).replaceAll('\r\n', '\n').length;
    const typed = [...live.marks].reduce(
      (n, mark, i) => n + (mark === 't' && !(live.target[i] === '\r' && live.target[i + 1] === '\n') ? 1 : 0),
      0,
    );
    this.state = { ...this.state, ended: [...this.state.ended.slice(1 - ENDED_LIMIT), live.id] };
    // Esc does not say which of several it was for: VS Code may have gone on from one to the next without telling.
    const isOne = reason !== 'escape' || this.state.standby.length === 0;
    const named: readonly Reason[] = ['command', 'escape', 'cancelled'];
    this.known.push({
      type: 'outcome',
      eventId: `${live.id}/outcome`,
      at,
      suggestionId: live.id,
      kind,
      observed: kind !== 'partly-accepted' && named.includes(reason) && isOne,
      reason,
      acceptedChars: lf(stands),
      shown: kind === 'never-seen' ? 'no' : 'inferred',
      ...(typed > 0 ? { typedChars: typed } : {}),
    });
  }

  private tellEdit(live: Live, at: number, now: Stretch): void {
    const marksEnd = live.marks.length === live.target.length ? live.target.length : live.marks.lastIndexOf('a') + 1;
    const text = live.target.slice(0, marksEnd);
    if (text === '') return;
    this.known.push({
      type: 'accepted-edit',
      edit: { suggestionId: live.id, document: live.document, at, text, now },
    });
  }

  /** Does what time alone brings: settles completed texts, finishes places that were left alone. */
  settleDue(now: number): void {
    this.finishSettling(now, (s) => now - s.at >= SETTLE_MS);
    this.finishPlaces(now, (p) => now - p.lastAt >= TYPED_INSTEAD_IDLE_MS);
  }

  /**
   * Without our command, a completed text was taken by its last part, or typed (by hand, by paste, by IntelliSense).
   * Typed through counts as accepted, inferred: the text was right and the user saw it, so that likelihood may learn
   * from it; `typedChars` says that it saved nothing, so that a gate or a rate of accepts can leave it out.
   */
  private finishSettling(at: number, which: (s: Settling) => boolean): void {
    const done = this.state.settling.filter(which);
    if (done.length === 0) return;
    this.state = { ...this.state, settling: this.state.settling.filter((s) => !which(s)) };
    for (const s of done) this.accepted(s, s.live.marks.endsWith('a') ? 'by-parts' : 'typed-through', at);
  }

  private changePlaces(e: DocumentChange): void {
    const { kept, crossed } = changePlaces(this.state.places, e);
    this.state = { ...this.state, places: kept };
    for (const p of crossed) this.tellTyped(p, e.at);
    this.finishPlaces(e.at, isFull);
  }

  private finishPlaces(at: number, which: (p: Place) => boolean): void {
    const done = this.state.places.filter(which);
    if (done.length === 0) return;
    this.state = { ...this.state, places: this.state.places.filter((p) => !which(p)) };
    for (const p of done) this.tellTyped(p, at);
  }

  private tellTyped(p: Place, at: number): void {
    const text = typedAt(p);
    if (text.trim() === '') return;
    this.known.push({ type: 'typed-instead', eventId: `${p.id}/typed-instead`, at, suggestionId: p.id, text });
  }

  private knownVersion(document: string): number {
    return this.state.cursor?.document === document ? this.state.cursor.version : 0;
  }
}

/** Outcome of a suggestion that ends without all of it standing in the document. */
function kindOf(live: Live, reason: Reason, at: number): OutcomeKind {
  if (reason === 'cancelled' || reason === 'stale') return 'never-seen';
  if (live.marks.includes('a')) return 'partly-accepted';
  if (reason === 'escape') return 'rejected';
  if (at - live.at < SEEN_MS) return 'never-seen';
  if (reason === 'typed-other' || reason === 'deleted') return 'rejected';
  return reason === 'superseded' || reason === 'withdrawn' || reason === 'cycled' ? 'superseded' : 'ignored';
}

type Offer = EditorEvent & { readonly type: 'offered' | 'cycled' };

/** A suggestion as it is returned, in the document's line ends. */
function liveOf(e: Offer, { id, text, replaceAfter, typed = '' }: Alternative = e): Live {
  const inDocument = (of: string): string => (e.eol === '\n' ? of : of.replaceAll('\n', '\r\n'));
  const done = inDocument(typed);
  const replaced = e.after.slice(0, replaceAfter);
  const offset = e.offset - done.length;
  const before = e.before.slice(0, Math.max(0, e.before.length - done.length));
  return {
    id,
    document: e.document,
    at: e.at,
    target: done + inDocument(text),
    before: { offset: offset - before.length, text: before },
    place: { offset, text: done + replaced },
    replaced,
    marks: 't'.repeat(done.length),
    arrival: null,
  };
}

function standbyOf(e: Offer): readonly Live[] {
  return (e.alternatives ?? []).map((alternative) => liveOf(e, alternative));
}
