/**
 * `npm run bench -- serve [SOURCE] [--files N] [--only latency|llama] [--grow]`: what a suggestion costs, from the request to the
 * whole answer, in the engine as it ships: its own process, the default model, an adapter of rank 8. Keystrokes are cut
 * from a history (a replay file or a git directory). Linux. The last line is JSON:
 *
 * - `cold`, `warm`: requests after a jump (a file opened, another place, back again) with a prompt of at least 384
 *   tokens, and after a keystroke; of those that wrote ten tokens, the most that were allowed. `all` has all of them.
 * - `rssMb`: resident memory after them; `swapRssMb`: its peak while other adapters are taken up.
 * - `vsLlama`: rivals.ts. `whileTraining`: the warm p95 while a round trains, by that before.
 * - `--grow`, in place of all that: how it grows with the prompt's length and with open windows, all asking at once.
 * - `idleCpuPercent`: of one core, while nothing is asked. `reloadMs`: a request with a prompt of a few tokens to an engine
 *   that had given the model's memory back; `restingRssMb`: its memory before.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { editAtCursor } from '../../../src/completion/edit.ts';
import { loadBase } from '../../../src/engine/base.ts';
import { defaultCacheDir } from '../../../src/model/cache.ts';
import { openSource } from '../../../src/replay/source.ts';
import type { SignalEvent } from '../../../src/signals/signal.ts';
import { loraFor } from '../../../src/trainer/plan.ts';
import { baseModel } from '../../base-model.ts';
import { ROOT } from '../../paths.ts';
import { onInterrupt } from '../../process.ts';
import { step, UserError } from '../../progress.ts';
import { BenchEngine, type Timed, TOKENS } from './engine.ts';
import { forgetPeak, idleShare, memoryOf, needLinux, percentile, round } from './figures.ts';
import { growByLength, growByWindows } from './grow.ts';
import { againstLlama } from './rivals.ts';
import { type Step, traceOf } from './trace.ts';

/** What stands beside the tests: small enough for everybody. */
const SAMPLE = join(ROOT, 'test', 'replay', 'nanostores.jsonl.gz');
/** A prompt that counts as cold is nearly full. */
const LONG = 384;
const IDLE_MS = 10_000;
const REST_MS = 1_000;
const MEMORY_MB = 1536;
const PROMPTS = 8;

