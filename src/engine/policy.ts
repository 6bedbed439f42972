/** The weights in training, on sessions: what a round (trainer/round.ts) runs on. */

import type { Adapter } from '../model/adapter.ts';
import type { ModelConfig } from '../model/config.ts';
import { mapped } from '../model/network.ts';
import { type Batch, makeBatch, shapeFor } from '../trainer/batch.ts';
import { checkBatch } from '../trainer/check.ts';
import type { Example } from '../trainer/examples.ts';
import { crossEntropy, kto } from '../trainer/objective.ts';
import { stepScalars } from '../trainer/optimizer.ts';
import type { Policy, Score, StepResult } from '../trainer/round.ts';
import { type BatchShape, buildEvalGraph, buildTrainStep } from '../trainer/step.ts';
import type { Base } from './base.ts';
import { type Device, refusal } from './device.ts';
import { adapterFeeds } from './forward.ts';
import { createSession, float32, int64, type Session, type SessionOptions, type Tensor } from './runtime.ts';
import { type State, StatefulSession } from './stateful.ts';

/** Gradients are clipped to this norm; beyond the limit a step is dropped. */
const MAX_NORM = 1;
const NORM_LIMIT = 100;
/** Slope of KTO's sigmoid in the log-ratio, and its reference point in nats. */
const KTO_BETA = 0.1;
const KTO_Z = 0;

export interface PolicyOptions {
  readonly threads: number;
  readonly device: Device;
  /** The device failed, and training goes on on the CPU: why, for people. */
  readonly onFallback: (reason: string) => void;
  /** Makes the training session; a test gives one whose device fails. */
  readonly open?: typeof StatefulSession.create;
}

/** What training moves, on the host: the parameters, AdamW's moments, and how many steps they have taken. */
export interface Progress {
  readonly lora: Float32Array;
  readonly mean: Float32Array;
  readonly square: Float32Array;
  readonly steps: number;
}

type Open =
  | { readonly kind: 'train'; readonly session: StatefulSession }
  | { readonly kind: 'score'; readonly key: string; readonly session: Session };

export class SessionPolicy implements Policy {
  readonly shape: BatchShape;
  readonly #base: Base;
  readonly #options: PolicyOptions;
  readonly #lora: Adapter['shape'];
  #device: Device;
  #open: Open | null = null;
  /** As of when it was last read from the training session. */
  #progress: Progress;
  /** Steps that were applied; more than the progress says while a session trains. */
  #steps = 0;

  /** @param start is copied; training goes on from it with fresh moments */
  constructor(base: Base, start: Adapter, shape: BatchShape, options: PolicyOptions) {
    this.#base = base;
    this.#lora = start.shape;
    this.shape = shape;
    this.#options = options;
    this.#device = options.device;
    const zeros = (): Float32Array => new Float32Array(start.vector.length);
    this.#progress = { lora: start.vector.slice(), mean: zeros(), square: zeros(), steps: 0 };
  }

