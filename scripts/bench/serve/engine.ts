/** The engine as it ships, in its own process, with personal adapters to serve and to swap. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Snapshot } from '../../../src/completion/snapshot.ts';
import type { Completion, Effort } from '../../../src/completion/suggestion.ts';
import { type Base, loadBase } from '../../../src/engine/base.ts';
import { EngineClient } from '../../../src/engine/client.ts';
import { checkpointDir, databasePath } from '../../../src/engine/storage.ts';
import { writeAdapter } from '../../../src/model/adapter.ts';
import { defaultCacheDir } from '../../../src/model/cache.ts';
import { type LoraShape, loraSize } from '../../../src/model/lora.ts';
import { Outbox } from '../../../src/signals/outbox.ts';
import type { SignalEvent } from '../../../src/signals/signal.ts';
import { openStore } from '../../../src/signals/store.ts';
import { seeded } from '../../../src/trainer/random.ts';
import { buildInto } from '../../build.ts';
import { ROOT, SHIPPED_ADAPTER } from '../../paths.ts';
import { processorMs } from './figures.ts';
import type { Step } from './trace.ts';

/** Tokens of an answer that the model may choose: the figures are for those that take them all. */
export const TOKENS = 10;
const PATIENCE_MS = 60_000;
/** Processor time after which a trainer has opened its model and is multiplying. */
const LOADED_MS = 8_000;

export interface Timed {
  readonly did: Step['did'];
  readonly ms: number;
  readonly effort: Effort;
}

const NO_EFFORT: Effort = { chosen: 0, forced: 0 };
/** What has nothing in common with any other request. */
const ELSEWHERE: Snapshot = {
  ...{ path: 'elsewhere', languageId: 'plaintext', before: 'elsewhere', after: '', startLine: 0, recent: [] },
};

export class BenchEngine {
  readonly base: Base;
  readonly #client: EngineClient;
  readonly #storageDir: string;
  readonly #logs: string[];

  private constructor(base: Base, client: EngineClient, storageDir: string, logs: string[]) {
    this.base = base;
    this.#client = client;
    this.#storageDir = storageDir;
    this.#logs = logs;
  }

  /** The bundles of a folder's engines. */
  static async build(dir: string): Promise<void> {
    const dist = join(dir, 'dist');
    mkdirSync(dist, { recursive: true });
    for (const name of ['media', 'node_modules']) symlinkSync(join(ROOT, name), join(dir, name), 'junction');
    await buildInto(dist);
  }

  /**
   * @param dir as in `build`; for the database, too
   * @param shape of the adapter that serves
   * @param restAfterMs as the engine's
   */
  static async start(
    dir: string,
    modelPath: string,
    shape: (base: Base) => LoraShape,
    restAfterMs?: number,
  ): Promise<BenchEngine> {
    const [cacheDir, storageDir] = [defaultCacheDir(), join(dir, `storage-${randomUUID()}`)];
    const logs: string[] = [];
    const base = await loadBase(modelPath, cacheDir, () => undefined, SHIPPED_ADAPTER);
    await promote(storageDir, base, shape(base), 1);
    const client = new EngineClient({
      file: join(dir, 'dist', 'engine.cjs'),
      nodePath: process.execPath,
      params: {
        ...{ storageDir, cacheDir, windowId: 'bench', texts: null, trusted: true },
        ...(restAfterMs === undefined ? {} : { restAfterMs }),
        settings: {
          modelPath,
          maxNewTokens: TOKENS,
          eagerness: 'high',
          memory: { enabled: true },
          training: {
            ...{ enabled: true, minSignals: 1_000_000, idleSeconds: 3600, onBattery: true },
            ...{ memoryMb: 1536, tokenBudget: 20_000, device: 'cpu' },
          },
          retention: { days: 90, megabytes: 500 },
        },
      },
      outbox: new Outbox(),
      log: (level, message) => {
        logs.push(message);
        if (level === 'error') console.error(message);
      },
      onState: () => undefined,
    });
    const engine = new BenchEngine(base, client, storageDir, logs);
    client.start();
    await engine.#until('the engine is ready', () => client.state.phase === 'ready');
    return engine;
  }

  get pid(): number {
    return this.#client.pid!;
  }

  async ask(snapshot: Snapshot): Promise<Completion> {
    return this.#client.complete(snapshot, new AbortController().signal, PATIENCE_MS);
  }

  /**
   * Asks one step after the other, each once the last is answered.
   *
   * @param isCold something else is asked before each, so that nothing of its prompt is cached
   */
  async play(steps: readonly Step[], isCold = false): Promise<Timed[]> {
    const timed: Timed[] = [];
    for (const { did, snapshot } of steps) {
      if (isCold) await this.ask(ELSEWHERE);
      const began = performance.now();
      const { effort = NO_EFFORT } = await this.ask(snapshot);
      timed.push({ did, ms: performance.now() - began, effort });
    }
    return timed;
  }

  /** Has an adapter of this shape take the place of the one that serves, and waits until it does. */
  async swap(shape: LoraShape, seed: number): Promise<void> {
    const id = await promote(this.#storageDir, this.base, shape, seed);
    await this.#until('the new adapter serves', () => this.#client.state.checkpoint === id);
  }

  /** Starts a round over these signals and waits until it computes. */
  async train(events: readonly SignalEvent[]): Promise<void> {
    this.#client.record(events);
    await this.#until('signals are stored', () => this.#client.state.training.newSignals > 0);
    const { started, reason } = await this.#client.trainNow();
    if (!started) throw new Error(`no training: ${reason}`);
    const trainer = (): number | null => {
      const found = this.#logs
        .map((line) => /Training round started .*\(process (\d+)/.exec(line))
        .find((m) => m !== null);
      return found ? Number(found[1]) : null;
    };
    await this.#until('the round computes', () => trainer() !== null && processorMs(trainer()!) > LOADED_MS);
  }

  /** Waits until the engine has given the model's memory back, since its start so many times. */
  rested(times: number): Promise<void> {
    const count = (): number => this.#logs.filter((line) => line.includes('memory is given back')).length;
    return this.#until('the model rests', () => count() >= times);
  }

  get isTraining(): boolean {
    return this.#client.state.training.phase === 'running';
  }

  stop(): Promise<void> {
    return this.#client.dispose();
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    const end = Date.now() + 5 * PATIENCE_MS;
    while (!condition()) {
      if (Date.now() > end || this.#client.state.phase === 'failed')
        throw new Error(`never: ${what}; ${JSON.stringify(this.#client.state)}`);
      await sleep(5);
    }
  }
}

/** Writes an adapter that changes what the model says by a little, and makes it the one that serves; its id. */
async function promote(storageDir: string, base: Base, shape: LoraShape, seed: number): Promise<string> {
  const { config, sha256 } = base.model;
  const random = seeded(seed);
  const vector = Float32Array.from({ length: loraSize(config, shape) }, () => 0.002 * (random() - 0.5));
  const id = randomUUID();
  const path = checkpointDir(storageDir, id);
  await writeAdapter(path, { shape, vector }, { config, baseSha256: sha256 });
  const { store } = openStore({ path: databasePath(storageDir), clock: Date.now });
  try {
    const round = store.beginRound({ baseHash: sha256, device: 'cpu', parent: null });
    const figures = { steps: 0, tokens: 0, lossBefore: null, lossAfter: null, device: 'cpu' };
    store.promoteFrom(round, { id, baseHash: sha256, parent: null, path }, {}, { reason: 'Measured.', ...figures });
  } finally {
    store.close();
  }
  return id;
}
