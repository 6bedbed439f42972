/** One run of the engine's process, with the connection to it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { t } from '@vscode/l10n';
import {
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { engineEnvironment } from './environment.ts';
import { forkScript, onLines } from './fork.ts';
import { HEAP_FLAGS } from './heap.ts';

export interface Launch {
  /** The engine's script. */
  readonly file: string;
  /** A Node.js of the user's own to run it; null for the one that runs the extension host. */
  readonly nodePath: string | null;
  /** What the engine prints, line by line: only what it could not send as a message, such as a crash report. */
  readonly onOutput: (line: string) => void;
}

/** How a run ended, in words for people, and whether its own runtime broke (an illegal instruction, an abort, a trap). */
export interface Exit {
  readonly reason: string;
  readonly trapped: boolean;
}

const TRAPS: ReadonlySet<string> = new Set(['SIGTRAP', 'SIGILL', 'SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGFPE']);

export class EngineChild {
  readonly connection: MessageConnection;
  /** Settles once the process is gone, or could not be started. Never rejects. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  #gone = false;

  constructor({ file, nodePath, onOutput }: Launch) {
    const child = forkScript(file, nodePath, engineEnvironment(process.env), HEAP_FLAGS);
    this.#child = child;
    onLines(child, onOutput);
    this.exited = exitOf(child).then((exit) => {
      this.#gone = true;
      this.connection.dispose(); // rejects what was waiting for an answer
      return exit;
    });
    this.connection = createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child));
    this.connection.onError(([error]) => onOutput(`connection: ${error.message}`));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Closes the channel, at which the engine ends itself; ends it the hard way if it has not after `graceMs`. */
  async end(graceMs: number): Promise<void> {
    if (this.#gone) return;
    if (this.#child.connected) this.#child.disconnect();
    const done = new AbortController();
    const grace = delay(graceMs, 'late', { signal: done.signal, ref: true }).catch(() => 'done');
    if ((await Promise.race([this.exited, grace])) === 'late') this.kill();
    await this.exited;
    done.abort();
  }
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    child.on('error', () => {}); // a message that was on its way when the channel closed
    if (signal !== null) return { reason: t('was ended by {0}', signal), trapped: TRAPS.has(signal) };
    // Windows has no signals: a broken runtime exits with an NTSTATUS of the severity "error".
    return { reason: t('exited with code {0}', String(code)), trapped: code !== null && code >>> 0 >= 0xc0000000 };
  } catch (error) {
    child.on('error', () => {});
    child.kill('SIGKILL');
    return { reason: t('could not be started: {0}', (error as Error).message), trapped: false };
  }
}
