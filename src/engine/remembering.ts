/**
 * The memory of an engine: made from the stored signals when it starts, and kept in step with the database, so that what
 * any window stores or deletes is remembered or forgotten in all of them.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { SURVIVED } from '../completion/kept.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import { EditMemory } from '../memory/edit-memory.ts';
import type { Recollection } from '../memory/recollection.ts';
import { outcomeOf } from '../memory/stored.ts';
import type { SignalEvent } from '../signals/signal.ts';
import type { Store } from '../signals/store.ts';
import type { Base } from './base.ts';
import type { MemoryEntry, MemoryView } from './protocol.ts';

/** Signals and edits that are read at once, and of these taken in at a time: suggestions wait no longer than that takes. */
const BATCH = 512;
const AT_A_TIME = 16;

/** What an edit is that was taken back. */
const NOTHING = { removed: [], added: [], above: null, below: null } as const;

export class Remembering {
  readonly #store: Store;
  readonly #empty: () => EditMemory;
  #memory: EditMemory;
  /** Signals and edits up to this event were taken in. */
  #seq = 0;
  #version = -1;
  #deletions = -1;
  #following: Promise<void> = Promise.resolve();

  constructor(store: Store, { format, tokenizer }: Pick<Base, 'format' | 'tokenizer'>) {
    this.#store = store;
    this.#empty = () => new EditMemory(format, (text) => tokenizer.encode(text));
    this.#memory = this.#empty();
  }

  recollect(snapshot: Snapshot): Recollection {
    return this.#memory.recollect(snapshot);
  }

  /**
   * Takes in what is new in the database, in order, and lets go of what was deleted.
   *
   * @param isOwn whether this process has written: what others write is noticed without being told
   * @throws StoreError
   */
  follow(isOwn = false): Promise<void> {
    const run = this.#following.then(() => this.#follow(isOwn));
    this.#following = run.catch(() => undefined);
    return run;
  }

  async #follow(isOwn: boolean): Promise<void> {
    const version = this.#store.version();
    if (version === this.#version && !isOwn) return;
    this.#version = version;
    for (;;) {
      this.#startAnewIfDeleted();
      const rows = this.#next();
      for (const [n, { seq, takeIn }] of rows.entries()) {
        if (n > 0 && n % AT_A_TIME === 0) {
          await breathe();
          if (this.#startAnewIfDeleted()) break;
        }
        takeIn();
        this.#seq = seq;
      }
      if (rows.length < BATCH && this.#seq === (rows.at(-1)?.seq ?? this.#seq)) return;
    }
  }

  /** The first signals and edits that were not taken in, at most BATCH, in order of arrival. */
  #next(): { readonly seq: number; readonly takeIn: () => void }[] {
    const signals = this.#store.exampleRows({ afterSeq: this.#seq, limit: BATCH }).map((row) => ({
      seq: row.seq,
      takeIn: () => {
        const outcome = outcomeOf(row);
        if (outcome !== null) this.#memory.learn(outcome);
      },
    }));
    const written = this.#store.writtenRows(this.#seq, BATCH).map(({ seq, id, at, path, lines }) => ({
      seq,
      takeIn: () => this.#memory.write({ id, at, path, ...(lines ?? NOTHING) }),
    }));
    return [...signals, ...written].sort((a, b) => a.seq - b.seq).slice(0, BATCH);
  }

  /** What was deleted leaves nothing behind, not even in what is believed: all is taken in anew. */
  #startAnewIfDeleted(): boolean {
    const deletions = this.#store.deletions();
    if (deletions === this.#deletions) return false;
    this.#deletions = deletions;
    if (this.#seq === 0) return false;
    this.#memory = this.#empty();
    this.#seq = 0;
    return true;
  }

  /** What was accepted and did not stay is forgotten again. */
  notice(events: readonly SignalEvent[]): void {
    for (const event of events) {
      if (event.type === 'survival' && event.share < SURVIVED) this.#memory.forget(event.suggestionId);
    }
  }

  /** The newest `limit` entries, or those with these ids; what was written again, or accepted and left so, is one. */
  view(limit: number, ids?: readonly string[]): MemoryView {
    const { memory } = this.#memory;
    const wanted = ids && new Set(ids);
    const found = new Map<string, MemoryEntry & { readonly sources: string[] }>();
    for (const { id, at, path, kind, change } of limit === 0 ? [] : memory.entries()) {
      if (wanted !== undefined && !wanted.has(id)) continue;
      const { removed, added } = change.hunk;
      const key = JSON.stringify(added.length > 0 ? added : [removed]);
      const known = found.get(key);
      if (known !== undefined) known.sources.push(suggestionOf(id));
      else if (found.size < limit) found.set(key, { id, sources: [suggestionOf(id)], at, path, kind, removed, added });
    }
    return { entries: [...found.values()], size: memory.size, bytes: memory.bytes };
  }
}

function suggestionOf(entryId: string): string {
  return entryId.replace(/:typed$/, '');
}
