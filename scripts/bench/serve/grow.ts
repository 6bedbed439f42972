/**
 * How serving grows: with the length of the prompt, with the size of the model, and with the windows that are open on
 * one machine, all asking at once.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadBase } from '../../../src/engine/base.ts';
import { defaultCacheDir } from '../../../src/model/cache.ts';
import { step } from '../../progress.ts';
import { summary } from '../side.ts';
import type { BenchEngine } from './engine.ts';
import { memoryOf, percentile, round } from './figures.ts';
import { timeLengths } from './lengths.ts';
import { SHAPES } from './shapes.ts';
import { codeIds, type Step } from './trace.ts';

const LENGTHS = [256, 512, 1024, 2048, 4096];
/** Of the prompts that larger models are given. */
const SHAPE_LENGTHS = [256, 512, 1024];
const TOKENS = 10;
const ROUNDS = 3;
const WINDOWS = [1, 2, 3, 4];
/** Steps that each window plays. */
const STEPS = 40;

type Row = Readonly<Record<string, string | number | null>>;

export async function grow(
  path: string,
  start: () => Promise<BenchEngine>,
  trace: readonly Step[],
  parts: readonly string[],
): Promise<Record<string, readonly Row[]>> {
  const { tokenizer } = await loadBase(path, defaultCacheDir(), () => undefined);
  const ids = codeIds(trace, tokenizer, LENGTHS.at(-1)!);
  const tables: Record<string, readonly Row[]> = {};
  if (parts.includes('length')) tables.byLength = await step('Lengths', (detail) => rows(path, ids, LENGTHS, detail));
  if (parts.includes('shape')) tables.byShape = await byShape(ids);
  if (parts.includes('windows')) tables.byWindows = await byWindows(start, trace);
  return tables;
}

/** The first so many ids of some code, nothing of them cached, and tokens after them: medians. */
async function rows(
  model: Parameters<typeof timeLengths>[0],
  ids: readonly number[],
  lengths: readonly number[],
  detail: (line: string) => void,
): Promise<Row[]> {
  const texts = lengths.flatMap((length) => Array.from({ length: ROUNDS }, () => ids.slice(0, length)));
  const took = await timeLengths(model, texts, TOKENS);
  return lengths.map((length, i) => {
    const own = took.slice(i * ROUNDS, (i + 1) * ROUNDS);
    const [prefill, token] = [own.map((each) => each.prefillMs), own.map((each) => each.tokenMs)].map(
      (all) => summary(all).median,
    ) as [number, number];
    const rssMb = round(Math.max(...own.map((each) => each.rssMb!)))!;
    detail(`${length} tokens: ${prefill.toFixed(0)} ms, ${token.toFixed(1)} ms a token; ${rssMb} MB`);
    return { length, prefillMs: round(prefill), tokenMs: round(token, 1), rssMb };
  });
}

async function byShape(ids: readonly number[]): Promise<Row[]> {
  const all: Row[] = [];
  for (const name of Object.keys(SHAPES)) {
    // One after the other: the largest takes 2 GB.
    const folder = mkdtempSync(join(tmpdir(), 'knack-shape-'));
    try {
      await step(name, async (detail) => {
        const own = await rows([`shape:${name}`, folder], ids, SHAPE_LENGTHS, detail);
        all.push(...own.map((row) => ({ name, ...row })));
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return all;
}

/** @param start an engine in a window of its own */
async function byWindows(start: () => Promise<BenchEngine>, trace: readonly Step[]): Promise<Row[]> {
  const engines: BenchEngine[] = [];
  const all: Row[] = [];
  try {
    for (const windows of WINDOWS) {
      await step(`${windows} windows`, async (detail) => {
        engines.push(await start());
        const played = await Promise.all(engines.map((engine) => engine.play(trace.slice(0, STEPS))));
        const warm = played.flat().flatMap(({ did, ms }) => (did === 'type' ? [ms] : []));
        const [p50Ms, p95Ms] = [percentile(warm, 0.5)!, percentile(warm, 0.95)!].map(Math.round) as [number, number];
        const memory = engines.map(({ pid }) => memoryOf(pid));
        const [rssMb, ownMb] = (['rss', 'anonymous'] as const).map((what) =>
          Math.round(memory.reduce((sum, each) => sum + each[what], 0) / windows),
        ) as [number, number];
        const pssMb = Math.round(engines.reduce((sum, { pid }) => sum + proportional(pid), 0));
        detail(
          `p50 ${p50Ms} ms, p95 ${p95Ms} ms; each ${rssMb} MB resident, of which ${ownMb} its own; ${pssMb} MB of all without counting twice`,
        );
        all.push({ windows, p50Ms, p95Ms, rssMb, ownMb, pssMb });
      });
    }
    return all;
  } finally {
    for (const engine of engines) await engine.stop();
  }
}

/** Resident MB of a process, pages that others have as well counted by their share. */
function proportional(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))![1]) / 1024;
}
