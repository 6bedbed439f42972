/**
 * When to train: asks the store every few seconds, holds the lease that makes one trainer serve all windows, and
 * ends the trainer as soon as the developer is back.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mayTrain } from '../signals/idle.ts';
import type { Store } from '../signals/store.ts';
import { onBattery } from './battery.ts';
import type { FromTrainer, ToTrainer, TrainJob } from './job.ts';
import { LoadMeter } from './load.ts';
import type { EngineSettings, EngineState } from './protocol.ts';

const LEASE = 'trainer';
const LEASE_MS = 60_000;
const TICK_MS = 2000;
/** A trainer that was asked to stop ends between two steps; one that does not is ended. */
const STOP_MS = 15_000;
/** After a crash the batch is halved; after this many crashes in a row training rests until the next start. */
const MOST_CRASHES = 3;

export interface ScheduleOptions {
  readonly store: Store;
  readonly windowId: string;
  readonly baseHash: string;
  readonly trainerPath: string;
  /** What a round needs beside what the schedule adds. */
  readonly job: Pick<TrainJob, 'storageDir' | 'cacheDir' | 'modelPath'>;
  readonly settings: () => EngineSettings;
  readonly trusted: () => boolean;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
  /** The training part of the state changed. */
  readonly onState: () => void;
  /** A round ended: the pointer to the current checkpoint may have moved. */
  readonly onRound: (promoted: boolean) => void;
  readonly clock: () => number;
}

