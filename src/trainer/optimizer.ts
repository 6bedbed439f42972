/**
 * AdamW with decoupled decay (https://arxiv.org/abs/1711.05101) and clipping by the global norm, as graph pieces, in
 * the arithmetic of torch.optim.AdamW and torch.nn.utils.clip_grad_norm_.
 */
import * as g from '../graph/build.ts';
import { input, scope, type Value } from '../graph/value.ts';

export interface AdamOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Each step takes the share `learningRate · weightDecay` off every decayed parameter. */
  readonly weightDecay: number;
}

export const ADAMW: AdamOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

/** One tensor that is trained, with its gradient and moments of the same shape. */
export interface Parameter {
  readonly value: Value;
  readonly gradient: Value;
  readonly mean: Value;
  readonly square: Value;
  /** False for what weight decay leaves alone, such as norms and biases. */
  readonly decayed: boolean;
}

export interface Updated {
  readonly value: Value;
  readonly mean: Value;
  readonly square: Value;
}

export interface Update {
  readonly parameters: readonly Updated[];
  /** Scalar: the global norm of the gradients before clipping. */
  readonly norm: Value;
  /** Scalar, 1 or 0: whether the step was taken. */
  readonly applied: Value;
}

/** Larger than this is not finite. */
const FINITE = 3.4e38;

/**
 * One step. Scalar inputs: `lr`, `biasCorrection1` and `biasCorrection2` (1 − βᵗ), `maxNorm` to clip to, `normLimit`
 * above which the step is not taken. If the loss or the norm is not finite, or the norm exceeds its limit, parameters
 * and moments come out as they went in.
 */
export function adamw(parameters: readonly Parameter[], loss: Value, options: AdamOptions): Update {
  const { beta1, beta2, epsilon, weightDecay } = options;
  const number = (name: string): Value => input(name, 'float32', []);
  const [lr, correction1, correction2] = [number('lr'), number('biasCorrection1'), number('biasCorrection2')];
  return scope('adamw', () => {
    const squares = parameters.map((each) => g.reduceSumSquare(each.gradient, { keepDims: false }));
    const norm = g.sqrt(squares.reduce((sum, each) => g.add(sum, each)));
    // A comparison with NaN is false.
    const finite = g.and(g.less(g.abs(loss), FINITE), g.less(norm, FINITE));
    const applied = g.and(finite, g.lessOrEqual(norm, number('normLimit')));
    const clip = g.min(1, g.div(number('maxNorm'), g.add(norm, 1e-6)));
    const rate = g.div(lr, correction1);
    const spread = g.sqrt(correction2);
    const keep = g.sub(1, g.mul(lr, weightDecay));
    const updated = parameters.map(({ value, gradient, mean, square, decayed }): Updated => {
      const clipped = g.mul(gradient, clip);
      const nextMean = g.add(g.mul(mean, beta1), g.mul(clipped, 1 - beta1));
      const nextSquare = g.add(g.mul(square, beta2), g.mul(g.mul(clipped, clipped), 1 - beta2));
      const step = g.div(g.mul(nextMean, rate), g.add(g.div(g.sqrt(nextSquare), spread), epsilon));
      const next = g.sub(decayed && weightDecay !== 0 ? g.mul(value, keep) : value, step);
      return {
        value: g.where(applied, next, value),
        mean: g.where(applied, nextMean, mean),
        square: g.where(applied, nextSquare, square),
      };
    });
    return { parameters: updated, norm, applied: g.cast(applied, 'float32') };
  });
}

/** What one step feeds: the scalar inputs of `adamw`. */
export interface StepScalars {
  readonly lr: number;
  readonly biasCorrection1: number;
  readonly biasCorrection2: number;
  readonly maxNorm: number;
  readonly normLimit: number;
}

/** @param step counts the steps that were applied, this one included: 1 for the first */
export function stepScalars(
  step: number,
  schedule: { readonly lr: number; readonly maxNorm: number; readonly normLimit: number },
  options: AdamOptions = ADAMW,
): StepScalars {
  return {
    ...schedule,
    biasCorrection1: 1 - options.beta1 ** step,
    biasCorrection2: 1 - options.beta2 ** step,
  };
}
