/**
 * Adapters on disk, in PEFT's layout (https://huggingface.co/docs/peft/developer_guides/checkpoint): a folder with
 * adapter_config.json and adapter_model.safetensors, and knack.json, which says which base it was trained on and what
 * the weights' hash is. PEFT reads the first two, Knack all three. Beside them may lie what a run needs to go on
 * (training-state.ts).
 */
import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ModelConfig } from './config.ts';
import { fileError, ModelError } from './errors.ts';
import { hashFile, readJsonObject, syncFolder, temporarySuffix } from './file.ts';
import { tensorOf } from './layout.ts';
import { checkLora, LORA_TARGETS, type LoraShape, type LoraTarget, loraTensors, packLora, unpackLora } from './lora.ts';
import { encodeSafetensors, readSafetensors } from './safetensors.ts';
import { type TrainingState, trainingFiles } from './training-state.ts';

/** An adapter: all its matrices in one vector, in the order of `loraTensors`. */
export interface Adapter {
  readonly shape: LoraShape;
  readonly vector: Float32Array;
}

const CONFIG = 'adapter_config.json';
/** The file of an adapter's matrices in its folder. */
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';
const ORIGIN = 'knack.json';

/**
 * Writes the adapter as a folder that appears whole or not at all: written beside, synced, renamed.
 *
 * @param dir must not exist yet
 * @param origin the base that it was trained on
 * @param training to go on from here, bit for bit
 * @param dtype F16 halves the file, for one that ships
 * @throws ModelError 'disk' if the folder cannot be written, 'adapter' if the shape does not fit the model
 */
export async function writeAdapter(
  dir: string,
  adapter: Adapter,
  origin: { readonly config: ModelConfig; readonly baseSha256: string },
  training: TrainingState | null = null,
  dtype: 'F32' | 'F16' = 'F32',
): Promise<void> {
  const { shape, vector } = adapter;
  const matrices = unpackLora(origin.config, shape, vector);
  const weights = encodeSafetensors(
    new Map(loraTensors(origin.config, shape).map((t) => [t.name, { shape: t.shape, data: matrices.get(t.name)! }])),
    { format: 'pt' },
    dtype,
  );
  const files: Record<string, Uint8Array> = {
    ...(training ? trainingFiles(origin.config, shape, training) : {}),
    [ADAPTER_WEIGHTS]: weights,
    [CONFIG]: json({
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: null,
      r: shape.rank,
      lora_alpha: shape.alpha,
      target_modules: shape.targets,
      layers_to_transform: shape.layers,
      layers_pattern: 'layers',
      lora_dropout: 0,
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
    }),
    [ORIGIN]: json({
      format: 1,
      baseSha256: origin.baseSha256,
      weightsSha256: createHash('sha256').update(weights).digest('hex'),
    }),
  };
  const partial = `${dir}.${temporarySuffix()}`;
  try {
    await mkdir(partial, { recursive: true, mode: 0o700 });
    for (const [name, bytes] of Object.entries(files)) {
      const file = await open(join(partial, name), 'wx', 0o600);
      await file.writeFile(bytes);
      await file.sync();
      await file.close();
    }
    await syncFolder(partial);
    await rename(partial, dir);
    await syncFolder(dirname(dir));
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw fileError(error, dir);
  }
}

/**
 * Reads an adapter that Knack or PEFT wrote (F32, F16 or BF16).
 *
 * @param base the model that it is meant for; one that says that it was trained on another is refused
 * @throws ModelError: 'missing', 'corrupt', 'truncated', or 'adapter' if it does not fit the base
 */
