/** Entry of the trainer's process: one round, at low priority, from the database to a promoted checkpoint or none. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { type Adapter, writeAdapter } from '../model/adapter.ts';
import { initialLora } from '../model/lora.ts';
import { openStore, type Store } from '../signals/store.ts';
import { EXAMPLE_LIMITS, examplesOf } from '../trainer/examples.ts';
import { loraFor } from '../trainer/plan.ts';
import { seeded } from '../trainer/random.ts';
import type { RoundResult } from '../trainer/round.ts';
import { type Base, loadBase, shippedTuning } from './base.ts';
import { BASE, loadCurrent, pruneCheckpoints, removePartialCheckpoints } from './checkpoint.ts';
import type { Device } from './device.ts';
import type { FromTrainer, ToTrainer, TrainJob } from './job.ts';
import { learnFrom, MOST_SIGNALS } from './learning.ts';
import { checkpointDir, databasePath } from './storage.ts';
import { TRAINING_THREADS } from './threads.ts';

const CODE = join(dirname(process.argv[1]!), '..', 'media', 'code');

let stopped = false;

process.on('message', (message: ToTrainer) => {
  if (message.type === 'stop') stopped = true;
  else void train(message.job);
});
// The engine is gone: nobody waits for this round, and nobody would stop it.
process.on('disconnect', () => process.exit(1));

async function train(job: TrainJob): Promise<void> {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // Some systems do not allow it; few threads are what is left.
  }
  try {
    send({ type: 'done', ...(await round(job)) });
    process.exitCode = 0;
  } catch (error) {
    send({ type: 'failed', message: (error as Error).message });
    send({ type: 'log', level: 'error', message: (error as Error).stack ?? String(error) });
    process.exitCode = 1;
  }
  process.disconnect();
}

async function round(job: TrainJob): Promise<{ promoted: boolean; reason: string }> {
  const { store } = openStore({ path: databasePath(job.storageDir), clock: Date.now });
  try {
    await removePartialCheckpoints(job.storageDir);
    const base = await loadBase(job.modelPath, job.cacheDir, () => undefined, shippedTuning(), job.promptStyle);
    const { config, sha256 } = base.model;
    const loaded = await loadCurrent(store, job.storageDir, base, (message) =>
      send({ type: 'log', level: 'warn', message }),
    );
    const parent = loaded.checkpoint === BASE.checkpoint ? null : loaded.checkpoint;
    const lora = loaded.adapter?.shape ?? loraFor(config, job.memoryMb);
    const start = loaded.adapter ?? { shape: lora, vector: initialLora(config, lora, seeded(job.seed)) };
    const device = { text: deviceText(job.device, job.deviceReason) };
    const id = store.beginRound({ baseHash: sha256, device: device.text, parent });
    const figures = (result?: RoundResult) => ({
      steps: result?.steps ?? 0,
      tokens: result?.tokens ?? 0,
      lossBefore: result?.verdict.metrics.lossBefore ?? null,
      lossAfter: result?.verdict.metrics.lossAfter ?? null,
      device: device.text,
    });
    const end = (decision: 'refused' | 'stopped' | 'failed', reason: string, result?: RoundResult) =>
      store.endRound(id, { decision, reason, ...figures(result), checkpoint: null });
    try {
      const result = await learn(job, base, start, store, canaryKey(sha256, parent), {
        shouldStop: () => stopped || !store.roundIsOpen(id),
        onFallback: (reason) => {
          device.text = deviceText('cpu', reason);
          send({ type: 'device-failed', device: job.device, reason });
        },
      });
      // A window has deleted what this may have learned from: that goes too.
      if (!store.roundIsOpen(id))
        return { promoted: false, reason: 'Stopped: something that it learned from was deleted.' };
      if (result === null) {
        end('stopped', 'You came back before the round was over.');
        return { promoted: false, reason: 'Stopped: you came back.' };
      }
      const { promote, reason, metrics } = result.verdict;
      if (!promote) {
        end('refused', reason, result);
        return { promoted: false, reason: `Not taken up. ${reason}` };
      }
      const checkpoint = randomUUID();
      const path = checkpointDir(job.storageDir, checkpoint);
      await writeAdapter(path, { shape: lora, vector: result.parameters }, { config, baseSha256: sha256 });
      try {
        store.promoteFrom(
          id,
          { id: checkpoint, baseHash: sha256, parent, path },
          { ...metrics, trainLoss: [result.lossFirst, result.lossLast], droppedSteps: result.dropped },
          { reason, ...figures(result) },
        );
      } catch (error) {
        await rm(path, { recursive: true, force: true });
        throw error;
      }
      store.putCanary(canaryKey(sha256, checkpoint), result.canaryLoss);
      await pruneCheckpoints(store, job.storageDir, sha256);
      return { promoted: true, reason };
    } catch (error) {
      if (store.roundIsOpen(id)) end('failed', (error as Error).message);
      throw error;
    }
  } finally {
    store.close();
  }
}

/** @returns null if it was stopped */
async function learn(
  job: TrainJob,
  base: Base,
  start: Adapter,
  store: Store,
  canaryKey: string,
  { shouldStop, onFallback }: { shouldStop: () => boolean; onFallback: (reason: string) => void },
): Promise<RoundResult | null> {
  const rows = store.exampleRows({ limit: MOST_SIGNALS });
  const examples = rows.flatMap((row) => examplesOf(row, base.format, EXAMPLE_LIMITS));
  const known = store.canary(canaryKey);
  const result = await learnFrom(base, start, examples, {
    code: CODE,
    threads: TRAINING_THREADS,
    device: job.device,
    memoryMb: job.memoryMb,
    batchShare: job.batchShare,
    tokenBudget: job.tokenBudget,
    seed: job.seed,
    canaryLoss: typeof known === 'number' ? known : null,
    shouldStop,
    onFallback,
    onPlan: (plan) => send({ type: 'log', level: 'info', message: `${rows.length} signals: ${plan}` }),
    onProgress: (message) => send({ type: 'progress', message }),
  });
  if (result !== null) store.putCanary(canaryKey, result.canaryLossBefore);
  return result;
}

/** The database's column: what it ran on and, in parentheses, why not on another. */
function deviceText(device: Device, reason: string): string {
  return reason === '' ? device : `${device} (${reason})`;
}

/** Where the canary's loss under a checkpoint (null: the base) is kept. Another canary gets another version. */
function canaryKey(baseSha256: string, checkpoint: string | null): string {
  return `canary-2:${baseSha256}:${checkpoint ?? 'base'}`;
}

function send(message: FromTrainer): void {
  process.send?.(message);
}
