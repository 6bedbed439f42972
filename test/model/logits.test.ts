/** The default model in our network against transformers on the same dequantised weights, over real code. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { causalMask, SessionCache } from '../../src/engine/kv-cache.ts';
import { createSession, int64 } from '../../src/engine/runtime.ts';
import { tensorOf } from '../../src/model/layout.ts';
import { buildServeGraph, mapped } from '../../src/model/network.ts';
import { readSafetensors } from '../../src/model/safetensors.ts';
import { prepareWeights } from '../../src/model/weights.ts';
import { CACHE, defaultModel } from './model-files.ts';

/** Largest absolute difference of a logit, fp32 against fp32; the logits lie between -35 and 45. */
const TOLERANCE = 1e-3;

/** Made by scripts/golden/logits.py. */
const GOLDEN = fileURLToPath(new URL('../golden/logits/', import.meta.url));
const { sampled, prompts } = JSON.parse(await readFile(`${GOLDEN}golden.json`, 'utf8')) as {
  sampled: number[];
  prompts: { language: string; ids: number[] }[];
};
const stored = (await readSafetensors(`${GOLDEN}golden.safetensors`)).tensors;
const golden = (name: string): Promise<Float32Array> => tensorOf(name, stored.get(name)!).read();

const model = await defaultModel();
const { config } = model;
const blob = await prepareWeights(model, CACHE);
const session = await createSession(buildServeGraph(config, mapped(blob), null), {
  threads: 2,
  folder: dirname(blob.path),
});
after(() => session.release());

/** Logits (positions, vocab) of a prompt that is fed in pieces of the given lengths. */
async function logitsOf(ids: readonly number[], pieces: readonly number[]): Promise<Float32Array> {
  const logits = new Float32Array(ids.length * config.vocab);
  let cache = SessionCache.empty(config);
  let before = 0;
  for (const length of pieces) {
    const positions = Array.from({ length }, (_, i) => before + i);
    const out = await session.run({
      ids: int64([length], ids.slice(before, before + length)),
      positions: int64([length], positions),
      mask: causalMask(length, before, cache.room),
      rows: int64(
        [length],
        positions.map((position) => position - before),
      ),
      ...cache.feeds(),
    });
    logits.set(out.logits!.data as Float32Array, before * config.vocab);
    cache = cache.append(out, length);
    before += length;
  }
  assert.equal(before, ids.length);
  return logits;
}

async function compare(language: string, logits: Float32Array): Promise<string> {
  const [logsumexp, expected, top] = await Promise.all(
    ['logsumexp', 'logits', 'top'].map((what) => golden(`${language}.${what}`)),
  );
  let [worst, worstSum] = [0, 0];
  for (let position = 0; position < logsumexp!.length; position++) {
    const row = logits.subarray(position * config.vocab, (position + 1) * config.vocab);
    for (const [i, token] of sampled.entries())
      worst = Math.max(worst, Math.abs(row[token]! - expected![position * sampled.length + i]!));
    // The likeliest tokens are the same; those within the tolerance of each other may change places.
    const eight = [...top!.subarray(8 * position, 8 * position + 8)].map((token) => row[token]!);
    const [most, least] = [Math.max(...eight), Math.min(...eight)];
    let [sum, beyond] = [0, 0];
    for (let token = 0; token < row.length; token++) {
      sum += Math.exp(row[token]! - most);
      if (row[token]! > least + TOLERANCE) beyond++;
    }
    worstSum = Math.max(worstSum, Math.abs(most + Math.log(sum) - logsumexp![position]!));
    assert.ok(beyond <= 7, `${language} at ${position}: ${beyond} tokens are likelier than the eighth`);
    for (let i = 1; i < 8; i++)
      assert.ok(eight[i]! <= eight[i - 1]! + 2 * TOLERANCE, `${language} at ${position}: order of the likeliest`);
  }
  const text = `${language}: logits differ by ${worst}, log-sum-exp by ${worstSum}`;
  assert.ok(worst <= TOLERANCE && worstSum <= TOLERANCE, text);
  return text;
}

test('the prompts are 512 tokens of at least four languages', () => {
  assert.ok(prompts.length >= 4);
  for (const { ids } of prompts) assert.equal(ids.length, 512);
});

for (const { language, ids } of prompts) {
  test(`${language}: a whole prompt of 512 tokens`, async (t) => {
    t.diagnostic(await compare(language, await logitsOf(ids, [512])));
  });

  test(`${language}: the same prompt in pieces through the KV cache`, async (t) => {
    t.diagnostic(await compare(language, await logitsOf(ids, [100, 1, 1, 26, 128, 255, 1])));
  });
}
