/** The process that makes the base in 8 bit and holds it against fp32: for a moment it has the whole base in memory. */
import type { PromptStyle } from '../model/library/catalogue.ts';
import { loadBase, shippedTuning } from './base.ts';
import { withQuantised } from './quantised-base.ts';

export interface PrepareJob {
  /** The base model's file or folder, found and checked by the engine. */
  readonly modelPath: string;
  readonly cacheDir: string;
  readonly promptStyle: PromptStyle | null;
  readonly threads: number;
}

export type FromPreparing =
  /** Share of the file that is written, 0 to 1. */
  | { readonly type: 'progress'; readonly share: number }
  /** File and verdict lie in the cache folder. */
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly message: string };

async function prepare({ modelPath, cacheDir, promptStyle, threads }: PrepareJob): Promise<void> {
  const base = await loadBase(modelPath, cacheDir, () => undefined, shippedTuning(), promptStyle);
  await withQuantised(base, cacheDir, threads, (share) => send({ type: 'progress', share }));
}

function send(message: FromPreparing): void {
  process.send?.(message);
}

/** Waits for the job, does it and ends. */
export function servePreparing(): void {
  process.once('message', async (job: PrepareJob) => {
    try {
      await prepare(job);
      send({ type: 'done' });
    } catch (error) {
      send({ type: 'failed', message: (error as Error).message });
    }
    process.disconnect();
  });
  // The engine is gone: the next one begins anew.
  process.on('disconnect', () => process.exit());
}
