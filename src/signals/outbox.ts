/**
 * Holds signals in the extension host until the engine has stored them.
 *
 * What is not acknowledged is sent again, in order; the events' ids make that idempotent. The bounds are for an
 * engine that stays away: what is given up first is what training needs least, and everything given up is counted.
 */
import type { SignalEvent } from './signal.ts';

export interface OutboxLimits {
  readonly events: number;
  /** UTF-16 units of the events as JSON. */
  readonly chars: number;
}

/** An offer is up to 30,000 units, so about 500 of the largest; a day's suggestions at their usual size. */
export const OUTBOX_LIMITS: OutboxLimits = { events: 5_000, chars: 16_000_000 };

interface Held {
  readonly event: SignalEvent;
  readonly chars: number;
}

export type Dropped = Readonly<Record<SignalEvent['type'], number>>;

export class Outbox {
  readonly #limits: OutboxLimits;
  /** By event id; a Map keeps the order of arrival. */
  readonly #held = new Map<string, Held>();
  #chars = 0;
  #dropped: Record<SignalEvent['type'], number> = {
    offered: 0,
    outcome: 0,
    survival: 0,
    'typed-instead': 0,
    written: 0,
  };

  constructor(limits: OutboxLimits = OUTBOX_LIMITS) {
    this.#limits = limits;
  }

  /** Adds an event behind the others. One whose id is held already changes nothing. */
  add(event: SignalEvent): void {
    if (this.#held.has(event.eventId)) return;
    const chars = JSON.stringify(event).length;
    this.#held.set(event.eventId, { event, chars });
    this.#chars += chars;
    while (this.#held.size > this.#limits.events || this.#chars > this.#limits.chars) {
      const least = this.#leastNeeded();
      this.#dropped[least.type]++;
      this.#remove(least.eventId);
    }
  }

  /** Everything unacknowledged, oldest first. */
  pending(): readonly SignalEvent[] {
    return [...this.#held.values()].map((h) => h.event);
  }

  /** Forgets what the engine has stored. Ids that are not held are ignored. */
  ack(ids: readonly string[]): void {
    for (const id of ids) this.#remove(id);
  }

  /** How many events of each type were given up for lack of room. */
  get dropped(): Dropped {
    return { ...this.#dropped };
  }

  #remove(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    this.#chars -= held.chars;
  }

  /**
   * Survival goes first, then edits, offers whose outcome teaches nothing, what was typed instead, other offers; outcomes
   * last: an outcome without its offer still counts, an offer without its outcome does not. Oldest first within each.
   */
  #leastNeeded(): SignalEvent {
    const dull = new Set<string>();
    for (const { event } of this.#held.values()) {
      if (event.type === 'outcome' && ['ignored', 'superseded', 'never-seen'].includes(event.kind)) {
        dull.add(event.suggestionId);
      }
    }
    const rank = (e: SignalEvent): number => {
      if (e.type === 'survival') return 0;
      if (e.type === 'written') return 1;
      if (e.type === 'offered') return dull.has(e.suggestion.id) ? 2 : 4;
      return e.type === 'typed-instead' ? 3 : 5;
    };
    let least: SignalEvent | null = null;
    for (const { event } of this.#held.values()) if (least === null || rank(event) < rank(least)) least = event;
    return least!;
  }
}
