/** A whole replay: sources in turn, each before all arms, and the report over them. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Answers } from './answers.ts';
import type { Arm, Learner } from './arm.ts';
import { type ArmKind, armKinds, type ModelPlace, REFERENCE } from './arms.ts';
import { type Canary, exactAtArrival } from './canary.ts';
import { type History, ReplayError } from './history.ts';
import { AnswerLog } from './log.ts';
import { type Moment, Moments } from './moments.ts';
import { Pool, RemoteLearner } from './pool.ts';
import { type ArmReport, type ArmRuns, pool, reportArms } from './report.ts';
import { countAsks, type Running, replay, type Span } from './run.ts';
import { Syntax } from './syntax.ts';
import type { Taste } from './taste.ts';

export interface Source {
  /** As the user named it. */
  readonly source: string;
  readonly history: History;
  /** Changes when its history does. */
  readonly fingerprint: string;
}

export interface Settings {
  readonly arms: readonly ArmKind[];
  readonly span: Span;
  readonly seed: number;
  readonly workers: number;
  /** What an arm knows from one source it keeps in the next. */
  readonly sequence: boolean;
  /** Signals from one training to the next. */
  readonly idle: number;
  /** Where forgetting is measured: on its first `asks` asks at arrival. */
  readonly canary: { readonly source: Source; readonly asks: number } | null;
  /** What the developer refuses though it is right; null: nothing. */
  readonly taste: Taste | null;
  readonly place: ModelPlace;
  /** Entry of the processes that hold an arm (worker.ts). */
  readonly worker: string;
  /** Folder of the grammars (syntax.ts). */
  readonly grammars: string;
  /** How many single asks of all sources are kept to look at, about. */
  readonly moments: number;
  /** Folder of the answer logs. */
  readonly logs: string;
  /** Changes when the code does that answers for `frozen`: logged answers of other code are not used. */
  readonly code: string;
  /** Changes when the code does that learns: as `code`, for arms that learn with a model. */
  readonly learning: string;
}

export interface SourceReport {
  readonly source: string;
  /** The history's own name. */
  readonly name: string;
  /** With asks. */
  readonly commits: number;
  /** What was left out, and how often. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly arms: readonly ArmReport[];
}

export interface Report {
  readonly sources: readonly SourceReport[];
  readonly pooled: { readonly arms: readonly ArmReport[] };
}

export interface Session {
  readonly report: Report;
  /** By source. */
  readonly moments: readonly (readonly Moment[])[];
}

export interface Watcher {
  /** Before a source: how many asks it has, and how many answers of an earlier run there are, in which file. */
  begin(source: string, asks: number, logged: number, log: string): void;
  progress(source: string, asks: number, total: number): void;
  /** @param runs by arm: what the report's figures are made of */
  end(report: SourceReport, runs: readonly ArmRuns[]): void;
}

/** @throws ReplayError */
export async function runSession(sources: readonly Source[], settings: Settings, watcher: Watcher): Promise<Session> {
  const { seed, canary } = settings;
  if (canary !== null && sources.some((s) => s.fingerprint === canary.source.fingerprint)) {
    throw new ReplayError(`The canary ${canary.source.source} is one of the sources: forgetting shows elsewhere.`);
  }
  const stage = new Stage(settings, Math.ceil(settings.moments / sources.length));
  const reports: SourceReport[] = [];
  const all: ArmRuns[][] = [];
  const moments: Moment[][] = [];
  try {
    for (const source of sources) {
      const played = await stage.play(source, watcher);
      const { runs } = played;
      all.push(runs);
      moments.push(played.moments);
      const skipped = Object.fromEntries([...source.history.skipped].sort(([a], [b]) => (a < b ? -1 : 1)));
      const { asks } = runs[0]!.runs[0]!;
      const commits = new Set(asks.map((a) => a.commit)).size;
      const report = {
        source: source.source,
        name: source.history.name,
        commits,
        skipped,
        arms: reportArms(runs, seed),
      };
      reports.push(report);
      watcher.end(report, runs);
    }
    return { report: { sources: reports, pooled: { arms: reportArms(pool(all), seed) } }, moments };
  } finally {
    await stage.release();
  }
}

/** The arms of a session, and the processes that hold them. */
class Stage {
  readonly #settings: Settings;
  /** By arm; started when the first answer is wanted that is not logged. */
  readonly #pools = new Map<string, Promise<Pool>>();
  readonly #answers = new Map<string, Answers>();
  /** Arms that know something: this source's, or with `sequence` all that came before. */
  readonly #arms = new Map<ArmKind, Arm>();
  /** Fingerprints of the sources that `#arms` have seen. */
  #seen: string[] = [];

  readonly #moments: number;

  /** @param moments how many single asks of a source are kept */
  constructor(settings: Settings, moments: number) {
    this.#settings = settings;
    this.#moments = moments;
  }

