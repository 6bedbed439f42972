/**
 * A base in 8 bit, for serving: made once from its fp32 file, mapped by every session.
 *
 * Each output channel of a matrix has its own scale. What a few input channels carry far above the others (residual
 * streams of language models have such) would leave the rest few of an activation's 256 levels, so activations are
 * divided channel by channel by √(largest activation / largest weight) and weights multiplied by it, as SmoothQuant
 * does (https://arxiv.org/abs/2211.10438). Division costs nothing: it is folded into the norm before a pack, and for
 * down_proj into the rows of up_proj. o_proj does well without.
 */
import type { ModelConfig } from './config.ts';
import { type DerivedFile, type DerivedPlan, ensureDerived, findDerived } from './derived.ts';
import { ModelError } from './errors.ts';
import { readRange } from './file.ts';
import { linearName } from './lora.ts';
import { hasBias, headName } from './network.ts';
import { PACKS, type Pack, packName, packShape } from './packs.ts';

/** A quantised base: int8 matrices [in, out] with scales, norms and divisors in fp32. */
export interface QuantisedWeights {
  readonly file: DerivedFile;
  /** What activations are divided by, (in) of each smoothed pack, by its name. */
  readonly divisors: ReadonlyMap<string, Float32Array>;
}

/** Largest absolute activations channel by channel, by a pack's name, and `head`. */
export type Activations = ReadonlyMap<string, Float32Array>;

export interface QuantiseOptions {
  readonly config: ModelConfig;
  /** Of the base. */
  readonly sha256: string;
  /** The base in fp32. */
  readonly weights: DerivedFile;
  readonly cacheDir: string;
  /** Largest absolute value of a quantised weight: 127, or 63 where the processor's products would overflow. */
  readonly most: 127 | 63;
  /** Asked for only if the file must be written. */
  readonly activations: () => Promise<Activations>;
  readonly onProgress?: (done: number) => void;
}

/** Changes whenever the file's layout or arithmetic does. */
const VERSION = 1;

/** Whether a pack's activations are divided. */
export function isSmoothed(pack: Pack): boolean {
  return pack[0] !== 'o_proj';
}

/** Name of what a pack's, or the head's, activations are divided by. */
function divisorName(name: string): string {
  return `${name}.divisors`;
}

/**
 * Returns the quantised base, writing it if it is not there or damaged.
 *
 * @throws ModelError 'disk' if there is no room, 'truncated' if the fp32 file has become shorter
 */
export async function quantiseBase(options: QuantiseOptions): Promise<QuantisedWeights> {
  const { config, sha256, cacheDir, most, onProgress } = options;
  const plan = quantisedPlan(config, sha256, most);
  return withDivisors(config, await ensureDerived(plan, cacheDir, () => contents(options), onProgress));
}

/** The quantised base where it was written before, and is whole; else null. */
export async function findQuantised(
  options: Pick<QuantiseOptions, 'config' | 'sha256' | 'cacheDir' | 'most'>,
): Promise<QuantisedWeights | null> {
  const { config, sha256, cacheDir, most } = options;
  const file = await findDerived(quantisedPlan(config, sha256, most), cacheDir);
  return file && withDivisors(config, file);
}

async function withDivisors(config: ModelConfig, file: DerivedFile): Promise<QuantisedWeights> {
  const divisors = new Map<string, Float32Array>();
  for (const name of smoothedNames(config)) {
    const { offset, length } = file.tensors.get(divisorName(name))!;
    divisors.set(name, floats(await readRange(file.path, offset, length)));
  }
  return { file, divisors };
}

function smoothedNames(config: ModelConfig): string[] {
  const layers = Array.from({ length: config.layers }, (_, layer) =>
    PACKS.filter(isSmoothed).map((pack) => packName(layer, pack)),
  );
  return [...layers.flat(), 'head'];
}

/** What the file holds, and where. @param source hash of the base */
export function quantisedPlan(config: ModelConfig, source: string, most: number): DerivedPlan {
  const tensors: DerivedPlan['tensors'][number][] = [];
  const put = (name: string, shape: readonly number[], bytes: number): void => {
    tensors.push({ name, shape, bytes: bytes * shape.reduce((product, size) => product * size, 1) });
  };
  const { hidden, vocab } = config;
  put('embed', [vocab, hidden], 1);
  put('embed.scale', [vocab, 1], 4);
  for (let layer = 0; layer < config.layers; layer++) {
    for (const pack of PACKS) {
      const { inner, outs } = packShape(config, pack);
      const out = outs.reduce((sum, size) => sum + size, 0);
      const name = packName(layer, pack);
      put(name, [inner, out], 1);
      put(`${name}.scale`, [out], 4);
      if (hasBias(config, pack[0]!)) put(`${name}.bias`, [out], 4);
      if (isSmoothed(pack)) put(divisorName(name), [inner], 4);
      const norm = normBefore(layer, pack);
      if (norm !== null) put(norm, [hidden], 4);
    }
  }
  put('head', [hidden, vocab], 1);
  put('head.scale', [vocab], 4);
  put(divisorName('head'), [hidden], 4);
  put('model.norm.weight', [hidden], 4);
  return { layout: `i${most === 127 ? 8 : 7}-${VERSION}`, source, tensors };
}

/** Name of the norm whose output a pack takes. */
function normBefore(layer: number, pack: Pack): string | null {
  if (pack[0] === 'q_proj') return `model.layers.${layer}.input_layernorm.weight`;
  return pack[0] === 'gate_proj' ? `model.layers.${layer}.post_attention_layernorm.weight` : null;
}

