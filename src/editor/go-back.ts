/** `Knack: Go Back to an Earlier Checkpoint`. */
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { EngineClient } from '../engine/client.ts';
import { formatsFor, shortId } from '../panel/format.ts';

/** @param given a checkpoint's id or `base`, as the panel names it; anything else: it is asked for */
export async function goBack(client: EngineClient, given: unknown): Promise<void> {
  const { checkpoints, checkpoint: serving } = await client.overview();
  const { time } = formatsFor(vscode.env.language);
  const base = {
    id: 'base',
    label: t('The model as it ships'),
    description: '',
    detail: t('Nothing learned is in use.'),
  };
  const choices = [
    ...checkpoints
      .filter((c) => c.usable && (c.state === 'current' || c.state === 'retired' || c.state === 'rolled-back'))
      .map((c) => ({ id: c.id, label: shortId(c.id), description: time(c.created), detail: c.reason })),
    base,
  ].filter(({ id }) => id !== serving);
  const title = t('Knack: go back to');
  const chosen =
    choices.find(({ id }) => id === given) ??
    (choices.length === 0
      ? void vscode.window.showInformationMessage(t('Knack: there is nothing to go back to.'))
      : await vscode.window.showQuickPick(choices, { title, matchOnDescription: true }));
  if (!chosen) return;
  const yes = t('Go Back');
  const detail = t('Learning goes on from there. What is left stays stored, so that you can return to it.');
  const question = t('Let {0} suggest from now on?', chosen.label);
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, yes)) !== yes) return;
  await client.goBack(chosen.id);
  void vscode.window.showInformationMessage(t('Knack: {0} suggests now.', chosen.label));
}
