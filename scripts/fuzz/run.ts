/** Runs one kind of damaged input in this process; see ../fuzz.ts. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded } from '../../src/trainer/random.ts';
import { type Kind, openTarget } from './targets.ts';

/** A run that takes more processor time is a finding, and so is a process of more resident memory, in MB. */
export const LIMITS = { runMs: 5000, residentMb: 1200 } as const;

export interface Outcome {
  /** How often each way of taking input came up. */
  readonly counts: Readonly<Record<string, number>>;
  /** What must not happen, each with the run that did it. */
  readonly findings: readonly string[];
  readonly slowestMs: number;
  readonly residentMb: number;
}

const MOST_FINDINGS = 20;

/**
 * Runs `from` to `to`; run n of a kind and seed is the same input always.
 *
 * @param progress a file that always holds the number of the run under way, for whoever finds this process dead
 */
export async function fuzz(
  kind: Kind,
  seed: number,
  from: number,
  to: number,
  progress: string | null = null,
): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), `knack-fuzz-${kind}-`));
  const target = await openTarget(kind, folder);
  const counts: Record<string, number> = {};
  const findings: string[] = [];
  let [slowestMs, residentMb] = [0, 0];
  try {
    for (let run = from; run < to && findings.length < MOST_FINDINGS; run++) {
      if (progress !== null) await writeFile(progress, String(run));
      const began = process.cpuUsage();
      const found = (what: string): number => findings.push(`${kind}, seed ${seed}, run ${run}: ${what}`);
      try {
        const way = await target.run(seeded(Math.imul(seed, 0x9e3779b1) ^ Math.imul(run + 1, 0x85ebca6b)));
        counts[way] = (counts[way] ?? 0) + 1;
      } catch (error) {
        found((error as Error).stack ?? String(error));
      }
      // Not the clock's time, which a busy machine stretches.
      const { user, system } = process.cpuUsage(began);
      const took = (user + system) / 1000;
      if (took > LIMITS.runMs) found(`took ${Math.round(took)} ms of processor time`);
      slowestMs = Math.max(slowestMs, took);
      if (run % 100 === 0 || run === to - 1) {
        residentMb = Math.max(residentMb, process.memoryUsage.rss() / 1e6);
        if (residentMb > LIMITS.residentMb) found(`${Math.round(residentMb)} MB of memory`);
      }
    }
  } finally {
    await target.close?.();
    await rm(folder, { recursive: true, force: true });
  }
  return { counts, findings, slowestMs: Math.round(slowestMs), residentMb: Math.round(residentMb) };
}

// As a process of its own: kind, seed, from, to, progress file.
if (process.send !== undefined && process.argv[1] === import.meta.filename) {
  const [kind, seed, from, to, progress] = process.argv.slice(2);
  const outcome = await fuzz(kind as Kind, Number(seed), Number(from), Number(to), progress);
  process.send(outcome, () => process.exit(0));
}
