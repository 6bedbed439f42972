/**
 * The one list of messages between the extension host (client) and the engine, over vscode-jsonrpc on Node IPC.
 * Values only: nothing here imports VS Code, ONNX Runtime or SQLite.
 */
import { NotificationType, RequestType } from 'vscode-jsonrpc';
import type { Eagerness } from '../completion/eagerness.ts';
import type { Edit } from '../completion/edit.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import type { Completion, None, Suggestion } from '../completion/suggestion.ts';
import type { Calibration } from '../gate/calibration.ts';
import type { Seldom } from '../gate/habits.ts';
import type { EntryKind } from '../memory/entry.ts';
import type { PromptStyle } from '../model/library/catalogue.ts';
import type { SignalEvent } from '../signals/signal.ts';
import type { DayStats, Deleted, Selection, StoredEntry, StoredGroup, StoredSummary } from '../signals/view.ts';
import type { DeviceSetting } from './device.ts';

/** Settings that the engine needs, already validated by the client. */
export interface EngineSettings {
  /** A file or folder that the user named, or null for the default base. */
  readonly modelPath: string | null;
  /** Prompt format that the user chose; null or absent: what the model was made for. */
  readonly promptStyle?: PromptStyle | null;
  /** Address to download models from, or null: HF_ENDPOINT, else the Hugging Face hub. */
  readonly mirror?: string | null;
  readonly maxNewTokens: number;
  /** What is unlikelier to be accepted is shown only to who asks for it. */
  readonly eagerness: Eagerness;
  /** Whether what was accepted and typed before has a part in suggestions. */
  readonly memory: { readonly enabled: boolean };
  readonly training: {
    readonly enabled: boolean;
    /** New signals since the last round before another one starts. */
    readonly minSignals: number;
    /** Seconds without an editor event in any window. */
    readonly idleSeconds: number;
    readonly onBattery: boolean;
    readonly memoryMb: number;
    /** Tokens that one round may train on. */
    readonly tokenBudget: number;
    readonly device: DeviceSetting;
  };
  readonly retention: { readonly days: number; readonly megabytes: number };
  /** Where suggestions are made; `auto` unless told. */
  readonly servingDevice?: DeviceSetting;
}

export interface InitializeParams {
  /** Folder for the database and the checkpoints (VS Code's global storage). */
  readonly storageDir: string;
  /** Folder for models and derived weights, outside of any checkout. */
  readonly cacheDir: string;
  readonly windowId: string;
  /** File with the texts of the display language, for @vscode/l10n; null for English. */
  readonly texts: string | null;
  /** False in an untrusted workspace: serve, do not train. */
  readonly trusted: boolean;
  /** For how long nobody must have used this window before the model's memory is given back; ten minutes unless told. */
  readonly restAfterMs?: number;
  readonly settings: EngineSettings;
}

export interface CompleteParams {
  readonly snapshot: Snapshot;
}

export interface ScoreParams {
  readonly snapshot: Snapshot;
  readonly edit: Edit;
}

export interface Score {
  readonly checkpoint: string;
  /** Of the edit and of nothing more: the sum of `logprobs`. */
  readonly logprob: number;
  /** Natural-log probability of each of its tokens, and of those that end it where the format has any. */
  readonly logprobs: readonly number[];
}

/** One round of training, for people. Times are epoch milliseconds, losses in nats a token. */
export interface RoundInfo {
  readonly id: number;
  readonly started: number;
  readonly ended: number | null;
  readonly device: string;
  readonly signals: number;
  readonly steps: number | null;
  readonly lossBefore: number | null;
  readonly lossAfter: number | null;
  /** Null while it runs. */
  readonly decision: 'promoted' | 'refused' | 'stopped' | 'failed' | null;
  readonly reason: string;
  readonly checkpoint: string | null;
}

export interface CheckpointInfo {
  readonly id: string;
  readonly created: number;
  readonly state: 'candidate' | 'current' | 'refused' | 'retired' | 'rolled-back';
  readonly reason: string;
  /** Whether one can go back to it: older ones are deleted. */
  readonly usable: boolean;
}

