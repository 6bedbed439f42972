/**
 * The extension host's side of the engine: starts it, asks it, restarts it.
 *
 * The engine may die at any time. Whoever asks then gets "unavailable" at once; signals wait in the outbox and are
 * sent (again) to the next run, where their ids make that idempotent. Nothing here blocks or throws into the editor.
 */
import { t } from '@vscode/l10n';
import { type CancellationToken, CancellationTokenSource, type MessageConnection } from 'vscode-jsonrpc/node';
import type { Snapshot } from '../completion/snapshot.ts';
import type { Completion, None, Suggestion } from '../completion/suggestion.ts';
import type { SignalEvent } from '../signals/signal.ts';
import type { Deleted, Selection, StoredEntry, StoredGroup, StoredSummary } from '../signals/view.ts';
import { EngineChild, type Exit } from './child.ts';
import type { EngineSettings, EngineState, InitializeParams } from './protocol.ts';
import * as protocol from './protocol.ts';

/** Holds signals until the engine has stored them. */
export interface Outbox {
  add(event: SignalEvent): void;
  /** Oldest first. */
  pending(): readonly SignalEvent[];
  ack(ids: readonly string[]): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface ClientOptions {
  /** The engine's script. */
  readonly file: string;
  readonly nodePath: string | null;
  readonly params: InitializeParams;
  readonly outbox: Outbox;
  readonly log: (level: LogLevel, message: string) => void;
  readonly onState: (state: EngineState) => void;
  /** A better model would be fast enough here. */
  readonly onModelOffered?: (model: protocol.ModelEntry) => void;
  readonly times?: Partial<ClientTimes>;
}

/** All in milliseconds. */
export interface ClientTimes {
  /** Waits before the first restart in a row, the second, ...; after the last one the engine has failed. */
  readonly backoff: readonly number[];
  /** A run that was up for so long starts a new row. */
  readonly healthy: number;
  /** The engine is taken for hung if it leaves a request unanswered for so long, cancelled or not. */
  readonly hung: number;
  /** Before signals that the engine could not store are sent again. */
  readonly flushAgain: number;
  /** For the answer to the first request. */
  readonly initialize: number;
  /** For storing the last signals, and again for ending the process, at the end. */
  readonly farewell: number;
}

const TIMES: ClientTimes = {
  backoff: [250, 1_000, 5_000, 15_000, 60_000],
  healthy: 120_000,
  hung: 30_000,
  flushAgain: 5_000,
  initialize: 60_000,
  farewell: 2_000,
};

/** Signals in one message. */
const BATCH = 64;

const NOT_RUNNING: EngineState = {
  phase: 'starting',
  message: '',
  checkpoint: 'base',
  training: { phase: 'off', message: '', newSignals: 0 },
  notices: [],
};

/** A request could not be made as the engine is not there. */
export class EngineUnavailable extends Error {
  constructor() {
    super(t('The Knack engine is not running.'));
    this.name = 'EngineUnavailable';
  }
}

export class EngineClient {
  readonly #options: ClientOptions;
  readonly #times: ClientTimes;
  #params: InitializeParams;
  #nodePath: string | null;
  #state: EngineState = NOT_RUNNING;
  #child: EngineChild | null = null;
  /** Whether `#child` has answered the first request. */
  #initialized = false;
  #crashes = 0;
  #wanted = false;
  #retry: NodeJS.Timeout | null = null;
  #disposed = false;
  #flushing: Promise<void> | null = null;
  #later: NodeJS.Timeout | null = null;
  /** Who follows which download. */
  readonly #fetching = new Map<string, (done: number, total: number) => void>();

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
    this.#params = options.params;
    this.#nodePath = options.nodePath;
  }

  get state(): EngineState {
    return this.#state;
  }

