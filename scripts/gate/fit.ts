/** Penalised logistic regression by Newton's method: the weights that a gate begins with. */
import { sigmoid } from '../../src/gate/logistic.ts';

export interface Example {
  readonly x: readonly number[];
  /** What it was worth, 0 to 1. */
  readonly y: number;
  /** How often it counts. */
  readonly weight: number;
}

/**
 * The maximum of sum weight (y log q + (1 - y) log(1 - q)) - 1/2 sum penalty_j w_j^2 with q = sigmoid(w.x), which is
 * unique where every penalty is above 0.
 */
export function fit(examples: readonly Example[], penalties: readonly number[]): number[] {
  const d = penalties.length;
  let w: number[] = Array(d).fill(0);
  for (let step = 0; step < 100; step++) {
    const gradient = penalties.map((penalty, j) => -penalty * w[j]!);
    const curvature = penalties.map((penalty, j) => penalties.map((_, k) => (j === k ? penalty : 0)));
    for (const { x, y, weight } of examples) {
      const q = sigmoid(x.reduce((sum, v, j) => sum + v * w[j]!, 0));
      for (let j = 0; j < d; j++) {
        if (x[j] === 0) continue;
        gradient[j]! += weight * (y - q) * x[j]!;
        const row = curvature[j]!;
        const c = weight * Math.max(1e-6, q * (1 - q)) * x[j]!;
        for (let k = 0; k < d; k++) row[k]! += c * x[k]!;
      }
    }
    const move = solve(curvature, gradient);
    // The whole step may go too far where the curve is flat.
    const length = Math.sqrt(move.reduce((sum, m) => sum + m * m, 0));
    const share = Math.min(1, 2 / length);
    w = w.map((v, j) => v + share * move[j]!);
    if (length < 1e-8) break;
  }
  return w;
}

/**
 * The same with some weights held to a sign: those that come out with the wrong one are 0, and the others fitted again.
 *
 * @param signs 1: not below 0; -1: not above; 0: either
 */
export function fitSigned(
  examples: readonly Example[],
  penalties: readonly number[],
  signs: readonly (-1 | 0 | 1)[],
): number[] {
  const out = new Set<number>();
  for (;;) {
    const kept = examples.map((e) => (out.size === 0 ? e : { ...e, x: e.x.map((v, i) => (out.has(i) ? 0 : v)) }));
    const w = fit(kept, penalties);
    const wrong = w.flatMap((v, i) => (v * signs[i]! < 0 && !out.has(i) ? [i] : []));
    if (wrong.length === 0) return w;
    // One at a time: of features that go together, one may be right once another is gone.
    out.add(wrong.reduce((a, b) => (Math.abs(w[b]!) > Math.abs(w[a]!) ? b : a)));
  }
}

/** Gaussian elimination with pivoting; the matrix is positive definite. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const a = matrix.map((row, i) => [...row, right[i]!]);
  const d = right.length;
  for (let i = 0; i < d; i++) {
    let pivot = i;
    for (let r = i + 1; r < d; r++) if (Math.abs(a[r]![i]!) > Math.abs(a[pivot]![i]!)) pivot = r;
    [a[i], a[pivot]] = [a[pivot]!, a[i]!];
    for (let r = i + 1; r < d; r++) {
      const f = a[r]![i]! / a[i]![i]!;
      if (f === 0) continue;
      for (let k = i; k <= d; k++) a[r]![k]! -= f * a[i]![k]!;
    }
  }
  const x: number[] = Array(d).fill(0);
  for (let i = d - 1; i >= 0; i--) {
    let sum = a[i]![d]!;
    for (let k = i + 1; k < d; k++) sum -= a[i]![k]! * x[k]!;
    x[i] = sum / a[i]![i]!;
  }
  return x;
}
