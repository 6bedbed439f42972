/**
 * Knack: Replay This Repository. Plays the last commits of the opened repository in a process of low priority, and
 * shows the page that says how much Knack would have helped.
 */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { runReplay } from '../replay/start.ts';
import type { Log } from './log.ts';
import type { Settings } from './settings.ts';

export interface ReplayPorts {
  readonly settings: () => Settings;
  /** Path of git, or null. */
  readonly git: string | null;
  readonly extensionPath: string;
  readonly storageDir: string;
  readonly cacheDir: string;
  readonly version: string;
  readonly log: Log;
}

/** Where the pages, and the answers of replays, lie. */
const folderIn = (storageDir: string): string => join(storageDir, 'replays');

export class ReplayCommand implements vscode.Disposable {
  readonly #ports: ReplayPorts;
  #running: AbortController | null = null;

  constructor(ports: ReplayPorts) {
    this.#ports = ports;
  }

  /** @throws Error with a message for people */
  async run(): Promise<void> {
    if (this.#running !== null) {
      const words = t('Knack: a replay is under way; its progress is among the notifications.');
      void vscode.window.showInformationMessage(words);
      return;
    }
    this.#running = new AbortController();
    try {
      await replayRepository(this.#ports, this.#running);
    } finally {
      this.#running = null;
    }
  }

  /** Deletes all pages and answers of replays, and ends one that runs. */
  async forget(): Promise<void> {
    this.#running?.abort();
    await rm(folderIn(this.#ports.storageDir), { recursive: true, force: true, maxRetries: 5 });
  }

  dispose(): void {
    this.#running?.abort();
  }
}

async function replayRepository(ports: ReplayPorts, abort: AbortController): Promise<void> {
  const { git, extensionPath, storageDir, cacheDir, version, log } = ports;
  // Git runs what a repository's own settings name.
  if (!vscode.workspace.isTrusted) throw new Error(t('To replay a repository, trust its workspace first.'));
  if (git === null) throw new Error(t('Git was not found. Install it, or name it in the setting git.path.'));
  const repository = await chooseFolder();
  if (repository === undefined) return;
  const name = basename(repository);
  const commits = await chooseCommits(name);
  if (commits === undefined) return;
  const { nodePath, exclude, engine } = ports.settings();
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: t('Knack: replaying {0}', name),
    cancellable: true,
  };
  const done = await vscode.window.withProgress(options, (progress, token) => {
    token.onCancellationRequested(() => abort.abort());
    let shown = 0;
    progress.report({ message: t('starting') });
    return runReplay(
      {
        type: 'start',
        repository,
        git,
        last: commits,
        exclude,
        model: engine.modelPath,
        cacheDir,
        adapter: join(extensionPath, 'media', 'model'),
        folder: folderIn(storageDir),
        version,
        language: vscode.l10n.uri ? vscode.env.language : 'en',
        texts: vscode.l10n.uri?.fsPath ?? null,
      },
      {
        file: join(extensionPath, 'dist', 'replay.cjs'),
        nodePath,
        signal: abort.signal,
        onOutput: (text) => log.warn(`replay: ${text.trimEnd()}`),
        onProgress: ({ share, secondsLeft }) => {
          const percent = Math.floor(100 * share);
          progress.report({ increment: percent - shown, message: progressText(percent, secondsLeft) });
          shown = percent;
        },
      },
    );
  });
  if (done === null) return;
  log.info(done.sentence);
  show(done.page, name);
}

async function chooseCommits(name: string): Promise<number | undefined> {
  const choice = (commits: number, detail: string) => ({ label: t('The last {0} commits', commits), detail, commits });
  const chosen = await vscode.window.showQuickPick(
    [
      choice(30, t('A first look, in minutes.')),
      choice(120, t('Takes longer; Knack works beside you, at low priority, on one thread.')),
      choice(500, t('Some hours. You can cancel, and what is done need not be done again.')),
    ],
    {
      title: t('How much would Knack have helped in {0}?', name),
      placeHolder: t('Nothing leaves this machine.'),
    },
  );
  return chosen?.commits;
}

function progressText(percent: number, secondsLeft: number | null): string {
  if (secondsLeft === null) return t('{0} %', percent);
  return secondsLeft < 90
    ? t('{0} %, {1} s left', percent, Math.ceil(secondsLeft))
    : t('{0} %, {1} min left', percent, Math.ceil(secondsLeft / 60));
}

async function chooseFolder(): Promise<string | undefined> {
  const folders = (vscode.workspace.workspaceFolders ?? []).filter((f) => f.uri.scheme === 'file');
  if (folders.length === 0) throw new Error(t('Open a folder with a git repository first.'));
  if (folders.length === 1) return folders[0]!.uri.fsPath;
  const chosen = await vscode.window.showWorkspaceFolderPick({ placeHolder: t('Which repository?') });
  if (chosen && chosen.uri.scheme !== 'file') throw new Error(t('Only folders on this machine can be replayed.'));
  return chosen?.uri.fsPath;
}

/** The page lets nothing run or load but what is in it: it brings its own policy. */
function show(page: string, name: string): void {
  const panel = vscode.window.createWebviewPanel(
    'knack.replay',
    t('Knack: replay of {0}', name),
    vscode.ViewColumn.Active,
    { enableScripts: true, localResourceRoots: [], retainContextWhenHidden: true },
  );
  panel.webview.html = readFileSync(page, 'utf8');
}