  /** The running engine's process id, for logs and tests. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the engine in the background; how it goes is told by `onState`. */
  start(): void {
    this.#wanted = true;
    if (this.#disposed || this.#child || this.#retry) return;
    this.#launch();
  }

  /** Starts the engine anew, also after it has failed. */
  async restart(): Promise<void> {
    if (this.#disposed) return;
    this.#crashes = 0;
    await this.#end();
    this.start();
  }

  /** Stores what waits, as far as that is quick, and ends the engine until it is started again. */
  async stop(): Promise<void> {
    this.#wanted = false;
    await this.#farewell();
    if (this.#wanted) return; // started again meanwhile
    await this.#end();
    if (!this.#wanted) this.#setState({ ...NOT_RUNNING });
  }

  /**
   * A suggestion for a snapshot. Settles at once when cancelled, and after `deadlineMs` at the latest; the engine is
   * told to stop in both cases.
   */
  complete(snapshot: Snapshot, signal: AbortSignal, deadlineMs: number): Promise<Completion> {
    return this.#ask<Completion>(signal, deadlineMs, (engine, token) =>
      engine.sendRequest(protocol.Complete, { snapshot }, token),
    );
  }

  /** As `complete`, with other answers after the first: at most `most` in all. */
  completeAll(
    snapshot: Snapshot,
    most: number,
    signal: AbortSignal,
    deadlineMs: number,
  ): Promise<readonly Suggestion[] | None> {
    return this.#ask<readonly Suggestion[] | None>(signal, deadlineMs, (engine, token) =>
      engine.sendRequest(protocol.CompleteAll, { snapshot, most }, token),
    );
  }

  async #ask<A>(
    signal: AbortSignal,
    deadlineMs: number,
    send: (engine: MessageConnection, token: CancellationToken) => Promise<A | None>,
  ): Promise<A | None> {
    const connection = this.#ready();
    if (!connection || this.#state.phase !== 'ready') return { none: 'engine-unavailable' };
    if (signal.aborted) return { none: 'cancelled' };
    const cancellation = new CancellationTokenSource();
    const { promise: stopped, resolve } = Promise.withResolvers<None>();
    const stop = (late: boolean): void => {
      cancellation.cancel();
      if (late) this.#options.log('debug', `no suggestion within ${deadlineMs} ms`);
      resolve({ none: 'cancelled' });
    };
    const onAbort = (): void => stop(false);
    const timer = setTimeout(stop, deadlineMs, true);
    signal.addEventListener('abort', onAbort, { once: true });
    const answer = this.#watch('complete', send(connection, cancellation.token)).catch((error: Error) => {
      if (!cancellation.token.isCancellationRequested) this.#options.log('warn', `complete: ${error.message}`);
      return { none: 'engine-unavailable' } as const;
    });
    try {
      return await Promise.race([answer, stopped]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Stores events, now or as soon as there is an engine. */
  record(events: readonly SignalEvent[]): void {
    for (const event of events) this.#options.outbox.add(event);
    void this.#flush();
  }

  /** The user did something. */
  activity(at: number): void {
    this.#tell((engine) => engine.sendNotification(protocol.Activity, { at }));
  }

  /** Takes new settings over; another Node.js or another model means a new start. */
  configure(settings: EngineSettings, trusted: boolean, nodePath: string | null): void {
    const before = this.#params.settings;
    const sameModel = settings.modelPath === before.modelPath && settings.promptStyle === before.promptStyle;
    this.#params = { ...this.#params, settings, trusted };
    if (nodePath !== this.#nodePath || !sameModel) {
      this.#nodePath = nodePath;
      if (this.#child || this.#retry || this.#state.phase === 'failed') void this.restart();
    } else {
      this.#tellSettings();
    }
  }

  /** @throws EngineUnavailable, or the engine's own error. */
  downloadModel(): Promise<void> {
    return this.#request((engine) => engine.sendRequest(protocol.DownloadModel, undefined));
  }

  /** Models to choose from. @throws EngineUnavailable, or the engine's own error; as do the two below. */
  models(): Promise<protocol.ModelList> {
    return this.#request((engine) => engine.sendRequest(protocol.ShowModels, undefined));
  }

  /** Downloads a model of the catalogue; the file's path. Aborted, it keeps what has arrived. */
  async fetchModel(id: string, signal: AbortSignal, onBytes: (done: number, total: number) => void): Promise<string> {
    const cancellation = new CancellationTokenSource();
    const stop = (): void => cancellation.cancel();
    signal.addEventListener('abort', stop, { once: true });
    this.#fetching.set(id, onBytes);
    try {
      const { path } = await this.#request((engine) =>
        engine.sendRequest(protocol.FetchModel, { id }, cancellation.token),
      );
      return path;
    } finally {
      this.#fetching.delete(id);
      signal.removeEventListener('abort', stop);
    }
  }

  /** Measures how fast the model that serves answers on this machine. */
  measureSpeed(): Promise<void> {
    return this.#request((engine) => engine.sendRequest(protocol.MeasureSpeed, undefined));
  }

  /** @throws EngineUnavailable, or the engine's own error. */
  trainNow(): Promise<{ started: boolean; reason: string }> {
    return this.#request((engine) => engine.sendRequest(protocol.TrainNow, undefined));
  }

  /** Tests the devices for training again. @throws EngineUnavailable, or the engine's own error. */
  testDevices(): Promise<string> {
    return this.#request((engine) => engine.sendRequest(protocol.TestDevices, undefined));
  }

  /** Deletes what is stored and what is still waiting to be. @throws EngineUnavailable, or the engine's own error. */
  async deleteAll(): Promise<void> {
    const waiting = this.#options.outbox.pending().map((e) => e.eventId);
    await this.#request((engine) => engine.sendRequest(protocol.DeleteAll, undefined));
    this.#options.outbox.ack(waiting);
  }

  /** Figures for people. @throws EngineUnavailable, or the engine's own error; as do the five below. */
  overview(): Promise<protocol.Overview> {
    return this.#request((engine) => engine.sendRequest(protocol.ShowOverview, undefined));
  }

  /** Everything stored, by day or by file. */
  groups(by: 'day' | 'file'): Promise<readonly StoredGroup[]> {
    return this.#request((engine) => engine.sendRequest(protocol.ShowGroups, { by }));
  }

  list(selection: Selection, limit: number): Promise<readonly StoredSummary[]> {
    return this.#request((engine) => engine.sendRequest(protocol.ShowList, { selection, limit }));
  }

  entry(id: string): Promise<StoredEntry | null> {
    return this.#request((engine) => engine.sendRequest(protocol.ShowEntry, { id }));
  }

  /** The newest remembered edits, or those with these ids. */
  memory(limit: number, ids?: readonly string[]): Promise<protocol.MemoryView> {
    return this.#request((engine) => engine.sendRequest(protocol.ShowMemory, { limit, ...(ids && { ids }) }));
  }

  deleteSelected(selection: Selection): Promise<Deleted> {
    return this.#request((engine) => engine.sendRequest(protocol.DeleteSelected, { selection }));
  }

  /** Serves with an earlier checkpoint, `base` or an id. */
  goBack(checkpoint: string): Promise<void> {
    return this.#request((engine) => engine.sendRequest(protocol.GoBack, { checkpoint }));
  }

  /** The prompt of a snapshot, as the model sees it. @throws EngineUnavailable, or the engine's own error. */
  prompt(snapshot: Snapshot): Promise<protocol.PromptView> {
    return this.#request((engine) => engine.sendRequest(protocol.ShowPrompt, { snapshot }));
  }

  /** How likely the current checkpoint finds an edit. @throws EngineUnavailable, or the engine's own error. */
  score(params: protocol.ScoreParams): Promise<protocol.Score> {
    return this.#request((engine) => this.#watch('score', engine.sendRequest(protocol.ScoreEdit, params)));
  }

  /** Stores what waits, as far as that is quick, then ends the engine. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#farewell();
    await this.#end();
    const lost = this.#options.outbox.pending().length;
    if (lost > 0) this.#options.log('warn', `${lost} signals could not be stored before the end`);
  }

  #launch(): void {
    this.#setState({ ...NOT_RUNNING, notices: this.#state.notices });
    const child = new EngineChild({
      file: this.#options.file,
      nodePath: this.#nodePath,
      onOutput: (line) => this.#options.log('warn', `engine: ${line}`),
    });
    this.#child = child;
    this.#initialized = false;
    const started = performance.now();
    const { connection } = child;
    connection.onNotification(protocol.StateChanged, (state) => {
      if (this.#child === child) this.#setState(state);
    });
    connection.onNotification(protocol.FetchProgress, ({ id, done, total }) => this.#fetching.get(id)?.(done, total));
    connection.onNotification(protocol.ModelOffered, (model) => this.#options.onModelOffered?.(model));
    connection.onNotification(protocol.Log, ({ level, message }) => this.#options.log(level, message));
    connection.listen();
    void child.exited.then((exit) => this.#onExit(child, exit, performance.now() - started));
    void this.#initialize(child);
  }

  async #initialize(child: EngineChild): Promise<void> {
    const timer = setTimeout(() => child.kill(), this.#times.initialize);
    const sent = this.#params;
    try {
      const state = await child.connection.sendRequest(protocol.Initialize, sent);
      if (this.#child !== child) return;
      this.#initialized = true;
      this.#setState(state);
      if (this.#params !== sent) this.#tellSettings();
      void this.#flush();
    } catch (error) {
      this.#options.log('error', `The engine did not start: ${(error as Error).message}`);
      child.kill(); // its exit is handled like any other
    } finally {
      clearTimeout(timer);
    }
  }

  #onExit(child: EngineChild, exit: Exit, livedMs: number): void {
    if (this.#child !== child) return; // ended on purpose
    this.#child = null;
    this.#initialized = false;
    this.#crashes = livedMs > this.#times.healthy ? 1 : this.#crashes + 1;
    const wait = this.#times.backoff[this.#crashes - 1];
    const message = t('The engine {0}.', exit.reason);
    this.#options.log('warn', `${message} That is ${this.#crashes} in a row.`);
    if (wait === undefined) {
      this.#setState({ ...this.#stopped('failed'), message: `${message} ${this.#advice(exit)}` });
      return;
    }
    this.#setState({ ...this.#stopped('starting'), message: t('{0} It is being started again.', message) });
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#launch();
    }, wait);
  }

  #advice(exit: Exit): string {
    if (this.#nodePath !== null)
      return t('Check knack.nodePath: it must be Node.js 22.14 or newer. Then restart the engine.');
    if (exit.trapped) {
      return t('VS Code’s own runtime may not be able to run it: set knack.nodePath to a Node.js 22.14 or newer.');
    }
    return t('The log says more; "Knack: Restart Engine" tries again.');
  }

  #stopped(phase: 'starting' | 'failed'): EngineState {
    return { ...this.#state, phase, training: { ...this.#state.training, phase: 'off', message: '' } };
  }

  async #farewell(): Promise<void> {
    const late = new Promise<void>((resolve) => setTimeout(resolve, this.#times.farewell).unref());
    await Promise.race([this.#flush(), late]);
  }

  async #end(): Promise<void> {
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = null;
    const child = this.#child;
    this.#child = null;
    this.#initialized = false;
    await child?.end(this.#times.farewell);
  }

  #ready(): MessageConnection | null {
    return this.#child && this.#initialized ? this.#child.connection : null;
  }

  /** Sends a message that needs no answer; without an engine, or with one that is just dying, it is lost. */
  #tell(send: (engine: MessageConnection) => Promise<void>): void {
    const engine = this.#ready();
    if (engine) send(engine).catch((error: Error) => this.#options.log('debug', `not sent: ${error.message}`));
  }

  #tellSettings(): void {
    const { settings, trusted } = this.#params;
    this.#tell((engine) => engine.sendNotification(protocol.Configure, { settings, trusted }));
  }

  async #request<R>(send: (engine: MessageConnection) => Promise<R>): Promise<R> {
    const engine = this.#ready();
    if (!engine) throw new EngineUnavailable();
    return await send(engine);
  }

  /** For requests that a living engine answers soon, if only to say that they were cancelled: ends a hung one. */
  async #watch<R>(what: string, answer: Promise<R>): Promise<R> {
    const child = this.#child;
    const timer = setTimeout(() => {
      if (this.#child !== child || this.#state.phase !== 'ready') return; // preparing a model may take longer
      this.#options.log('error', `The engine has not answered "${what}" for ${this.#times.hung} ms: ending it.`);
      child?.kill();
    }, this.#times.hung);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends what waits until nothing does, or the engine is gone or stores no more of it. One at a time. */
  #flush(): Promise<void> {
    this.#flushing ??= this.#send().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #send(): Promise<void> {
    for (;;) {
      const connection = this.#ready();
      const events = this.#options.outbox.pending().slice(0, BATCH);
      if (!connection || events.length === 0) return;
      try {
        const { acked } = await this.#watch('record', connection.sendRequest(protocol.Record, { events }));
        this.#options.outbox.ack(acked);
        if (acked.length === 0) {
          this.#options.log('warn', `The engine stored none of ${events.length} signals; they are kept for later.`);
          return this.#flushLater();
        }
      } catch (error) {
        this.#options.log('debug', `record: ${(error as Error).message}`);
        return this.#flushLater();
      }
    }
  }

  /** A full disk may empty; a new run flushes by itself. */
  #flushLater(): void {
    this.#later ??= setTimeout(() => {
      this.#later = null;
      void this.#flush();
    }, this.#times.flushAgain).unref();
  }

  #setState(state: EngineState): void {
    this.#state = state;
    this.#options.onState(state);
  }
}
