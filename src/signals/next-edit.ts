/**
 * From editor events to exactly one outcome for each next edit: a suggestion that Knack draws itself.
 *
 * A pure state machine beside that of ghost text (lifecycle.ts), with the same outcomes. What VS Code hides there is
 * known here: that it was shown, that it was jumped to, that it or a part of it was accepted, that it was refused with
 * Esc. Inferred is what hands do: text at its place that becomes what was suggested, or something else, is judged once
 * the cursor has left or the typing has paused.
 *
 * It stands while text elsewhere changes, until another answer comes. Like ghost text it goes when the cursor moves
 * somewhere else.
 */
import type { DocumentChange } from './ghost.ts';
import { TYPED_INSTEAD_IDLE_MS, TYPED_INSTEAD_LIMIT } from './instead.ts';
import { type EditorEvent, type Known, type Reason, SEEN_MS } from './lifecycle.ts';
import type { OutcomeKind } from './signal.ts';
import { applyChanges, type Change, end, type Stretch } from './stretch.ts';

/** How long after a change the selection event that belongs to it may come. */
const CURSOR_MS = 100;

/** ... and after one of our commands, which then sets the cursor: the event comes back by way of VS Code's window. */
const OURS_MS = 1_000;

const ENDED_LIMIT = 64;

export type NextEditEvent =
  | EditorEvent
  /** A next edit is drawn. The same id again: it still stands, or has its outcome. */
  | {
      /** `next-cycled`: the user went on to it from another one that stands, and may come back to that. */
      readonly type: 'next-offered' | 'next-cycled';
      readonly at: number;
      readonly id: string;
      readonly document: string;
      /** What it replaces. */
      readonly place: Stretch;
      /** What comes in, in the document's line ends. */
      readonly target: string;
      /** The lines that it changes, as they are. */
      readonly lines: Stretch;
      /** Where the cursor is. */
      readonly cursor: number;
    }
  /** The user went to it with our command. */
  | { readonly type: 'next-jumped'; readonly at: number; readonly id: string }
  /** Our command puts a part of it in: the first units of what is left, in the document's line ends. */
  | {
      readonly type: 'next-applying';
      readonly at: number;
      readonly id: string;
      readonly replaced: number;
      readonly text: number;
    }
  /** ... and VS Code has done so, or refused to. */
  | { readonly type: 'next-applied'; readonly at: number; readonly id: string; readonly done: boolean };

/** The next edit that stands. */
export interface NextEdit {
  readonly id: string;
  readonly document: string;
  readonly at: number;
  /** What is left to replace, and where. */
  readonly place: Stretch;
  /** What is left to come in, in the document's line ends. */
  readonly target: string;
  /** What has been taken already; it stands directly before `place`. */
  readonly taken: string;
  readonly lines: Stretch;
  /** The cursor was on these lines when it was drawn. */
  readonly near: boolean;
  /** The user has gone to it. */
  readonly jumped: boolean;
  /** The part that our command is putting in. */
  readonly applying: { readonly replaced: number; readonly text: number } | null;
}

/** Its place was changed by hand; what becomes of it is still to be seen. */
interface Judged {
  readonly edit: NextEdit;
  readonly now: Stretch;
  readonly lastAt: number;
}

export interface NextEditState {
  readonly live: NextEdit | null;
  /** Those that the user went on from, until nobody can come back to them. */
  readonly aside: readonly { readonly edit: NextEdit; readonly until: number }[];
  readonly judged: readonly Judged[];
  readonly ended: readonly string[];
  /** Until when a selection event belongs to a change, and says nothing of where the user goes. */
  readonly settledAt: number;
}

export const NO_NEXT_EDIT: NextEditState = { live: null, aside: [], judged: [], ended: [], settledAt: 0 };

export interface NextEditStep {
  readonly state: NextEditState;
  readonly known: readonly Known[];
}

/** The state after `event`, and what became known through it. */
export function advanceNextEdit(state: NextEditState, event: NextEditEvent): NextEditStep {
  const run = new Run(state);
  run.judge(event.at, (j) => event.at - j.lastAt >= TYPED_INSTEAD_IDLE_MS);
  run.handle(event);
  return { state: run.state, known: run.known };
}

class Run {
  state: NextEditState;
  readonly known: Known[] = [];

  constructor(state: NextEditState) {
    this.state = state;
  }

