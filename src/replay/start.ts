/** The extension host's side of a replay: starts its process, hears of its progress, ends it. */
import type { ChildProcess } from 'node:child_process';
import { t } from '@vscode/l10n';
import { forkScript } from '../engine/fork.ts';
import type { FromReplay, ReplayJob } from './message.ts';

export interface Launch {
  /** The process's script. */
  readonly file: string;
  /** A Node.js of the user's own to run it; null for the one that runs the extension host. */
  readonly nodePath: string | null;
  readonly onProgress: (progress: Extract<FromReplay, { type: 'progress' }>) => void;
  /** What it prints: only what it could not send as a message. */
  readonly onOutput: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs a replay; its process ends with it, and at once when `signal` aborts.
 *
 * @returns null if it was aborted
 * @throws Error with a message for people
 */
export async function runReplay(job: ReplayJob, launch: Launch): Promise<Extract<FromReplay, { type: 'done' }> | null> {
  const { file, nodePath, onProgress, onOutput, signal } = launch;
  if (signal.aborted) return null;
  const child = forkScript(file, nodePath);
  child.stdout?.on('data', (data) => onOutput(String(data)));
  child.stderr?.on('data', (data) => onOutput(String(data)));
  const end = (): void => stop(child);
  signal.addEventListener('abort', end);
  try {
    return await new Promise((resolve, reject) => {
      child.on('message', (message: FromReplay) => {
        if (message.type === 'progress') onProgress(message);
        else if (message.type === 'done') resolve(message);
        else reject(new Error(message.message));
      });
      child.on('error', (error) => reject(new Error(t('The replay could not be started: {0}', error.message))));
      child.on('exit', (code, by) => {
        if (signal.aborted) resolve(null);
        else reject(new Error(t('The replay ended before it was done ({0}).', by ?? `code ${code}`)));
      });
      child.send(job, (error) => error && reject(new Error(t('The replay could not be started: {0}', error.message))));
    });
  } finally {
    signal.removeEventListener('abort', end);
    stop(child);
  }
}

/** Without its channel the process ends by itself, and with it those that it holds. */
function stop(child: ChildProcess): void {
  if (child.connected) child.disconnect();
}
