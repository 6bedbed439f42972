/**
 * `npm run bench -- lower`: would a round be faster if what the frozen lower blocks make of an example were computed
 * once and used again in later epochs? The steps of one small round both ways, on the default model, with the adapter
 * that trainer/plan.ts gives by default: signals come again in each epoch, ordinary code is drawn anew.
 */
import { dirname } from 'node:path';
import { createSession, float32, int64, type Tensor } from '../../src/engine/runtime.ts';
import { StatefulSession } from '../../src/engine/stateful.ts';
import { defaultCacheDir } from '../../src/model/cache.ts';
import { initialLora } from '../../src/model/lora.ts';
import { mapped } from '../../src/model/network.ts';
import { openModel } from '../../src/model/source.ts';
import { prepareWeights } from '../../src/model/weights.ts';
import { crossEntropy } from '../../src/trainer/objective.ts';
import { stepScalars } from '../../src/trainer/optimizer.ts';
import { loraFor } from '../../src/trainer/plan.ts';
import { seeded } from '../../src/trainer/random.ts';
import { RECIPE } from '../../src/trainer/round.ts';
import { buildLowerGraph, buildTrainStep } from '../../src/trainer/step.ts';
import { baseModel } from '../base-model.ts';
import { step } from '../progress.ts';

const [BATCH, TIME, ROWS] = [2, 256, 96];
const SIGNALS = 8;
const MEMORY_MB = 1536;
const THREADS = 2;

export async function benchLower(): Promise<void> {
  const random = seeded(1);
  const model = await openModel(await baseModel(() => undefined), { cacheDir: defaultCacheDir() });
  const blob = await prepareWeights(model, defaultCacheDir());
  const { config } = model;
  const weights = mapped(blob);
  const options = { threads: THREADS, folder: dirname(blob.path), prepack: false };
  const lora = loraFor(config, MEMORY_MB);
  const below = Math.min(...lora.layers);
  const objectives = [crossEntropy()];
  const shape = { batch: BATCH, time: TIME, rows: ROWS, objectives };
  const token = (): number => Math.floor(random() * config.vocab);
  const fixed: Record<string, Tensor> = {
    rows: int64(
      [ROWS],
      Array.from({ length: ROWS }, () => Math.floor(random() * BATCH * TIME)),
    ),
    labels: int64([ROWS], Array.from({ length: ROWS }, token)),
    weight: float32([ROWS], new Float32Array(ROWS).fill(1 / ROWS)),
    ...Object.fromEntries(
      Object.entries(stepScalars(1, { lr: 1e-4, maxNorm: 1, normLimit: 1e6 })).map(([k, v]) => [k, float32([], [v])]),
    ),
  };
  const batches = (count: number): Tensor[] =>
    Array.from({ length: count / BATCH }, () => int64([BATCH, TIME], Array.from({ length: BATCH * TIME }, token)));
  const signals = batches(SIGNALS);
  const ordinary = Array.from({ length: RECIPE.mostEpochs }, () => batches(SIGNALS * RECIPE.ordinaryShare));
  const open = (from?: number): Promise<StatefulSession> => {
    const vector = initialLora(config, lora, seeded(2));
    const zeros = (): Tensor => float32([vector.length], new Float32Array(vector.length));
    const state = { lora: float32([vector.length], vector), 'lora.mean': zeros(), 'lora.square': zeros() };
    const graph = buildTrainStep(config, weights, lora, from === undefined ? shape : { ...shape, from });
    return StatefulSession.create(graph, state, options);
  };
  /** Milliseconds of all steps of a round, after a warm-up. */
  const round = async (run: (ids: Tensor) => Promise<void>, begin: () => void): Promise<number> => {
    await run(batches(BATCH)[0]!);
    begin();
    const start = performance.now();
    for (const mixed of ordinary) for (const ids of [...signals, ...mixed]) await run(ids);
    return performance.now() - start;
  };

  const wholeMs = await step(
    `whole steps, ${lora.layers.length} of ${config.layers} blocks adapted`,
    async (detail) => {
      const session = await open();
      const ms = await round(
        async (ids) => void (await session.run({ ids, ...fixed }, ['loss'])),
        () => undefined,
      );
      await session.release();
      detail(`${(ms / 1000).toFixed(1)} s, ${memory()} MB at most`);
      return ms;
    },
  );
  const cachedMs = await step(`the ${below} blocks below once an example`, async (detail) => {
    const session = await open(below);
    const lower = await createSession(buildLowerGraph(config, weights, below, shape), options);
    const known = new Map<Tensor, Tensor>();
    const ms = await round(
      async (ids) => {
        const hidden = known.get(ids) ?? (await lower.run({ ids })).hidden!;
        known.set(ids, hidden);
        await session.run({ hidden, ...fixed }, ['loss']);
      },
      () => known.clear(),
    );
    for (const each of [session, lower]) await each.release();
    detail(`${(ms / 1000).toFixed(1)} s, ${memory()} MB at most (of both)`);
    return ms;
  });
  console.log(JSON.stringify({ wholeMs, cachedMs, share: cachedMs / wholeMs, peakRssMb: memory() }));
}

function memory(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}