  handle(event: NextEditEvent): void {
    const { live } = this.state;
    switch (event.type) {
      case 'next-offered':
        this.offered(event);
        break;
      case 'next-cycled':
        this.cycled(event);
        break;
      case 'next-jumped':
        if (live?.id === event.id) this.update({ ...live, jumped: true });
        break;
      case 'next-applying':
        if (live?.id === event.id) this.update({ ...live, applying: { replaced: event.replaced, text: event.text } });
        break;
      case 'next-applied':
        if (live?.id === event.id) this.applied(live, event.done, event.at);
        break;
      case 'offered':
        // Ghost text is drawn: the same suggestion again is none of ours.
        this.end('superseded', event.at);
        break;
      case 'withdrawn':
        this.end('withdrawn', event.at);
        break;
      case 'escape':
        this.end('escape', event.at);
        break;
      case 'changed':
        this.changed(event);
        break;
      case 'selected':
        this.selected(event);
        break;
      case 'focus-lost':
        this.end('focus-lost', event.at);
        this.judge(event.at, () => true);
        break;
      case 'document-closed':
        if (live?.document === event.document) this.end('document-closed', event.at);
        this.judge(event.at, (j) => j.edit.document === event.document);
        break;
      case 'switched':
        if (live && live.document !== event.document) this.end('switched-file', event.at);
        this.judge(event.at, (j) => j.edit.document !== event.document);
        break;
      case 'closing':
        this.end('window-closed', event.at);
        this.judge(event.at, () => true);
        break;
    }
  }

  private offered(e: Offer): void {
    const { live, aside } = this.state;
    if (live?.id === e.id || this.isDone(e.id)) return;
    if (aside.some(({ edit }) => edit.id === e.id)) {
      this.cycled(e);
      return;
    }
    this.end('superseded', e.at);
    this.update(nextEditOf(e));
  }

  private cycled(e: Offer): void {
    const { live, aside } = this.state;
    if (live?.id === e.id || this.isDone(e.id)) return;
    // One that was partly taken is not the same any more when it is come back to.
    if (live === null || live.document !== e.document || live.taken !== '') {
      this.end('cycled', e.at);
      this.update(nextEditOf(e));
      return;
    }
    const back = aside.find(({ edit }) => edit.id === e.id);
    const others = aside.filter((a) => a !== back);
    this.state = { ...this.state, live: back?.edit ?? nextEditOf(e), aside: [...others, { edit: live, until: e.at }] };
  }

  private isDone(id: string): boolean {
    return this.state.ended.includes(id) || this.state.judged.some((j) => j.edit.id === id);
  }

  /** Tells what became of those that the user went on from: nobody comes back to them any more. */
  private finishAside(): void {
    const { aside } = this.state;
    this.state = { ...this.state, aside: [] };
    for (const { edit, until } of aside) {
      this.tell(edit, kindOf(edit, 'cycled', until), 'cycled', until, true, 0);
    }
  }

  private applied(live: NextEdit, done: boolean, at: number): void {
    const next: NextEdit = { ...live, applying: null };
    this.update(next);
    if (done) this.state = { ...this.state, settledAt: at + OURS_MS };
    // `applying` is still set where no change came: VS Code said yes to nothing.
    if (!done || live.applying !== null || next.target !== '' || next.place.text !== '') return;
    this.update(null);
    this.tell(next, 'accepted', 'command', at, true, lf(next.taken));
    this.tellEdit(next, at);
  }

  private changed(e: DocumentChange): void {
    const judged = this.state.judged.map((j) => {
      if (j.edit.document !== e.document) return j;
      const now = applyChanges(j.now, e.changes, 'in');
      return now.text === j.now.text ? { ...j, now } : { ...j, now, lastAt: e.at };
    });
    this.state = { ...this.state, judged };
    const { live } = this.state;
    if (live?.document !== e.document || e.changes.length === 0) return;
    this.finishAside();
    this.state = { ...this.state, settledAt: Math.max(this.state.settledAt, e.at + CURSOR_MS) };
    const lines = applyChanges(live.lines, e.changes, 'in');
    if (live.applying && isPart(live, live.applying, e.changes)) {
      const { replaced, text } = live.applying;
      this.update({
        ...live,
        place: { offset: live.place.offset + text, text: live.place.text.slice(replaced) },
        target: live.target.slice(text),
        taken: live.taken + live.target.slice(0, text),
        lines,
        applying: null,
      });
      return;
    }
    if (!e.changes.some((c) => touches(c, live.place))) {
      this.update({ ...live, place: applyChanges(live.place, e.changes, 'out'), lines });
      return;
    }
    if (e.at - live.at < SEEN_MS) {
      this.end('typed-other', e.at);
      return;
    }
    const now = applyChanges(live.place, e.changes, 'in');
    this.update(null);
    this.state = { ...this.state, judged: [...this.state.judged, { edit: live, now, lastAt: e.at }] };
    this.judge(e.at, (j) => j.now.text.length >= TYPED_INSTEAD_LIMIT.chars);
  }

