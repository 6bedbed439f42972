/** Messages between the engine and the process that tests a device. Plain values. */
import type { PromptStyle } from '../model/library/catalogue.ts';
import type { Device } from './device.ts';
import type { TRIAL_SIZES } from './trial.ts';

export interface ProbeJob {
  readonly device: Device;
  /** Whether the system lists graphics hardware; null if that is not known. */
  readonly hardware: boolean | null;
  /** Those of the CPU, as training uses them, or serving. */
  readonly threads: number;
  /** What is to be served; absent: the test is a training step. */
  readonly serving?: ServingTrial;
}

export interface ProbeResult {
  readonly device: Device;
  /** Whether it computes what the CPU does. */
  readonly trusted: boolean;
  /** Why not, a sentence for people; empty if it is trusted. */
  readonly reason: string;
  /** The adapter's name if it computes on the CPU, such as SwiftShader. */
  readonly software: string | null;
  /** Median milliseconds of a step, on the device and on the CPU; null if it did not come to that. */
  readonly stepMs: number | null;
  readonly cpuStepMs: number | null;
  /** What was timed: for training a trial, realistic on hardware; for serving an answer. */
  readonly timed: keyof typeof TRIAL_SIZES | 'answer' | null;
}

export interface ServingTrial {
  readonly modelPath: string;
  readonly cacheDir: string;
  readonly promptStyle: PromptStyle | null;
  /** Of training, which decides the adapter's shape. */
  readonly memoryMb: number;
  /** The base's hash: results hold for it alone. */
  readonly model: string;
  /** Of the CPU when it serves. */
  readonly threads: number;
}

/** What the probe's process says: what it does next, and at last the result. */
export type FromProbe =
  | { readonly type: 'stage'; readonly stage: string }
  | { readonly type: 'result'; readonly result: ProbeResult };