export async function benchServe(options: readonly string[]): Promise<void> {
  needLinux();
  const { values, positionals } = parseArgs({
    args: [...options],
    allowPositionals: true,
    options: {
      files: { type: 'string', default: '8' },
      only: { type: 'string' },
      grow: { type: 'boolean', default: false },
    },
  });
  const files = Number(values.files);
  if (!(Number.isInteger(files) && files >= 1)) throw new UserError('--files is a whole number from 1 on.');
  const trace = traceOf(openSource(positionals[0] ?? SAMPLE), files);
  if (trace.length === 0) throw new UserError('That history has no file of code that is long enough.');
  const path = await step('Model', baseModel);
  const dir = mkdtempSync(join(tmpdir(), 'knack-serve-'));
  onInterrupt(async () => rmSync(dir, { recursive: true, force: true }));
  try {
    await step('Building', () => BenchEngine.build(dir));
    const start = (restAfterMs?: number): Promise<BenchEngine> =>
      BenchEngine.start(dir, path, ({ model }) => loraFor(model.config, MEMORY_MB), restAfterMs);
    if (values.grow) return console.log(JSON.stringify(await grow(path, start, trace)));
    const engine = await step('Starting the engine', () => start());
    let figures: Record<string, unknown> = {};
    const jumps = trace.filter(({ did }) => did !== 'type');
    const prompts = jumps.map(({ snapshot }) => engine.base.format.ask(snapshot).prompt.ids);
    try {
      if (values.only !== 'llama') figures = await measure(engine, trace);
    } finally {
      await engine.stop();
    }
    if (values.only !== 'llama')
      figures = { ...figures, ...(await step('Resting', async () => reload(await start(REST_MS)))) };
    if (values.only !== 'latency') {
      const long = prompts.filter((ids) => ids.length >= LONG).slice(0, PROMPTS);
      const { prefill, decode } = await againstLlama(path, long);
      figures = { ...figures, vsLlama: { prefill: round(prefill, 2), decode: round(decode, 2) } };
    }
    console.log(JSON.stringify(figures));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(engine: BenchEngine, trace: readonly Step[]): Promise<Record<string, unknown>> {
  const isLong = trace.map(({ snapshot }) => engine.base.format.ask(snapshot).prompt.ids.length >= LONG);
  const played = await step(`${trace.length} requests`, async () => {
    await engine.play(trace.slice(0, 20));
    return engine.play(trace);
  });
  const cold = played.filter(({ did }, i) => did !== 'type' && isLong[i]);
  const warm = played.filter(({ did }) => did === 'type');
  for (const [name, all] of Object.entries({ cold, warm })) {
    console.log(
      `${name}: ${all.length}, of which ${whole(all).length} wrote ${TOKENS} tokens: ${spell(whole(all))} (all: ${spell(all)})`,
    );
  }
  const memory = memoryOf(engine.pid);
  console.log(
    `resident ${mb(memory.rss)} MB: ${mb(memory.anonymous)} of its own, ${mb(memory.mapped)} mapped; peak ${mb(memory.peak)}`,
  );
  const idle = await step('Idle', () => idleShare(engine.pid, IDLE_MS));

  const { config } = engine.base.model;
  const swapRss = await step('Other adapters', async (detail) => {
    forgetPeak(engine.pid);
    await engine.swap(loraFor(config, MEMORY_MB), 2);
    const same = memoryOf(engine.pid).peak;
    forgetPeak(engine.pid);
    await engine.swap({ ...loraFor(config, MEMORY_MB), rank: 16 }, 3);
    const other = memoryOf(engine.pid).peak;
    detail(`peak ${mb(same)} MB; of another rank ${mb(other)} MB`);
    await engine.swap(loraFor(config, MEMORY_MB), 1);
    return Math.max(same, other);
  });

  const before = await engine.play(trace);
  const during = await step('While a round trains', async () => {
    await engine.train(signals(trace));
    const timed = await engine.play(trace);
    if (!engine.isTraining) throw new Error('the round ended before the requests did');
    return timed;
  });
  const p95 = (all: readonly Timed[]): number =>
    percentile(
      all.flatMap(({ did, ms }) => (did === 'type' ? [ms] : [])),
      0.95,
    )!;
  console.log(`warm p95, all: ${p95(before).toFixed(0)} ms, while training ${p95(during).toFixed(0)} ms`);
  return {
    cold: figuresOf(whole(cold)),
    warm: figuresOf(whole(warm)),
    all: { cold: figuresOf(cold), warm: figuresOf(warm) },
    rssMb: mb(memory.rss),
    whileTraining: { p95Ratio: round(p95(during) / p95(before), 2) },
    swapRssMb: mb(swapRss),
    idleCpuPercent: round(idle, 2),
  };
}

async function grow(
  path: string,
  start: () => Promise<BenchEngine>,
  trace: readonly Step[],
): Promise<Record<string, unknown>> {
  const { tokenizer } = await loadBase(path, defaultCacheDir(), () => undefined);
  const code = trace.flatMap(({ did, snapshot: { before, after } }) => (did === 'open' ? [before + after] : []));
  let ids: number[] = [];
  while (ids.length < 4096) ids = ids.concat(tokenizer.encode(code.join('\n')));
  return { byLength: await growByLength(path, ids), byWindows: await growByWindows(start, trace) };
}

async function reload(engine: BenchEngine): Promise<Record<string, number>> {
  try {
    await engine.rested();
    const restingRssMb = mb(memoryOf(engine.pid).rss);
    const began = performance.now();
    await engine.ask({ path: 'a', languageId: 'plaintext', before: 'a', after: '', startLine: 0, recent: [] });
    return { reloadMs: Math.round(performance.now() - began), restingRssMb };
  } finally {
    await engine.stop();
  }
}

const whole = (all: readonly Timed[]): readonly Timed[] => all.filter(({ written }) => written === TOKENS);
const mb = (value: number): number => Math.round(value);

function figuresOf(all: readonly Timed[]): Record<string, number | null> {
  const ms = all.map((each) => each.ms);
  return { p50Ms: round(percentile(ms, 0.5)), p95Ms: round(percentile(ms, 0.95)) };
}

function spell(all: readonly Timed[]): string {
  const { p50Ms, p95Ms } = figuresOf(all);
  return `p50 ${p50Ms} ms, p95 ${p95Ms} ms`;
}

/** Accepted suggestions to train on: the text that was typed at each place. */
function signals(trace: readonly Step[]): SignalEvent[] {
  return trace.slice(0, 64).flatMap(({ snapshot }, i): SignalEvent[] => {
    const id = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`;
    const text = 'value = compute(input);';
    const suggestion = {
      ...{ id, edit: editAtCursor(snapshot, text, 0), tokenLogprobs: [-1, -1], checkpoint: 'base' },
      ...{ promptHash: 'ab'.repeat(32), promptFormat: 'prefix-1', latencyMs: 10 },
    };
    const at = Date.now();
    return [
      {
        ...{ type: 'offered', eventId: `${id}/offered`, at, windowId: 'bench', suggestion, snapshot },
        ...{ shownAs: 'ghost', trigger: 'automatic' },
      } as const,
      {
        ...{ type: 'outcome', eventId: `${id}/outcome`, at, suggestionId: id, kind: 'accepted', observed: true },
        ...{ reason: 'command', shown: 'inferred', acceptedChars: text.length },
      } as const,
    ];
  });
}