  async step(batch: Batch, learningRate: number): Promise<StepResult> {
    const own = inputs(this.#base.model.config, batch, this.shape);
    return this.#onDevice(async () => {
      const session = await this.#trainer();
      const scalar = (value: number): Tensor => float32([], [value]);
      const scalars = stepScalars(this.#steps + 1, { lr: learningRate, maxNorm: MAX_NORM, normLimit: NORM_LIMIT });
      const out = await session.run(
        {
          ...own,
          weight: float32([this.shape.rows], batch.weight),
          sequence: int64([this.shape.rows], batch.sequence),
          'kto.label': float32([this.shape.batch], batch.kto.label),
          'kto.weight': float32([this.shape.batch], batch.kto.weight),
          'kto.reference': float32([this.shape.batch], batch.kto.reference),
          'kto.beta': scalar(KTO_BETA),
          'kto.z': scalar(KTO_Z),
          ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, scalar(value)])),
        },
        ['loss', 'norm', 'applied'],
      );
      const number = (name: string): number => out[name]!.data[0] as number;
      const applied = number('applied') === 1;
      if (applied) this.#steps++;
      return { loss: number('loss'), norm: number('norm'), applied };
    });
  }

  score(examples: readonly Example[]): Promise<Score[]> {
    return this.#onDevice(async () => {
      if (examples.length === 0) return [];
      const { batch } = this.shape;
      const shape = shapeFor(examples, batch);
      const { config } = this.#base.model;
      const session = await this.#scorer(shape);
      const adapter = adapterFeeds(config, this.#lora, this.#progress.lora);
      const scores: Score[] = [];
      for (let at = 0; at < examples.length; at += batch) {
        const part = examples.slice(at, at + batch);
        const filled = makeBatch(part, shape);
        const { logprobs } = await session.run({ ...inputs(config, filled, shape), ...adapter });
        const sums = new Float64Array(batch + 1);
        for (const [row, owner] of filled.sequence.entries()) sums[owner]! += logprobs!.data[row] as number;
        for (const [i, e] of part.entries()) scores.push({ logprob: sums[i]!, tokens: e.ids.length - e.targetStart });
      }
      return scores;
    });
  }

  parameters(): Promise<Float32Array> {
    return this.#onDevice(async () => {
      await this.#read();
      return this.#progress.lora.slice();
    });
  }

  restore(parameters: Float32Array): Promise<void> {
    return this.#onDevice(async () => {
      await this.#read();
      this.#progress = { ...this.#progress, lora: parameters.slice() };
      if (this.#open?.kind === 'train') this.#open.session.write(stateOf(this.#progress));
    });
  }

  /** A copy of all that training moves: with it, another policy goes on bit for bit (on the CPU). */
  state(): Promise<Progress> {
    return this.#onDevice(async () => {
      await this.#read();
      const { lora, mean, square } = this.#progress;
      return { lora: lora.slice(), mean: mean.slice(), square: square.slice(), steps: this.#steps };
    });
  }

  /** Goes on from what `state` gave. Throws RangeError if it is another adapter's. */
  async restoreState({ lora, mean, square, steps }: Progress): Promise<void> {
    const { length } = this.#progress.lora;
    if ([lora, mean, square].some((each) => each.length !== length) || !Number.isInteger(steps) || steps < 0) {
      throw new RangeError(`no state of an adapter of ${length} parameters`);
    }
    this.#progress = { lora: lora.slice(), mean: mean.slice(), square: square.slice(), steps };
    this.#steps = steps;
    if (this.#open?.kind === 'train') this.#open.session.write(stateOf(this.#progress));
  }

  async release(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.session.release();
  }

  /** Does the work, on the CPU if the device fails. */
  async #onDevice<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.#device === 'cpu') throw error;
      const lost = await this.#leaveDevice();
      const again = lost === 0 ? '' : ` ${lost} steps since the last judgement are lost.`;
      this.#options.onFallback(`${refusal(this.#options.device, error as Error)}${again}`);
      return await work();
    }
  }

  /** @returns steps that could not be brought along: what the device no longer gives out is as it was last read */
  async #leaveDevice(): Promise<number> {
    await this.#read().catch(() => undefined);
    const open = this.#open;
    this.#open = null;
    this.#device = 'cpu';
    await open?.session.release().catch(() => undefined);
    const lost = this.#steps - this.#progress.steps;
    this.#steps = this.#progress.steps;
    return lost;
  }

  /** Brings the training session's state to the host. */
  async #read(): Promise<void> {
    if (this.#open?.kind !== 'train') return;
    const state = await this.#open.session.read();
    const floats = (name: string): Float32Array => state[name]!.data as Float32Array;
    this.#progress = {
      lora: floats('lora'),
      mean: floats('lora.mean'),
      square: floats('lora.square'),
      steps: this.#steps,
    };
  }

  async #trainer(): Promise<StatefulSession> {
    if (this.#open?.kind === 'train') return this.#open.session;
    await this.release();
    const graph = buildTrainStep(this.#base.model.config, mapped(this.#base.weights), this.#lora, {
      ...this.shape,
      objectives: [crossEntropy(), kto(this.shape.batch)],
    });
    const open = this.#options.open ?? StatefulSession.create;
    const session = await open(graph, stateOf(this.#progress), this.#sessionOptions());
    this.#open = { kind: 'train', session };
    return session;
  }

  /**
   * One session at a time: each maps the base's weights into memory for itself (half a gigabyte), and building one
   * takes half a second.
   */
  async #scorer(shape: BatchShape): Promise<Session> {
    const key = `${shape.time}x${shape.rows}`;
    if (this.#open?.kind === 'score' && this.#open.key === key) return this.#open.session;
    await this.#read();
    await this.release();
    const graph = buildEvalGraph(this.#base.model.config, mapped(this.#base.weights), this.#lora, shape);
    const session = await createSession(graph, this.#sessionOptions());
    this.#open = { kind: 'score', key, session };
    return session;
  }

  #sessionOptions(): SessionOptions {
    // Weights stay in the mapped file, which the serving process shares, instead of a private copy.
    return { threads: this.#options.threads, folder: this.#base.folder, prepack: false, device: this.#device };
  }
}

function stateOf({ lora, mean, square }: Progress): State {
  const vector = (values: Float32Array): Tensor => float32([values.length], values);
  return { lora: vector(lora), 'lora.mean': vector(mean), 'lora.square': vector(square) };
}

/** Throws RangeError for an id, row or label that cannot be: a device may read out of bounds silently. */
function inputs(config: ModelConfig, batch: Batch, shape: BatchShape): Record<string, Tensor> {
  checkBatch(config, shape, batch);
  const { batch: B, time: T, rows: N } = shape;
  return { ids: int64([B, T], batch.ids), rows: int64([N], batch.rows), labels: int64([N], batch.labels) };
}
