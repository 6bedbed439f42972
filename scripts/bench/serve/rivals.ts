/** Knack against llama.cpp: the same weights in 8 bit, the same prompts, in turn, each at its best thread count. */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineEnvironment } from '../../../src/engine/environment.ts';
import { writeTwin } from '../../llama/gguf-twin.ts';
import { loadLlama } from '../../llama/module.ts';
import { step } from '../../progress.ts';
import { Side, summary } from '../side.ts';
import type { Request, Took } from './own.ts';

/** Tokens that are written after a prompt. */
const TOKENS = 16;

export interface Ratio {
  /** llama.cpp's time by ours, the middle of all prompts: above 1, we are faster. */
  readonly prefill: number;
  readonly decode: number;
  /** The same as it serves: with guesses at what stands in the prompt, checked several in one pass. */
  readonly decodeGuessing: number;
}

/** @param prompts token ids */
export async function againstLlama(path: string, prompts: readonly (readonly number[])[]): Promise<Ratio> {
  const folder = await mkdtemp(join(tmpdir(), 'knack-llama-'));
  const sides: Partial<Record<'own' | 'llama', Side>> = {};
  try {
    await step('llama.cpp', loadLlama);
    const twin = join(folder, 'q8_0.gguf');
    await step('The model as Q8_0', () => writeTwin(path, twin, 'Q8_0'));
    const threads = [...new Set([1, 2, availableParallelism()])].filter((n) => n <= availableParallelism());
    const length = Math.max(...prompts.map((ids) => ids.length)) + TOKENS + 8;
    const start = (env: NodeJS.ProcessEnv, script: string, ...args: string[]): Promise<Side | null> =>
      Side.start(process.execPath, [join(import.meta.dirname, script), ...args, ...threads.map(String)], env);
    for (const [name, env, args] of [
      ['own', engineEnvironment(process.env), ['own.ts', path]],
      ['llama', process.env, ['llama.ts', twin, String(length)]],
    ] as const) {
      const [script, ...rest] = args;
      const side = await step(`Starting ${name}`, () => start(env, script, ...rest));
      if (side === null) throw new Error(`${name} did not start: the lines above say why`);
      sides[name] = side;
    }
    return await step(`${prompts.length} prompts`, async (detail) => {
      const took = new Map<string, Took[]>();
      // The first prompt once for nothing: pages are mapped, buffers are made.
      for (const [i, ids] of [prompts[0]!, ...prompts].entries()) {
        for (const count of threads) {
          for (const [name, side] of Object.entries(sides)) {
            const request: Request = { ids, tokens: TOKENS, threads: count };
            const answer = await side.ask<Took>(JSON.stringify(request));
            if (i > 0) took.set(`${name} ${count}`, [...(took.get(`${name} ${count}`) ?? []), answer]);
          }
        }
      }
      const best = (name: string, what: 'prefillMs' | 'tokenMs' | 'guessedTokenMs'): number[] => {
        const all = threads.map((count) => took.get(`${name} ${count}`)!.map((each) => each[what]!));
        for (const [i, values] of all.entries()) {
          const { median, low, high } = summary(values);
          detail(`${name}, ${threads[i]} threads, ${what}: ${[median, low, high].map((x) => x.toFixed(1)).join(', ')}`);
        }
        return all.reduce((a, b) => (summary(b).median < summary(a).median ? b : a));
      };
      const ratio = (ours: readonly number[], theirs: readonly number[]): number =>
        summary(ours.map((ms, i) => theirs[i]! / ms)).median;
      const theirToken = best('llama', 'tokenMs');
      return {
        prefill: ratio(best('own', 'prefillMs'), best('llama', 'prefillMs')),
        decode: ratio(best('own', 'tokenMs'), theirToken),
        decodeGuessing: ratio(best('own', 'guessedTokenMs'), theirToken),
      };
    });
  } finally {
    for (const side of Object.values(sides)) side.end();
    await rm(folder, { recursive: true, force: true });
  }
}
