/** Messages between the engine and the trainer, its child process, over Node's IPC. Plain values. */
import type { PromptStyle } from '../model/library/catalogue.ts';
import type { Device } from './device.ts';

export interface TrainJob {
  /** VS Code's global storage folder: the database and the checkpoints. */
  readonly storageDir: string;
  readonly cacheDir: string;
  /** The base model's file or folder, found and checked by the engine. */
  readonly modelPath: string;
  /** Prompt format that the user chose; null: what the model was made for. */
  readonly promptStyle: PromptStyle | null;
  /** Holder of the training lease, taken by the engine. */
  readonly leaseOwner: string;
  readonly memoryMb: number;
  readonly tokenBudget: number;
  /** Halved after a crash: 1, 0.5, 0.25 of what the memory would allow. */
  readonly batchShare: number;
  readonly seed: number;
  /** The device to train on, and why it is not another one; the reason is empty if there is nothing to say. */
  readonly device: Device;
  readonly deviceReason: string;
}

export type ToTrainer = { readonly type: 'train'; readonly job: TrainJob } | { readonly type: 'stop' };

export type FromTrainer =
  | { readonly type: 'progress'; readonly message: string }
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string }
  /** The device failed, and the round goes on on the CPU. */
  | { readonly type: 'device-failed'; readonly device: Device; readonly reason: string }
  | { readonly type: 'done'; readonly promoted: boolean; readonly reason: string }
  | { readonly type: 'failed'; readonly message: string };
