/**
 * The desktop VS Code, where it is installed, with a profile of its own: the user's settings and extensions are not
 * touched.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, run, startGroup, stopGroup } from '../process.ts';
import { UserError } from '../progress.ts';
import { environment, extensionsDir, type Profile, userDataDir } from './server.ts';

/** The first VS Code whose Node can load Knack's native modules. */
const FLOOR = [1, 101] as const;

export interface Desktop {
  readonly command: string;
  readonly version: string;
}

/** What decides; arguments so that a test can give them. */
export interface Machine {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
}

const THIS_MACHINE: Machine = { env: process.env, platform: process.platform };

/**
 * The desktop VS Code of this machine, or why there is none that can be used.
 * Inside of an editor's terminal `code` may be a remote command line that knows no profiles: it does not count.
 */
export function findDesktop(machine: Machine = THIS_MACHINE): Desktop | { readonly why: string } {
  const { env, platform } = machine;
  if (platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) return { why: 'there is no display' };
  const command = candidates(machine).find((path) => existsSync(path));
  if (!command) return { why: 'the command "code" is not in PATH' };
  const asked = spawnSync(quote(command, platform), versionArguments(), {
    env,
    encoding: 'utf8',
    shell: platform === 'win32',
  });
  const version = /^(\d+)\.(\d+)\.\d+/.exec(asked.stdout ?? '');
  if (!version) return { why: `${command} --version gave no version` };
  const [major, minor] = [Number(version[1]), Number(version[2])];
  if (major < FLOOR[0] || (major === FLOOR[0] && minor < FLOOR[1]))
    return { why: `VS Code ${version[0]} is older than 1.101` };
  return { command, version: version[0] };
}

function candidates({ env, platform }: Machine): string[] {
  const path = Object.entries(env).find(([key]) => key.toUpperCase() === 'PATH')?.[1] ?? '';
  const folders = path.split(delimiter).filter((folder) => folder && !folder.includes('remote-cli'));
  const inPath = folders.map((folder) => join(folder, platform === 'win32' ? 'code.cmd' : 'code'));
  const app = '/Applications/Visual Studio Code.app/Contents/Resources/app/bin/code';
  return platform === 'darwin' ? [...inPath, app] : inPath;
}

/** Electron refuses to run as root without these. */
const rootArguments = () => (process.getuid?.() === 0 ? ['--no-sandbox'] : []);
const versionArguments = () => [
  '--version',
  ...(process.getuid?.() === 0 ? ['--no-sandbox', '--user-data-dir', '/tmp'] : []),
];

const profileArguments = (profile: Profile) => [
  ...rootArguments(),
  '--user-data-dir',
  userDataDir(profile),
  '--extensions-dir',
  extensionsDir(profile),
];

/** On Windows `code` is a batch file: it runs in a shell, which wants quotes. */
const quote = (text: string, platform: NodeJS.Platform = process.platform) =>
  platform === 'win32' ? `"${text}"` : text;
const quoteAll = (args: readonly string[]) => args.map((arg) => quote(arg));
const shell = process.platform === 'win32';

/** Installs a VSIX into the profile, in place of an older one. */
export async function installInDesktop({ command }: Desktop, profile: Profile, vsix: string): Promise<void> {
  const args = [...profileArguments(profile), '--install-extension', vsix, '--force'];
  const { status, output } = await run(quote(command), quoteAll(args), { env: environment(profile), shell });
  if (status !== 0) throw new UserError(`${vsix} does not install:\n${output.trim()}`);
}

export interface DesktopWindow {
  /** Resolves when the user has closed the window. */
  readonly ended: Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Opens a window on a folder, with a file at a place (`path:line:column`). */
export function openDesktop({ command }: Desktop, profile: Profile, folder: string, place: string): DesktopWindow {
  const quiet = [
    '--new-window',
    '--wait',
    '--disable-workspace-trust',
    '--disable-telemetry',
    '--skip-welcome',
    '--skip-release-notes',
  ];
  const args = [...profileArguments(profile), ...quiet, folder, '--goto', place];
  const child = startGroup(quote(command), quoteAll(args), { env: environment(profile), stdio: 'ignore', shell });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => reject(new UserError(`${command} could not be started: ${error.message}`)));
  });
  return {
    ended,
    stop: async () => {
      await stopApplication(profile);
      await stopGroup(child);
    },
  };
}

/**
 * Ends the application. The command starts it in a session of its own, out of reach of a process group; it writes its
 * process id into its profile.
 */
async function stopApplication(profile: Profile): Promise<void> {
  const pid = mainProcess(profile);
  if (pid === undefined) return;
  if (process.platform === 'win32') {
    spawnSync('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore' });
    return;
  }
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!isAlive(pid)) return;
    process.kill(pid, signal);
    const end = Date.now() + 5000;
    while (Date.now() < end && isAlive(pid)) await sleep(100);
  }
}

function mainProcess(profile: Profile): number | undefined {
  const lock = join(userDataDir(profile), 'code.lock');
  const pid = existsSync(lock) ? Number(readFileSync(lock, 'utf8').trim()) : Number.NaN;
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}
