/** The engine: database, model and training schedule behind the messages of protocol.ts. */
import { availableParallelism } from 'node:os';
import { config as configureTexts, t } from '@vscode/l10n';
import type { CancellationToken, MessageConnection } from 'vscode-jsonrpc';
import { type Completion, isSuggestion, type None, type Suggestion } from '../completion/suggestion.ts';
import { ensureModel } from '../model/base.ts';
import { markDerivedUsed, pruneDerived } from '../model/prune.ts';
import type { SignalEvent } from '../signals/signal.ts';
import { openStore, type Store } from '../signals/store.ts';
import type { Deleted, Selection } from '../signals/view.ts';
import { contradiction, LIVED } from '../trainer/lived.ts';
import { loraFor } from '../trainer/plan.ts';
import { type Base, findModel, loadBase, shippedTuning } from './base.ts';
import { BASE, deleteCheckpoints, loadCheckpoint, loadCurrent } from './checkpoint.ts';
import { Devices } from './devices.ts';
import { Gatekeeper } from './gatekeeper.ts';
import { shrinkHeap } from './heap.ts';
import { Models } from './models.ts';
import { prepared } from './prepare-run.ts';
import type { PrepareJob } from './preparing.ts';
import * as protocol from './protocol.ts';
import { Remembering } from './remembering.ts';
import { Schedule } from './schedule.ts';
import { type Recollect, Server } from './serve.ts';
import { ServingDevice } from './serving-device.ts';
import { databasePath } from './storage.ts';
import { ownVersion } from './version.ts';
import { overviewOf, promptView } from './view.ts';

/** How often to look whether another window's trainer has promoted a checkpoint. */
const POINTER_MS = 1000;
/** How often to look whether nobody types, so that the model's speed can be measured, and for how long nobody must have. */
const MEASURE_MS = 10_000;
const MEASURE_IDLE_MS = 45_000;
/** Tokens of an answer when the speed is measured, at most. */
const SPEED_TOKENS = 10;
const RETENTION_MS = 6 * 3_600_000;
/** For how long nobody must have used this window before the model's memory is given back, and how often to look. */
const REST_MS = 10 * 60_000;
const REST_TICK_MS = 30_000;

type Level = 'debug' | 'info' | 'warn' | 'error';

/** Scripts of the engine's own child processes. */
export interface ChildPaths {
  readonly trainer: string;
  readonly probe: string;
  readonly prepare: string;
}

export class Engine {
  readonly #connection: MessageConnection;
  readonly #paths: ChildPaths;
  #params: protocol.InitializeParams | null = null;
  #store: Store | null = null;
  #base: Base | null = null;
  #server: Server | null = null;
  #serving: ServingDevice | null = null;
  #gatekeeper: Gatekeeper | null = null;
  #memory: Remembering | null = null;
  #schedule: Schedule | null = null;
  #timers: NodeJS.Timeout[] = [];
  #phase: protocol.EnginePhase = 'starting';
  #message = '';
  #progress: number | undefined;
  #notices: string[] = [];
  #download: AbortController | null = null;
  readonly #end = new AbortController();
  /** The last call of #followPointer. */
  #following: Promise<void> = Promise.resolve();
  #isFollowing = false;
  /** A checkpoint that could not be used: looked at once, not every second. */
  #unusable: string | null = null;
  /** The file or folder of the model that serves. */
  #path: string | null = null;
  #models: Models | null = null;
  #lastActivity = 0;
  /** Whether this engine has looked whether its model was measured. */
  #measured = false;

