/**
 * Our side of the comparison with llama.cpp, in a process of its own: the default model as it serves, 8 bit, with an
 * adapter of rank 8. Arguments: the model's path, then thread counts. Answers each line of its input (Request) with one
 * of its own (Took).
 */
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { loadBase } from '../../../src/engine/base.ts';
import { SessionForward } from '../../../src/engine/forward.ts';
import { withQuantised } from '../../../src/engine/quantised-base.ts';
import { defaultCacheDir } from '../../../src/model/cache.ts';
import { Decoder } from '../../../src/model/decode.ts';
import { loraFor } from '../../../src/trainer/plan.ts';
import { ROOT } from '../../paths.ts';

/** What both sides are asked: greedily write so many tokens after these. */
export interface Request {
  readonly ids: readonly number[];
  readonly tokens: number;
  readonly threads: number;
}

/** Milliseconds until the first token, from nothing cached; and of each further one. */
export interface Took {
  readonly prefillMs: number;
  readonly tokenMs: number;
}

if (import.meta.main) {
  const [path, ...threads] = process.argv.slice(2) as [string, ...string[]];
  const plain = await loadBase(path, defaultCacheDir(), () => undefined, join(ROOT, 'media', 'model'));
  const base = await withQuantised(plain, defaultCacheDir(), 2);
  const shape = loraFor(base.model.config, 1536);
  const decoders = new Map<number, Decoder>();
  for (const count of threads.map(Number)) {
    decoders.set(count, new Decoder(await SessionForward.create(base, shape, count), base.tokenizer));
  }
  const never = (): boolean => false;
  const endless = { isOver: never };
  const prompt = (ids: readonly number[]) => ({ ids, heal: '', hash: '' });
  const answer = async ({ ids, tokens, threads }: Request): Promise<Took> => {
    const decoder = decoders.get(threads)!;
    await decoder.generate(prompt([base.tokenizer.encode('x')[0]!]), 1, never, endless);
    const began = performance.now();
    await decoder.generate(prompt(ids), 1, never, endless);
    const prefilled = performance.now();
    const { ids: written } = await decoder.generate(prompt(ids), tokens, never, endless);
    return { prefillMs: prefilled - began, tokenMs: (performance.now() - prefilled) / written.length };
  };
  console.log('{}');
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line) as Request)));
  }
  process.exit(0);
}
