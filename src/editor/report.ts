/** `Knack: Report a Problem`: opens what would be shared in an editor, before anything. Nothing is sent. */
import { cpus, homedir, release, totalmem } from 'node:os';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { EngineState } from '../engine/protocol.ts';
import type { Log } from './log.ts';
import { problemPage } from './problem.ts';
import { RULES } from './settings.ts';

export async function report(extension: vscode.Extension<unknown>, state: EngineState, log: Log): Promise<void> {
  const { packageJSON } = extension;
  const [cpu] = cpus();
  // Loaded here and not above: its rules take their time, and a report is rare.
  const { redact } = await import('../signals/redact.ts');
  const content = problemPage({
    versions: {
      Knack: packageJSON.version,
      'VS Code': `${vscode.version} (${vscode.env.appName}, ${vscode.env.remoteName ?? 'local'})`,
      Node: `${process.versions.node}, ABI ${process.versions.modules}`,
      [t('System')]: `${process.platform}-${process.arch} ${release()}`,
      [t('Processor')]: `${cpus().length} x ${cpu?.model.trim() ?? '?'}`,
      [t('Memory')]: `${Math.round(totalmem() / 1e9)} GB`,
    },
    state,
    settings: changedSettings(),
    log: log.recent,
    home: homedir(),
    redact: (text) => redact(text).text,
  });
  const document = await vscode.workspace.openTextDocument({ language: 'markdown', content });
  await vscode.window.showTextDocument(document, { preview: false });
  const open = t('Open the Issues Page');
  const question = t('Knack: this is all that would be shared. Copy it there if you want to report the problem.');
  // Where that is stands in package.json, once whoever publishes Knack has entered it (docs/publishing.md).
  const issues: string | undefined = packageJSON.bugs?.url;
  const chosen = await vscode.window.showInformationMessage(question, ...(issues === undefined ? [] : [open]));
  if (chosen === open) await vscode.env.openExternal(vscode.Uri.parse(issues!, true));
}

function changedSettings(): Record<string, unknown> {
  const configuration = vscode.workspace.getConfiguration('knack');
  const changed = Object.entries(RULES).flatMap(([name, { fallback }]) => {
    const value = configuration.get(name);
    return JSON.stringify(value) === JSON.stringify(fallback) ? [] : [[name, value] as const];
  });
  return Object.fromEntries(changed);
}
