/**
 * The real engine process for tests: bundled as it ships, on a tiny model, asked through the real client.
 *
 * The machine is told to be quiet and on mains power, so that what is tested does not hang on what else runs.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { buildInto } from '../../scripts/build.ts';
import { ROOT } from '../../scripts/paths.ts';
import { editAtCursor } from '../../src/completion/edit.ts';
import type { Snapshot } from '../../src/completion/snapshot.ts';
import { isSuggestion, type Suggestion } from '../../src/completion/suggestion.ts';
import { EngineClient } from '../../src/engine/client.ts';
import type { EngineSettings, EngineState, InitializeParams } from '../../src/engine/protocol.ts';
import { Outbox } from '../../src/signals/outbox.ts';
import type { Offered, Outcome, SignalEvent } from '../../src/signals/signal.ts';
import { writeTinyModel } from '../model/tiny.ts';

export const never = new AbortController().signal;

/** The processors' counters as of an idle machine. */
const QUIET_MACHINE = `
const os = require('node:os');
const from = Date.now();
os.cpus = () => [{ model: '', speed: 0, times: { user: 0, nice: 0, sys: 0, irq: 0, idle: (Date.now() - from) * 4 } }];
require('./engine.cjs');
`;

/** The bundles, a model and a cache for all tests of a file. */
export interface Bench {
  readonly engine: string;
  readonly model: string;
  readonly cacheDir: string;
  readonly dir: string;
  /** An empty folder that lives as long as the bench. */
  folder(): string;
  dispose(): void;
}

export async function makeBench(): Promise<Bench> {
  const dir = mkdtempSync(join(tmpdir(), 'knack-engine-'));
  const dist = join(dir, 'dist');
  mkdirSync(dist);
  for (const name of ['media', 'node_modules']) symlinkSync(join(ROOT, name), join(dir, name), 'junction');
  await buildInto(dist);
  writeFileSync(join(dist, 'quiet.cjs'), QUIET_MACHINE);
  const model = join(dir, 'tiny');
  writeTinyModel(model);
  let folders = 0;
  return {
    engine: join(dist, 'quiet.cjs'),
    model,
    cacheDir: join(dir, 'cache'),
    dir,
    folder: () => join(dir, `storage-${++folders}`),
    dispose: () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }),
  };
}

export interface EngineOptions {
  readonly storageDir?: string;
  readonly cacheDir?: string;
  readonly windowId?: string;
  readonly trusted?: boolean;
  readonly modelPath?: string | null;
  readonly memory?: boolean;
  readonly restAfterMs?: number;
  readonly training?: Partial<EngineSettings['training']>;
}

/** An engine in a window of its own. */
export class Window {
  readonly client: EngineClient;
  readonly outbox = new Outbox();
  readonly states: EngineState[] = [];
  readonly logs: string[] = [];
  readonly params: InitializeParams;

  constructor(bench: Bench, options: EngineOptions) {
    this.params = {
      storageDir: options.storageDir ?? bench.folder(),
      cacheDir: options.cacheDir ?? bench.cacheDir,
      windowId: options.windowId ?? 'window-1',
      texts: null,
      trusted: options.trusted ?? true,
      ...(options.restAfterMs === undefined ? {} : { restAfterMs: options.restAfterMs }),
      settings: {
        modelPath: options.modelPath === undefined ? bench.model : options.modelPath,
        maxNewTokens: 48,
        eagerness: 'medium',
        memory: { enabled: options.memory ?? true },
        training: {
          enabled: true,
          minSignals: 1000,
          idleSeconds: 1,
          onBattery: true,
          memoryMb: 1536,
          tokenBudget: 20_000,
          device: 'cpu',
          ...options.training,
        },
        retention: { days: 90, megabytes: 500 },
      },
    };
    this.client = new EngineClient({
      file: bench.engine,
      nodePath: null,
      params: this.params,
      outbox: this.outbox,
      log: (level, message) => this.logs.push(`${level} ${message}`),
      onState: (state) => this.states.push(state),
      times: { backoff: [10, 10, 10], flushAgain: 100 },
    });
    this.client.start();
  }

