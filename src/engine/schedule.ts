/**
 * When to train: asks the store every few seconds, holds the lease that makes one trainer serve all windows, and
 * ends the trainer as soon as the developer is back.
 */
import type { ChildProcess } from 'node:child_process';
import { t } from '@vscode/l10n';
import { mayTrain } from '../signals/idle.ts';
import type { Store } from '../signals/store.ts';
import { onBattery } from './battery.ts';
import { DEVICE_NAMES, type Device } from './device.ts';
import type { Choice, Devices } from './devices.ts';
import { trainerEnvironment } from './environment.ts';
import { forkOwn } from './fork.ts';
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
/** A device that lets a step take so long is taken for hung: the first one compiles, which has been seen to take 13 s. */
const SILENT_MS = 300_000;

export interface ScheduleOptions {
  readonly store: Store;
  readonly windowId: string;
  readonly baseHash: string;
  readonly trainerPath: string;
  readonly devices: Devices;
  /** What a round needs beside what the schedule adds. */
  readonly job: Pick<TrainJob, 'storageDir' | 'cacheDir' | 'modelPath' | 'promptStyle'>;
  readonly settings: () => EngineSettings;
  readonly trusted: () => boolean;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
  /** Something that the user has to know. */
  readonly notice: (message: string) => void;
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
  /** A device is being chosen for a round that begins then; each has a token of its own, so that it can be given up. */
  #choosing: object | null = null;
  #device: Device = 'cpu';
  #heardAt = 0;
  #silent = false;
  #forced = false;
  #startedAt = 0;
  #stopAsked = 0;
  #crashes = 0;
  #ticking = false;
  /** Where training runs and why, for people. */
  #where = '';
  #state: EngineState['training'] = { phase: 'waiting', message: '', newSignals: 0 };

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.tick(), TICK_MS);
    this.#timer.unref();
  }

  get state(): EngineState['training'] {
    return this.#where === '' ? this.#state : { ...this.#state, device: this.#where };
  }

  /** Looks once; called by the timer. Never throws: a broken store is reported once a tick, in the state. */
  async tick(): Promise<void> {
    if (this.#ticking) return;
    this.#ticking = true;
    try {
      if (this.#choosing !== null) this.#options.store.renewLease(LEASE, this.#owner(), LEASE_MS);
      else if (this.#child !== null) this.#watch();
      else await this.#consider();
    } catch (error) {
      this.#set('waiting', t('Training waits: {0}', (error as Error).message));
    } finally {
      this.#ticking = false;
    }
  }

  /** Starts a round without waiting for idleness. */
  trainNow(): { started: boolean; reason: string } {
    if (this.#busy()) return { started: false, reason: t('A round is running already.') };
    if (!this.#options.settings().training.enabled) {
      return { started: false, reason: t('Training is switched off: knack.training.enabled.') };
    }
    if (!this.#options.trusted()) return { started: false, reason: t('This workspace is not trusted.') };
    if (this.#newSignals() === 0) return { started: false, reason: t('There are no new signals to learn from.') };
    return this.#start(true);
  }

  /** Tests the devices again, and says what was found. */
  async testDevices(): Promise<string> {
    if (this.#busy()) return t('A round is running: try again when it is over.');
    const { devices, settings } = this.#options;
    await devices.forget();
    const choice = await devices.choose(settings().training.device);
    this.#tell(choice);
    return `${where(choice)}.`;
  }

  /** Ends the round, if this window runs one; nothing of it stays. */
  stop(reason: string): void {
    this.#child?.kill('SIGKILL');
    this.#child = null;
    this.#choosing = null;
    this.#options.store.releaseLease(LEASE, this.#owner());
    this.#set('waiting', reason);
  }

  dispose(): void {
    clearInterval(this.#timer);
    this.#options.devices.dispose();
    this.stop(t('The engine ends.'));
  }

  #busy(): boolean {
    return this.#child !== null || this.#choosing !== null;
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
    // What is left after something was forgotten was enough before.
    const minSignals = store.relearns(this.#options.baseHash) ? 1 : training.minSignals;
    const decision = mayTrain({
      now: clock(),
      lastActivity: store.lastActivity() ?? 0,
      idleSeconds: training.idleSeconds,
      newSignals,
      minSignals,
      load: this.#meter.share(),
      // Asked only where it could matter: on some platforms the question starts a process.
      onBattery: training.enabled && newSignals >= minSignals && !training.onBattery ? await onBattery() : false,
      allowBattery: training.onBattery,
      trusted: trusted(),
      enabled: training.enabled,
    });
    if (!decision.go) {
      this.#set(training.enabled && trusted() ? 'waiting' : 'off', decision.reason, newSignals);
    } else if (this.#crashes >= MOST_CRASHES) {
      this.#set(
        'waiting',
        t(
          'The trainer ended unexpectedly {0} times; it rests until the next start. Set knack.nodePath to a Node of your own if this goes on.',
          this.#crashes,
        ),
        newSignals,
      );
    } else {
      const { started, reason } = this.#start(false);
      if (!started) this.#set('waiting', reason, newSignals);
    }
  }

  #start(forced: boolean): { started: boolean; reason: string } {
    const { store, clock, log } = this.#options;
    if (this.#busy()) return { started: false, reason: t('A round is running already.') };
    if (!store.acquireLease(LEASE, this.#owner(), LEASE_MS)) {
      return { started: false, reason: t('Another window is training.') };
    }
    this.#forced = forced;
    this.#startedAt = clock();
    this.#stopAsked = 0;
    this.#set('running', t('Choosing the device to train on.'));
    const own = {};
    this.#choosing = own;
    void this.#begin(own).catch((error: Error) => {
      log('error', `The round did not begin: ${error.stack ?? error.message}`);
      if (this.#choosing === own) this.stop(error.message);
    });
    return { started: true, reason: t('Started.') };
  }

  /** Chooses a device, which may take a test of minutes the first time, and starts the trainer on it. */
  async #begin(own: object): Promise<void> {
    const { store, settings, devices, clock, log } = this.#options;
    const choice = await devices.choose(settings().training.device);
    if (this.#choosing !== own) return; // stopped meanwhile
    this.#choosing = null;
    this.#tell(choice);
    if (!this.#forced && (store.lastActivity() ?? 0) > this.#startedAt) return this.stop(t('You came back.'));
    const { training } = settings();
    const job: TrainJob = {
      ...this.#options.job,
      leaseOwner: this.#owner(),
      memoryMb: training.memoryMb,
      tokenBudget: training.tokenBudget,
      batchShare: 0.5 ** this.#crashes,
      seed: Math.floor(clock() / 1000) >>> 0,
      device: choice.device,
      deviceReason: choice.reason,
    };
    const child = this.#fork(job);
    this.#set('running', t('Learning from your edits.'));
    log('info', `Training round started on ${choice.device} (process ${child.pid}, batch share ${job.batchShare}).`);
  }

  #fork(job: TrainJob): ChildProcess {
    const { trainerPath, clock, log } = this.#options;
    const child = forkOwn(trainerPath, trainerEnvironment(process.env));
    this.#child = child;
    this.#device = job.device;
    this.#silent = false;
    this.#heardAt = clock();
    let ended: FromTrainer | null = null;
    child.stdout?.on('data', (data) => log('debug', `trainer: ${data}`.trimEnd()));
    child.stderr?.on('data', (data) => log('warn', `trainer: ${data}`.trimEnd()));
    child.on('message', (message: FromTrainer) => {
      this.#heardAt = clock();
      if (message.type === 'progress') this.#set('running', message.message);
      else if (message.type === 'log') log(message.level, message.message);
      else if (message.type === 'device-failed') this.#deviceFailed(message.device, message.reason);
      else ended = message;
    });
    child.on('error', (error) => log('error', `The trainer could not be started: ${error.message}`));
    child.on('close', (code, signal) => this.#closed(child, ended, code, signal));
    child.send({ type: 'train', job } satisfies ToTrainer);
    return child;
  }

  /** Says where training runs, and warns if the user had asked for something else. */
  #tell(choice: Choice): void {
    const text = `${where(choice)}.`;
    this.#where = text;
    this.#options.log('info', text);
    if (choice.unexpected) this.#options.notice(text);
    this.#options.onState();
  }

  /** Training goes on on the CPU, now and in later rounds. */
  #deviceFailed(device: Device, reason: string): void {
    this.#device = 'cpu';
    this.#tell({ device: 'cpu', reason, unexpected: true });
    void this.#options.devices.distrust(device, reason).catch((error: Error) => {
      this.#options.log('warn', `${DEVICE_NAMES[device]}’s failure was not kept: ${error.message}`);
    });
  }

  /** While a round runs: keep the lease, and stop it when the developer is back. */
  #watch(): void {
    const { store, clock, log } = this.#options;
    store.renewLease(LEASE, this.#owner(), LEASE_MS);
    const back = !this.#forced && (store.lastActivity() ?? 0) > this.#startedAt;
    if (back && this.#stopAsked === 0) {
      this.#stopAsked = clock();
      this.#child!.send({ type: 'stop' } satisfies ToTrainer);
      this.#set('running', t('Stopping: you are back.'));
      log('info', 'The training round stops: something was done in a window.');
    } else if (this.#stopAsked > 0 && clock() - this.#stopAsked > STOP_MS) {
      this.#child!.kill('SIGKILL');
    } else if (this.#device !== 'cpu' && clock() - this.#heardAt > SILENT_MS) {
      this.#silent = true;
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
    const how = this.#silent ? 'did not answer any more' : `ended unexpectedly (${signal ?? `exit status ${code}`})`;
    const reason = ended?.type === 'failed' ? ended.message : `The trainer ${how}.`;
    if (ended === null && this.#device !== 'cpu' && this.#stopAsked === 0) {
      // More likely the driver than the memory: the next round takes the CPU.
      this.#deviceFailed(this.#device, `The trainer ${how} on ${DEVICE_NAMES[this.#device]}.`);
    } else if (this.#stopAsked === 0) this.#crashes++;
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

function where({ device, reason }: Choice): string {
  const because = reason === '' ? '' : `: ${reason.replace(/\.$/, '')}`;
  return `Training runs on ${DEVICE_NAMES[device]}${because}`;
}
