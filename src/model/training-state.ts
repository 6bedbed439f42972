/**
 * What a run needs beside its adapter to go on as if it had never stopped: optimizer.safetensors, AdamW's moments by
 * PEFT's names with `.mean` and `.square`, and state.json, the steps taken, the random numbers' state and the moments'
 * hash. They lie in the adapter's folder, which PEFT reads without them.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ModelConfig } from './config.ts';
import { ModelError } from './errors.ts';
import { hashFile, readJsonObject } from './file.ts';
import { tensorOf } from './layout.ts';
import { type LoraShape, loraTensors, packLora, unpackLora } from './lora.ts';
import { encodeSafetensors, readSafetensors } from './safetensors.ts';

export interface TrainingState {
  /** AdamW's moments, in the order of the adapter's vector. */
  readonly mean: Float32Array;
  readonly square: Float32Array;
  /** Steps that were applied. */
  readonly steps: number;
  /** State of `seeded` (trainer/random.ts), an unsigned 32-bit number. */
  readonly random: number;
}

const MOMENTS = 'optimizer.safetensors';
const STATE = 'state.json';
const PARTS = ['mean', 'square'] as const;

/** The state as files. Throws ModelError 'adapter' if the moments are not of the adapter's size. */
export function trainingFiles(config: ModelConfig, shape: LoraShape, state: TrainingState): Record<string, Uint8Array> {
  const parts = PARTS.map((part) => [part, unpackLora(config, shape, state[part])] as const);
  const moments = encodeSafetensors(
    new Map(
      loraTensors(config, shape).flatMap(({ name, shape: size }) =>
        parts.map(([part, own]) => [`${name}.${part}`, { shape: size, data: own.get(name)! }] as const),
      ),
    ),
  );
  const optimizerSha256 = createHash('sha256').update(moments).digest('hex');
  const { steps, random } = state;
  return {
    [MOMENTS]: moments,
    [STATE]: Buffer.from(`${JSON.stringify({ format: 1, steps, random, optimizerSha256 }, null, 2)}\n`),
  };
}

/**
 * Reads the state from an adapter's folder.
 *
 * @param shape the adapter's
 * @throws ModelError: 'missing' if there is none, 'corrupt', 'truncated', or 'adapter' if it is another adapter's
 */
export async function readTrainingState(dir: string, config: ModelConfig, shape: LoraShape): Promise<TrainingState> {
  const path = join(dir, MOMENTS);
  const { format, steps, random, optimizerSha256 } = await readJsonObject(join(dir, STATE));
  const whole = (value: unknown, most: number): value is number =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
  if (format !== 1 || !whole(steps, Number.MAX_SAFE_INTEGER) || !whole(random, 2 ** 32 - 1)) {
    throw new ModelError('corrupt', `${join(dir, STATE)} is no training state that this version can read.`);
  }
  const stored = (await readSafetensors(path)).tensors;
  if ((await hashFile(path)) !== optimizerSha256) {
    throw new ModelError('corrupt', `${path} is damaged: its hash is not the one that was written with it.`);
  }
  const expected = loraTensors(config, shape);
  if (stored.size !== PARTS.length * expected.length) {
    throw new ModelError('adapter', `${path} has ${stored.size} tensors: it is not this adapter’s.`);
  }
  const [mean, square] = await Promise.all(
    PARTS.map(async (part) => {
      const matrices = new Map<string, Float32Array>();
      for (const { name, shape: size } of expected) {
        const tensor = stored.get(`${name}.${part}`);
        const fits = tensor?.shape.length === 2 && tensor.shape[0] === size[0] && tensor.shape[1] === size[1];
        if (!tensor || !fits) throw new ModelError('adapter', `${path} does not fit the adapter at “${name}.${part}”.`);
        const values = await tensorOf(name, tensor).read();
        if (!values.every((value) => Number.isFinite(value) && (part === 'mean' || value >= 0))) {
          throw new ModelError('corrupt', `${path} holds numbers in “${name}.${part}” that no step leaves behind.`);
        }
        matrices.set(name, values);
      }
      return packLora(config, shape, matrices);
    }),
  );
  return { mean: mean!, square: square!, steps, random };
}
