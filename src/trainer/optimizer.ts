/**
 * AdamW with decoupled decay (https://arxiv.org/abs/1711.05101), clipping by the global norm and gradient accumulation
 * as graph pieces, in the arithmetic of torch.optim.AdamW and torch.nn.utils.clip_grad_norm_; and the schedule that
 * feeds them.
 */
import * as g from '../graph/build.ts';
import { input, scalar, scope, type Value } from '../graph/value.ts';

export interface AdamOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Each step takes the share `learningRate · weightDecay` off every decayed parameter. */
  readonly weightDecay: number;
}

export const ADAMW: AdamOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

/** One tensor that is trained: graph inputs of one shape, and this batch's gradient by it. */
export interface Parameter {
  /** Name of its input; its moments' have `.mean` and `.square` appended, its gradient sum's `.gradient`. */
  readonly name: string;
  readonly value: Value;
  readonly gradient: Value;
  /** False for what weight decay leaves alone, such as norms and biases. */
  readonly decayed: boolean;
}

/** Larger than this is not finite. */
const FINITE = 3.4e38;

/**
 * One step, as graph outputs.
 *
 * Inputs: `<name>.mean` and `<name>.square` of each parameter; scalars `lr`, `biasCorrection1` and `biasCorrection2`
 * (1 − βᵗ), `maxNorm` to clip to, `normLimit` above which the step is not taken.
 * Outputs: `<name>.next`, `<name>.mean.next`, `<name>.square.next`; scalars `norm`, the gradients' global norm before
 * clipping, and `applied`, 1 if the step was taken, else 0. If the loss or the norm is not finite or the norm exceeds
 * its limit, parameters and moments come out as they went in.
 *
 * With `accumulate`, gradients of several batches add up before a step is taken. Further inputs: `<name>.gradient`, the
 * sum so far (zeros at first), and scalar `update`, 1 for the batch that ends the sum, else 0. Further outputs:
 * `<name>.gradient.next`, zeros after an update, and scalar `accepted`: 0 if this batch's gradient was not finite and
 * was left out. `norm` is that of the sum.
 */
export function adamw(
  parameters: readonly Parameter[],
  loss: Value,
  options: AdamOptions,
  accumulate = false,
): Record<string, Value> {
  if (!(options.epsilon > 0)) throw new RangeError(`AdamW’s ε is ${options.epsilon}: give a small positive number`);
  const number = (name: string): Value => input(name, 'float32', []);
  const state = ({ name, value }: Parameter, part: string): Value =>
    input(`${name}.${part}`, value.dtype, g.staticShape(value.shape));
  return scope('adamw', () => {
    const outputs: Record<string, Value> = {};
    let gradients = parameters.map((each) => each.gradient);
    let applied = finite(loss);
    if (accumulate) {
      const accepted = g.and(applied, finite(normOf(gradients)));
      const update = g.greater(number('update'), 0.5);
      gradients = parameters.map((each, i) => {
        const sum = state(each, 'gradient');
        const next = g.where(accepted, g.add(sum, gradients[i]!), sum);
        outputs[`${each.name}.gradient.next`] = g.where(update, 0, next);
        return next;
      });
      outputs.accepted = g.cast(accepted, 'float32');
      // What was not finite is not in the sum.
      applied = update;
    }
    const norm = normOf(gradients);
    // A comparison with NaN is false.
    applied = g.and(applied, g.and(finite(norm), g.lessOrEqual(norm, number('normLimit'))));
    const scales = scalesOf(applied, norm, number, options);
    for (const [i, each] of parameters.entries()) {
      const moments = { mean: state(each, 'mean'), square: state(each, 'square') };
      const next = updated(each, g.where(applied, gradients[i]!, 0), moments, scales, options);
      outputs[`${each.name}.next`] = next.value;
      outputs[`${each.name}.mean.next`] = next.mean;
      outputs[`${each.name}.square.next`] = next.square;
    }
    return { ...outputs, norm, applied: g.cast(applied, 'float32') };
  });
}

