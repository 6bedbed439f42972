/** `Knack: Choose Model`: what is on this machine, what could be fetched, and the offer of a better one. */
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { EngineClient } from '../engine/client.ts';
import type { ModelEntry, ModelList } from '../engine/protocol.ts';
import type { Log } from './log.ts';
import { fileSize, modelText, size, tooLarge } from './model-text.ts';

/** Key in the extension's memory: a better model was offered. */
const OFFERED = 'knack.modelOffered';

interface Item extends vscode.QuickPickItem {
  readonly run?: () => Promise<void>;
}

export async function chooseModel(client: EngineClient, log: Log): Promise<void> {
  const location = vscode.ProgressLocation.Notification;
  const list = await vscode.window.withProgress({ location, title: t('Knack: looking for models') }, () =>
    client.models(),
  );
  for (const note of list.notes) log.write('info', note);
  const separator = (label: string): vscode.QuickPickItem => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const item = (model: ModelEntry): Item => ({
    ...modelText(model, list.memoryBytes),
    run: () => take(model, list, client),
  });
  const plain = (label: string, run: () => Promise<void>): Item => ({ label, run });
  const chosen = await vscode.window.showQuickPick(
    [
      separator(t('On this machine')),
      ...list.models.filter(({ path }) => path !== null).map(item),
      plain(`$(file) ${t('Another GGUF file …')}`, () => browse('file')),
      plain(`$(folder-opened) ${t('Another folder …')}`, () => browse('folder')),
      plain(`$(dashboard) ${t('Measure the model in use')}`, () => measure(client, log)),
      separator(t('To download')),
      ...list.models.filter(({ path }) => path === null).map(item),
    ],
    { title: t('Knack: choose a model'), matchOnDescription: true, matchOnDetail: true },
  );
  await (chosen as Item | undefined)?.run?.();
}

async function take(model: ModelEntry, list: ModelList, client: EngineClient): Promise<void> {
  const { title, refusal, memoryBytes, serves, path, isDefault } = model;
  if (serves) return;
  if (refusal !== null) throw new Error(t('{0} cannot be used: {1}.', title, refusal));
  if (tooLarge(memoryBytes, list.memoryBytes)) {
    const [needed, there] = [fileSize(memoryBytes!), fileSize(list.memoryBytes)];
    throw new Error(
      t('{0} needs {1} of memory, and this machine has {2}. Choose a smaller one.', title, needed, there),
    );
  }
  if (path === null) return download(model, client);
  await use(isDefault ? '' : path, title);
}

/** Asks first: nothing is downloaded that the user did not agree to. */
async function download(model: ModelEntry, client: EngineClient): Promise<void> {
  const { id, title, licence, bytes } = model;
  const yes = bytes === null ? t('Download') : t('Download ({0})', fileSize(bytes));
  const detail = t(
    'Licence: {0}. The file comes from the Hugging Face hub, or the mirror that you have set, is checked against its SHA-256 and kept in your cache folder. It can be paused and goes on where it stopped.',
    licence ?? t('licence unknown'),
  );
  const question = t('Download {0}?', title);
  if ((await vscode.window.showInformationMessage(question, { modal: true, detail }, yes)) !== yes) return;
  const path = await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: t('Knack: downloading {0} (Cancel pauses)', title),
      cancellable: true,
    },
    async (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      let shown = 0;
      try {
        return await client.fetchModel(id!, abort.signal, (done, total) => {
          const percent = (100 * done) / total;
          progress.report({ increment: percent - shown, message: `${fileSize(done)} / ${fileSize(total)}` });
          shown = percent;
        });
      } catch (error) {
        if (!abort.signal.aborted) throw error;
        return null;
      }
    },
  );
  if (path !== null) return use(path, title);
  const on = t('Go On');
  const paused = t('Knack: the download of {0} is paused. What has arrived is kept.', title);
  if ((await vscode.window.showInformationMessage(paused, on)) === on) await download(model, client);
}

/** The engine starts anew with it; what was learned with another model waits for that model. */
async function use(path: string, title: string): Promise<void> {
  const configuration = vscode.workspace.getConfiguration('knack');
  await configuration.update('model.path', path === '' ? undefined : path, vscode.ConfigurationTarget.Global);
  const text = t('Knack: {0} is taken into use. What was learned with another model is kept for that one.', title);
  void vscode.window.showInformationMessage(text);
}

/** One or the other: a dialog for both shows folders alone on Windows and Linux. */
async function browse(what: 'file' | 'folder'): Promise<void> {
  const options: vscode.OpenDialogOptions =
    what === 'file'
      ? { canSelectFiles: true, title: t('A GGUF file'), filters: { GGUF: ['gguf'], [t('All files')]: ['*'] } }
      : { canSelectFiles: false, canSelectFolders: true, title: t('A folder in Hugging Face’s format') };
  const [chosen] = (await vscode.window.showOpenDialog(options)) ?? [];
  if (chosen) await use(chosen.fsPath, chosen.path.split('/').at(-1)!);
}

async function measure(client: EngineClient, log: Log): Promise<void> {
  const location = vscode.ProgressLocation.Notification;
  await vscode.window.withProgress({ location, title: t('Knack: measuring the model in use') }, () =>
    client.measureSpeed(),
  );
  await chooseModel(client, log);
}

/** Once: this machine would answer fast enough with a better model. */
export async function offerModel(model: ModelEntry, memory: vscode.Memento): Promise<void> {
  if (memory.get(OFFERED)) return;
  await memory.update(OFFERED, true);
  const choose = t('Choose Model …');
  const text = t(
    'Knack: this machine is fast enough for a larger model made for code: {0} ({1} parameters) would answer in about {2} ms.',
    model.title,
    size(model.parameters ?? 0),
    Math.round(model.speed?.p50Ms ?? 0),
  );
  const chosen = await vscode.window.showInformationMessage(text, choose, t('Not Now'));
  if (chosen === choose) await vscode.commands.executeCommand('knack.chooseModel');
}
