/**
 * Bayesian logistic regression, learned one example at a time.
 *
 * The weights have a normal distribution N(w, P), P in full. With x the example, m = w.x, s = x.P.x and y in [0, 1]:
 *
 * - predict: E[sigmoid(N(m, s))] ~ sigmoid(m / sqrt(1 + pi s / 8)) (MacKay 1992, "The evidence framework applied to
 *   classification networks"). What is not known yet pulls towards 1/2.
 * - learn: Laplace's approximation of the posterior (Spiegelhalter and Lauritzen 1990, "Sequential updating of
 *   conditional probabilities on directed graphical structures"). Its mode is w + a P x, where the one number a solves
 *   a = y - sigmoid(m + a s): an implicit step, which never overshoots. With g = q (1 - q) at the mode,
 *   P' = P - g / (1 + g s) (P x)(P x)'.
 * - age: over t steps w goes back to the prior's w0 and P to its P0, as an Ornstein-Uhlenbeck process whose stationary
 *   distribution is the prior: w' = w0 + r (w - w0), P' = r^2 P + (1 - r^2) P0, r = exp(-t / memory). So P never
 *   exceeds P0, and what is no longer contradicted by new examples is given another chance.
 * - bound: w stays where (w - w0)' P0^-1 (w - w0) <= radius^2, whatever it is told.
 */

/** P0 is diagonal: how much each weight differs between people. */
export interface Prior {
  readonly weights: readonly number[];
  readonly variances: readonly number[];
}

/** How far and how long a gate departs from its prior. */
export interface Bounds {
  /** In prior standard deviations, all weights together. */
  readonly radius: number;
  /** Steps after which a departure has shrunk by e. */
  readonly memory: number;
}

/** Longest time that aging looks at: a clock that jumps ages no more than this. */
const MOST_STEPS = 1_000_000;

export class Logistic {
  readonly #prior: Prior;
  readonly #bounds: Bounds;
  readonly #w: Float64Array;
  /** Row after row, symmetric. */
  readonly #P: Float64Array;

  /** @throws RangeError if the prior is none: lengths that differ, a variance that is not above 0 */
  constructor(prior: Prior, bounds: Bounds) {
    const { weights, variances } = prior;
    const isGood = weights.every(Number.isFinite) && variances.every((v) => Number.isFinite(v) && v > 0);
    if (weights.length === 0 || weights.length !== variances.length || !isGood) {
      throw new RangeError('A prior has as many finite weights as positive variances.');
    }
    this.#prior = prior;
    this.#bounds = bounds;
    this.#w = Float64Array.from(weights);
    this.#P = new Float64Array(weights.length ** 2);
    for (let i = 0; i < weights.length; i++) this.#P[i * weights.length + i] = variances[i]!;
  }

  get weights(): readonly number[] {
    return [...this.#w];
  }

  /** How sure each weight is: the diagonal of P. */
  get variances(): readonly number[] {
    const d = this.#w.length;
    return Array.from({ length: d }, (_, i) => this.#P[i * d + i]!);
  }

  /** How far the weights are from the prior's, as `Bounds.radius` counts. */
  get distance(): number {
    const { weights, variances } = this.#prior;
    return Math.sqrt(weights.reduce((sum, w0, i) => sum + (this.#w[i]! - w0) ** 2 / variances[i]!, 0));
  }

  /**
   * @param steps since the last example: the answer is that of a gate that has aged so long
   * @param deviations how many standard deviations of what it does not know are taken for granted: 0 for a forecast
   * @returns 0 to 1; with deviations, an upper confidence bound
   */
  predict(x: readonly number[], steps = 0, deviations = 0): number {
    const r = this.#retention(steps);
    const { weights, variances } = this.#prior;
    let [m, m0, s0] = [0, 0, 0];
    for (let i = 0; i < this.#w.length; i++) {
      const xi = featureAt(x, i);
      m += this.#w[i]! * xi;
      m0 += weights[i]! * xi;
      s0 += variances[i]! * xi * xi;
    }
    const s = r * r * dot(this.#times(x), x) + (1 - r * r) * s0;
    const mean = r * m + (1 - r) * m0;
    const forecast = sigmoid(mean / Math.sqrt(1 + (Math.PI / 8) * Math.max(0, s)));
    return deviations > 0 ? Math.max(forecast, sigmoid(mean + deviations * Math.sqrt(Math.max(0, s)))) : forecast;
  }

  /** @param y what it was worth, 0 to 1; what is not a number teaches nothing */
  learn(x: readonly number[], y: number): void {
    if (!Number.isFinite(y)) return;
    const label = Math.min(1, Math.max(0, y));
    const d = this.#w.length;
    const Px = this.#times(x);
    let [m, s] = [0, 0];
    for (let i = 0; i < d; i++) {
      m += this.#w[i]! * featureAt(x, i);
      s += Px[i]! * featureAt(x, i);
    }
    if (!(s > 0)) return;
    const a = implicitStep(label, m, s);
    const q = sigmoid(m + a * s);
    const g = q * (1 - q);
    const k = g / (1 + g * s);
    for (let i = 0; i < d; i++) {
      this.#w[i] = this.#w[i]! + a * Px[i]!;
      for (let j = 0; j < d; j++) this.#P[i * d + j] = this.#P[i * d + j]! - k * Px[i]! * Px[j]!;
    }
    this.#keepNear();
  }

  age(steps: number): void {
    const r = this.#retention(steps);
    if (r === 1) return;
    const d = this.#w.length;
    const { weights, variances } = this.#prior;
    for (let i = 0; i < d; i++) {
      this.#w[i] = weights[i]! + r * (this.#w[i]! - weights[i]!);
      for (let j = 0; j < d; j++) {
        this.#P[i * d + j] = r * r * this.#P[i * d + j]! + (i === j ? (1 - r * r) * variances[i]! : 0);
      }
    }
  }

  #retention(steps: number): number {
    return Number.isNaN(steps) ? 1 : Math.exp(-Math.min(MOST_STEPS, Math.max(0, steps)) / this.#bounds.memory);
  }

  #keepNear(): void {
    const { distance } = this;
    if (distance <= this.#bounds.radius) return;
    const share = this.#bounds.radius / distance;
    const { weights } = this.#prior;
    for (let i = 0; i < this.#w.length; i++) this.#w[i] = weights[i]! + share * (this.#w[i]! - weights[i]!);
  }

  /** P x. */
  #times(x: readonly number[]): Float64Array {
    const d = this.#w.length;
    const result = new Float64Array(d);
    for (let j = 0; j < d; j++) {
      const xj = featureAt(x, j);
      if (xj === 0) continue;
      for (let i = 0; i < d; i++) result[i] = result[i]! + this.#P[j * d + i]! * xj;
    }
    return result;
  }
}

/** Features are of about unit size; larger ones would leave no digits for the others. */
const MOST = 100;

/** A feature that is missing or no number says nothing. */
function featureAt(x: readonly number[], i: number): number {
  const value = x[i];
  return value !== undefined && Number.isFinite(value) ? Math.min(MOST, Math.max(-MOST, value)) : 0;
}

/** The root of a = y - sigmoid(m + a s): the right side falls as a grows, so it lies in [y - 1, y], and is bisected. */
function implicitStep(y: number, m: number, s: number): number {
  let [low, high] = [y - 1, y];
  for (let n = 0; n < 60; n++) {
    const middle = (low + high) / 2;
    if (middle < y - sigmoid(m + middle * s)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function dot(a: Float64Array, b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * featureAt(b, i);
  return sum;
}

export function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}
