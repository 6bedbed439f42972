/**
 * What becomes of each suggestion, from the moment it is returned to VS Code until how much of it survived is known:
 * feeds editor events to the state machines of `signals/`, and hands on what becomes known.
 */
import { type At, type Entry, type Hit, TypeAlong } from '../completion/cache.ts';
import { Refusals } from '../completion/refusals.ts';
import { type Alternative, advance, type EditorEvent, INITIAL, type Known } from '../signals/lifecycle.ts';
import { advanceNextEdit, type NextEdit, type NextEditEvent, NO_NEXT_EDIT } from '../signals/next-edit.ts';
import type { Offered, Outcome, SignalEvent } from '../signals/signal.ts';
import { changed, closed, finish, NO_SURVIVAL, type SurvivalState, tick, watch } from '../signals/survival.ts';

export interface FatesPorts {
  readonly windowId: string;
  /** Stores events; they are in order. */
  readonly record: (events: readonly SignalEvent[]) => void;
  /** Whether ghost text may be standing in the editor, told when it changes. */
  readonly onOffered: (offered: boolean) => void;
  /** The next edit that stands, told whenever it or its place changes. */
  readonly onNextEdit: (edit: NextEdit | null) => void;
}

/** Where a suggestion was returned: what the `offered` event needs of the document. */
export type OfferPlace = Pick<
  EditorEvent & { type: 'offered' | 'cycled' },
  'document' | 'version' | 'offset' | 'before' | 'after' | 'eol'
>;

/** Where a next edit is drawn, and what it replaces. */
export type NextEditPlace = Pick<
  NextEditEvent & { type: 'next-offered' | 'next-cycled' },
  'document' | 'place' | 'target' | 'lines' | 'cursor'
>;

export class Fates {
  readonly #ports: FatesPorts;
  readonly #cache = new TypeAlong();
  /** What was turned down or deleted of late. */
  readonly refusals = new Refusals();
  /** Suggestions that were returned and whose outcome is not known yet. */
  readonly #open = new Set<string>();
  /** Kept suggestions that would have been returned, but for what VS Code draws in their place first. */
  #postponed: ReadonlySet<string> = new Set();
  #lifecycle = INITIAL;
  #nextEdit = NO_NEXT_EDIT;
  #survival: SurvivalState = NO_SURVIVAL;
  #offered = false;

  constructor(ports: FatesPorts) {
    this.#ports = ports;
  }

  /** Keeps a suggestion, returned or not, for as long as its outcome is not known. */
  keep(entry: Entry): void {
    this.#cache.add(entry);
  }

