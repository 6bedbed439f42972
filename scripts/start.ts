/**
 * `npm start`: sets everything up and opens VS Code with Knack on a copy of the sample project: the desktop's `code`
 * if there is one, else code-server in the browser. `-- --fresh` begins anew, `-- --browser` takes code-server in any
 * case, `-- --check` plays a whole round without a window and prints what came of it (see check.ts).
 */
import { existsSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultCacheDir } from '../src/model/cache.ts';
import { copySample, openingOf, PLACES } from '../test/e2e/harness/scenario.ts';
import { type ReadyMark, readReadyMark } from '../test/e2e/harness/wait.ts';
import { baseModel } from './base-model.ts';
import { checkRound } from './check-round.ts';
import { type Desktop, findDesktop, installInDesktop, openDesktop } from './editor/desktop.ts';
import { installEditor } from './editor/install.ts';
import { installVsix, type Profile, QUIET_SETTINGS, startServer, writeSettings } from './editor/server.ts';
import { isAlive, onInterrupt } from './process.ts';
import { main, step, UserError } from './progress.ts';
import { hostVsix, type Vsix } from './vsix.ts';

/** A newcomer should see it learn within minutes, so training waits for less than it does by default. */
const TOUR_SETTINGS = {
  ...QUIET_SETTINGS,
  // Of a project that it sees for the first time the gate expects little, and a tour is to show something.
  'knack.eagerness': 'high',
  'knack.training.minSignals': 4,
  'knack.training.idleSeconds': 20,
};

/** An open editor, whichever it is. */
interface Opened {
  /** What tells the user where it is. */
  readonly where: string;
  readonly ended: Promise<void>;
  readonly stop: () => Promise<void>;
}

await main(async () => {
  const { values } = parseArgs({
    options: { check: { type: 'boolean' }, fresh: { type: 'boolean' }, browser: { type: 'boolean' } },
  });
  return values.check ? checkRound() : start(values.fresh ?? false, values.browser ?? false);
});

async function start(fresh: boolean, browser: boolean): Promise<number> {
  const desktop = browser ? { why: 'you asked for the browser' } : findDesktop();
  const kind = 'command' in desktop ? 'desktop' : 'code-server';
  const home = join(defaultCacheDir(), 'start');
  const dir = join(home, kind); // short: a Unix socket lies in it
  const lock = join(home, 'running');
  const other = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : Number.NaN;
  if (isAlive(other))
    throw new UserError(`Knack is open already (process ${other}). End that one first, with Ctrl+C where it runs.`);

  let opened: Opened | undefined;
  let stopping = false;
  const stop = async () => {
    stopping = true;
    await opened?.stop();
    rmSync(lock, { force: true });
  };
  onInterrupt(async () => {
    console.log('\nEnding the editor …');
    await stop();
  });
  if (fresh) rmSync(home, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  writeFileSync(lock, String(process.pid));
  try {
    const workspace = join(home, 'corner-shop');
    if (!existsSync(workspace)) copySample(workspace);
    const readyFile = join(dir, 'ready');
    rmSync(readyFile, { force: true });
    const profile: Profile = { dir, env: { KNACK_READY_FILE: readyFile } };

    const vsix = await step('Building the extension', hostVsix);
    await step('Model (98 MB, once)', baseModel);
    if ('why' in desktop) console.log(`  The desktop's VS Code is not used: ${desktop.why}.`);
    writeSettings(profile, TOUR_SETTINGS);
    opened =
      'command' in desktop
        ? await openOnDesktop(desktop, profile, vsix, workspace)
        : await openInBrowser(profile, vsix, workspace);
    console.log(`\n${opened.where}\n\n${tour(workspace)}\n`);
    const close = report(readyFile);
    await opened.ended;
    close();
    return 0;
  } catch (error) {
    if (stopping) return 130; // the editor ended because we ended it
    throw error;
  } finally {
    await stop();
  }
}

async function openOnDesktop(desktop: Desktop, profile: Profile, vsix: Vsix, workspace: string): Promise<Opened> {
  await step(`Installing Knack in VS Code ${desktop.version} (a profile of its own)`, () =>
    once(profile, vsix, () => installInDesktop(desktop, profile, vsix.path)),
  );
  const { path, line, column } = firstPlace(workspace);
  const window = openDesktop(desktop, profile, workspace, `${path}:${line}:${column}`);
  return { ...window, where: 'VS Code opens in a window of its own. Closing it, or Ctrl+C here, ends it.' };
}

async function openInBrowser(profile: Profile, vsix: Vsix, workspace: string): Promise<Opened> {
  const install = await step('Editor: code-server (once)', installEditor);
  await step('Installing Knack in code-server', () =>
    once(profile, vsix, () => installVsix(install, profile, vsix.path)),
  );
  const server = await step('Starting code-server', () => startServer(install, profile));
  const { path, line, column } = firstPlace(workspace);
  const payload = [
    ['openFile', `vscode-remote://${new URL(server.url).host}${encodeURI(path)}:${line}:${column}`],
    ['gotoLineMode', 'true'],
  ];
  const query = new URLSearchParams({ folder: workspace, payload: JSON.stringify(payload) });
  const ended = server.ended.then(() => {
    throw new UserError(`The editor ended:\n${server.log().trim().split('\n').slice(-10).join('\n')}`);
  });
  ended.catch(() => {}); // until somebody waits for it
  return {
    ended,
    stop: server.stop,
    where: `Open this address in a browser (Ctrl+C here ends it):\n\n    ${server.url}/?${query}`,
  };
}

/** Installs unless this very VSIX is installed in the profile. */
async function once(profile: Profile, vsix: Vsix, install: () => Promise<void>): Promise<void> {
  const stamp = join(profile.dir, 'installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === vsix.key) return;
  await install();
  writeFileSync(stamp, vsix.key);
}

function firstPlace(workspace: string): { path: string; line: number; column: number } {
  const place = PLACES[0]!;
  const path = join(workspace, place.file);
  return { path, ...openingOf(readFileSync(path, 'utf8'), place) };
}

function tour(workspace: string): string {
  const { path, line } = firstPlace(workspace);
  return [
    `To see it, once the lines below say "ready": ${basename(path)} is open with the cursor at the end of line ${line}. Press Enter`,
    'and wait a moment; Tab takes the suggestion, Esc refuses it. Do the same in the other functions. After 20 s without',
    'a key it trains on what you took.',
    `The project's README.md says more; it is a copy, in ${workspace}.`,
  ].join('\n');
}

/** Prints what the engine does, as its ready mark changes. Returns a function that stops it. */
function report(readyFile: string): () => void {
  let last = '';
  const look = () => {
    const mark = readReadyMark(readyFile);
    if (!mark) return;
    const line = sentence(mark);
    const kind = line.replace(/\d+/g, '#'); // not a line for each training step
    if (kind !== last) console.log(`[knack] ${line}`);
    last = kind;
  };
  const watcher = watch(join(readyFile, '..'), look);
  look();
  return () => watcher.close();
}

function sentence({ phase, message, checkpoint, training }: ReadyMark): string {
  if (phase !== 'ready') return [phase, message].filter(Boolean).join(': ');
  const policy = checkpoint === 'base' ? 'nothing learned yet' : `learned weights ${String(checkpoint).slice(0, 8)}`;
  return `ready (${policy}). ${training?.message ?? ''}`.trim();
}
