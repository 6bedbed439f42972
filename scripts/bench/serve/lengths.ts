/** How long prompts and tokens take in the decoder alone, in a process of its own. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { engineEnvironment } from '../../../src/engine/environment.ts';
import { Side } from '../side.ts';
import type { Request, Took } from './own.ts';

/**
 * @param model as own.ts takes it: a path, or a shape and a folder
 * @param texts token ids, of each of which nothing is cached
 * @param tokens written after each
 */
export async function timeLengths(
  model: string | readonly [shape: string, folder: string],
  texts: readonly (readonly number[])[],
  tokens: number,
): Promise<Took[]> {
  const threads = Math.min(4, availableParallelism());
  const args = [join(import.meta.dirname, 'own.ts'), ...[model].flat(), String(threads)];
  const side = await Side.start(process.execPath, args, engineEnvironment(process.env));
  if (side === null) throw new Error('our side did not start: the lines above say why');
  const ask = (ids: readonly number[]): Promise<Took> =>
    side.ask<Took>(JSON.stringify({ ids, tokens, threads } satisfies Request));
  try {
    // Once for nothing: pages are mapped, buffers are made.
    await ask(texts[0]!);
    const took: Took[] = [];
    for (const ids of texts) took.push(await ask(ids));
    return took;
  } finally {
    side.end();
  }
}
