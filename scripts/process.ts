/**
 * Child processes of the scripts. Each runs in a process group of its own, so that ending it ends everything it started;
 * whatever is still running is ended when this process ends.
 */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';

const running = new Set<ChildProcess>();

/** Starts a program in a group of its own. The group is ended with `stopGroup`, or when this process exits. */
export function startGroup(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, { ...options, detached: process.platform !== 'win32', windowsHide: true });
  running.add(child);
  return child;
}

/** Ends a group: politely, then after `graceMs` by force. Resolves when the group's first process is gone. */
export async function stopGroup(child: ChildProcess, graceMs = 4000): Promise<void> {
  if (child.pid === undefined) return;
  const gone = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
  signalGroup(child.pid, 'SIGTERM');
  const grace = Promise.withResolvers<void>();
  const timer = setTimeout(grace.resolve, graceMs);
  await Promise.race([gone.then(() => waitForGroup(child.pid as number, graceMs)), grace.promise]);
  clearTimeout(timer);
  signalGroup(child.pid, 'SIGKILL'); // what did not listen, and what outlived the first process
  await gone;
  running.delete(child);
}

async function waitForGroup(pid: number, ms: number): Promise<void> {
  const end = Date.now() + ms;
  while (Date.now() < end && groupLives(pid)) await new Promise((resolve) => setTimeout(resolve, 50));
}

function groupLives(pid: number): boolean {
  if (process.platform === 'win32') return false;
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (process.platform === 'win32') {
    // There are no groups on Windows: taskkill walks the tree of children.
    spawnSync('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore' });
    return;
  }
  try {
    process.kill(-pid, signal);
  } catch {
    // the group is gone already
  }
}

process.on('exit', () => {
  for (const child of running) if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
});

/**
 * Calls `stop` once when the user or the system asks this process to end, and then exits with 130. `scripts/dev.mjs`,
 * our parent, holds an IPC channel: its end means that the parent was killed.
 */
export function onInterrupt(stop: () => Promise<void>): void {
  let asked = false;
  const end = async () => {
    if (asked) return;
    asked = true;
    try {
      await stop();
    } finally {
      process.exit(130);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  if (process.channel) {
    process.on('disconnect', end);
    process.channel.unref(); // listening is no reason to stay alive
  }
}

/** Whether a process of that id runs; false for what is no id. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // another user's
  }
}

/** What a program that ran to its end left behind. */
export interface Finished {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a program to its end and resolves with its status and its output (both streams, in order of arrival). */
export function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { onLine?: (line: string) => void } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = startGroup(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let rest = '';
    const take = (chunk: Buffer) => {
      const text = chunk.toString();
      output += text;
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop() ?? '';
      for (const line of lines) options.onLine?.(line);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.on('error', (error) => {
      running.delete(child);
      reject(error);
    });
    child.on('close', (status) => {
      running.delete(child);
      if (rest) options.onLine?.(rest);
      resolve({ status, output });
    });
  });
}

/** Whether a program of that name is in PATH. */
export function isInPath(command: string): boolean {
  const finder = process.platform === 'win32' ? 'where' : 'which';
  return spawnSync(finder, [command], { stdio: 'ignore' }).status === 0;
}
