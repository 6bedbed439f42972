/**
 * The test that a device must pass before it serves: the same next tokens as the CPU's in fp32, from the model that is to
 * be served, and how long an answer takes there and, in 8 bit, on the CPU. Runs in the probe's process.
 */
import type { Forward, KvCache } from '../model/decode.ts';
import { loraFor } from '../trainer/plan.ts';
import { loadBase, shippedTuning } from './base.ts';
import { DEVICE_NAMES, type Device, refusal, softwareAdapter } from './device.ts';
import { compare } from './fidelity.ts';
import { SessionForward } from './forward.ts';
import { loaded } from './loaded.ts';
import type { ProbeJob, ProbeResult, ServingTrial } from './probe-job.ts';
import { pieces, readyQuantised } from './quantised-base.ts';

/**
 * Most nats by which the next token may differ from the CPU's (Kullback-Leibler, on average). SwiftShader shows 1e-9,
 * half precision some 1e-4; 8 bit on the CPU, which serves otherwise, 1e-2.
 */
export const MOST_DIVERGENCE = 1e-3;

/** Texts that are compared, and how many tokens of each; software adapters take seconds for one of a few tokens. */
const TEXTS = { hardware: { count: 3, tokens: 128 }, software: { count: 1, tokens: 16 } } as const;
/** An answer: tokens that are cached, that come, and that are written. */
const ANSWER = { cached: 256, fresh: 64, written: 10 } as const;
const TIMED = 3;

/** Throws nothing that a device can be blamed for: that is the result. @param onStage as `probe`'s */
export async function probeServing(
  { device, hardware, serving }: ProbeJob & { readonly serving: ServingTrial },
  onStage: (stage: string) => void,
): Promise<ProbeResult> {
  const result = { device, trusted: false, reason: '', software: null, stepMs: null, cpuStepMs: null, timed: null };
  const name = DEVICE_NAMES[device];
  const { modelPath, cacheDir, promptStyle, memoryMb, threads } = serving;
  const open: SessionForward[] = [];
  try {
    onStage('opening the model');
    const base = await loadBase(modelPath, cacheDir, () => undefined, shippedTuning(), promptStyle);
    const shape = loraFor(base.model.config, memoryMb);
    const forwardOn = async (own: typeof base, on: Device): Promise<SessionForward> => {
      const forward = await SessionForward.create(own, shape, threads, on !== 'cpu' || own.quantised !== undefined, on);
      open.push(forward);
      return forward;
    };
    onStage(`opening ${name}`);
    const there = await forwardOn(base, device);
    // After the device: most machines have none, and know it at once.
    const cpu = await forwardOn(base, 'cpu');
    const software = device === 'cpu' ? null : softwareAdapter(loaded().libraries, hardware);
    onStage(`serving on ${name}`);
    const { count, tokens } = TEXTS[software === null ? 'hardware' : 'software'];
    const texts = pieces(base).slice(0, count);
    const { divergence } = await compare(
      inTwo(cpu),
      inTwo(there),
      texts.map((ids) => ids.slice(0, tokens)),
    );
    // A comparison with NaN is false.
    if (!(divergence <= MOST_DIVERGENCE)) {
      const by = Number.isNaN(divergence) ? 'are not numbers' : `differ by ${divergence.toExponential(1)} nats`;
      const reason = `${name} computes something else: the next tokens ${by} (allowed: ${MOST_DIVERGENCE}).`;
      return { ...result, software, reason };
    }
    if (software !== null) return { ...result, trusted: true, software };
    const ids = pieces(base).flat();
    onStage(`measuring ${name}`);
    const stepMs = await answerMs(there, ids);
    onStage('measuring the CPU');
    await cpu.release();
    const served = (await readyQuantised(base, cacheDir)) ?? base;
    const cpuStepMs = await answerMs(served === base ? cpu : await forwardOn(served, 'cpu'), ids);
    return { ...result, trusted: true, software, stepMs, cpuStepMs, timed: 'answer' };
  } catch (error) {
    return { ...result, reason: refusal(device, error as Error) };
  } finally {
    for (const forward of open) await forward.release().catch(() => undefined);
  }
}

/** Runs the second half of what it is given on the cache of the first. */
function inTwo(forward: Forward): Forward {
  return {
    vocab: forward.vocab,
    async run(ids, cache: KvCache | null, rows) {
      const half = ids.length >> 1;
      const [early, late] = [rows.filter((row) => row < half), rows.filter((row) => row >= half)];
      const first = await forward.run(ids.slice(0, half), cache, early);
      const second = await forward.run(
        ids.slice(half),
        first.cache,
        late.map((row) => row - half),
      );
      const logits = new Float32Array(first.logits.length + second.logits.length);
      logits.set(first.logits);
      logits.set(second.logits, first.logits.length);
      return { logits, cache: second.cache };
    },
  };
}

/** The middle of a few times of an answer; one comes before them that does not count. */
async function answerMs(forward: Forward, ids: readonly number[]): Promise<number> {
  const { cached, fresh, written } = ANSWER;
  const { cache } = await forward.run(ids.slice(0, cached), null, [0]);
  const times: number[] = [];
  for (let n = 0; n <= TIMED; n++) {
    const began = performance.now();
    let now = (await forward.run(ids.slice(cached, cached + fresh), cache.slice(cached), [fresh - 1])).cache;
    for (let i = 1; i < written; i++) now = (await forward.run([ids[i]!], now, [0])).cache;
    if (n > 0) times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[TIMED >> 1]!;
}
