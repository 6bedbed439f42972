/** How the extension host starts a process of Knack's: on VS Code's own Node, or on one that the user named. */
import { type ChildProcess, fork } from 'node:child_process';

/**
 * Starts a script with an IPC channel and its output piped.
 *
 * @param nodePath a Node.js of the user's own; null for the one that runs the extension host
 * @param own its environment, less what would break it
 */
export function forkScript(file: string, nodePath: string | null, own: NodeJS.ProcessEnv = process.env): ChildProcess {
  const env: NodeJS.ProcessEnv = { ...own };
  delete env.NODE_OPTIONS; // a debugger's options, or ones that Electron run as Node refuses
  if (nodePath === null) env.ELECTRON_RUN_AS_NODE = '1';
  return fork(file, [], {
    env,
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    ...(nodePath === null ? {} : { execPath: nodePath }),
  });
}