  private selected(e: NextEditEvent & { type: 'selected' }): void {
    const left = (s: Stretch): boolean => !e.empty || e.offset < s.offset || e.offset > end(s);
    this.judge(e.at, (j) => j.edit.document === e.document && e.at - j.lastAt >= CURSOR_MS && left(j.now));
    const { live, settledAt } = this.state;
    if (live?.document !== e.document || live.applying) return;
    if (!left(live.lines)) {
      if (!live.near && !live.jumped && e.at >= settledAt) this.update({ ...live, jumped: true });
    } else if (e.at >= settledAt) {
      this.end('moved-away', e.at);
    }
  }

  /** Ends the next edit that stands, if there is one. */
  private end(reason: Reason, at: number): void {
    const { live } = this.state;
    if (live === null) return;
    this.update(null);
    const kind = kindOf(live, reason, at);
    const observed = live.taken !== '' || reason === 'escape' || reason === 'cycled';
    this.tell(live, kind, reason, at, observed, lf(live.taken));
    this.finishAside();
    if (kind === 'partly-accepted') this.tellEdit(live, at);
  }

  /** Says what became of the places that were changed by hand. */
  judge(at: number, which: (j: Judged) => boolean): void {
    const done = this.state.judged.filter(which);
    if (done.length === 0) return;
    this.state = { ...this.state, judged: this.state.judged.filter((j) => !which(j)) };
    for (const { edit, now } of done) {
      if (now.text === edit.target) {
        const typed = lf(edit.target);
        this.tell(edit, 'accepted', 'typed-through', at, false, lf(edit.taken) + typed, typed);
        this.tellEdit({ ...edit, taken: edit.taken + now.text, place: { offset: end(now), text: '' } }, at);
      } else if (edit.taken !== '') {
        this.tell(edit, 'partly-accepted', 'typed-other', at, true, lf(edit.taken));
        this.tellEdit(edit, at);
      } else if (now.text === edit.place.text) {
        this.tell(edit, 'ignored', 'undo', at, false, 0);
      } else {
        this.tell(edit, 'rejected', now.text.trim() === '' ? 'deleted' : 'typed-other', at, false, 0);
        const text = now.text.replaceAll('\r\n', '\n').slice(0, TYPED_INSTEAD_LIMIT.chars);
        if (text.trim() === '') continue;
        this.known.push({
          type: 'typed-instead',
          eventId: `${edit.id}/typed-instead`,
          at,
          suggestionId: edit.id,
          text,
        });
      }
    }
  }

  private tell(
    edit: NextEdit,
    kind: OutcomeKind,
    reason: Reason,
    at: number,
    observed: boolean,
    acceptedChars: number,
    typedChars = 0,
  ): void {
    this.state = { ...this.state, ended: [...this.state.ended.slice(1 - ENDED_LIMIT), edit.id] };
    this.known.push({
      type: 'outcome',
      eventId: `${edit.id}/outcome`,
      at,
      suggestionId: edit.id,
      kind,
      observed,
      reason,
      acceptedChars: kind === 'accepted' || kind === 'partly-accepted' ? acceptedChars : 0,
      ...(typedChars > 0 ? { typedChars } : {}),
      shown: kind === 'never-seen' ? 'no' : 'observed',
      ...(edit.jumped ? { jumped: true } : {}),
    });
  }

  private tellEdit(edit: NextEdit, at: number): void {
    const { taken: text, place } = edit;
    const now = { offset: place.offset - text.length, text };
    this.known.push({
      type: 'accepted-edit',
      edit: { suggestionId: edit.id, document: edit.document, at, text, now },
    });
  }

  private update(live: NextEdit | null): void {
    this.state = { ...this.state, live };
  }
}

/** Whether a change reaches into a place or up to its edges. */
function touches(c: Change, place: Stretch): boolean {
  return c.offset <= end(place) && c.offset + c.removed >= place.offset;
}

function isPart(live: NextEdit, part: { replaced: number; text: number }, changes: readonly Change[]): boolean {
  const [change] = changes;
  return (
    changes.length === 1 &&
    change!.offset === live.place.offset &&
    change!.removed === part.replaced &&
    change!.text === live.target.slice(0, part.text)
  );
}

function kindOf(live: NextEdit, reason: Reason, at: number): OutcomeKind {
  if (live.taken !== '') return 'partly-accepted';
  if (reason === 'escape') return 'rejected';
  if (at - live.at < SEEN_MS) return 'never-seen';
  return reason === 'superseded' || reason === 'withdrawn' || reason === 'cycled' ? 'superseded' : 'ignored';
}

type Offer = NextEditEvent & { readonly type: 'next-offered' | 'next-cycled' };

function nextEditOf({ id, document, at, place, target, lines, cursor }: Offer): NextEdit {
  const near = cursor >= lines.offset && cursor <= end(lines);
  return { id, document, at, place, target, lines, near, taken: '', jumped: false, applying: null };
}

/** Length in LF line ends. */
const lf = (text: string): number => text.replaceAll('\r\n', '\n').length;