/** What the gate has learned, and whether it is right. */
export interface GateInfo {
  /** It has learned from. */
  readonly signals: number;
  /** Kinds of suggestions that are taken seldom, least first, at most 10. */
  readonly seldom: readonly Seldom[];
  /** Its newest forecasts against what came. */
  readonly calibration: Calibration;
  /** Suggestions of the last 7 days that were not shown because they would probably have been rejected. */
  readonly held: {
    readonly count: number;
    /** Newest first; lines are zero-based. */
    readonly newest: readonly {
      readonly at: number;
      readonly path: string;
      readonly line: number;
      readonly p: number;
    }[];
  };
}

/** What the panel shows. */
export interface Overview {
  /** Checkpoint that serves: `base` or an id. */
  readonly checkpoint: string;
  readonly newSignals: number;
  readonly gate: GateInfo;
  /** Days of the last 60 on which something was offered, oldest first. */
  readonly days: readonly DayStats[];
  /** Newest first, at most 50. */
  readonly rounds: readonly RoundInfo[];
  /** Newest first. */
  readonly checkpoints: readonly CheckpointInfo[];
  /** How much each of the ways to learn holds. */
  readonly sizes: {
    /** Of the model's cache of keys and values, a token of the prompt; null while there is no model. */
    readonly cacheBytesAToken: number | null;
    readonly rememberedEdits: number;
    /** Of the index that they are found by. */
    readonly memoryBytes: number;
    /** Of the adapter that serves, and the signals that its rounds learned from; 0 while the base serves. */
    readonly adapterBytes: number;
    readonly learnedSignals: number;
  };
  readonly stored: {
    readonly folder: string;
    readonly suggestions: number;
    /** Edits that were made without one. */
    readonly written: number;
    readonly oldestAt: number | null;
    readonly databaseBytes: number;
    readonly checkpointBytes: number;
  };
}

/** A remembered edit. */
export interface MemoryEntry {
  readonly id: string;
  /** Suggestions and edits that it comes from, this one first: forgetting it is deleting all of them. */
  readonly sources: readonly string[];
  /** Epoch milliseconds. */
  readonly at: number;
  readonly path: string;
  /** accepted: a suggestion was taken; typed: this was written where one was refused; written: without a suggestion. */
  readonly kind: EntryKind;
  /** Whole lines. */
  readonly removed: readonly string[];
  readonly added: readonly string[];
}

export interface MemoryView {
  /** Newest first. */
  readonly entries: readonly MemoryEntry[];
  /** How many there are in all. */
  readonly size: number;
  /** Of the index that they are found by. */
  readonly bytes: number;
}

/** The prompt that a snapshot comes to, as the model sees it. */
export interface PromptView {
  readonly format: string;
  /** SHA-256 (hex), as in Suggestion.promptHash. */
  readonly hash: string;
  /** One for each file that it tells of, in order; all texts joined are the prompt. */
  readonly parts: readonly { readonly tokens: number; readonly text: string }[];
}

/** A model that could serve. */
export interface ModelEntry {
  /** In Knack's catalogue, or null. */
  readonly id: string | null;
  /** File or folder; null: not on this machine, to be fetched by its id. */
  readonly path: string | null;
  /** Whether it is the one that serves where none is chosen. */
  readonly isDefault: boolean;
  readonly title: string;
  /** Which program keeps it, and under what name, for people; null for one to fetch or of the user's own. */
  readonly keeper: string | null;
  readonly parameters: number | null;
  readonly quantisation: string | null;
  readonly licence: string | null;
  readonly bytes: number | null;
  /** Memory that suggesting with it needs. */
  readonly memoryBytes: number | null;
  /** Middle of warm requests on this machine, measured or estimated from another model; null: not known yet. */
  readonly speed: { readonly p50Ms: number; readonly isMeasured: boolean } | null;
  readonly forCode: boolean;
  readonly serves: boolean;
  /** Why Knack cannot run it, for people. */
  readonly refusal: string | null;
}

export interface ModelList {
  readonly models: readonly ModelEntry[];
  /** Of the machine. */
  readonly memoryBytes: number;
  /** What was not looked at and why, for the log. */
  readonly notes: readonly string[];
}

