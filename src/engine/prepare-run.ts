/** The engine's side of preparing a base: the process, what it says, and the base that serves in the end. */
import type { Base } from './base.ts';
import { forkOwn, onLines } from './fork.ts';
import type { FromPreparing, PrepareJob } from './preparing.ts';
import { readyQuantised } from './quantised-base.ts';

export interface PrepareOptions {
  /** The process's script. */
  readonly path: string;
  /** Share that is done, 0 to 1, if there is anything to do. */
  readonly onProgress: (share: number) => void;
  /** Told why fp32 serves. */
  readonly onRefused: (why: string) => void;
  /** What the process prints, line by line. */
  readonly onOutput: (line: string) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * The base with its 8-bit file, made and judged by a process of its own if that was not done before; or as it is, where
 * that file is not good enough, or the process ended before it was done.
 *
 * @throws Error with a message for people, such as one of a full disk
 */
export async function prepared(base: Base, job: PrepareJob, options: PrepareOptions): Promise<Base> {
  const ready = await readyQuantised(base, job.cacheDir, options.onRefused);
  if (ready !== null) return ready;
  const how = await run(job, options);
  const served = await readyQuantised(base, job.cacheDir, options.onRefused);
  if (served === null) options.onRefused(`The model could not be made ready in 8 bit (${how}), so fp32 serves.`);
  return served ?? base;
}

/** @returns how the process ended */
async function run(job: PrepareJob, { path, onProgress, onOutput, signal }: PrepareOptions): Promise<string> {
  signal.throwIfAborted();
  const child = forkOwn(path);
  onLines(child, onOutput);
  const end = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', end, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      child.on('message', (message: FromPreparing) => {
        if (message.type === 'progress') onProgress(message.share);
        else if (message.type === 'failed') reject(new Error(message.message));
      });
      child.on('error', (error) => resolve(`its process could not be started: ${error.message}`));
      child.on('close', (code, by) => resolve(`its process ended with ${by ?? `exit status ${code}`}`));
      child.send(job, (error) => {
        if (error) onOutput(`the job was not sent: ${error.message}`);
      });
    });
  } finally {
    signal.removeEventListener('abort', end);
  }
}
