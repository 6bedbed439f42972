/**
 * The database of signals and of what was learned from them: one SQLite file for all windows.
 *
 * What `record` returns is on the disk. Texts lose their secrets inside `record`, and rows are bounded there, so that
 * no caller can forget it. Any number of processes may have the file open; each may be killed at any time.
 */
import { existsSync, statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import type { SignalEvent } from './signal.ts';
import { asStoreError, isCorruption } from './store-error.ts';
import { GateTables, type JudgementRow, type ToldRow } from './store-gate.ts';
import {
  type Checkpoint,
  LearningTables,
  type Metrics,
  type Round,
  type RoundEnd,
  type RoundStart,
} from './store-learning.ts';
import { openDatabase } from './store-open.ts';
import { type ExampleRow, type SignalStats, SignalTables, type StoredWritten } from './store-signals.ts';
import { ViewTables } from './store-view.ts';
import type { DayStats, Deleted, Selection, StoredEntry, StoredGroup, StoredSummary } from './view.ts';

export { StoreError, type StoreErrorCode } from './store-error.ts';
export type { JudgementRow, ToldRow } from './store-gate.ts';
export type { Checkpoint, CheckpointState, Metrics, Round, RoundEnd, RoundStart } from './store-learning.ts';
export type { ExampleRow, StoredWritten } from './store-signals.ts';

export interface StoreOptions {
  readonly path: string;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  /** For the user: the database was found damaged later on and was set aside. */
  readonly onNotice?: (text: string) => void;
  /** An event was refused for good: a bug in its sender. */
  readonly onRefused?: (eventId: string, why: string) => void;
  /** How long to wait for another process's transaction, in milliseconds; 5,000 by default. */
  readonly busyMs?: number;
  /** Whether a process runs; for windows and leases that were left behind. */
  readonly alive?: (pid: number) => boolean;
}

export interface StoreStats extends SignalStats {
  readonly rounds: number;
  readonly checkpoints: number;
  /** Size of the file and its log. */
  readonly bytes: number;
}

/**
 * Opens the database, making its folder and the file as needed.
 *
 * @returns the store, and what the user should be told: that a damaged file was set aside, and where it is
 * @throws StoreError: `newer`, `unwritable`, `full`, `locked` or `corrupt`; serving can go on without a store
 */
export function openStore(options: StoreOptions): { store: Store; notices: string[] } {
  const { db, notice } = openDatabase(options.path, options.clock, options.busyMs);
  return { store: new Store(options, db), notices: notice === null ? [] : [notice] };
}

/** Windows that were not heard of for so long are forgotten. */
/** Recorded where weights go because of what was deleted. */
const FORGOTTEN = 'Something that it had learned from was deleted.';
const FORGET_WINDOW_MS = 30 * 86_400_000;
/** No window learns anything more of a suggestion after so long. */
const LATE_MS = 7 * 86_400_000;

export class Store {
  readonly #options: StoreOptions;
  readonly #alive: (pid: number) => boolean;
  #db: Database;
  #signals: SignalTables;
  #learning: LearningTables;
  #view: ViewTables;
  #gate: GateTables;

  constructor(options: StoreOptions, db: Database) {
    this.#options = options;
    this.#alive = options.alive ?? isAlive;
    this.#db = db;
    this.#signals = new SignalTables(db, options.clock);
    this.#learning = new LearningTables(db, options.clock);
    this.#view = new ViewTables(db);
    this.#gate = new GateTables(db);
  }

  /**
   * Stores events, each once, without their secrets.
   *
   * @returns ids that the sender may forget: durable now, there before, or refused for good (see `onRefused`)
   * @throws StoreError: nothing of this call was stored, send it again later
   */
  record(events: readonly SignalEvent[]): readonly string[] {
    const { acked, refused } = this.#run(() => this.#signals.record(events));
    for (const { eventId, why } of refused) this.#options.onRefused?.(eventId, why);
    return acked;
  }

  /** Suggestions with something to learn from that no decided round of this base has used. */
  newSignals(baseHash: string): number {
    return this.#run(() => this.#signals.newSignalsSince(this.#learning.usedThrough(baseHash)));
  }

  newSignalsSince(seq: number): number {
    return this.#run(() => this.#signals.newSignalsSince(seq));
  }

  /** With `afterSeq`, the first `limit` rows after it; without, the newest `limit`; in order of arrival. */
  exampleRows(query: { afterSeq?: number; limit: number }): ExampleRow[] {
    return this.#run(() => this.#signals.exampleRows(query));
  }

  /** The first `limit` edits that arrived after `afterSeq`, in that order. */
  writtenRows(afterSeq: number, limit: number): StoredWritten[] {
    return this.#run(() => this.#signals.writtenRows(afterSeq, limit));
  }

  /** Another number once another process or window has written. */
  version(): number {
    return this.#run(() => this.#db.pragma('data_version', { simple: true })) as number;
  }

  /** Another number once a suggestion or an edit was deleted anywhere. */
  deletions(): number {
    return this.#run(() => this.#db.prepare('SELECT n FROM deletions').pluck().get()) as number;
  }

  /** The user did something in a window whose engine is this process. */
  activity(windowId: string, at: number, pid = process.pid): void {
    // A time in the future would keep every window from being idle until then.
    const last = Math.min(at, this.#options.clock());
    this.#run(() =>
      this.#db
        .prepare(
          `INSERT INTO editor_window VALUES (@windowId, @pid, @last)
           ON CONFLICT (id) DO UPDATE SET pid = @pid, last_activity = max(last_activity, @last)`,
        )
        .run({ windowId, pid, last }),
    );
  }

  /** When the user last did something in any window, or null if that is not known. */
  lastActivity(): number | null {
    return this.#run(() => this.#db.prepare('SELECT max(last_activity) FROM editor_window').pluck().get()) as
      | number
      | null;
  }

  /** Gives offers of windows that are gone their outcome, inferred. @returns how many there were */
  closeOrphans(now: number): number {
    return this.#run(() => this.#signals.closeOrphans(now, this.#alive));
  }

  acquireLease(name: string, owner: string, ttlMs: number, pid = process.pid): boolean {
    return this.#run(() => this.#learning.acquireLease(name, owner, ttlMs, pid, this.#alive));
  }

  renewLease(name: string, owner: string, ttlMs: number): boolean {
    return this.#run(() => this.#learning.renewLease(name, owner, ttlMs));
  }

  releaseLease(name: string, owner: string): void {
    this.#run(() => this.#learning.releaseLease(name, owner));
  }

  addCheckpoint(c: Pick<Checkpoint, 'id' | 'baseHash' | 'parent' | 'path'> & { metrics?: Metrics }): void {
    this.#run(() => this.#learning.addCheckpoint(c));
  }

  /** One transaction: the checkpoint serves, the one before it is retired, the reason is on record. */
  promote(baseHash: string, id: string, reason: string, metrics: Metrics): void {
    this.#run(() => this.#learning.promote(baseHash, id, reason, metrics));
  }

  refuse(baseHash: string, id: string, reason: string, metrics: Metrics): void {
    this.#run(() => this.#learning.refuse(baseHash, id, reason, metrics));
  }

  /** Back to an earlier checkpoint, or with null to the base; a round that is under way comes to nothing. */
  rollBack(baseHash: string, to: string | null, reason: string): void {
    this.#run(() => this.#learning.rollBack(baseHash, to, reason));
  }

  /** The checkpoint that serves on this base, or null: the base itself. */
  current(baseHash: string): Checkpoint | null {
    return this.#run(() => this.#learning.current(baseHash));
  }

  checkpoints(baseHash: string): Checkpoint[] {
    return this.#run(() => this.#learning.checkpoints(baseHash));
  }

  checkpointLog(baseHash: string): { checkpoint: string | null; at: number; state: string; reason: string }[] {
    return this.#run(() => this.#learning.checkpointLog(baseHash));
  }

  /** @returns the round's id */
  beginRound(start: RoundStart): number {
    return this.#run(() => {
      const signals = this.#signals.newSignalsSince(this.#learning.usedThrough(start.baseHash));
      return this.#learning.beginRound(start, this.#signals.lastSeq(), signals);
    });
  }

  endRound(id: number, end: RoundEnd): void {
    this.#run(() => this.#learning.endRound(id, end));
  }

  /** Whether a round began and has not ended: not so any more once everything was deleted. */
  roundIsOpen(id: number): boolean {
    return this.#run(() => this.#learning.roundIsOpen(id));
  }

  /** One transaction: the round ends with its checkpoint, which serves from now on. @throws if the round is not open */
  promoteFrom(...args: Parameters<LearningTables['promoteFrom']>): void {
    this.#run(() => this.#learning.promoteFrom(...args));
  }

  rounds(baseHash: string, limit = 20): Round[] {
    return this.#run(() => this.#learning.rounds(baseHash, limit));
  }

  canary(key: string): unknown {
    return this.#run(() => this.#learning.canary(key));
  }

  putCanary(key: string, value: unknown): void {
    this.#run(() => this.#learning.putCanary(key, value));
  }

  /** Deletes what is older than `days`, then the oldest until the data fits `megabytes`. @returns deleted suggestions */
  applyRetention({ days, megabytes }: { days: number; megabytes: number }, now: number): number {
    return this.#run(() => {
      const before = now - days * 86_400_000;
      let deleted = this.#signals.deleteOlderThan(before);
      this.#learning.deleteOlderThan(before);
      this.#gate.deleteOlderThan(before);
      this.#db.prepare('DELETE FROM editor_window WHERE last_activity < ?').run(now - FORGET_WINDOW_MS);
      while (this.#usedBytes() > megabytes * 1_000_000) {
        const some = this.#signals.deleteOldest();
        if (some === 0) break;
        deleted += some;
      }
      this.#signals.forgetDeleted(now - LATE_MS);
      this.#giveBack();
      return deleted;
    });
  }

  /** Deletes all signals and all that was learned, also from the file's free pages and from its log. */
  deleteAll(): void {
    this.#run(() => {
      const erase = this.#db.transaction(() => {
        this.#db.exec(`
          DELETE FROM suggestion; DELETE FROM judgement; DELETE FROM current; DELETE FROM checkpoint; DELETE FROM checkpoint_log;
          DELETE FROM round; DELETE FROM canary;
        `);
      });
      erase.immediate();
      this.#giveBack();
    });
  }

  /** What the gate said of a suggestion; a second time for the same one it is not kept. */
  addJudgement(row: JudgementRow): void {
    this.#run(() => this.#gate.add(row));
  }

  /** Judgements whose worth became known after `after` (`ToldRow.told`), in that order. */
  toldJudgements(after: number): ToldRow[] {
    return this.#run(() => this.#gate.told(after));
  }

  /** Changes whenever what `toldJudgements(0)` gives does: by learning, and by forgetting. */
  toldMark(): string {
    return this.#run(() => this.#gate.toldMark());
  }

  /** Asks at the newest judgement: where the gate's clock stands. */
  lastAsk(): number {
    return this.#run(() => this.#gate.lastAsk());
  }

  /** The newest `limit` forecasts of which it is known what came. */
  forecasts(limit: number): ReturnType<GateTables['forecasts']> {
    return this.#run(() => this.#gate.forecasts(limit));
  }

  /** Suggestions that were held back since `from`: how many, and the newest `limit`. */
  heldBack(from: number, limit: number): ReturnType<GateTables['held']> {
    return this.#run(() => this.#gate.held(from, limit));
  }

  days(from: number): DayStats[] {
    return this.#run(() => this.#view.days(from));
  }

  groups(by: 'day' | 'file'): StoredGroup[] {
    return this.#run(() => this.#view.groups(by));
  }

  list(selection: Selection, limit: number): StoredSummary[] {
    return this.#run(() => this.#view.list(selection, limit));
  }

  entry(id: string): StoredEntry | null {
    return this.#run(() => this.#view.entry(id));
  }

  /**
   * Deletes suggestions with what became of them, and edits, also from the file's free pages and from its log; checkpoints that may
   * have learned from them serve no more. Their files are for the caller to delete.
   *
   * @param isThere whether the files of a checkpoint are still there to go back to
   */
  deleteSelected(selection: Selection, isThere: (path: string) => boolean = existsSync): Deleted {
    return this.#run(() => {
      const first = this.#view.firstSignal(selection);
      const forget = () => (first === null ? [] : this.#learning.forgetSince(first, FORGOTTEN, isThere));
      // Before, so that a crash in between leaves no weights that know what is gone.
      const before = forget();
      const entries = this.#view.delete(selection);
      this.#gate.delete(selection);
      // And after, for a round that another window began meanwhile: it has read it.
      const since = forget();
      this.#giveBack();
      return { entries, forgotten: [...since, ...before] };
    });
  }

  /** As LearningTables.lived. */
  lived(baseHash: string, most: number): ReturnType<LearningTables['lived']> {
    return this.#run(() => this.#learning.lived(baseHash, most));
  }

  /** As LearningTables.takeBack. */
  takeBack(baseHash: string, reason: string): string | null {
    return this.#run(() => this.#learning.takeBack(baseHash, reason, existsSync));
  }

  /** Whether something that was learned had to be forgotten, so that what is left is to be learned anew. */
  relearns(baseHash: string): boolean {
    return this.#run(() => this.#learning.relearns(baseHash));
  }

  stats(): StoreStats {
    return this.#run(() => ({
      ...this.#signals.stats(),
      rounds: this.#db.prepare('SELECT count(*) FROM round').pluck().get() as number,
      checkpoints: this.#db.prepare('SELECT count(*) FROM checkpoint').pluck().get() as number,
      bytes: [this.#options.path, `${this.#options.path}-wal`].reduce(
        (sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
        0,
      ),
    }));
  }

  close(): void {
    this.#db.close();
  }

  #usedBytes(): number {
    const pragma = (name: string): number => this.#db.pragma(name, { simple: true }) as number;
    return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
  }

  /** Shrinks the file by its free pages and empties the log. */
  #giveBack(): void {
    this.#db.pragma('incremental_vacuum');
    this.#db.pragma('wal_checkpoint(TRUNCATE)');
  }

  /** Damage that shows only now: the file is set aside, a new one started, and the step done on that. */
  #run<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      if (!isCorruption(error)) throw asStoreError(error, this.#options.path);
      this.#db.close();
      const { db, notice } = openDatabase(this.#options.path, this.#options.clock, this.#options.busyMs);
      this.#db = db;
      this.#signals = new SignalTables(db, this.#options.clock);
      this.#learning = new LearningTables(db, this.#options.clock);
      this.#view = new ViewTables(db);
      this.#gate = new GateTables(db);
      if (notice !== null) this.#options.onNotice?.(notice);
      try {
        return step();
      } catch (again) {
        throw asStoreError(again, this.#options.path);
      }
    }
  }
}

/** Whether a process runs on this machine; one of another user does. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