export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #meter = new LoadMeter();
  #child: ChildProcess | null = null;
  #forced = false;
  #startedAt = 0;
  #stopAsked = 0;
  #crashes = 0;
  #ticking = false;
  #state: EngineState['training'] = { phase: 'waiting', message: '', newSignals: 0 };

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.tick(), TICK_MS);
    this.#timer.unref();
  }

  get state(): EngineState['training'] {
    return this.#state;
  }

  /** Looks once; called by the timer. Never throws: a broken store is reported once a tick, in the state. */
  async tick(): Promise<void> {
    if (this.#ticking) return;
    this.#ticking = true;
    try {
      if (this.#child !== null) this.#watch();
      else await this.#consider();
    } catch (error) {
      this.#set('waiting', `Training waits: ${(error as Error).message}`);
    } finally {
      this.#ticking = false;
    }
  }

  /** Starts a round without waiting for idleness. */
  trainNow(): { started: boolean; reason: string } {
    if (this.#child !== null) return { started: false, reason: 'A round is running already.' };
    if (!this.#options.trusted()) return { started: false, reason: 'This workspace is not trusted.' };
    if (this.#newSignals() === 0) return { started: false, reason: 'There are no new signals to learn from.' };
    return this.#start(true);
  }

  /** Ends the round, if this window runs one; nothing of it stays. */
  stop(reason: string): void {
    this.#child?.kill('SIGKILL');
    this.#child = null;
    this.#options.store.releaseLease(LEASE, this.#owner());
    this.#set('waiting', reason);
  }

  dispose(): void {
    clearInterval(this.#timer);
    this.stop('The engine ends.');
  }

  #owner(): string {
    return `${this.#options.windowId}:${process.pid}`;
  }

  #newSignals(): number {
    return this.#options.store.newSignals(this.#options.baseHash);
  }

  async #consider(): Promise<void> {
    const { store, settings, trusted, clock } = this.#options;
    const { training } = settings();
    const newSignals = this.#newSignals();
    const decision = mayTrain({
      now: clock(),
      lastActivity: store.lastActivity() ?? 0,
      idleSeconds: training.idleSeconds,
      newSignals,
      minSignals: training.minSignals,
      load: this.#meter.share(),
      // Asked only where it could matter: on some platforms the question starts a process.
      onBattery:
        training.enabled && newSignals >= training.minSignals && !training.onBattery ? await onBattery() : false,
      allowBattery: training.onBattery,
      trusted: trusted(),
      enabled: training.enabled,
    });
    if (!decision.go) {
      this.#set(training.enabled && trusted() ? 'waiting' : 'off', decision.reason, newSignals);
    } else if (this.#crashes >= MOST_CRASHES) {
      this.#set(
        'waiting',
        `The trainer ended unexpectedly ${this.#crashes} times; it rests until the next start. Set knack.nodePath to a Node of your own if this goes on.`,
        newSignals,
      );
    } else {
      const { started, reason } = this.#start(false);
      if (!started) this.#set('waiting', reason, newSignals);
    }
  }

  #start(forced: boolean): { started: boolean; reason: string } {
    const { store, settings, trainerPath, clock, log } = this.#options;
    if (!store.acquireLease(LEASE, this.#owner(), LEASE_MS)) {
      return { started: false, reason: 'Another window is training.' };
    }
    const { training } = settings();
    const env = { ...process.env };
    delete env.NODE_OPTIONS;
    const child = fork(trainerPath, [], {
      execArgv: ['--enable-source-maps'],
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const job: TrainJob = {
      ...this.#options.job,
      leaseOwner: this.#owner(),
      memoryMb: training.memoryMb,
      tokenBudget: training.tokenBudget,
      batchShare: 0.5 ** this.#crashes,
      seed: Math.floor(clock() / 1000) >>> 0,
    };
    this.#child = child;
    this.#forced = forced;
    this.#startedAt = clock();
    this.#stopAsked = 0;
    let ended: FromTrainer | null = null;
    child.stdout?.on('data', (data) => log('debug', `trainer: ${data}`.trimEnd()));
    child.stderr?.on('data', (data) => log('warn', `trainer: ${data}`.trimEnd()));
    child.on('message', (message: FromTrainer) => {
      if (message.type === 'progress') this.#set('running', message.message);
      else if (message.type === 'log') log(message.level, message.message);
      else ended = message;
    });
    child.on('error', (error) => log('error', `The trainer could not be started: ${error.message}`));
    child.on('close', (code, signal) => this.#closed(child, ended, code, signal));
    child.send({ type: 'train', job } satisfies ToTrainer);
    this.#set('running', 'Learning from your edits.');
    log('info', `Training round started (process ${child.pid}, batch share ${job.batchShare}).`);
    return { started: true, reason: 'Started.' };
  }

  /** While a round runs: keep the lease, and stop it when the developer is back. */
  #watch(): void {
    const { store, clock, log } = this.#options;
    store.renewLease(LEASE, this.#owner(), LEASE_MS);
    const back = !this.#forced && (store.lastActivity() ?? 0) > this.#startedAt;
    if (back && this.#stopAsked === 0) {
      this.#stopAsked = clock();
      this.#child!.send({ type: 'stop' } satisfies ToTrainer);
      this.#set('running', 'Stopping: you are back.');
      log('info', 'The training round stops: something was done in a window.');
    } else if (this.#stopAsked > 0 && clock() - this.#stopAsked > STOP_MS) {
      this.#child!.kill('SIGKILL');
    }
  }

  #closed(child: ChildProcess, ended: FromTrainer | null, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#child !== child) return;
    const { store, log, onRound } = this.#options;
    this.#child = null;
    store.releaseLease(LEASE, this.#owner());
    if (ended?.type === 'done') {
      this.#crashes = 0;
      log('info', `Training round ended: ${ended.reason}`);
      this.#set('waiting', ended.reason);
      onRound(ended.promoted);
      return;
    }
    if (this.#stopAsked === 0) this.#crashes++;
    const reason =
      ended?.type === 'failed' ? ended.message : `The trainer ended unexpectedly (${signal ?? `exit status ${code}`}).`;
    log('error', this.#crashes > 0 ? `${reason} The next round takes a smaller batch.` : reason);
    this.#set('waiting', reason);
    onRound(false);
  }

  #set(phase: EngineState['training']['phase'], message: string, newSignals = this.#newSignals()): void {
    const before = this.#state;
    if (before.phase === phase && before.message === message && before.newSignals === newSignals) return;
    this.#state = { phase, message, newSignals };
    this.#options.onState();
  }
}