async function* contents(options: QuantiseOptions): AsyncGenerator<{ name: string; piece: Uint8Array }> {
  const { config, weights, most } = options;
  const activations = await options.activations();
  const read = async (name: string): Promise<Float32Array> => {
    const entry = weights.tensors.get(name);
    if (!entry) throw new ModelError('architecture', `The model has no tensor “${name}”.`);
    return floats(await readRange(weights.path, entry.offset, entry.length));
  };
  const piece = (name: string, { buffer, byteOffset, byteLength }: ArrayBufferView) => ({
    name,
    piece: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
  });
  const divided = (x: Float32Array, by: Float32Array): Float32Array => x.map((value, i) => value / by[i]!);

  const table = await read('model.embed_tokens.weight');
  const embed = quantiseRows(table, config.hidden, null, 127);
  yield piece('embed', embed.values);
  yield piece('embed.scale', embed.scales);
  for (let layer = 0; layer < config.layers; layer++) {
    const down = ['down_proj'] as const;
    const matrixOf = (target: Pack[number]) => read(`${linearName(layer, target)}.weight`);
    const downDivisors = divisorsOf(activations.get(packName(layer, down)), [await matrixOf('down_proj')]);
    for (const pack of PACKS) {
      const { inner, outs } = packShape(config, pack);
      const name = packName(layer, pack);
      const matrices = await Promise.all(pack.map(matrixOf));
      const divisors = !isSmoothed(pack)
        ? null
        : pack[0] === 'down_proj'
          ? downDivisors
          : divisorsOf(activations.get(name), matrices);
      const rows = new Float32Array(matrices.reduce((sum, each) => sum + each.length, 0));
      let at = 0;
      for (const each of matrices) {
        rows.set(each, at);
        at += each.length;
      }
      const { values, scales } = quantiseRows(rows, inner, divisors, most);
      if (pack[1] === 'up_proj') for (let i = 0; i < outs[1]!; i++) scales[outs[0]! + i]! /= downDivisors[i]!;
      yield piece(name, transposed(values, inner));
      yield piece(`${name}.scale`, scales);
      if (hasBias(config, pack[0]!)) {
        for (const target of pack) yield piece(`${name}.bias`, await read(`${linearName(layer, target)}.bias`));
      }
      if (divisors) yield piece(divisorName(name), divisors);
      const norm = normBefore(layer, pack);
      if (norm !== null) yield piece(norm, divided(await read(norm), divisors!));
    }
  }
  const matrix = await read(headName(config));
  const divisors = divisorsOf(activations.get('head'), [matrix]);
  const head = quantiseRows(matrix, config.hidden, divisors, most);
  yield piece('head', transposed(head.values, config.hidden));
  yield piece('head.scale', head.scales);
  yield piece(divisorName('head'), divisors);
  yield piece('model.norm.weight', divided(await read('model.norm.weight'), divisors));
}

/**
 * What a pack's activations are divided by: √(largest activation / largest weight) of each channel, to a quarter of an
 * octave, so that the last bits of a sum do not show in the file.
 */
export function divisorsOf(activations: Float32Array | undefined, matrices: readonly Float32Array[]): Float32Array {
  if (!activations) throw new RangeError('no activations of this pack');
  const inner = activations.length;
  const largest = new Float32Array(inner);
  for (const matrix of matrices) {
    for (let i = 0; i < matrix.length; i++) {
      const channel = i % inner;
      largest[channel] = Math.max(largest[channel]!, Math.abs(matrix[i]!));
    }
  }
  // A channel that is silent in the calibration or in the weights must not end at zero or infinity.
  const floor = (x: number): number => Math.max(x, 1e-4);
  return activations.map((a, i) => 2 ** (Math.round(2 * Math.log2(floor(a) / floor(largest[i]!))) / 4));
}

/**
 * Rows (out, in) as whole numbers with a scale a row.
 *
 * @param factors what each channel is multiplied by first
 * @param most largest absolute value
 */
export function quantiseRows(
  rows: Float32Array,
  inner: number,
  factors: Float32Array | null,
  most: number,
): { values: Int8Array; scales: Float32Array } {
  const values = new Int8Array(rows.length);
  const scales = new Float32Array(rows.length / inner);
  const row = new Float32Array(inner);
  for (let r = 0; r < scales.length; r++) {
    let largest = 0;
    for (let i = 0; i < inner; i++) {
      row[i] = rows[r * inner + i]! * (factors?.[i] ?? 1);
      largest = Math.max(largest, Math.abs(row[i]!));
    }
    const scale = Math.fround(largest / most) || 1;
    scales[r] = scale;
    for (let i = 0; i < inner; i++)
      values[r * inner + i] = Math.max(-most, Math.min(most, Math.round(row[i]! / scale)));
  }
  return { values, scales };
}

/** (rows, inner) to (inner, rows), a block at a time: a column at a time would miss the cache at every step. */
function transposed(values: Int8Array, inner: number): Int8Array {
  const rows = values.length / inner;
  const out = new Int8Array(values.length);
  const BLOCK = 64;
  for (let r0 = 0; r0 < rows; r0 += BLOCK) {
    for (let i0 = 0; i0 < inner; i0 += BLOCK) {
      for (let r = r0; r < Math.min(rows, r0 + BLOCK); r++) {
        for (let i = i0; i < Math.min(inner, i0 + BLOCK); i++) out[i * rows + r] = values[r * inner + i]!;
      }
    }
  }
  return out;
}

function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