  /** A kept suggestion is likely enough, but VS Code draws something else there first: it may stand once that has gone. */
  postpone({ entry }: Hit): void {
    const kept = [...this.#postponed, entry.suggestion.id].filter((id) => this.#cache.get(id) !== undefined);
    this.#postponed = new Set(kept);
  }

  /**
   * What is left of a kept suggestion at a place. One that was never returned nor postponed serves only at its own
   * place: that it was not likely enough there says little of a place where more is known.
   */
  find(at: At): Hit | null {
    const hit = this.#cache.find(at);
    if (hit === null || hit.typed === 0) return hit;
    return this.waitsFor(hit.entry.suggestion.id) ? hit : null;
  }

  /** Whether a suggestion was returned, or postponed, and its outcome is not known. */
  waitsFor(id: string): boolean {
    return this.#open.has(id) || this.#postponed.has(id);
  }

  /** The suggestion that stands, drawn in either way: its id, or null. */
  get standing(): string | null {
    return this.#nextEdit.live?.id ?? this.#lifecycle.live?.id ?? null;
  }

  /** The next edit that stands, or null. */
  get nextEdit(): NextEdit | null {
    return this.#nextEdit.live;
  }

  /**
   * A suggestion is being returned to VS Code. Again the same one: it goes on standing.
   *
   * @param others returned with it, for VS Code to show in its place if the user asks for another one
   * @param type `cycled`: the user went on to it from the one that stood
   */
  offer(
    hit: Hit,
    place: OfferPlace,
    trigger: Offered['trigger'],
    at: number,
    others: readonly Hit[] = [],
    type: 'offered' | 'cycled' = 'offered',
  ): void {
    this.#recordOffer(hit.entry, trigger, at);
    this.apply({ type, at, ...alternativeOf(hit), alternatives: others.map(alternativeOf), ...place });
  }

  /** A suggestion is being drawn as a next edit. Again the same one: it goes on standing. */
  offerNextEdit(
    hit: Hit,
    place: NextEditPlace,
    trigger: Offered['trigger'],
    at: number,
    type: 'next-offered' | 'next-cycled' = 'next-offered',
  ): void {
    this.#recordOffer(hit.entry, trigger, at);
    this.apply({ type: 'superseded', at });
    this.apply({ type, at, id: hit.entry.suggestion.id, ...place });
  }

  #recordOffer(entry: Entry, trigger: Offered['trigger'], at: number): void {
    const { suggestion, at: origin, as: shownAs } = entry;
    const { id } = suggestion;
    if (this.#open.has(id)) return;
    this.#open.add(id);
    const { snapshot } = origin;
    const { windowId } = this.#ports;
    const eventId = `${id}/offered`;
    this.#ports.record([{ type: 'offered', eventId, at, windowId, suggestion, snapshot, shownAs, trigger }]);
  }

  /** Something happened in the editor. */
  apply(event: NextEditEvent): void {
    const before = this.#nextEdit.live;
    const known = [...this.#advance(event)];
    const next = advanceNextEdit(this.#nextEdit, event);
    this.#nextEdit = next.state;
    known.push(...next.known);
    // What settled before this event does not have its change yet; what the event itself settled has.
    const earlier = known.filter((k) => k.type === 'accepted-edit' && k.edit.at < event.at);
    const others = known.filter((k) => !earlier.includes(k));
    const signals = [
      ...earlier.flatMap((known) => this.#learn(known)),
      ...this.#follow(event),
      ...others.flatMap((known) => this.#learn(known)),
    ];
    if (signals.length > 0) this.#ports.record(signals);
    const offered = this.#lifecycle.live !== null;
    if (offered !== this.#offered) this.#ports.onOffered((this.#offered = offered));
    if (this.#nextEdit.live !== before) this.#ports.onNextEdit(this.#nextEdit.live);
  }

  /** The machine of ghost text; events that are about a next edit alone are not for it. */
  #advance(event: NextEditEvent): readonly Known[] {
    if (isNextEditEvent(event)) return [];
    const step = advance(this.#lifecycle, event);
    this.#lifecycle = step.state;
    return step.known;
  }

  /** Whether time alone may bring something. */
  get waits(): boolean {
    const { live, settling, places } = this.#lifecycle;
    const { judged } = this.#nextEdit;
    return (
      judged.length > 0 ||
      live !== null ||
      settling.length > 0 ||
      places.length > 0 ||
      this.#survival.watched.length > 0
    );
  }

  /** Forgets all suggestions and edits without a signal, as everything stored is being deleted. */
  forget(): void {
    this.#lifecycle = INITIAL;
    this.#nextEdit = NO_NEXT_EDIT;
    this.#survival = NO_SURVIVAL;
    this.#cache.clear();
    this.#open.clear();
    this.#postponed = new Set();
    this.refusals.clear();
    if (this.#offered) this.#ports.onOffered((this.#offered = false));
    this.#ports.onNextEdit(null);
  }

  /** What was turned down is not suggested again right away. */
  #remember({ suggestionId, kind, at }: Outcome): void {
    if (kind !== 'rejected') return;
    const entry = this.#cache.get(suggestionId);
    if (entry) this.refusals.refused(entry.at, entry.suggestion.edit, at);
  }

  #follow(event: NextEditEvent): readonly SignalEvent[] {
    const step = follow(this.#survival, event);
    this.#survival = step.state;
    return step.emit;
  }

  #learn(known: Known): readonly SignalEvent[] {
    if (known.type === 'accepted-edit') {
      const step = watch(this.#survival, known.edit);
      this.#survival = step.state;
      return step.emit;
    }
    if (known.type === 'alternative') {
      const entry = this.#cache.get(known.id);
      if (entry) this.#recordOffer(entry, 'explicit', known.at);
      return [];
    }
    if (known.type === 'outcome') {
      this.#remember(known);
      this.#open.delete(known.suggestionId);
      this.#cache.forget(known.suggestionId);
    }
    return [known];
  }
}

function alternativeOf({ entry: { suggestion }, typed, edit: { start, end, text } }: Hit): Alternative {
  const done = suggestion.edit.text.slice(0, typed);
  return { id: suggestion.id, text, replaceAfter: end.character - start.character, typed: done };
}

function isNextEditEvent(event: NextEditEvent): event is Exclude<NextEditEvent, EditorEvent> {
  return event.type.startsWith('next-');
}

function follow(state: SurvivalState, event: NextEditEvent): ReturnType<typeof tick> {
  switch (event.type) {
    case 'changed':
      return changed(state, event);
    case 'document-closed':
      return closed(state, event.document, event.at);
    case 'closing':
      return finish(state, event.at);
    default:
      return tick(state, event.at);
  }
}
