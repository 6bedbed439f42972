/** The measurements on a running engine, one function each: what they return goes into the bench's last line. */
import { setTimeout as sleep } from 'node:timers/promises';
import { editAtCursor } from '../../../src/completion/edit.ts';
import type { LoraShape } from '../../../src/model/lora.ts';
import type { SignalEvent } from '../../../src/signals/signal.ts';
import { step } from '../../progress.ts';
import { type BenchEngine, TOKENS } from './engine.ts';
import { forgetPeak, idleShare, memoryOf, percentile, round } from './figures.ts';
import { figuresOf, line, longestOf, type Request, requestsOf, spell, whole } from './requests.ts';
import type { Step } from './trace.ts';

/** Requests of a trace that warm up: pages are mapped, buffers are made. */
const FIRST = 20;
/** Cold requests, at most. */
const COLD = 40;
/** Steps that are played with and without a trainer beside. */
const BESIDE = 120;
/** V8 collects once some eight seconds after the last request, for a tenth of a second: that is in it, once. */
const IDLE_MS = 30_000;
const RELOADS = 3;

type Result = Record<string, unknown>;

/** @param each prints every request */
export async function latency(engine: BenchEngine, trace: readonly Step[], each: boolean): Promise<Result> {
  const prompts = trace.map(({ snapshot }) => engine.base.format.ask(snapshot).prompt.ids);
  const played = await step(`${trace.length} requests`, async () => {
    await engine.play(trace.slice(0, FIRST));
    return requestsOf(await engine.play(trace), prompts);
  });
  const chosen = longestOf(trace, prompts, COLD);
  const [steps, ids] = [chosen.map((i) => trace[i]!), chosen.map((i) => prompts[i]!)];
  const cold = await step(`${steps.length} cold requests`, async () =>
    requestsOf(await engine.play(steps, true), ids, true),
  );
  if (each) {
    for (const [i, request] of played.entries()) console.log(line('trace', request, trace[i]!));
    for (const [i, request] of cold.entries()) console.log(line('cold', request, steps[i]!));
  }
  const warm = played.filter(({ did }) => did === 'type');
  const jumps = played.filter(({ did }) => did !== 'type');
  const all = { cold: figuresOf(cold), warm: figuresOf(warm), jumps: figuresOf(jumps) };
  const ten = (of: readonly Request[]) => figuresOf(whole(of, TOKENS));
  for (const [name, figures] of Object.entries({ cold: ten(cold), warm: ten(warm), jumps: ten(jumps) }))
    console.log(`${name}, ${TOKENS} tokens: ${spell(figures)} (all ${spell(all[name as keyof typeof all])})`);
  const memory = memoryOf(engine.pid);
  console.log(
    `resident ${mb(memory.rss)} MB: ${mb(memory.anonymous)} of its own, ${mb(memory.mapped)} mapped; peak ${mb(memory.peak)}`,
  );
  return { cold: ten(cold), warm: ten(warm), all, rssMb: mb(memory.rss), peakRssMb: mb(memory.peak) };
}

/** Processor time while nothing is asked, right after some requests. */
export async function idle(engine: BenchEngine, trace: readonly Step[]): Promise<Result> {
  await engine.play(trace.slice(0, FIRST));
  return { idleCpuPercent: round(await step('Idle', () => idleShare(engine.pid, IDLE_MS)), 2) };
}

/** Memory while other adapters are taken up, of the same and of another rank. */
export async function swaps(engine: BenchEngine, trace: readonly Step[], shape: LoraShape): Promise<Result> {
  await engine.play(trace.slice(0, FIRST));
  return step('Other adapters', async (detail) => {
    forgetPeak(engine.pid);
    await engine.swap(shape, 2);
    const same = memoryOf(engine.pid).peak;
    forgetPeak(engine.pid);
    await engine.swap({ ...shape, rank: 2 * shape.rank }, 3);
    const other = memoryOf(engine.pid).peak;
    detail(`peak ${mb(same)} MB; of another rank ${mb(other)} MB`);
    await engine.swap(shape, 1);
    return { swapRssMb: mb(Math.max(same, other)) };
  });
}

export async function whileTraining(engine: BenchEngine, trace: readonly Step[]): Promise<Result> {
  const steps = trace.slice(0, BESIDE);
  await engine.play(steps.slice(0, FIRST));
  const before = await step('Without a trainer', () => engine.play(steps));
  const during = await step('While a round trains', async () => {
    await engine.train(signals(trace));
    const timed = await engine.play(steps);
    if (!engine.isTraining) throw new Error('the round ended before the requests did');
    return timed;
  });
  const p95 = (all: typeof before): number => {
    const ms = all.flatMap((each) => (each.did === 'type' ? [each.ms] : []));
    return percentile(ms, 0.95)!;
  };
  console.log(`warm p95, all: ${p95(before).toFixed(0)} ms, while training ${p95(during).toFixed(0)} ms`);
  return { whileTraining: { p95Ratio: round(p95(during) / p95(before), 2) } };
}

/**
 * The middle of a few times: a request with a prompt of a few tokens to an engine that had given the model's memory back.
 *
 * @param engine one that rests soon
 */
export async function reload(engine: BenchEngine): Promise<Result> {
  return step('Resting', async (detail) => {
    const times: number[] = [];
    let restingRssMb = 0;
    for (let n = 1; n <= RELOADS; n++) {
      await engine.rested(n);
      await sleep(500);
      restingRssMb = mb(memoryOf(engine.pid).rss);
      const began = performance.now();
      await engine.ask({ path: 'a', languageId: 'plaintext', before: 'a', after: '', startLine: 0, recent: [] });
      times.push(performance.now() - began);
    }
    detail(`${times.map((ms) => ms.toFixed(0)).join(', ')} ms; ${restingRssMb} MB at rest`);
    return { reloadMs: round(percentile(times, 0.5)), restingRssMb };
  });
}

const mb = (value: number): number => Math.round(value);

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
