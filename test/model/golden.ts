/** Reads the golden files of scripts/golden. */
import { readFileSync } from 'node:fs';
import { type ModelConfig, parseConfig } from '../../src/model/config.ts';
import type { LoraShape, LoraTarget } from '../../src/model/lora.ts';
import type { Weights } from '../../src/model/network.ts';

export interface Golden extends GoldenTensors {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly lora: LoraShape;
  readonly numbers: {
    readonly steps: number;
    readonly adam: { lr: number; betas: [number, number]; eps: number; weight_decay: number };
    readonly maxNorm: number;
    readonly kto: { beta: number; z: number };
    readonly batch: number;
    readonly time: number;
    readonly rows: number;
  };
}

/** The tensors of a safetensors file that one of the scripts has written. */
export interface GoldenTensors {
  /** float32 tensors by name. */
  readonly floats: (name: string) => Float32Array;
  /** int64 tensors by name, as numbers. */
  readonly ints: (name: string) => number[];
  readonly shape: (name: string) => number[];
  /** Names that begin with `prefix`, without it. */
  readonly names: (prefix: string) => string[];
}

/** @param path under test/golden, without the ending */
export function readTensors(path: string): GoldenTensors {
  const file = readFileSync(new URL(`../golden/${path}.safetensors`, import.meta.url));
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> = JSON.parse(
    file.toString('utf8', 8, 8 + headerBytes),
  );
  const bytes = (name: string, dtype: string): ArrayBuffer => {
    const entry = header[name];
    if (entry?.dtype !== dtype) throw new Error(`no ${dtype} tensor “${name}” in ${path}`);
    const start = file.byteOffset + 8 + headerBytes;
    return file.buffer.slice(start + entry.data_offsets[0], start + entry.data_offsets[1]) as ArrayBuffer;
  };
  return {
    floats: (name) => new Float32Array(bytes(name, 'F32')),
    ints: (name) => Array.from(new BigInt64Array(bytes(name, 'I64')), Number),
    shape: (name) => header[name]!.shape,
    names: (prefix) =>
      Object.keys(header)
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length)),
  };
}

/** The numbers of a JSON file that one of the scripts has written. */
export function readNumbers<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../golden/${path}.json`, import.meta.url), 'utf8')) as T;
}

export type Family = 'llama' | 'qwen2';

export function readGolden(family: Family): Golden {
  const tensors = readTensors(`network/${family}`);
  const { config, lora, ...numbers } = readNumbers<
    Golden['numbers'] & { config: unknown; lora: Omit<LoraShape, 'targets'> & { targets: string[] } }
  >(`network/${family}`);
  const weights = new Map(
    tensors.names('weight/').map((name) => {
      const data = tensors.floats(`weight/${name}`);
      return [name, { dtype: 'float32', shape: tensors.shape(`weight/${name}`), data } as const];
    }),
  );
  return {
    config: parseConfig(config),
    weights,
    lora: { ...lora, targets: lora.targets as LoraTarget[] },
    numbers,
    ...tensors,
  };
}

/** Largest difference relative to the expected values' size: their root mean square. */
export function relativeError(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let squares = 0;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    squares += expected[i]! ** 2;
    const difference = Math.abs(got[i]! - expected[i]!);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    if (difference > worst) worst = difference;
  }
  return worst / Math.max(Math.sqrt(squares / expected.length), 1e-12);
}