  async play(source: Source, watcher: Watcher): Promise<{ runs: ArmRuns[]; moments: Moment[] }> {
    const { span, seed, sequence, taste } = this.#settings;
    const total = countAsks(source.history, span, seed);
    if (total === 0) {
      const skipped = [...source.history.skipped].map(([reason, n]) => `${n} × ${reason}`).join(', ');
      throw new ReplayError(
        `${source.source} has nothing to replay${skipped === '' ? '' : `: left out were ${skipped}`}.`,
      );
    }
    if (!sequence) await this.#forget();
    const log = this.#openLog(source.fingerprint);
    const canary = this.#openCanary();
    try {
      watcher.begin(source.source, total, log.size, log.path);
      const running: Running[] = [];
      for (const kind of this.#settings.arms) running.push(await this.#enter(kind, log));
      const before = canary && (await this.#exact(canary, running));
      const moments = new Moments(this.#moments, total);
      const { runs, times, checks, learned } = await replay({
        history: source.history,
        span,
        seed,
        running,
        log,
        // Parsers of its own: what it parses does not depend on the sources before.
        syntax: await Syntax.load(this.#settings.grammars),
        moments,
        taste,
        progress: (asks) => watcher.progress(source.source, asks, total),
      });
      this.#seen.push(source.fingerprint);
      const after = canary && (await this.#exact(canary, running));
      const memory = await Promise.all(running.map((r) => this.#memoryOf(r)));
      const arms = running.map((r, i) => ({
        name: r.kind.name,
        threshold: r.kind.threshold,
        learns: 'learner' in r && r.kind.isFixed !== true,
        runs: [runs[i]!],
        times: times[i]!,
        checks: checks[i]!,
        learned: learned[i]!,
        forgotten: canary && before && after && { asks: canary.asks, before: before[i]!, after: after[i]! },
        peakMemory: memory[i]!,
      }));
      const thresholds = running.map((r) => r.kind.threshold);
      return { runs: arms, moments: moments.end(runs, thresholds) };
    } finally {
      log.close();
      canary?.log.close();
    }
  }

  async release(): Promise<void> {
    for (const pool of this.#pools.values()) await pool.then((p) => p.stop()).catch(() => undefined); // a start that failed was told
    await this.#forget();
  }

  async #forget(): Promise<void> {
    for (const arm of this.#arms.values()) await arm.release?.();
    this.#arms.clear();
    this.#seen = [];
  }

  async #enter(kind: ArmKind, log: AnswerLog): Promise<Running> {
    const { place, workers, worker, idle, learning, taste } = this.#settings;
    if (kind.hasModel && !kind.learns) return { kind, answers: this.#answersOf(kind, log), width: Pool.width(workers) };
    let arm = this.#arms.get(kind);
    if (arm === undefined) {
      arm = await (kind.hasModel ? RemoteLearner.start(worker, kind.name, place) : kind.start(place));
      this.#arms.set(kind, arm);
    }
    if (!kind.learns) return { kind, arm };
    const seen = this.#seen.map((f) => digest(f));
    const told = taste === null ? [] : [`refuses ${taste.name}`];
    const checkpoint = [kind.checkpoint(place), `idle ${idle}`, learning.slice(0, 16), ...told, ...seen].join(' ');
    const given = kind.judges ? this.#answersOf(this.#reference(), log) : null;
    return { kind, learner: arm as Learner, checkpoint, idle, given };
  }

  /** One for each arm and log: arms that judge an arm's answers share it. */
  #answersOf(kind: ArmKind, log: AnswerLog): Answers {
    const { place, workers, worker } = this.#settings;
    const key = `${kind.name}\0${log.path}`;
    let answers = this.#answers.get(key);
    if (answers === undefined) {
      const pool = (): Promise<Pool> => {
        let started = this.#pools.get(kind.name);
        if (started === undefined) {
          started = Pool.start(worker, kind.name, place, workers);
          this.#pools.set(kind.name, started);
        }
        return started;
      };
      answers = new Answers(log, kind.name, kind.checkpoint(place), async (ask) => (await pool()).answer(ask));
      this.#answers.set(key, answers);
    }
    return answers;
  }

  #reference(): ArmKind {
    return this.#settings.arms.find((a) => a.name === REFERENCE) ?? armKinds([REFERENCE])[0]!;
  }

  /** Resident memory of the process that holds an arm, in bytes, at most; of this one where all answers were logged. */
  async #memoryOf(running: Running): Promise<number> {
    if ('learner' in running && running.learner instanceof RemoteLearner) return running.learner.peakMemory;
    const pool = 'answers' in running ? await this.#pools.get(running.kind.name) : undefined;
    return pool?.peakMemory ?? process.resourceUsage().maxRSS * 1024;
  }

  #openLog(fingerprint: string): AnswerLog {
    const { seed, span, code, place, logs } = this.#settings;
    // A learner's answers depend on the asks before: which are put is part of the key.
    const key = digest(JSON.stringify([fingerprint, seed, span.since, span.every, code, place.model]));
    return new AnswerLog(join(logs, `${key}.jsonl`));
  }

  #openCanary(): Canary | null {
    const { canary, seed } = this.#settings;
    if (canary === null) return null;
    const { history, fingerprint } = canary.source;
    return { history, seed, asks: canary.asks, log: this.#openLog(`canary ${fingerprint}`) };
  }

  /** How many of the canary's asks each arm answers right with what it knows now. */
  #exact(canary: Canary, running: readonly Running[]): Promise<number[]> {
    const { span, idle, place, workers } = this.#settings;
    const known = this.#seen.length === 0 ? 'nothing seen' : `seen ${digest(JSON.stringify([this.#seen, span, idle]))}`;
    return Promise.all(
      running.map((r) => {
        const { name } = r.kind;
        if ('answers' in r || ('given' in r && r.given !== null)) {
          // What an arm judges is as exact as before.
          const answers = this.#answersOf('answers' in r ? r.kind : this.#reference(), canary.log);
          return exactAtArrival(canary, answers, Pool.width(workers));
        }
        const arm: Arm = 'arm' in r ? r.arm : r.learner;
        const answers = new Answers(canary.log, name, `${r.kind.checkpoint(place)} ${known}`, async ({ question }) => {
          const began = performance.now();
          const answer = await arm.answer(question, { at: 0, still: 0 });
          return { answer, ms: performance.now() - began };
        });
        return exactAtArrival(canary, answers, 1);
      }),
    );
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