export type EnginePhase =
  | 'starting'
  | 'model-missing' // ask the user, then `downloadModel`
  | 'downloading'
  | 'preparing' // dequantising, building the session
  | 'ready'
  | 'failed'; // `message` says what to do

export interface EngineState {
  readonly phase: EnginePhase;
  /** For people, in plain words; empty if there is nothing to say. */
  readonly message: string;
  /** 0 to 1 while downloading or preparing. */
  readonly progress?: number;
  /** Checkpoint that serves: `base` or an id. */
  readonly checkpoint: string;
  /** Where suggestions are made and why not elsewhere, for people, if that is known. */
  readonly device?: string;
  readonly training: {
    readonly phase: 'off' | 'waiting' | 'running';
    /** Why it waits, or what it does. */
    readonly message: string;
    readonly newSignals: number;
    /** Where the last round ran and why not elsewhere, if that is known. */
    readonly device?: string;
  };
  /** Warnings that stay until dismissed, such as a database that was set aside. */
  readonly notices: readonly string[];
}

export const Initialize = new RequestType<InitializeParams, EngineState, void>('initialize');
export const Configure = new NotificationType<{ settings: EngineSettings; trusted: boolean }>('configure');
export const Complete = new RequestType<CompleteParams, Completion, void>('complete');
/** As `complete`, with other answers after the first: different edits, at most `most` in all. */
export const CompleteAll = new RequestType<CompleteParams & { most: number }, readonly Suggestion[] | None, void>(
  'completeAll',
);
export const ScoreEdit = new RequestType<ScoreParams, Score, void>('score');
/** Stores events; answers with the ids that are durable. Ids not named must be sent again. */
export const Record = new RequestType<{ events: readonly SignalEvent[] }, { acked: readonly string[] }, void>('record');
/** The user did something in this window, sent at most once a second. */
export const Activity = new NotificationType<{ at: number }>('activity');
export const DownloadModel = new RequestType<void, void, void>('downloadModel');
/** Models that lie on this machine and those that can be fetched. */
export const ShowModels = new RequestType<void, ModelList, void>('models');
/** Download a model of the catalogue; cancelled, it keeps what has arrived. Answers with the file's path. */
export const FetchModel = new RequestType<{ id: string }, { path: string }, void>('fetchModel');
export const FetchProgress = new NotificationType<{ id: string; done: number; total: number }>('fetchProgress');
/** Measure how fast the model that serves answers here. */
export const MeasureSpeed = new RequestType<void, void, void>('measureSpeed');
/** This machine is fast enough for a better model than the default one. */
export const ModelOffered = new NotificationType<ModelEntry>('modelOffered');
/** Start a training round now if there is anything to train on, without waiting for idleness. */
export const TrainNow = new RequestType<void, { started: boolean; reason: string }, void>('trainNow');
/** Test the devices for training again; answers in a sentence what was found. */
export const TestDevices = new RequestType<void, string, void>('testDevices');
export const ShowOverview = new RequestType<void, Overview, void>('overview');
export const ShowGroups = new RequestType<{ by: 'day' | 'file' }, readonly StoredGroup[], void>('groups');
export const ShowList = new RequestType<{ selection: Selection; limit: number }, readonly StoredSummary[], void>(
  'list',
);
export const ShowEntry = new RequestType<{ id: string }, StoredEntry | null, void>('entry');
export const ShowPrompt = new RequestType<{ snapshot: Snapshot }, PromptView, void>('prompt');
/** The newest remembered edits, or those with these ids. */
export const ShowMemory = new RequestType<{ limit: number; ids?: readonly string[] }, MemoryView, void>('memory');
/** Delete some suggestions and what became of them. What was learned from them stays, and is named in the answer. */
export const DeleteSelected = new RequestType<{ selection: Selection }, Deleted, void>('deleteSelected');
/** Serve with an earlier checkpoint (`base` or an id), and learn on from there. */
export const GoBack = new RequestType<{ checkpoint: string }, void, void>('goBack');
/** Delete everything that was learned and stored. */
export const DeleteAll = new RequestType<void, void, void>('deleteAll');
export const StateChanged = new NotificationType<EngineState>('stateChanged');
export const Log = new NotificationType<{ level: 'debug' | 'info' | 'warn' | 'error'; message: string }>('log');
