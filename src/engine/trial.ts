/**
 * A training step on made-up data, the same on every machine: what a device is compared with the CPU by. A Llama with
 * seeded weights, LoRA on all linear layers, cross-entropy and KTO, AdamW.
 */
import type { Graph } from '../graph/graph.ts';
import type { ModelConfig } from '../model/config.ts';
import { expectedTensors } from '../model/layout.ts';
import { loraSize, topLayers } from '../model/lora.ts';
import type { Weights } from '../model/network.ts';
import { crossEntropy, kto } from '../trainer/objective.ts';
import { stepScalars } from '../trainer/optimizer.ts';
import { seeded } from '../trainer/random.ts';
import { type BatchShape, buildTrainStep } from '../trainer/step.ts';
import { float32, int64, type Tensor } from './runtime.ts';
import type { State } from './stateful.ts';

export interface Trial {
  readonly graph: Graph;
  /** Parameters and moments before the first step. */
  readonly state: State;
  /** What step n (from 1) is fed beside the state. */
  readonly feeds: (step: number) => Record<string, Tensor>;
}

interface Size {
  readonly config: ModelConfig;
  readonly shape: BatchShape;
  readonly rank: number;
}

const COMMON = {
  family: 'llama',
  ropeTheta: 10_000,
  rmsEps: 1e-5,
  tiedHead: true,
  qkvBias: false,
  contextLength: 512,
  bosId: null,
  eosIds: [0],
} as const;

/**
 * `small` compares numbers: of a width, rank and rate at which training does not amplify rounding (docs/log.md).
 * `realistic` times: six of SmolLM2-135M's thirty layers, a sixth of its vocabulary.
 */
export const TRIAL_SIZES = {
  small: {
    config: { ...COMMON, layers: 2, hidden: 64, heads: 4, kvHeads: 2, headDim: 16, intermediate: 160, vocab: 257 },
    shape: { batch: 2, time: 24, rows: 16 },
    rank: 4,
  },
  realistic: {
    config: { ...COMMON, layers: 6, hidden: 576, heads: 9, kvHeads: 3, headDim: 64, intermediate: 1536, vocab: 8192 },
    shape: { batch: 1, time: 256, rows: 64 },
    rank: 8,
  },
} as const satisfies Record<string, Size>;

/** Different batches, which come again and again. */
const BATCHES = 4;

/** The trial of a size; the same seed gives the same numbers. */
export function makeTrial(size: keyof typeof TRIAL_SIZES, seed = 1): Trial {
  const { config, shape, rank }: Size = TRIAL_SIZES[size];
  const random = seeded(seed);
  const around = (count: number, spread: number, centre = 0): Float32Array =>
    Float32Array.from({ length: count }, () => centre + spread * (2 * random() - 1));
  const weights: Weights = new Map(
    [...expectedTensors(config)].map(([name, dims]) => {
      const count = dims.reduce((product, dim) => product * dim, 1);
      // Uniform numbers of variance 1 / width keep activations near 1.
      const data = dims.length === 1 ? around(count, 0.1, 1) : around(count, Math.sqrt(3 / dims.at(-1)!));
      return [name, { dtype: 'float32', shape: dims, data }];
    }),
  );
  const lora = topLayers(config, config.layers, rank, 2 * rank);
  const { batch: B, time: T, rows: N } = shape;
  const length = loraSize(config, lora);
  const zeros = (): Tensor => float32([length], new Float32Array(length));
  const whole = (count: number, below: number): number[] =>
    Array.from({ length: count }, () => Math.floor(random() * below));
  const state = { lora: float32([length], around(length, 0.1)), 'lora.mean': zeros(), 'lora.square': zeros() };
  const batches = Array.from({ length: BATCHES }, () => ({
    ids: int64([B, T], whole(B * T, config.vocab)),
    // Drawn with repetition: devices differ in how they add what meets on one row.
    rows: int64([N], whole(N, B * T)),
    labels: int64([N], whole(N, config.vocab)),
    weight: float32([N], new Float32Array(N).fill(1 / N)),
    sequence: int64([N], whole(N, B + 1)),
    'kto.label': float32(
      [B],
      new Float32Array(B).map((_, i) => (i % 2 === 0 ? -1 : 1)),
    ),
    'kto.weight': float32([B], new Float32Array(B).fill(0.5 / B)),
    'kto.reference': float32([B], new Float32Array(B).fill(-N * 2)),
    'kto.beta': float32([], [0.1]),
    'kto.z': float32([], [0]),
  }));
  return {
    graph: buildTrainStep(config, weights, lora, { ...shape, objectives: [crossEntropy(), kto(B)] }),
    state,
    feeds: (step) => {
      const scalars = stepScalars(step, { lr: 1e-3, maxNorm: 1, normLimit: 1e6 });
      const numbers = Object.entries(scalars).map(([name, value]) => [name, float32([], [value])]);
      return { ...batches[(step - 1) % BATCHES]!, ...Object.fromEntries(numbers) };
    },
  };
}
