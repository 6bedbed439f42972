/**
 * Our side of the comparison with llama.cpp, in a process of its own: the default model as it serves, 8 bit, or a shape
 * (shapes.ts), with an adapter of rank 8. Arguments: the model's path, or `shape:NAME` and a folder for its weights; then
 * thread counts. Answers each line of its input (Request) with one of its own (Took).
 */
import { createInterface } from 'node:readline';
import { type Base, loadBase } from '../../../src/engine/base.ts';
import { SessionForward } from '../../../src/engine/forward.ts';
import { withQuantised } from '../../../src/engine/quantised-base.ts';
import { defaultCacheDir } from '../../../src/model/cache.ts';
import { Decoder, type DecodeTokenizer } from '../../../src/model/decode.ts';
import { Lookup } from '../../../src/model/drafts.ts';
import { loraFor } from '../../../src/trainer/plan.ts';
import { SHIPPED_ADAPTER } from '../../paths.ts';
import { shaped } from './shapes.ts';

/** What both sides are asked: greedily write so many tokens after these. */
export interface Request {
  readonly ids: readonly number[];
  readonly tokens: number;
  readonly threads: number;
}

/** Milliseconds until the first token, from nothing cached; and of each further one, of our side with guesses as well. */
export interface Took {
  readonly prefillMs: number;
  readonly tokenMs: number;
  readonly guessedTokenMs?: number;
  /** Resident memory after it, of our side. */
  readonly rssMb?: number;
}

const MEMORY_MB = 1536;

if (import.meta.main) {
  const [model, ...rest] = process.argv.slice(2) as [string, ...string[]];
  const shape = model.startsWith('shape:') ? model.slice('shape:'.length) : null;
  const threads = shape === null ? rest : rest.slice(1);
  const base = shape === null ? await ofModel(model) : await shaped(shape, rest[0]!);
  const lora = loraFor(base.model.config, MEMORY_MB);
  // No token ends an answer: all sides write as many as they are asked for.
  const tokenizer: DecodeTokenizer = { bytes: () => Uint8Array.of(65), vocabSize: base.model.config.vocab, eosIds: [] };
  const decoders = new Map<number, { readonly forward: SessionForward; readonly plain: Decoder }>();
  for (const count of threads.map(Number)) {
    const forward = await SessionForward.create(base, lora, count);
    decoders.set(count, { forward, plain: new Decoder(forward, tokenizer) });
  }
  const never = (): boolean => false;
  const endless = { isOver: never };
  const prompt = (ids: readonly number[]) => ({ ids, heal: '', hash: '' });
  const answer = async ({ ids, tokens, threads }: Request): Promise<Took> => {
    const { forward, plain: decoder } = decoders.get(threads)!;
    await decoder.generate(prompt([(ids[0]! + 1) % base.model.config.vocab]), 1, never, endless);
    const began = performance.now();
    await decoder.generate(prompt(ids), 1, never, endless);
    const prefilled = performance.now();
    const { ids: written } = await decoder.generate(prompt(ids), tokens, never, endless);
    const tokenMs = (performance.now() - prefilled) / written.length;
    // As it serves: what stands in the prompt is guessed. It knows no earlier answer, as that would be this one.
    const guessing = new Decoder(forward, tokenizer, false, new Lookup());
    await guessing.generate(prompt(ids.slice(0, -1)), 1, never, endless);
    const ready = performance.now();
    await guessing.generate(prompt(ids), tokens, never, endless);
    const guessedTokenMs = (performance.now() - ready) / written.length;
    return { prefillMs: prefilled - began, tokenMs, guessedTokenMs, rssMb: process.memoryUsage.rss() / 2 ** 20 };
  };
  console.log('{}');
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line) as Request)));
  }
  process.exit(0);
}

async function ofModel(path: string): Promise<Base> {
  const plain = await loadBase(path, defaultCacheDir(), () => undefined, SHIPPED_ADAPTER);
  return withQuantised(plain, defaultCacheDir(), 2);
}
