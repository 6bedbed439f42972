/** The half of the database that learning lives in: checkpoints, rounds, the lease that makes one trainer. */
import type { Database } from 'better-sqlite3';
import type { Lived } from './view.ts';

/** Most UTF-16 units of a JSON value that comes from our own code (metrics, canary results). */
const JSON_LIMIT = 65_536;

export type CheckpointState = 'candidate' | 'current' | 'refused' | 'retired' | 'rolled-back';

/** Figures for people and for later comparison; plain JSON. */
export type Metrics = Readonly<Record<string, unknown>>;

export interface Checkpoint {
  readonly id: string;
  /** SHA-256 (hex) of the base model's file. */
  readonly baseHash: string;
  /** Checkpoint that it was trained from; null: the base. */
  readonly parent: string | null;
  readonly created: number;
  readonly state: CheckpointState;
  readonly reason: string;
  readonly metrics: Metrics;
  /** Its folder. */
  readonly path: string;
}

export interface RoundStart {
  readonly baseHash: string;
  /** What it runs on, for example `cpu`; with why not another in parentheses, if there is a reason. */
  readonly device: string;
  /** Checkpoint that it starts from; null: the base. */
  readonly parent: string | null;
}

export interface RoundEnd {
  /** promoted and refused use up the signals; after stopped and failed they count as new again. */
  readonly decision: 'promoted' | 'refused' | 'stopped' | 'failed';
  readonly reason: string;
  readonly steps: number;
  readonly tokens: number;
  readonly lossBefore: number | null;
  readonly lossAfter: number | null;
  readonly checkpoint: string | null;
  /** What it ran on in the end, if that is not what it began on. */
  readonly device?: string;
}

export interface Round extends RoundStart {
  readonly id: number;
  readonly started: number;
  readonly ended: number | null;
  /** Signals up to this event were there when it began. */
  readonly throughSeq: number;
  readonly signals: number;
  readonly decision: RoundEnd['decision'] | null;
  readonly reason: string | null;
  readonly steps: number | null;
  readonly tokens: number | null;
  readonly lossBefore: number | null;
  readonly lossAfter: number | null;
  readonly checkpoint: string | null;
}

export class LearningTables {
  readonly #db: Database;
  readonly #clock: () => number;

  constructor(db: Database, clock: () => number) {
    this.#db = db;
    this.#clock = clock;
  }