function finite(x: Value): Value {
  return g.less(g.abs(x), FINITE);
}

function normOf(gradients: readonly Value[]): Value {
  const squares = gradients.map((each) => g.reduceSumSquare(each, { keepDims: false }));
  return g.sqrt(squares.reduce((sum, each) => g.add(sum, each)));
}

/**
 * The scalars that every parameter's update shares. Where a step is not taken they are those of a step that changes
 * nothing: one selection a scalar instead of three a parameter.
 */
interface Scales {
  readonly keepMean: Value;
  readonly addMean: Value;
  readonly keepSquare: Value;
  readonly addSquare: Value;
  readonly keepValue: Value;
  readonly rate: Value;
  readonly epsilon: Value;
}

function scalesOf(
  applied: Value,
  norm: Value,
  number: (name: string) => Value,
  { beta1, beta2, epsilon, weightDecay }: AdamOptions,
): Scales {
  const lr = number('lr');
  const clip = g.min(1, g.div(number('maxNorm'), g.add(norm, 1e-6)));
  const spread = g.sqrt(number('biasCorrection2'));
  return {
    keepMean: g.where(applied, beta1, scalar(1)),
    addMean: g.where(applied, g.mul(clip, 1 - beta1), 0),
    keepSquare: g.where(applied, beta2, scalar(1)),
    addSquare: g.where(applied, g.mul(g.mul(clip, clip), 1 - beta2), 0),
    keepValue: g.where(applied, g.sub(1, g.mul(lr, weightDecay)), 1),
    rate: g.where(applied, g.div(g.mul(lr, spread), number('biasCorrection1')), 0),
    epsilon: g.mul(spread, epsilon),
  };
}

/** rate · mean / (√square + ε): PyTorch's lr / c₁ · mean / (√square / √c₂ + ε), multiplied out by √c₂. */
function updated(
  { value, decayed }: Parameter,
  gradient: Value,
  moments: { readonly mean: Value; readonly square: Value },
  scales: Scales,
  { weightDecay }: AdamOptions,
): { readonly value: Value; readonly mean: Value; readonly square: Value } {
  const mean = g.add(g.mul(moments.mean, scales.keepMean), g.mul(gradient, scales.addMean));
  const square = g.add(g.mul(moments.square, scales.keepSquare), g.mul(g.mul(gradient, gradient), scales.addSquare));
  const step = g.div(g.mul(mean, scales.rate), g.add(g.sqrt(square), scales.epsilon));
  return {
    value: g.sub(decayed && weightDecay !== 0 ? g.mul(value, scales.keepValue) : value, step),
    mean,
    square,
  };
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

export interface Schedule {
  /** Learning rate after the warm-up. */
  readonly peak: number;
  /** Steps over which the rate rises linearly to its peak; 0 for none. */
  readonly warmup: number;
  /** Steps in all, the warm-up among them. */
  readonly total: number;
  readonly decay: 'constant' | 'linear' | 'cosine';
  /** Share of the peak at which the decay ends. */
  readonly floor: number;
}

/**
 * The learning rate of a step, counted from 1: transformers' `get_linear_schedule_with_warmup` and
 * `get_cosine_schedule_with_warmup` one step ahead, so that the first step is not of rate 0. Throws RangeError for a
 * schedule that cannot be.
 */
export function learningRate(step: number, { peak, warmup, total, decay, floor }: Schedule): number {
  if (!(peak > 0) || !(warmup >= 0) || !(total >= 1) || warmup > total || !(floor >= 0 && floor <= 1)) {
    throw new RangeError(`no schedule: peak ${peak}, warm-up ${warmup} of ${total} steps, floor ${floor}`);
  }
  if (step <= warmup) return (peak * step) / warmup;
  if (decay === 'constant') return peak;
  const done = Math.min(1, (step - warmup) / (total - warmup));
  const left = decay === 'linear' ? 1 - done : 0.5 * (1 + Math.cos(Math.PI * done));
  return peak * (floor + (1 - floor) * left);
}
