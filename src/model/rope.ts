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
