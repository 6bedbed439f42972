/** Reads the golden files of scripts/golden/network.py. */
import { readFileSync } from 'node:fs';
import { type ModelConfig, parseConfig } from '../../src/model/config.ts';
import type { LoraShape, LoraTarget } from '../../src/model/lora.ts';
import type { Weights } from '../../src/model/network.ts';

export interface Golden {
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
  /** float32 tensors by name. */
  readonly floats: (name: string) => Float32Array;
  /** int64 tensors by name, as numbers. */
  readonly ints: (name: string) => number[];
  /** Names that begin with `prefix`, without it. */
  readonly names: (prefix: string) => string[];
}

export type Family = 'llama' | 'qwen2';

export function readGolden(family: Family): Golden {
  const path = new URL(`../golden/network/${family}`, import.meta.url);
  const { config, lora, ...numbers } = JSON.parse(readFileSync(`${path.pathname}.json`, 'utf8'));
  const file = readFileSync(`${path.pathname}.safetensors`);
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> = JSON.parse(
    file.toString('utf8', 8, 8 + headerBytes),
  );
  const bytes = (name: string, dtype: string): ArrayBuffer => {
    const entry = header[name];
    if (entry?.dtype !== dtype) throw new Error(`no ${dtype} tensor “${name}” in the golden file`);
    const start = file.byteOffset + 8 + headerBytes;
    return file.buffer.slice(start + entry.data_offsets[0], start + entry.data_offsets[1]) as ArrayBuffer;
  };
  const floats = (name: string): Float32Array => new Float32Array(bytes(name, 'F32'));
  const names = (prefix: string): string[] =>
    Object.keys(header)
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
  const weights = new Map(
    names('weight/').map((name) => [
      name,
      { dtype: 'float32', shape: header[`weight/${name}`]!.shape, data: floats(`weight/${name}`) } as const,
    ]),
  );
  return {
    config: parseConfig(config),
    weights,
    lora: { ...lora, targets: lora.targets as LoraTarget[] },
    numbers,
    floats,
    ints: (name) => Array.from(new BigInt64Array(bytes(name, 'I64')), Number),
    names,
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
    if (!(difference <= worst)) worst = difference;
  }
  return worst / Math.max(Math.sqrt(squares / expected.length), 1e-12);
}