  constructor(connection: MessageConnection, paths: ChildPaths) {
    this.#connection = connection;
    this.#paths = paths;
    connection.onRequest(protocol.Initialize, (params) => this.#initialize(params));
    connection.onRequest(protocol.Complete, (params, token) => this.#complete(params, token));
    connection.onRequest(protocol.CompleteAll, (params, token) => this.#completeAll(params, token));
    connection.onRequest(protocol.ScoreEdit, (params) => this.#score(params));
    connection.onRequest(protocol.Record, ({ events }) => this.#record(events));
    connection.onRequest(protocol.DownloadModel, () => this.#fetchModel());
    connection.onRequest(protocol.ShowModels, () => this.#library().list());
    connection.onRequest(protocol.FetchModel, ({ id }, token) => this.#fetchKnown(id, token));
    connection.onRequest(protocol.MeasureSpeed, async () => void (await this.#measureSpeed(() => false)));
    connection.onRequest(protocol.TrainNow, () => this.#trainNow());
    connection.onRequest(protocol.TestDevices, () => this.#testDevices());
    connection.onRequest(protocol.ShowOverview, () => this.#overview());
    connection.onRequest(protocol.ShowGroups, ({ by }) => this.#open().groups(by));
    connection.onRequest(protocol.ShowList, ({ selection, limit }) => this.#open().list(selection, limit));
    connection.onRequest(protocol.ShowEntry, ({ id }) => this.#open().entry(id));
    connection.onRequest(protocol.ShowPrompt, ({ snapshot }) => promptView(snapshot, this.#loaded()));
    connection.onRequest(protocol.ShowMemory, ({ limit, ids }) => this.#remembered(limit, ids));
    connection.onRequest(protocol.DeleteSelected, ({ selection }) => this.#deleteSelected(selection));
    connection.onRequest(protocol.GoBack, ({ checkpoint }) => this.#goBack(checkpoint));
    connection.onRequest(protocol.DeleteAll, () => this.#deleteAll());
    connection.onNotification(protocol.Activity, ({ at }) => this.#activity(at));
    connection.onNotification(protocol.Configure, (next) => this.#configure(next));
  }

  /** Ends in order: trainer, session, database. */
  async dispose(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#download?.abort();
    this.#end.abort();
    this.#serving?.dispose();
    this.#schedule?.dispose();
    await this.#server?.release();
    this.#store?.close();
  }

  #initialize(params: protocol.InitializeParams): protocol.EngineState {
    if (params.texts !== null) configureTexts({ fsPath: params.texts });
    this.#params = params;
    this.#openStore(params);
    // The answer does not wait for the model: its way is told by StateChanged.
    void this.#load();
    return this.#state();
  }

  #openStore(params: protocol.InitializeParams): void {
    try {
      const { store, notices } = openStore({
        path: databasePath(params.storageDir),
        clock: Date.now,
        onNotice: (text) => this.#notice(text),
        onRefused: (id, why) => this.#log('error', `The event ${id} was refused: ${why}`),
      });
      this.#store = store;
      this.#notices.push(...notices);
      this.#gatekeeper = new Gatekeeper(store);
      // This process speaks for the window from now on: after a restart its offers are no orphans.
      store.activity(params.windowId, Date.now());
      store.closeOrphans(Date.now());
      const retain = (): void => {
        this.#guard('Retention', () => store.applyRetention(this.#settings().retention, Date.now()));
        void this.#remember(true);
      };
      this.#every(RETENTION_MS, retain);
      this.#every(POINTER_MS, () => {
        if (!this.#isFollowing) void this.#followPointer();
        this.#followGate();
        void this.#remember();
      });
    } catch (error) {
      // Serving goes on; nothing is acknowledged, so the client keeps what it has.
      this.#notices.push((error as Error).message);
      this.#log('error', (error as Error).message);
    }
    this.#gatekeeper ??= new Gatekeeper(null);
  }

  async #load(): Promise<void> {
    const params = this.#params!;
    try {
      const found = await findModel(params.settings.modelPath, params.cacheDir);
      if (found === null) return this.#enter('model-missing', t('The model is not on this machine yet.'));
      this.#enter('preparing', t('Preparing the model.'));
      const progress = (share: number): void => this.#enter('preparing', t('Preparing the model.'), share);
      const style = params.settings.promptStyle ?? null;
      const plain = await loadBase(found, params.cacheDir, progress, shippedTuning(), style);
      const threads = Math.max(1, Math.min(4, availableParallelism()));
      const job = { modelPath: found, cacheDir: params.cacheDir, promptStyle: style, threads };
      const base = await prepared(plain, job, {
        path: this.#paths.prepare,
        onProgress: progress,
        onRefused: (why) => this.#log('warn', why),
        onOutput: (line) => this.#log('debug', `prepare: ${line}`),
        signal: this.#end.signal,
      });
      this.#base = base;
      const loaded = await loadCurrent(this.#store, params.storageDir, base, (why) => this.#notice(why));
      this.#server = await Server.start(
        base,
        loraFor(base.model.config, params.settings.training.memoryMb),
        loaded,
        threads,
      );
      shrinkHeap();
      this.#path = found;
      this.#serving = this.#servingDevice(base, job);
      this.#lastActivity = Date.now();
      this.#every(MEASURE_MS, () => void this.#measureWhenIdle());
      const restAfter = params.restAfterMs ?? REST_MS;
      this.#every(Math.min(REST_TICK_MS, restAfter), () => void this.#restWhenUnused(restAfter));
      this.#memory = this.#store && new Remembering(this.#store, base);
      void this.#remember(true);
      this.#startSchedule(base, found);
      this.#every(RETENTION_MS, () => void this.#prune(base));
      void this.#prune(base);
      this.#enter('ready', '');
      void this.#serving.settle(false);
    } catch (error) {
      this.#enter('failed', (error as Error).message);
      this.#log('error', (error as Error).stack ?? String(error));
    }
  }

  #servingDevice({ model }: Base, job: PrepareJob): ServingDevice {
    const { storageDir, settings } = this.#params!;
    return new ServingDevice({
      devices: new Devices({
        storageDir,
        probePath: this.#paths.probe,
        version: ownVersion(this.#paths.probe),
        serving: { ...job, model: model.sha256, memoryMb: settings.training.memoryMb },
        log: (level, message) => this.#log(level, message),
      }),
      server: this.#server!,
      storageDir,
      setting: () => this.#settings().servingDevice ?? 'auto',
      log: (level, message) => this.#log(level, message),
      notice: (message) => this.#notice(message),
      onState: () => this.#publish(),
    });
  }

  /** Deletes derived files that nothing has used for long; this engine's own are in use. */
  async #prune({ weights, quantised }: Base): Promise<void> {
    for (const file of [weights, ...(quantised ? [quantised.file] : [])]) await markDerivedUsed(file);
    const gone = await pruneDerived(this.#params!.cacheDir);
    if (gone.length > 0) this.#log('info', `Not used for long, and deleted from the cache: ${gone.join(', ')}.`);
  }

  #startSchedule(base: Base, modelPath: string): void {
    if (this.#store === null) return;
    const { storageDir, cacheDir, windowId } = this.#params!;
    this.#schedule = new Schedule({
      store: this.#store,
      windowId,
      baseHash: base.model.sha256,
      trainerPath: this.#paths.trainer,
      devices: new Devices({
        storageDir,
        probePath: this.#paths.probe,
        version: ownVersion(this.#paths.probe),
        log: (level, message) => this.#log(level, message),
      }),
      notice: (message) => this.#notice(message),
      job: { storageDir, cacheDir, modelPath, promptStyle: this.#settings().promptStyle ?? null },
      settings: () => this.#settings(),
      trusted: () => this.#params!.trusted,
      log: (level, message) => this.#log(level, message),
      onState: () => this.#publish(),
      onRound: () => void this.#followPointer(),
      clock: Date.now,
    });
  }

  /**
   * Takes up the checkpoint that the database points to, if it is not the one that serves. Ends when the one that it
   * pointed to at the call serves, or a newer one: a call that was under way may have looked too early.
   */
  #followPointer(): Promise<void> {
    this.#isFollowing = true;
    const own = this.#following.then(() => this.#takeUp());
    this.#following = own;
    return own.finally(() => (this.#isFollowing = this.#following !== own));
  }

  async #takeUp(): Promise<void> {
    if (this.#server === null || this.#store === null || this.#base === null) return;
    try {
      const current = this.#store.current(this.#base.model.sha256)?.id ?? 'base';
      if (current === this.#server.checkpoint || current === this.#unusable) return;
      const loaded = await loadCurrent(this.#store, this.#params!.storageDir, this.#base, (why) => this.#notice(why));
      this.#unusable = loaded.checkpoint === current ? null : current;
      if (loaded.checkpoint === this.#server.checkpoint) return;
      await this.#server.swap(loaded);
      this.#log('info', `Checkpoint ${loaded.checkpoint} serves now.`);
      this.#publish();
    } catch (error) {
      this.#log('error', `The promoted checkpoint could not be taken up: ${(error as Error).message}`);
    }
  }

  async #complete(params: protocol.CompleteParams, token: CancellationToken): Promise<Completion> {
    this.#used();
    const gatekeeper = this.#gatekeeper;
    if (this.#server === null || gatekeeper === null) return { none: 'engine-unavailable' };
    const { snapshot } = params;
    const { maxNewTokens, eagerness } = this.#settings();
    const moment = gatekeeper.asked(snapshot);
    const isCancelled = (): boolean => token.isCancellationRequested;
    const completion = await this.#server.complete(snapshot, maxNewTokens, isCancelled, this.#recollect());
    if (!isSuggestion(completion)) return completion;
    const { judged, keep } = gatekeeper.judge(snapshot, completion, moment, eagerness);
    // Writing waits for the disk: not before the answer is out.
    setImmediate(() => this.#guard('Judgement', keep));
    return judged;
  }

  #record(events: readonly SignalEvent[]): { acked: readonly string[] } {
    const acked = this.#store?.record(events) ?? [];
    this.#followGate();
    if (events.some(({ type }) => type === 'outcome')) this.#guard('Rollback', () => this.#heedLived());
    // The sender does not wait for what is remembered of it.
    void this.#remember(true).then(() => this.#memory?.notice(events));
    return { acked };
  }

  /** A promotion that what became of suggestions contradicts is taken back. */
  #heedLived(): void {
    const hash = this.#base?.model.sha256;
    const lived = hash === undefined ? null : (this.#store?.lived(hash, LIVED.most) ?? null);
    const reason = lived && contradiction(lived.before, lived.since);
    if (reason === null) return;
    this.#store!.takeBack(hash!, reason);
    this.#log('warn', `The promotion is taken back. ${reason}`);
    void this.#followPointer();
  }

  /** What became of suggestions teaches the gate at once, in every window. */
  #followGate(): void {
    this.#guard('Gate', () => this.#gatekeeper?.follow());
  }

  async #completeAll(
    { snapshot, most }: protocol.CompleteParams & { most: number },
    token: CancellationToken,
  ): Promise<readonly Suggestion[] | None> {
    this.#used();
    const gatekeeper = this.#gatekeeper;
    if (this.#server === null || gatekeeper === null) return { none: 'engine-unavailable' };
    const { maxNewTokens, eagerness } = this.#settings();
    const moment = gatekeeper.asked(snapshot);
    const isCancelled = (): boolean => token.isCancellationRequested;
    const all = await this.#server.completeAll(snapshot, maxNewTokens, most, isCancelled, this.#recollect());
    if ('none' in all) return all;
    const judgements = all.map((suggestion) => gatekeeper.judge(snapshot, suggestion, moment, eagerness));
    // The others were asked for one by one, if at all: what becomes of them says nothing of when to speak.
    setImmediate(() => this.#guard('Judgement', judgements[0]!.keep));
    return judgements.map(({ judged }) => judged);
  }

  /** What a suggestion is made with beside the model; undefined while the memory is switched off. */
  #recollect(): Recollect | undefined {
    const memory = this.#settings().memory.enabled ? this.#memory : null;
    return memory === null ? undefined : (snapshot) => memory.recollect(snapshot);
  }

  /** Takes into the memory what is new in the database; what goes wrong there stops nothing else. */
  async #remember(isOwn = false): Promise<void> {
    try {
      await this.#memory?.follow(isOwn);
    } catch (error) {
      this.#log('error', `The memory could not be brought up to date: ${(error as Error).message}`);
    }
  }

  async #remembered(limit: number, ids?: readonly string[]): Promise<protocol.MemoryView> {
    this.#loaded();
    await this.#remember(true);
    return this.#memory?.view(limit, ids) ?? { entries: [], size: 0, bytes: 0 };
  }

  #score(params: protocol.ScoreParams): Promise<protocol.Score> {
    this.#used();
    if (this.#server === null) throw new Error(t('The model is not loaded yet.'));
    return this.#server.score(params.snapshot, params.edit);
  }

  async #fetchModel(): Promise<void> {
    if (this.#phase !== 'model-missing' && this.#phase !== 'failed') return;
    this.#download = new AbortController();
    try {
      this.#enter('downloading', t('Downloading the model.'), 0);
      const { mirror } = this.#settings();
      await ensureModel({
        cacheDir: this.#params!.cacheDir,
        ...(mirror ? { env: { ...process.env, HF_ENDPOINT: mirror } } : {}),
        signal: this.#download.signal,
        onProgress: ({ message, done, total }) => this.#enter('downloading', message, total > 0 ? done / total : 0),
      });
    } catch (error) {
      this.#enter('failed', (error as Error).message);
      throw error;
    } finally {
      this.#download = null;
    }
    await this.#load();
  }

  #trainNow(): { started: boolean; reason: string } {
    return this.#schedule?.trainNow() ?? { started: false, reason: t('The engine is not ready yet.') };
  }

  async #testDevices(): Promise<string> {
    if (this.#schedule === null) throw new Error(t('The engine is not ready yet.'));
    const training = await this.#schedule.testDevices();
    return `${training} ${(await this.#serving?.again()) ?? ''}`.trimEnd();
  }

  #overview(): protocol.Overview {
    const { storageDir } = this.#params!;
    const baseHash = this.#base?.model.sha256 ?? null;
    const { signals = 0, seldom = [] } = this.#gatekeeper ?? {};
    const gate = { signals, seldom };
    const { size = 0, bytes = 0 } = this.#memory?.view(0) ?? {};
    const memory = { size, bytes };
    const config = this.#base?.model.config;
    // Keys and values of each layer, in fp32.
    const cacheBytesAToken = config ? 2 * config.layers * config.kvHeads * config.headDim * 4 : null;
    return overviewOf(this.#open(), { storageDir, baseHash, now: Date.now(), gate, cacheBytesAToken, memory });
  }

  async #goBack(checkpoint: string): Promise<void> {
    const store = this.#open();
    const base = this.#loaded();
    // Looked at first, so that nothing is left for a checkpoint that cannot serve.
    await loadCheckpoint(this.#params!.storageDir, checkpoint, base);
    this.#schedule?.stop(t('Another checkpoint was chosen.'));
    store.rollBack(base.model.sha256, checkpoint === BASE.checkpoint ? null : checkpoint, 'Chosen by you.');
    this.#unusable = null;
    await this.#followPointer();
  }

  async #deleteSelected(selection: Selection): Promise<Deleted> {
    const { storageDir } = this.#params!;
    const deleted = this.#open().deleteSelected(selection);
    this.#followGate();
    await this.#remember(true);
    if (deleted.forgotten.length > 0) {
      // Weights remember: none of them may serve from here on, nor lie about.
      await this.#followPointer();
      await deleteCheckpoints(storageDir, deleted.forgotten);
    }
    return deleted;
  }

  async #deleteAll(): Promise<void> {
    const store = this.#open();
    this.#schedule?.stop(t('Everything stored is being deleted.'));
    store.deleteAll();
    this.#followGate();
    this.#memory = this.#base && new Remembering(store, this.#base);
    await deleteCheckpoints(this.#params!.storageDir);
    await this.#followPointer();
  }

  #library(): Models {
    this.#models ??= new Models(
      this.#params!.cacheDir,
      () => this.#settings().mirror ?? null,
      () => {
        const [base, server, path] = [this.#base, this.#server, this.#path];
        if (base === null || server === null || path === null) return null;
        return { base, path, complete: (snapshot) => server.complete(snapshot, SPEED_TOKENS, () => false) };
      },
    );
    return this.#models;
  }

  async #fetchKnown(id: string, token: CancellationToken): Promise<{ path: string }> {
    const abort = new AbortController();
    const listener = token.onCancellationRequested(() => abort.abort());
    let told = 0;
    try {
      const path = await this.#library().fetch(id, abort.signal, (done, total) => {
        if (done < total && Date.now() - told < 200) return;
        told = Date.now();
        void this.#connection.sendNotification(protocol.FetchProgress, { id, done, total }).catch(() => undefined);
      });
      return { path };
    } finally {
      listener.dispose();
    }
  }

  /** Once a model and machine, while nobody types; then a better model is offered where the machine is fast enough. */
  async #measureWhenIdle(): Promise<void> {
    const isIdle = (): boolean =>
      Date.now() - this.#lastActivity > MEASURE_IDLE_MS && this.#schedule?.state.phase !== 'running';
    if (this.#phase !== 'ready' || !isIdle()) return;
    await this.#serving?.settle(true);
    if (this.#measured || !isIdle()) return;
    this.#measured = true;
    try {
      if (await this.#library().isUnmeasured()) this.#measured = await this.#measureSpeed(() => !isIdle());
      const offer = this.#measured ? await this.#library().offer() : null;
      if (offer !== null) await this.#connection.sendNotification(protocol.ModelOffered, offer);
    } catch (error) {
      this.#log('warn', `The model’s speed could not be measured: ${(error as Error).message}`);
    }
  }

  async #measureSpeed(shouldStop: () => boolean): Promise<boolean> {
    if (this.#server === null) throw new Error(t('The model is not loaded yet.'));
    return this.#library().measure(shouldStop);
  }

  /** Somebody is there: the model will be asked soon. */
  #used(): void {
    this.#lastActivity = Date.now();
    if (this.#server?.isAwake !== false) return;
    void this.#server.wake().catch((error: Error) => this.#log('error', `The model did not load: ${error.message}`));
  }

  async #restWhenUnused(restAfterMs: number): Promise<void> {
    if (!this.#server?.isAwake || Date.now() - this.#lastActivity < restAfterMs) return;
    await this.#server.rest();
    shrinkHeap();
    this.#log('debug', 'The model’s memory is given back until somebody is there.');
  }

  #activity(at: number): void {
    this.#used();
    this.#guard('Activity', () => this.#store?.activity(this.#params!.windowId, at));
    void this.#schedule?.tick();
  }

  #configure(next: { settings: protocol.EngineSettings; trusted: boolean }): void {
    if (this.#params === null) return;
    // Another model does not come this way: the client starts another engine for it.
    this.#params = { ...this.#params, ...next };
    void this.#serving?.settle(false);
    void this.#schedule?.tick();
  }

  /** @throws if the database is not open: the notice in the state says why */
  #open(): Store {
    if (this.#store === null)
      throw new Error(t('The database is not open; nothing was deleted, and nothing can be shown.'));
    return this.#store;
  }

  /** @throws if the model is not loaded */
  #loaded(): Base {
    if (this.#base === null) throw new Error(t('The model is not loaded yet.'));
    return this.#base;
  }

  #settings(): protocol.EngineSettings {
    return this.#params!.settings;
  }

  #enter(phase: protocol.EnginePhase, message: string, progress?: number): void {
    const same = phase === this.#phase && message === this.#message;
    // A tenth of a per cent at a time: progress is for people.
    if (same && Math.floor((progress ?? 0) * 1000) === Math.floor((this.#progress ?? 0) * 1000)) return;
    this.#phase = phase;
    this.#message = message;
    this.#progress = progress;
    this.#publish();
  }

  #state(): protocol.EngineState {
    return {
      phase: this.#phase,
      message: this.#message,
      ...(this.#progress === undefined ? {} : { progress: this.#progress }),
      checkpoint: this.#server?.checkpoint ?? 'base',
      ...(this.#serving?.where ? { device: this.#serving.where } : {}),
      training: this.#schedule?.state ?? { phase: 'off', message: '', newSignals: 0 },
      notices: this.#notices,
    };
  }

  #publish(): void {
    void this.#connection.sendNotification(protocol.StateChanged, this.#state()).catch(() => undefined);
  }

  #notice(message: string): void {
    if (!this.#notices.includes(message)) this.#notices.push(message);
    this.#log('warn', message);
    this.#publish();
  }

  #log(level: Level, message: string): void {
    // A client that is gone needs no log.
    void this.#connection.sendNotification(protocol.Log, { level, message }).catch(() => undefined);
  }

  #every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms);
    timer.unref();
    this.#timers.push(timer);
  }

  #guard(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#log('error', `${what}: ${(error as Error).message}`);
    }
  }
}