  /** A new checkpoint, as a candidate. @throws if the id is taken */
  addCheckpoint(c: Pick<Checkpoint, 'id' | 'baseHash' | 'parent' | 'path'> & { metrics?: Metrics }): void {
    this.#db
      .prepare(`INSERT INTO checkpoint VALUES (?, ?, ?, ?, 'candidate', '', ?, ?)`)
      .run(c.id, c.baseHash, c.parent, this.#clock(), json(c.metrics ?? {}), c.path);
  }

  /** Makes a checkpoint the one that serves; the one before it is retired. @throws if it is not one of this base */
  promote(baseHash: string, id: string, reason: string, metrics: Metrics): void {
    this.#transaction(() => {
      this.#known(baseHash, id);
      this.#retire(baseHash, 'retired', reason, id);
      this.#setState(baseHash, id, 'current', reason, metrics);
      this.#point(baseHash, id);
    });
  }

  /** Marks a candidate as refused; what serves stays. @throws if it is not one of this base */
  refuse(baseHash: string, id: string, reason: string, metrics: Metrics): void {
    this.#transaction(() => {
      this.#known(baseHash, id);
      this.#setState(baseHash, id, 'refused', reason, metrics);
    });
  }

  /**
   * Goes back to an earlier checkpoint, or with null to the base. A round that is under way ends as stopped: its
   * candidate comes from what is being left. @throws if it is not one of this base
   */
  rollBack(baseHash: string, to: string | null, reason: string): void {
    this.#transaction(() => {
      if (to !== null) this.#known(baseHash, to);
      this.#endOpenRounds(reason, baseHash);
      this.#retire(baseHash, 'rolled-back', reason, to);
      if (to === null) {
        this.#db.prepare('DELETE FROM current WHERE base_hash = ?').run(baseHash);
        this.#log(baseHash, null, 'current', reason, {});
      } else {
        this.#setState(baseHash, to, 'current', reason, null);
        this.#point(baseHash, to);
      }
    });
  }

  /**
   * Takes back what rounds have learned, or may have, from the signal `seq` or with it: their checkpoints are struck off,
   * what serves goes back to the nearest one before them, a round that is under way ends, and their signals count as
   * new again.
   *
   * @param isThere whether a checkpoint's folder is still there to go back to
   * @returns the checkpoints that are no more, newest first: their files are to be deleted
   */
  forgetSince(seq: number, reason: string, isThere: (path: string) => boolean): string[] {
    return this.#transaction(() => {
      this.#endOpenRounds(reason);
      const rounds = `through_seq >= ? AND decision IN ('promoted', 'refused') AND forgotten = 0`;
      const gone = this.#db
        .prepare(
          `SELECT checkpoint FROM round WHERE ${rounds} AND checkpoint IN (SELECT id FROM checkpoint) ORDER BY n DESC`,
        )
        .pluck()
        .all(seq) as string[];
      for (const base of this.#db.prepare('SELECT base_hash FROM current').pluck().all() as string[]) {
        const serving = this.current(base)!;
        if (!gone.includes(serving.id)) continue;
        const to = this.#before(serving, (c) => !gone.includes(c.id) && isThere(c.path));
        this.rollBack(base, to, reason);
      }
      this.#db.prepare(`UPDATE round SET forgotten = 1 WHERE ${rounds}`).run(seq);
      const strike = this.#db.prepare('DELETE FROM checkpoint WHERE id = ?');
      for (const id of gone) strike.run(id);
      return gone;
    });
  }

  /** Goes back to the nearest usable checkpoint before the one that serves. @returns it; null: the base */
  takeBack(baseHash: string, reason: string, isThere: (path: string) => boolean): string | null {
    return this.#transaction(() => {
      const serving = this.current(baseHash);
      const to = serving && this.#before(serving, (c) => c.state !== 'rolled-back' && isThere(c.path));
      if (serving !== null) this.rollBack(baseHash, to, reason);
      return to;
    });
  }

  /**
   * What became of suggestions since the serving checkpoint was promoted, and before: of those that were shown unasked
   * and that the developer took or left.
   *
   * @param most suggestions: the first since, the newest before
   * @returns null where the base itself serves, or a checkpoint to which somebody went back
   */
  lived(baseHash: string, most: number): { since: Lived; before: Lived } | null {
    const serving = this.#db
      .prepare(
        `SELECT p.at FROM current p JOIN round r ON r.checkpoint = p.checkpoint
         WHERE p.base_hash = ? AND r.decision = 'promoted' AND r.ended <= p.at AND NOT EXISTS (
           SELECT 1 FROM checkpoint_log l WHERE l.checkpoint = p.checkpoint AND l.state = 'rolled-back')`,
      )
      .get(baseHash) as { at: number } | undefined;
    if (serving === undefined) return null;
    const tally = (when: '<' | '>=', order: 'ASC' | 'DESC') =>
      this.#db
        .prepare(
          `SELECT count(*) AS shown, total(worth) AS taken FROM (
             SELECT CASE o.kind WHEN 'accepted' THEN 1.0 WHEN 'partly-accepted' THEN 0.5 ELSE 0.0 END AS worth
             FROM offer f JOIN outcome o USING (suggestion)
             WHERE f.at ${when} @at AND f."trigger" = 'automatic'
               AND o.kind IN ('accepted', 'partly-accepted', 'rejected', 'ignored')
             ORDER BY f.at ${order} LIMIT @most)`,
        )
        .get({ at: serving.at, most }) as Lived;
    return { since: tally('>=', 'ASC'), before: tally('<', 'DESC') };
  }

  /** Whether something was forgotten since the last round that came to a decision: what is left is to be learned anew. */
  relearns(baseHash: string): boolean {
    return (
      this.#db
        .prepare(
          `SELECT max(n) FILTER (WHERE forgotten = 1) > coalesce(max(n) FILTER (WHERE forgotten = 0), 0)
           FROM round WHERE base_hash = ? AND decision IN ('promoted', 'refused')`,
        )
        .pluck()
        .get(baseHash) === 1
    );
  }

  /** The checkpoint that serves on this base, or null: the base itself. */
  current(baseHash: string): Checkpoint | null {
    const row = this.#db
      .prepare('SELECT c.* FROM current p JOIN checkpoint c ON c.id = p.checkpoint WHERE p.base_hash = ?')
      .get(baseHash);
    return row === undefined ? null : checkpointOf(row as CheckpointRow);
  }

  /** All checkpoints of a base, newest first. */
  checkpoints(baseHash: string): Checkpoint[] {
    const rows = this.#db
      .prepare('SELECT * FROM checkpoint WHERE base_hash = ? ORDER BY created DESC, rowid DESC')
      .all(baseHash);
    return (rows as CheckpointRow[]).map(checkpointOf);
  }

  /** Every promotion, refusal and return, oldest first. */
  checkpointLog(baseHash: string): { checkpoint: string | null; at: number; state: string; reason: string }[] {
    return this.#db
      .prepare('SELECT checkpoint, at, state, reason FROM checkpoint_log WHERE base_hash = ? ORDER BY n')
      .all(baseHash) as { checkpoint: string | null; at: number; state: string; reason: string }[];
  }

  /** Records that a round began; one of this base that never ended is closed as failed. @returns its id */
  beginRound(start: RoundStart, throughSeq: number, signals: number): number {
    return this.#transaction(() => {
      this.#db
        .prepare(
          `UPDATE round SET ended = ?, decision = 'failed', reason = 'the trainer ended without a word'
           WHERE base_hash = ? AND ended IS NULL`,
        )
        .run(this.#clock(), start.baseHash);
      const added = this.#db
        .prepare(
          'INSERT INTO round (base_hash, started, device, parent, through_seq, signals) VALUES (?, ?, ?, ?, ?, ?)',
        )
        .run(start.baseHash, this.#clock(), start.device, start.parent, throughSeq, signals);
      return Number(added.lastInsertRowid);
    });
  }

  /** Whether a round began and has not ended: not so any more once everything was deleted. */
  roundIsOpen(id: number): boolean {
    return this.#db.prepare('SELECT 1 FROM round WHERE n = ? AND ended IS NULL').get(id) !== undefined;
  }

  /** Ends a round with its checkpoint, which serves from now on: all of it or nothing. @throws as `endRound` does */
  promoteFrom(
    round: number,
    checkpoint: Pick<Checkpoint, 'id' | 'baseHash' | 'parent' | 'path'>,
    metrics: Metrics,
    end: Omit<RoundEnd, 'decision' | 'checkpoint'>,
  ): void {
    this.#transaction(() => {
      this.endRound(round, { ...end, decision: 'promoted', checkpoint: checkpoint.id });
      this.addCheckpoint(checkpoint);
      this.promote(checkpoint.baseHash, checkpoint.id, end.reason, metrics);
    });
  }

  /** @throws if there is no such round that has not ended */
  endRound(id: number, end: RoundEnd): void {
    const { changes } = this.#db
      .prepare(
        `UPDATE round SET ended = ?, steps = ?, tokens = ?, loss_before = ?, loss_after = ?, decision = ?, reason = ?,
           checkpoint = ?, device = coalesce(?, device) WHERE n = ? AND ended IS NULL`,
      )
      .run(
        this.#clock(),
        end.steps,
        end.tokens,
        finite(end.lossBefore),
        finite(end.lossAfter),
        end.decision,
        end.reason.slice(0, 1_000),
        end.checkpoint,
        end.device ?? null,
        id,
      );
    if (changes === 0) throw new Error(`Round ${id} has ended already, or never began.`);
  }

  /** Rounds of a base, newest first. */
  rounds(baseHash: string, limit: number): Round[] {
    const rows = this.#db
      .prepare('SELECT * FROM round WHERE base_hash = ? ORDER BY n DESC LIMIT ?')
      .all(baseHash, limit);
    return (rows as RoundRow[]).map(roundOf);
  }

  /** The event up to which signals have been used by a round of this base that came to a decision; 0 if none. */
  usedThrough(baseHash: string): number {
    return this.#db
      .prepare(
        `SELECT coalesce(max(through_seq), 0) FROM round WHERE base_hash = ? AND decision IN ('promoted', 'refused')
           AND forgotten = 0`,
      )
      .pluck()
      .get(baseHash) as number;
  }

  /**
   * Takes a lease over all windows: free, expired, its holder's process gone, or the owner's own.
   *
   * @returns whether `owner` holds it now
   */
  acquireLease(name: string, owner: string, ttlMs: number, pid: number, alive: (pid: number) => boolean): boolean {
    return this.#transaction(() => {
      const now = this.#clock();
      const held = this.#db.prepare('SELECT owner, pid, expires FROM lease WHERE name = ?').get(name) as
        | { owner: string; pid: number; expires: number }
        | undefined;
      if (held && held.owner !== owner && held.expires > now && alive(held.pid)) return false;
      this.#db
        .prepare(
          `INSERT INTO lease VALUES (@name, @owner, @pid, @expires)
           ON CONFLICT (name) DO UPDATE SET owner = @owner, pid = @pid, expires = @expires`,
        )
        .run({ name, owner, pid, expires: now + ttlMs });
      return true;
    });
  }

  /** @returns false if the lease is no longer the owner's: stop what it protects */
  renewLease(name: string, owner: string, ttlMs: number): boolean {
    return (
      this.#db
        .prepare('UPDATE lease SET expires = ? WHERE name = ? AND owner = ?')
        .run(this.#clock() + ttlMs, name, owner).changes > 0
    );
  }

  releaseLease(name: string, owner: string): void {
    this.#db.prepare('DELETE FROM lease WHERE name = ? AND owner = ?').run(name, owner);
  }

  /** What was stored under the key, or null. */
  canary(key: string): unknown {
    const value = this.#db.prepare('SELECT value FROM canary WHERE key = ?').pluck().get(key);
    return value === undefined ? null : JSON.parse(value as string);
  }

  putCanary(key: string, value: unknown): void {
    this.#db.prepare('INSERT OR REPLACE INTO canary VALUES (?, ?, ?)').run(key, json(value), this.#clock());
  }

  /** Deletes the history of before `before`: ended rounds, log entries, canary results. Checkpoints stay. */
  deleteOlderThan(before: number): void {
    this.#transaction(() => {
      // The newest decided round of each base stays: it says which signals are used up, and whether any is forgotten.
      this.#db
        .prepare(
          `DELETE FROM round WHERE ended < ? AND n NOT IN (
             SELECT max(n) FROM round WHERE decision IN ('promoted', 'refused') GROUP BY base_hash, forgotten)`,
        )
        .run(before);
      this.#db.prepare('DELETE FROM checkpoint_log WHERE at < ?').run(before);
      this.#db.prepare('DELETE FROM canary WHERE at < ?').run(before);
    });
  }

  /** @param baseHash null: of every base */
  #endOpenRounds(reason: string, baseHash: string | null = null): void {
    this.#db
      .prepare(
        `UPDATE round SET ended = @now, decision = 'stopped', reason = @reason
         WHERE ended IS NULL AND base_hash = coalesce(@baseHash, base_hash)`,
      )
      .run({ now: this.#clock(), reason: reason.slice(0, 1_000), baseHash });
  }

  /** The nearest checkpoint that another one came from; null: the base. */
  #before({ baseHash, parent }: Checkpoint, isUsable: (checkpoint: Checkpoint) => boolean): string | null {
    const all = new Map(this.checkpoints(baseHash).map((c) => [c.id, c]));
    let at = parent === null ? undefined : all.get(parent);
    while (at !== undefined && !isUsable(at)) at = at.parent === null ? undefined : all.get(at.parent);
    return at?.id ?? null;
  }

  #known(baseHash: string, id: string): void {
    const found = this.#db.prepare('SELECT 1 FROM checkpoint WHERE id = ? AND base_hash = ?').get(id, baseHash);
    if (found === undefined) throw new Error(`There is no checkpoint ${id} of base ${baseHash}.`);
  }

  #retire(baseHash: string, state: CheckpointState, reason: string, except: string | null): void {
    const serving = this.current(baseHash);
    if (serving && serving.id !== except) this.#setState(baseHash, serving.id, state, reason, null);
  }

  #setState(baseHash: string, id: string, state: CheckpointState, reason: string, metrics: Metrics | null): void {
    this.#db
      .prepare('UPDATE checkpoint SET state = ?, reason = ?, metrics = coalesce(?, metrics) WHERE id = ?')
      .run(state, reason.slice(0, 1_000), metrics === null ? null : json(metrics), id);
    this.#log(baseHash, id, state, reason, metrics ?? {});
  }

  #point(baseHash: string, id: string): void {
    this.#db.prepare('INSERT OR REPLACE INTO current VALUES (?, ?, ?)').run(baseHash, id, this.#clock());
  }

  #log(baseHash: string, id: string | null, state: string, reason: string, metrics: Metrics): void {
    this.#db
      .prepare(
        'INSERT INTO checkpoint_log (base_hash, checkpoint, at, state, reason, metrics) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(baseHash, id, this.#clock(), state, reason.slice(0, 1_000), json(metrics));
  }

  #transaction<T>(run: () => T): T {
    return this.#db.transaction(run).immediate();
  }
}

