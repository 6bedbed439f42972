/** How serving grows: with the length of the prompt, and with the windows that are open on one machine. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { step } from '../../progress.ts';
import { Side, summary } from '../side.ts';
import type { BenchEngine } from './engine.ts';
import { memoryOf, percentile, round } from './figures.ts';
import type { Request, Took } from './own.ts';
import type { Step } from './trace.ts';

const LENGTHS = [256, 512, 1024, 2048, 4096];
const TOKENS = 8;
const ROUNDS = 3;
const WINDOWS = [1, 2, 3, 4];
/** Steps that each window plays. */
const STEPS = 40;

/** @param ids of real code, at least as many as the longest prompt has @returns rows of the table */
export async function growByLength(path: string, ids: readonly number[]): Promise<Record<string, number>[]> {
  const threads = Math.min(4, availableParallelism());
  const script = join(import.meta.dirname, 'own.ts');
  const side = await Side.start(process.execPath, [script, path, String(threads)], process.env);
  if (side === null) throw new Error('our side did not start: the lines above say why');
  try {
    const rows: Record<string, number>[] = [];
    for (const length of LENGTHS) {
      await step(`${length} tokens`, async (detail) => {
        const took: Took[] = [];
        for (let i = 0; i < ROUNDS; i++) {
          const request: Request = { ids: ids.slice(0, length), tokens: TOKENS, threads };
          took.push(await side.ask<Took>(JSON.stringify(request)));
        }
        const [prefillMs, tokenMs] = [
          summary(took.map((each) => each.prefillMs)).median,
          summary(took.map((each) => each.tokenMs)).median,
        ];
        detail(`${prefillMs.toFixed(0)} ms, ${tokenMs.toFixed(1)} ms a token`);
        rows.push({ length, prefillMs: Math.round(prefillMs), tokenMs: round(tokenMs, 1)! });
      });
    }
    return rows;
  } finally {
    side.end();
  }
}

/** @param start an engine in a window of its own @returns rows of the table */
export async function growByWindows(
  start: () => Promise<BenchEngine>,
  trace: readonly Step[],
): Promise<Record<string, number>[]> {
  const engines: BenchEngine[] = [];
  const rows: Record<string, number>[] = [];
  try {
    for (const windows of WINDOWS) {
      await step(`${windows} windows`, async (detail) => {
        engines.push(await start());
        const played = await Promise.all(engines.map((engine) => engine.play(trace.slice(0, STEPS))));
        const warm = played.flat().flatMap(({ did, ms }) => (did === 'type' ? [ms] : []));
        const [p50Ms, p95Ms] = [percentile(warm, 0.5)!, percentile(warm, 0.95)!].map(Math.round) as [number, number];
        const rssMb = Math.round(engines.reduce((sum, { pid }) => sum + memoryOf(pid).rss, 0) / windows);
        const pssMb = Math.round(engines.reduce((sum, { pid }) => sum + proportional(pid), 0));
        detail(
          `p50 ${p50Ms} ms, p95 ${p95Ms} ms; ${rssMb} MB resident each, ${pssMb} MB of all without counting twice`,
        );
        rows.push({ windows, p50Ms, p95Ms, rssMb, pssMb });
      });
    }
    return rows;
  } finally {
    for (const engine of engines) await engine.stop();
  }
}

/** Resident MB of a process, pages that others have as well counted by their share. */
function proportional(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))![1]) / 1024;
}