export async function readAdapter(
  dir: string,
  base: { readonly config: ModelConfig; readonly sha256: string },
): Promise<Adapter> {
  const shape = shapeOf(await readJsonObject(join(dir, CONFIG)), base.config, dir);
  checkLora(base.config, shape);
  const path = join(dir, ADAPTER_WEIGHTS);
  await checkOrigin(dir, path, base.sha256);
  const stored = (await readSafetensors(path)).tensors;
  const matrices = new Map<string, Float32Array>();
  for (const { name, shape: size } of loraTensors(base.config, shape)) {
    const tensor = stored.get(name);
    const fits = tensor?.shape.length === 2 && tensor.shape[0] === size[0] && tensor.shape[1] === size[1];
    if (tensor === undefined || !fits) {
      const what = tensor === undefined ? 'is missing' : `is [${tensor.shape.join(', ')}], not [${size.join(', ')}]`;
      throw new ModelError('adapter', `${path} does not fit the model: its tensor “${name}” ${what}.`);
    }
    const values = await tensorOf(name, tensor).read();
    if (!values.every(Number.isFinite)) {
      throw new ModelError('adapter', `${path} holds numbers that are not finite in “${name}”: it cannot be used.`);
    }
    matrices.set(name, values);
  }
  if (stored.size > matrices.size) {
    const extra = [...stored.keys()].find((name) => !matrices.has(name))!;
    throw new ModelError('adapter', `${path} has the tensor “${extra}”, which its configuration does not name.`);
  }
  return { shape, vector: packLora(base.config, shape, matrices) };
}

/** The hashes that an adapter of ours says of itself; null where there is none. */
export async function baseOfAdapter(
  dir: string,
): Promise<{ readonly baseSha256: string; readonly weightsSha256: string } | null> {
  const path = join(dir, ORIGIN);
  if ((await stat(path).catch(() => null)) === null) return null;
  const { baseSha256, weightsSha256 } = await readJsonObject(path);
  if (typeof baseSha256 === 'string' && typeof weightsSha256 === 'string') return { baseSha256, weightsSha256 };
  throw new ModelError('corrupt', `${path} does not say which base the adapter is for.`);
}

/** An adapter without knack.json comes from elsewhere and is taken by its shapes alone. */
async function checkOrigin(dir: string, weights: string, baseSha256: string): Promise<void> {
  const path = join(dir, ORIGIN);
  if ((await stat(path).catch(() => null)) === null) return;
  const origin = await readJsonObject(path);
  if (origin.baseSha256 !== baseSha256) {
    throw new ModelError('adapter', `${dir} was trained on another base model (SHA-256 ${String(origin.baseSha256)}).`);
  }
  if ((await hashFile(weights)) !== origin.weightsSha256) {
    throw new ModelError('corrupt', `${weights} is damaged: its hash is not the one that was written with it.`);
  }
}

function shapeOf(config: Record<string, unknown>, model: ModelConfig, dir: string): LoraShape {
  const refuse = (what: string): never => {
    throw new ModelError('adapter', `${join(dir, CONFIG)} cannot be used: ${what}.`);
  };
  if (config.peft_type !== 'LORA') refuse(`it is of type ${String(config.peft_type)}, not LORA`);
  for (const [name, plain] of [
    ['bias', 'none'],
    ['fan_in_fan_out', false],
    ['use_dora', false],
    ['use_rslora', false],
  ] as const) {
    if (config[name] !== undefined && config[name] !== plain) refuse(`${name} is ${String(config[name])}`);
  }
  const { r, lora_alpha: alpha, target_modules: targets, layers_to_transform: layers } = config;
  if (typeof r !== 'number' || typeof alpha !== 'number') return refuse('r or lora_alpha is no number');
  if (!Array.isArray(targets) || !targets.every((t): t is LoraTarget => Object.hasOwn(LORA_TARGETS, String(t)))) {
    return refuse('target_modules names layers that are not linear layers of a block');
  }
  const all = layers === undefined || layers === null;
  if (!all && !(Array.isArray(layers) && layers.every((n): n is number => Number.isInteger(n)))) {
    return refuse('layers_to_transform is no list of numbers');
  }
  // The vector's order is the table's, whatever order the file has.
  const ordered = (Object.keys(LORA_TARGETS) as LoraTarget[]).filter((target) => targets.includes(target));
  return {
    rank: r,
    alpha,
    layers: all ? Array.from({ length: model.layers }, (_, i) => i) : (layers as number[]).toSorted((a, b) => a - b),
    targets: ordered,
  };
}

function json(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