interface CheckpointRow {
  readonly id: string;
  readonly base_hash: string;
  readonly parent: string | null;
  readonly created: number;
  readonly state: CheckpointState;
  readonly reason: string;
  readonly metrics: string;
  readonly path: string;
}

function checkpointOf({ base_hash, metrics, ...rest }: CheckpointRow): Checkpoint {
  return { ...rest, baseHash: base_hash, metrics: JSON.parse(metrics) as Metrics };
}

type RoundRow = Omit<Round, 'id' | 'baseHash' | 'throughSeq' | 'lossBefore' | 'lossAfter'> & {
  readonly n: number;
  readonly base_hash: string;
  readonly through_seq: number;
  readonly loss_before: number | null;
  readonly loss_after: number | null;
};

function roundOf({ n, base_hash, through_seq, loss_before, loss_after, ...rest }: RoundRow): Round {
  return {
    id: n,
    baseHash: base_hash,
    throughSeq: through_seq,
    lossBefore: loss_before,
    lossAfter: loss_after,
    ...rest,
  };
}

const finite = (x: number | null): number | null => (x !== null && Number.isFinite(x) ? x : null);

function json(value: unknown): string {
  const text = JSON.stringify(value);
  if (text.length > JSON_LIMIT) throw new RangeError(`${text.length} characters of JSON are more than ${JSON_LIMIT}.`);
  return text;
}
