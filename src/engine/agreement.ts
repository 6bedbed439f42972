/** Whether training on a device is the CPU's training: the numbers that a few steps give, compared. Pure. */

/** What some steps gave. */
export interface Course {
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  /** The adapter's parameters and first moments after the last step. */
  readonly parameters: ArrayLike<number>;
  readonly moments: ArrayLike<number>;
}

/**
 * Largest relative differences that are rounding. SwiftShader against the CPU shows 1e-6 or less in all of them after
 * 25 steps; matrices in half precision or TF32 show 1e-3 in the loss.
 */
export const TOLERANCES = {
  loss: 1e-4,
  norm: 1e-3,
  /** Of the moments: root mean square of the difference by that of the CPU's. */
  moments: 5e-3,
  /** Of the way that the parameters went: AdamW turns a gradient near zero into a whole step either way. */
  parameters: 2e-2,
} as const;

/**
 * @param start the parameters before the first step
 * @returns what differs, as the end of a sentence for people; null if all is within the tolerances
 */
export function disagreement(cpu: Course, device: Course, start: ArrayLike<number>): string | null {
  const largest = (a: readonly number[], b: readonly number[]): number =>
    Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? Number.NaN)) / Math.abs(value)));
  const went = Float64Array.from(cpu.parameters, (value, i) => value - start[i]!);
  const found = {
    loss: largest(cpu.losses, device.losses),
    norm: largest(cpu.norms, device.norms),
    moments: distance(cpu.moments, device.moments) / size(cpu.moments),
    parameters: distance(cpu.parameters, device.parameters) / size(went),
  };
  const beyond = Object.entries(TOLERANCES).filter(
    // A comparison with NaN is false.
    ([name, most]) => !(found[name as keyof typeof found] <= most),
  );
  if (beyond.length === 0) return null;
  return beyond
    .map(([name, most]) => {
      const difference = found[name as keyof typeof found];
      const by = Number.isNaN(difference) ? 'is not a number' : `differs by ${difference.toExponential(1)}`;
      return `${WHAT[name as keyof typeof found]} ${by} (allowed: ${most})`;
    })
    .join(', ');
}

const WHAT = {
  loss: 'the loss',
  norm: 'the gradients’ norm',
  moments: 'the mean gradient',
  parameters: 'the change of the parameters',
} as const;

function size(values: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i]! ** 2;
  return Math.sqrt(squares);
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return size(Float64Array.from(a, (value, i) => value - (b[i] ?? Number.NaN)));
}