  get state(): EngineState {
    return this.client.state;
  }

  get storageDir(): string {
    return this.params.storageDir;
  }

  ready(): Promise<void> {
    return this.until('ready', () => this.state.phase === 'ready');
  }

  /** Resolves once the condition holds. Training has the lowest priority: on a busy machine it takes a while. */
  async until(what: string, condition: () => boolean, timeoutMs = 90_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!condition()) {
      if (Date.now() > end) {
        throw new Error(`never: ${what}; ${JSON.stringify(this.state)}\n${this.logs.join('\n')}`);
      }
      await sleep(20);
    }
  }

  complete(snapshot: Snapshot) {
    return this.client.complete(snapshot, never, 30_000);
  }

  async suggestion(snapshot: Snapshot): Promise<Suggestion> {
    const completion = await this.complete(snapshot);
    if (!isSuggestion(completion)) throw new Error(`no suggestion: ${completion.none}`);
    return completion;
  }

  /** Records events, and resolves once they are acknowledged. */
  async record(events: readonly SignalEvent[]): Promise<void> {
    this.client.record(events);
    await this.until('acknowledged', () => this.outbox.pending().length === 0);
  }

  /** Configures training anew. */
  train(training: Partial<EngineSettings['training']>, trusted = true): void {
    const { settings } = this.params;
    this.client.configure({ ...settings, training: { ...settings.training, ...training } }, trusted, null);
  }

  /** Rows of the database, read from outside. */
  query<Row>(sql: string, ...parameters: unknown[]): Row[] {
    const db = new Database(join(this.storageDir, 'knack.db'), { readonly: true });
    try {
      return db.prepare(sql).all(...parameters) as Row[];
    } finally {
      db.close();
    }
  }

  /** Process ids of trainers that this window's engine has started, in order. */
  get trainers(): number[] {
    return this.logs.flatMap(
      (line) => /Training round started .*\(process (\d+)/.exec(line)?.slice(1).map(Number) ?? [],
    );
  }
}

/** Starts an engine that ends with the test. */
export function openWindow(t: TestContext, bench: Bench, options: EngineOptions = {}): Window {
  const window = new Window(bench, options);
  t.after(() => window.client.dispose());
  return window;
}

/** A place in a file, with the cursor at the end of `before`. */
export function at(before: string, after = '\n'): Snapshot {
  return { path: 'src/a.ts', languageId: 'typescript', before, after, startLine: 0, recent: [] };
}

/** Suggestions that were accepted: offers of `text` in places that differ, and their outcomes. */
export function accepted(count: number, text = 'total();', from = 0): SignalEvent[] {
  return Array.from({ length: count }, (_, i) => {
    const id = `suggestion-${from + i}`;
    const snapshot = at(`const price${from + i} = 1;\nprint`);
    const offer: Offered = {
      type: 'offered',
      eventId: `${id}/offered`,
      at: Date.now(),
      windowId: 'window-1',
      suggestion: {
        id,
        edit: editAtCursor(snapshot, text, 0),
        tokenLogprobs: [-1, -1],
        checkpoint: 'base',
        promptHash: 'ab'.repeat(32),
        promptFormat: 'prefix-1',
        latencyMs: 10,
      },
      snapshot,
      shownAs: 'ghost',
      trigger: 'automatic',
    };
    const outcome: Outcome = {
      type: 'outcome',
      eventId: `${id}/outcome`,
      at: Date.now(),
      suggestionId: id,
      kind: 'accepted',
      observed: true,
      reason: 'command',
      shown: 'inferred',
      acceptedChars: text.length,
    };
    return [offer, outcome];
  }).flat();
}

/** Whether a process runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
