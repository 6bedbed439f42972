/** Runs code-server with a profile of its own, on a free port of the loopback interface. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, startGroup, stopGroup } from '../process.ts';
import { UserError } from '../progress.ts';
import type { EditorInstall } from './install.ts';

/** A profile: settings, extensions and storage that are nobody else's. */
export interface Profile {
  /** Folder that holds it all. Keep its path short: a Unix socket is made in it. */
  readonly dir: string;
  /** Environment of the editor and so of the extension, over that of this process. */
  readonly env: Readonly<Record<string, string>>;
}

export interface EditorServer {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  /** What it printed so far. */
  readonly log: () => string;
  /** Resolves when it ends by itself. */
  readonly ended: Promise<void>;
  readonly stop: () => Promise<void>;
}

export const userDataDir = (profile: Profile) => join(profile.dir, 'user-data');
export const extensionsDir = (profile: Profile) => join(profile.dir, 'extensions');

/** Settings that keep an editor quiet: no questions, no panels, nothing sent. */
export const QUIET_SETTINGS: Readonly<Record<string, unknown>> = {
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.enableExperiments': false,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'git.openRepositoryInParentFolders': 'never',
};

/**
 * Writes the profile's settings, unless they are there: they are the user's from then on. They go into two files, since
 * in a remote window, such as code-server's, settings of the machine's scope count in the second only.
 */
export function writeSettings(profile: Profile, settings: Readonly<Record<string, unknown>>): void {
  for (const scope of ['User', 'Machine']) {
    const folder = join(userDataDir(profile), scope);
    const file = join(folder, 'settings.json');
    if (existsSync(file)) continue;
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, JSON.stringify(settings, null, 2) + '\n');
  }
}

/** Installs a VSIX into the profile, in place of an older one. Throws UserError with the editor's words. */
export async function installVsix(install: EditorInstall, profile: Profile, vsix: string): Promise<void> {
  const { status, output } = await run(
    process.execPath,
    [...commandLine(install, profile), '--install-extension', vsix, '--force'],
    {
      env: environment(profile),
    },
  );
  if (status !== 0 || !/successfully installed/.test(output))
    throw new UserError(`${vsix} does not install:\n${output.trim()}`);
}

/** Starts code-server and waits until it listens. Throws with its log if it does not within `timeoutMs`. */
export async function startServer(install: EditorInstall, profile: Profile, timeoutMs = 60_000): Promise<EditorServer> {
  const args = [...commandLine(install, profile), '--auth', 'none', '--bind-addr', '127.0.0.1:0'];
  args.push('--disable-telemetry', '--disable-update-check', '--disable-workspace-trust');
  const child = startGroup(process.execPath, args, { env: environment(profile), stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    const url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`The editor did not listen within ${timeoutMs / 1000} s:\n${log}`)),
        timeoutMs,
      );
      const take = (chunk: Buffer) => {
        log += chunk.toString();
        const found = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(log);
        if (!found?.[1]) return;
        clearTimeout(timer);
        resolve(found[1]);
      };
      child.stdout?.on('data', take);
      child.stderr?.on('data', take);
      child.on('error', reject);
      child.on('exit', (code) => reject(new Error(`The editor ended (${code}) before it listened:\n${log}`)));
    });
    return { url, log: () => log, ended, stop: () => stopGroup(child) };
  } catch (error) {
    await stopGroup(child as ChildProcess);
    throw error;
  }
}

function commandLine(install: EditorInstall, profile: Profile): string[] {
  mkdirSync(profile.dir, { recursive: true });
  const dirs = ['--user-data-dir', userDataDir(profile), '--extensions-dir', extensionsDir(profile)];
  return [install.entry, '--config', join(profile.dir, 'config.yaml'), ...dirs];
}

/** The environment without what belongs to an editor in whose terminal we may run. */
export function environment(profile: Profile): NodeJS.ProcessEnv {
  const foreign = /^(VSCODE_|ELECTRON_|CODE_SERVER_)|^(NODE_OPTIONS|PORT|PASSWORD|HASHED_PASSWORD|NODE_TEST_CONTEXT)$/;
  const own = Object.fromEntries(Object.entries(process.env).filter(([key]) => !foreign.test(key)));
  return { ...own, ...profile.env };
}
