/**
 * Models of the field as shapes: their networks in 8 bit with random weights, which take as long as trained ones. Config
 * values are those of the models' config.json on the Hugging Face hub.
 */
import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { type Base, loadBase } from '../../../src/engine/base.ts';
import { findModel } from '../../../src/model/base.ts';
import { defaultCacheDir } from '../../../src/model/cache.ts';
import type { ModelConfig } from '../../../src/model/config.ts';
import { ensureDerived } from '../../../src/model/derived.ts';
import { quantisedPlan } from '../../../src/model/quantise.ts';
import { SHIPPED_ADAPTER } from '../../paths.ts';

const COMMON = { rmsEps: 1e-5, tiedHead: true, contextLength: 8192, bosId: null, eosIds: [0] } as const;
const LLAMA = { ...COMMON, family: 'llama', ropeTheta: 100_000, qkvBias: false, headDim: 64 } as const;
const QWEN = { ...COMMON, family: 'qwen2', ropeTheta: 1_000_000, qkvBias: true, vocab: 151_936 } as const;

export const SHAPES: Readonly<Record<string, ModelConfig>> = {
  'SmolLM2-135M': { ...LLAMA, layers: 30, hidden: 576, heads: 9, kvHeads: 3, intermediate: 1536, vocab: 49_152 },
  'SmolLM2-360M': { ...LLAMA, layers: 32, hidden: 960, heads: 15, kvHeads: 5, intermediate: 2560, vocab: 49_152 },
  'Qwen2.5-0.5B': { ...QWEN, layers: 24, hidden: 896, heads: 14, kvHeads: 2, headDim: 64, intermediate: 4864 },
  'Qwen2.5-1.5B': { ...QWEN, layers: 28, hidden: 1536, heads: 12, kvHeads: 2, headDim: 128, intermediate: 8960 },
};

/** Random bytes that all matrices are cut from. */
const POOL_BYTES = 16 << 20;
const APART_BYTES = 40_009;
/** Standard deviation of a whole number that is evenly spread over a byte. */
const SPREAD = 74;

/** A base of this shape, its weights written into the folder. Its tokenizer is the default model's. */
export async function shaped(name: string, folder: string): Promise<Base> {
  const config = SHAPES[name];
  if (config === undefined) throw new Error(`No shape ${name}. There are: ${Object.keys(SHAPES).join(', ')}.`);
  const path = await findModel(defaultCacheDir());
  if (path === null) throw new Error('the default model is not there');
  const base = await loadBase(path, defaultCacheDir(), () => undefined, SHIPPED_ADAPTER);
  const plan = quantisedPlan(config, 'random', 127);
  const pool = randomFillSync(Buffer.alloc(POOL_BYTES));
  const inner = new Map(plan.tensors.map((each) => [each.name, each.shape[0]!]));
  async function* contents(): AsyncGenerator<{ name: string; piece: Uint8Array }> {
    for (const [i, { name, bytes }] of plan.tensors.entries()) {
      if (/^(layers\.\d+\.[a-z-]+|head|embed)$/.test(name)) {
        // From a place of its own: of equal matrices the runtime would keep one.
        let at = (i * APART_BYTES) % POOL_BYTES;
        for (let left = bytes; left > 0; at = 0) {
          const piece = pool.subarray(at, at + Math.min(left, POOL_BYTES - at));
          left -= piece.length;
          yield { name, piece };
        }
        continue;
      }
      // Products of about unit size; norms and divisors of one; no bias.
      const matrix = name.replace(/\.scale$/, '');
      const width = matrix === 'embed' ? 1 : (inner.get(matrix) ?? 1);
      const value = name.endsWith('.scale') ? 1 / (SPREAD * Math.sqrt(width)) : name.endsWith('.bias') ? 0 : 1;
      yield { name, piece: new Uint8Array(new Float32Array(bytes / 4).fill(value).buffer) };
    }
  }
  const file = await ensureDerived(plan, join(folder, name), contents);
  const divisors = new Map(
    plan.tensors.flatMap(({ name, shape }) =>
      name.endsWith('.divisors') ? [[name.replace('.divisors', ''), new Float32Array(shape[0]!).fill(1)] as const] : [],
    ),
  );
  return { ...base, model: { ...base.model, config }, quantised: { file, divisors } };
}
