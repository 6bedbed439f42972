/**
 * `npm run check:llama -- [--prompts N] [--tokens N] [--length N]`: the default model's greedy answers to real code, in
 * Knack's network and in llama.cpp on the same fp32 weights. Where they part, the two tokens must be a tie: as likely in
 * Knack as makes no difference in fp32. Installs node-llama-cpp into the cache folder. Its last line is JSON.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { defaultCacheDir } from '../src/model/cache.ts';
import { type Model, openModel } from '../src/model/source.ts';
import { createTokenizer } from '../src/model/tokenizer.ts';
import { baseModel } from './base-model.ts';
import { writeTwin } from './llama/gguf-twin.ts';
import { CPU, type LlamaSequence, loadLlama } from './llama/module.ts';
import { OwnNetwork } from './llama/own.ts';
import { ROOT } from './paths.ts';
import { main, step } from './progress.ts';

/** Two tokens whose logits are nearer than this are a tie: both sides add up hundreds of numbers in another order. */
const TIE = 2e-3;

await main(async () => {
  const { values } = parseArgs({
    options: {
      prompts: { type: 'string', default: '200' },
      tokens: { type: 'string', default: '16' },
      length: { type: 'string', default: '128' },
    },
  });
  const [count, tokens, length] = [values.prompts, values.tokens, values.length].map(Number) as [
    number,
    number,
    number,
  ];
  const folder = await mkdtemp(join(tmpdir(), 'knack-llama-'));
  try {
    const llamaModule = await step('llama.cpp', loadLlama);
    const path = await step('Model', baseModel);
    const twin = join(folder, 'f32.gguf');
    await step('Its twin in fp32', () => writeTwin(path, twin, 'F32'));
    const cacheDir = defaultCacheDir();
    const model = await openModel(path, { cacheDir });
    const prompts = await promptsOf(model, count, length);
    const llama = await llamaModule.getLlama(CPU);
    const loaded = await llama.loadModel({ modelPath: twin, gpuLayers: 0 });
    const context = await loaded.createContext({
      contextSize: length + tokens + 8,
      batchSize: length + tokens,
      // Its threads spin while they wait for each other: with others at work, one is faster than two.
      threads: 1,
      flashAttention: false,
      experimentalKvCacheKeyType: 'F32',
      experimentalKvCacheValueType: 'F32',
    });
    const sequence = context.getSequence();
    const own = await OwnNetwork.open(model, cacheDir);
    let [same, ties, generated] = [0, 0, 0];
    const differences: string[] = [];
    await step(`${prompts.length} prompts of ${length} tokens, ${tokens} more each`, async (detail) => {
      for (const [i, ids] of prompts.entries()) {
        const theirs = await greedy(sequence, ids, tokens);
        const { at, gap } = await own.follow(ids, theirs);
        generated += at ?? theirs.length;
        if (at === null) same++;
        else if (gap! <= TIE) ties++;
        else differences.push(`prompt ${i}, token ${at}: ${gap} apart`);
        if ((i + 1) % 20 === 0) detail(`${i + 1}: ${same} equal, ${ties} part at a tie, ${differences.length} differ`);
      }
    });
    await own.release();
    await llama.dispose();
    for (const difference of differences) console.log(difference);
    console.log(
      JSON.stringify({ prompts: prompts.length, equal: same, ties, different: differences.length, tokens: generated }),
    );
    return differences.length === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** Beginnings of the tokenizer's corpus: real code of 18 languages. */
async function promptsOf(model: Model, count: number, length: number): Promise<number[][]> {
  const tokenizer = createTokenizer(model.tokenizerSpec, model.config.vocab, model.config.eosIds);
  const corpus = gunzipSync(await readFile(join(ROOT, 'test/golden/tokenizer/corpus.jsonl.gz'))).toString('utf8');
  const all = corpus
    .trimEnd()
    .split('\n')
    .map((line) => tokenizer.encode((JSON.parse(line) as { text: string }).text))
    .filter((ids) => ids.length >= length);
  const every = Math.max(1, Math.floor(all.length / count));
  return all
    .filter((_, i) => i % every === 0)
    .slice(0, count)
    .map((ids) => ids.slice(0, length));
}

async function greedy(sequence: LlamaSequence, ids: readonly number[], count: number): Promise<number[]> {
  await sequence.clearHistory();
  const out: number[] = [];
  for await (const id of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
    out.push(id);
    if (out.length >= count) break;
  }
  return out;
}
