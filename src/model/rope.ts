/**
 * Rotary position frequencies, as transformers' `modeling_rope_utils.py` computes them, in float32.
 */
import type { ModelConfig } from './config.ts';

/** (headDim / 2) radians a position. */
export function rotaryFrequencies(config: ModelConfig): Float32Array {
  const { headDim, ropeTheta, ropeScaling: scaling } = config;
  const plain = Float32Array.from({ length: headDim / 2 }, (_, i) => 1 / Math.fround(ropeTheta ** ((2 * i) / headDim)));
  if (!scaling) return plain;
  if (scaling.type === 'linear') return plain.map((frequency) => frequency / scaling.factor);
  if (scaling.type === 'factors') return plain.map((frequency, pair) => frequency / scaling.factors[pair]!);
  if (scaling.type === 'llama3') {
    const { factor, lowFreqFactor, highFreqFactor, originalContextLength } = scaling;
    return plain.map((frequency) => {
      // Llama 3.1: short wavelengths stay, long ones are stretched, those between are blended.
      const turns = (originalContextLength * frequency) / (2 * Math.PI);
      if (turns > highFreqFactor) return frequency;
      if (turns < lowFreqFactor) return frequency / factor;
      const smooth = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
      return ((1 - smooth) * frequency) / factor + smooth * frequency;
    });
  }
  // YaRN (https://arxiv.org/abs/2309.00071): the same blend, linear in the pair's index instead of its turns.
  const { factor, originalContextLength, betaFast, betaSlow, truncate } = scaling;
  const pairOf = (turns: number): number =>
    (headDim * Math.log(originalContextLength / (turns * 2 * Math.PI))) / (2 * Math.log(ropeTheta));
  const [first, last] = [pairOf(betaFast), pairOf(betaSlow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  const high = Math.min(truncate ? Math.ceil(last) : last, headDim - 1);
  return plain.map((frequency, pair) => {
    const stretched = Math.min(1, Math.max(0, (pair - low) / (high === low ? 0.001 : high - low)));
    return (frequency / factor) * stretched + frequency * (1 - stretched);
  });
}

/** What cosines and sines are multiplied by, of queries and of keys: YaRN's temperature, else 1. */
export function rotaryScale({ ropeScaling }: ModelConfig): number {
  return ropeScaling?.type === 'yarn' ? ropeScaling.attentionFactor : 1;
}

/**
 * Cosines and sines, (T, headDim / 2) each, of the angles at known positions, times `scale`. The angles are rounded to
 * float32, as transformers has them; what is made of them is rounded once.
 */
export function rotaryTables(
  config: ModelConfig,
  positions: ArrayLike<number>,
  scale: number,
): { readonly cos: Float32Array; readonly sin: Float32Array } {
  const frequencies = rotaryFrequencies(config);
  const pairs = frequencies.length;
  const angles = Float32Array.from(
    { length: positions.length * pairs },
    (_, i) => positions[Math.floor(i / pairs)]! * frequencies[i % pairs]!,
  );
  const factor = scale * rotaryScale(config);
  return { cos: angles.map((angle) => factor * Math.cos(angle)), sin: angles.map((angle) => factor * Math.sin(angle)) };
}
