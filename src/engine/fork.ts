/** How processes of Knack's are started: the extension host's on VS Code's own Node or one that the user named, and theirs. */
import { type ChildProcess, fork } from 'node:child_process';

/**
 * Starts a script with an IPC channel and its output piped.
 *
 * @param nodePath a Node.js of the user's own; null for the one that runs the extension host
 * @param own its environment, less what would break it
 * @param flags V8's
 */
export function forkScript(
  file: string,
  nodePath: string | null,
  own: NodeJS.ProcessEnv = process.env,
  flags: readonly string[] = [],
): ChildProcess {
  const env: NodeJS.ProcessEnv = { ...own };
  delete env.NODE_OPTIONS; // a debugger's options, or ones that Electron run as Node refuses
  if (nodePath === null) env.ELECTRON_RUN_AS_NODE = '1';
  return fork(file, [], {
    env,
    execArgv: [...flags],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    ...(nodePath === null ? {} : { execPath: nodePath }),
  });
}

/** Starts a script as a process of the engine's, on the Node that runs the engine; the same of channel, output and environment. */
export function forkOwn(file: string, own: NodeJS.ProcessEnv = process.env): ChildProcess {
  const env: NodeJS.ProcessEnv = { ...own };
  delete env.NODE_OPTIONS; // as above
  return fork(file, [], { env, execArgv: ['--enable-source-maps'], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
}

/** Has told what a process prints, line by line, but for empty ones. */
export function onLines({ stdout, stderr }: ChildProcess, told: (line: string) => void): void {
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split(/\r?\n/)) if (line.trim() !== '') told(line);
    });
  }
}
