/** A whole replay: sources in turn, each before all arms, and the report over them. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Arm } from './arm.ts';
import type { ArmKind, ModelPlace } from './arms.ts';
import { type History, ReplayError } from './history.ts';
import { AnswerLog } from './log.ts';
import { Pool } from './pool.ts';
import { type ArmReport, type ArmRuns, pool, reportArms } from './report.ts';
import { countAsks, type Running, replay, type Span } from './run.ts';

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
  readonly place: ModelPlace;
  /** Folder of the answer logs. */
  readonly logs: string;
  /** Changes when the code does: logged answers of other code are not used. */
  readonly code: string;
}

export interface SourceReport {
  readonly source: string;
  /** What was left out, and how often. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly arms: readonly ArmReport[];
}

export interface Report {
  readonly sources: readonly SourceReport[];
  readonly pooled: { readonly arms: readonly ArmReport[] };
}

export interface Watcher {
  /** Before a source: how many asks it has, and how many answers of an earlier run there are, in which file. */
  begin(source: string, asks: number, logged: number, log: string): void;
  progress(source: string, asks: number, total: number): void;
  end(report: SourceReport): void;
}

/** @throws ReplayError */
export async function runSession(sources: readonly Source[], settings: Settings, watcher: Watcher): Promise<Report> {
  const { arms, seed, sequence, place, workers } = settings;
  const pools = new Map<ArmKind, Pool>();
  const watching = new Map<ArmKind, Arm>();
  const reports: SourceReport[] = [];
  const all: ArmRuns[][] = [];
  try {
    for (const kind of arms) if (kind.hasModel) pools.set(kind, await Pool.start(kind.name, place, workers));
    for (const source of sources) {
      const running: Running[] = [];
      for (const kind of arms) {
        const found = pools.get(kind);
        if (found) {
          running.push({ kind, pool: found, checkpoint: kind.checkpoint(place) });
          continue;
        }
        const arm = (sequence && watching.get(kind)) || (await kind.start(place));
        watching.set(kind, arm);
        running.push({ kind, arm });
      }
      const played = await playSource(source, settings, running, watcher);
      all.push(played);
      const skipped = Object.fromEntries([...source.history.skipped].sort(([a], [b]) => (a < b ? -1 : 1)));
      const report = { source: source.source, skipped, arms: reportArms(played, seed) };
      reports.push(report);
      watcher.end(report);
    }
    return { sources: reports, pooled: { arms: reportArms(pool(all), seed) } };
  } finally {
    for (const p of pools.values()) p.stop();
  }
}

async function playSource(
  { source, history, fingerprint }: Source,
  { span, seed, logs, code, place }: Settings,
  running: readonly Running[],
  watcher: Watcher,
): Promise<ArmRuns[]> {
  const total = countAsks(history, span, seed);
  if (total === 0) {
    const skipped = [...history.skipped].map(([reason, n]) => `${n} × ${reason}`).join(', ');
    throw new ReplayError(`${source} has nothing to replay${skipped === '' ? '' : `: left out were ${skipped}`}.`);
  }
  const key = createHash('sha256').update(JSON.stringify([fingerprint, seed, span.since, code, place.model]));
  const log = new AnswerLog(join(logs, `${key.digest('hex').slice(0, 32)}.jsonl`));
  try {
    watcher.begin(source, total, log.size, log.path);
    const { runs, times } = await replay(history, span, seed, running, log, (asks) => {
      watcher.progress(source, asks, total);
    });
    const main = process.resourceUsage().maxRSS * 1024;
    return running.map((r, i) => ({
      name: r.kind.name,
      threshold: r.kind.threshold,
      runs: [runs[i]!],
      times: times[i]!,
      peakMemory: 'pool' in r ? r.pool.peakMemory : main,
    }));
  } finally {
    log.close();
  }
}
