/**
 * What becomes of each suggestion, from the moment it is returned to VS Code until how much of it survived is known:
 * feeds editor events to the state machines of `signals/`, and hands on what becomes known.
 */
import { type At, type Entry, type Hit, TypeAlong } from '../completion/cache.ts';
import { advance, type EditorEvent, INITIAL, type Known } from '../signals/lifecycle.ts';
import type { Offered, SignalEvent } from '../signals/signal.ts';
import { changed, closed, finish, NO_SURVIVAL, type SurvivalState, tick, watch } from '../signals/survival.ts';

export interface FatesPorts {
  readonly windowId: string;
  /** Stores events; they are in order. */
  readonly record: (events: readonly SignalEvent[]) => void;
  /** Whether a suggestion may be standing in the editor, told when it changes. */
  readonly onOffered: (offered: boolean) => void;
}

/** Where a suggestion was returned: what the `offered` event needs of the document. */
export type OfferPlace = Pick<
  EditorEvent & { type: 'offered' },
  'document' | 'version' | 'offset' | 'before' | 'after' | 'eol'
>;

export class Fates {
  readonly #ports: FatesPorts;
  readonly #cache = new TypeAlong();
  /** Suggestions that were returned and whose outcome is not known yet. */
  readonly #open = new Set<string>();
  #lifecycle = INITIAL;
  #survival: SurvivalState = NO_SURVIVAL;
  #offered = false;

  constructor(ports: FatesPorts) {
    this.#ports = ports;
  }

  /** Keeps a suggestion, returned or not, for as long as its outcome is not known. */
  keep(entry: Entry): void {
    this.#cache.add(entry);
  }

  /**
   * What is left of a kept suggestion at a place. One that was never returned serves only at its own place: its
   * signal has to tell of the text that the model was asked for.
   */
  find(at: At): Hit | null {
    const hit = this.#cache.find(at);
    return hit && (hit.typed === 0 || this.#open.has(hit.entry.suggestion.id)) ? hit : null;
  }

  /** A suggestion is being returned to VS Code. Again the same one: it goes on standing. */
  offer(hit: Hit, place: OfferPlace, trigger: Offered['trigger'], at: number): void {
    const { suggestion, at: origin } = hit.entry;
    const { id } = suggestion;
    if (!this.#open.has(id)) {
      this.#open.add(id);
      const { snapshot } = origin;
      const { windowId } = this.#ports;
      this.#ports.record([{ type: 'offered', eventId: `${id}/offered`, at, windowId, suggestion, snapshot, trigger }]);
    }
    const { start, end, text } = hit.edit;
    this.apply({ type: 'offered', at, id, text, replaceAfter: end.character - start.character, ...place });
  }

  /** Something happened in the editor. */
  apply(event: EditorEvent): void {
    const step = advance(this.#lifecycle, event);
    this.#lifecycle = step.state;
    // What settled before this event does not have its change yet; what the event itself settled has.
    const earlier = step.known.filter((k) => k.type === 'accepted-edit' && k.edit.at < event.at);
    const others = step.known.filter((k) => !earlier.includes(k));
    const signals = [
      ...earlier.flatMap((known) => this.#learn(known)),
      ...this.#follow(event),
      ...others.flatMap((known) => this.#learn(known)),
    ];
    if (signals.length > 0) this.#ports.record(signals);
    const offered = this.#lifecycle.live !== null;
    if (offered !== this.#offered) this.#ports.onOffered((this.#offered = offered));
  }

  /** Whether time alone may bring something. */
  get waits(): boolean {
    const { live, settling, places } = this.#lifecycle;
    return live !== null || settling.length > 0 || places.length > 0 || this.#survival.watched.length > 0;
  }

  /** Forgets all suggestions and edits without a signal, as everything stored is being deleted. */
  forget(): void {
    this.#lifecycle = INITIAL;
    this.#survival = NO_SURVIVAL;
    this.#cache.clear();
    this.#open.clear();
    if (this.#offered) this.#ports.onOffered((this.#offered = false));
  }

  #follow(event: EditorEvent): readonly SignalEvent[] {
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
    if (known.type === 'outcome') {
      this.#open.delete(known.suggestionId);
      this.#cache.forget(known.suggestionId);
    }
    return [known];
  }
}

function follow(state: SurvivalState, event: EditorEvent): ReturnType<typeof tick> {
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
