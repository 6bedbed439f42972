/**
 * code-server, a real VS Code from the npm registry, installed into the user's cache folder.
 *
 * The packages' own install scripts stay off: of code-server's native modules, VS Code's server needs two that must be
 * compiled (its log files, and the watch that ends an extension host with its parent). kerberos and sqlite3, which serve
 * proxies and built-in chat sessions, are left unbuilt, so that no library headers are needed on the machine.
 */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { defaultCacheDir } from '../../src/model/cache.ts';
import { ROOT } from '../paths.ts';
import { isAlive, run } from '../process.ts';
import { UserError } from '../progress.ts';
import { ensurePrograms, program } from './packages.ts';

/** An installed code-server. */
export interface EditorInstall {
  /** Folder that holds `node_modules`. */
  readonly dir: string;
  /** The program to run on Node. */
  readonly entry: string;
  readonly version: string;
}

const TOOL = join(ROOT, 'tools', 'code-server');
const COMPILED = ['@vscode/spdlog', '@vscode/native-watchdog'];
/** What the check loads: the compiled modules, and two that bring their binaries along. */
const LOADED = [...COMPILED, 'node-pty', '@parcel/watcher'];

export const serverDir = (dir: string) => join(dir, 'node_modules', 'code-server');
export const vscodeDir = (dir: string) => join(serverDir(dir), 'lib', 'vscode');

/** Folder, under the cache, of the editors. */
export const editorsDir = () => join(defaultCacheDir(), 'editors');

/**
 * Installs code-server unless it is there. Whole or not at all: it is made in a folder beside and renamed.
 * Throws UserError with what to do.
 */
export async function installEditor(detail: (line: string) => void): Promise<EditorInstall> {
  const lock = readFileSync(join(TOOL, 'package-lock.json'));
  const version: string = JSON.parse(lock.toString()).packages['node_modules/code-server'].version;
  const key = createHash('sha256').update(lock).digest('hex').slice(0, 8);
  const abi = process.versions.modules;
  const dir = join(editorsDir(), `code-server-${version}-${process.platform}-${process.arch}-abi${abi}-${key}`);
  const install = { dir, version, entry: join(serverDir(dir), 'out', 'node', 'entry.js') };
  if (existsSync(install.entry)) return install;

  if (process.platform === 'win32') {
    throw new UserError(
      'code-server does not run on Windows: install VS Code (https://code.visualstudio.com), so that the command "code" is in PATH.',
    );
  }
  await ensurePrograms(
    [program('python3'), program('make'), program('g++')],
    "build the editor's native modules",
    detail,
  );
  const temporary = `${dir}.${process.pid}.tmp`;
  removeLeftovers();
  try {
    await download(temporary, detail);
    await compile(temporary, detail);
    await verify(temporary, version);
    if (!existsSync(dir)) renameSync(temporary, dir); // another run may have been faster
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return install;
}

/** Runs npm in a folder. */
async function npm(cwd: string, args: readonly string[]): Promise<void> {
  const cli = process.env.KNACK_NPM;
  if (!cli) throw new UserError('Run this through npm, for example "npm start".');
  const { status, output } = await run(process.execPath, [cli, ...args, '--no-progress', '--ignore-scripts'], { cwd });
  if (status !== 0) throw new UserError(`"npm ${args.join(' ')}" failed in ${cwd}:\n${lastLines(output)}`);
}

async function download(dir: string, detail: (line: string) => void): Promise<void> {
  mkdirSync(dir, { recursive: true });
  for (const name of ['package.json', 'package-lock.json', '.npmrc']) copyFileSync(join(TOOL, name), join(dir, name));
  detail('downloading code-server (1 of 3)');
  await npm(dir, ['ci']);
  detail("downloading VS Code's packages (2 of 3)");
  await npm(vscodeDir(dir), ['install', '--omit=dev']); // its shrinkwrap lacks a package, so that `npm ci` refuses it
  detail("downloading the built-in extensions' packages (3 of 3)");
  await npm(join(vscodeDir(dir), 'extensions'), ['ci', '--omit=dev']);
  const os = process.platform === 'darwin' ? 'darwin' : 'linux';
  for (const [folder, from, to] of [
    ['remote-cli', `code-${os}.sh`, 'code-server'],
    ['helpers', `browser-${os}.sh`, 'browser.sh'],
  ] as const) {
    const bin = join(vscodeDir(dir), 'bin', folder);
    copyFileSync(join(bin, from), join(bin, to));
    chmodSync(join(bin, to), 0o755);
  }
}

/** Builds the native modules against the headers of the Node that will run them. */
async function compile(dir: string, detail: (line: string) => void): Promise<void> {
  const gyp = join(dirname(dirname(process.env.KNACK_NPM as string)), 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const headers = dirname(dirname(process.execPath));
  const nodedir = existsSync(join(headers, 'include', 'node', 'node.h')) ? [`--nodedir=${headers}`] : [];
  for (const [i, name] of COMPILED.entries()) {
    detail(`compiling ${name} (${i + 1} of ${COMPILED.length})`);
    const cwd = join(vscodeDir(dir), 'node_modules', ...name.split('/'));
    const { status, output } = await run(process.execPath, [gyp, 'rebuild', ...nodedir], { cwd });
    if (status !== 0) throw new UserError(`${name} does not compile:\n${lastLines(output)}`);
  }
}

/** Loads each native module and asks the editor for its version, in processes of their own. */
async function verify(dir: string, version: string): Promise<void> {
  for (const name of LOADED) {
    const module = join(vscodeDir(dir), 'node_modules', ...name.split('/'));
    const { status, output } = await run(process.execPath, ['-e', `require(${JSON.stringify(module)})`], {});
    if (status !== 0) throw new UserError(`The editor's module ${name} does not load:\n${lastLines(output)}`);
  }
  const entry = join(serverDir(dir), 'out', 'node', 'entry.js');
  const config = join(dir, 'config.yaml'); // else it writes one into the user's home
  const { status, output } = await run(process.execPath, [entry, '--config', config, '--version'], {});
  if (status !== 0 || !output.includes(version))
    throw new UserError(`The editor does not start:\n${lastLines(output)}`);
}

/** Removes what runs that were killed left behind. */
function removeLeftovers(): void {
  if (!existsSync(editorsDir())) return;
  for (const name of readdirSync(editorsDir())) {
    const pid = /\.(\d+)\.tmp$/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) rmSync(join(editorsDir(), name), { recursive: true, force: true });
  }
}

const lastLines = (text: string) => text.trim().split('\n').slice(-15).join('\n');
