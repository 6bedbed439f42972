/** `Knack: Show What Is Stored`: by day or by file, down to single entries, each of which can be read and deleted. */
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { EngineClient } from '../engine/client.ts';
import type { MemoryEntry } from '../engine/protocol.ts';
import { formatsFor, shortId } from '../panel/format.ts';
import type { Selection, StoredGroup, StoredSummary } from '../signals/view.ts';
import { entryPage, howText, memoryPage } from './explain.ts';
import type { Pages } from './pages.ts';

/** Entries in one list: the newest. */
const LISTED = 500;

interface Choice extends vscode.QuickPickItem {
  readonly run?: () => Promise<void>;
}

/** Begins with the days. Each list has what leads on, and back by Escape. */
export async function showStored(client: EngineClient, pages: Pages): Promise<void> {
  await groups('day');

  async function groups(by: 'day' | 'file'): Promise<void> {
    const found = await client.groups(by);
    if (found.length === 0) {
      void vscode.window.showInformationMessage(t('Knack: nothing is stored.'));
      return;
    }
    const total = found.reduce((sum, { entries }) => sum + entries, 0);
    await pick(by === 'day' ? t('Knack: what is stored, by day') : t('Knack: what is stored, by file'), [
      by === 'day'
        ? { label: t('$(files) By file'), run: () => groups('file') }
        : { label: t('$(calendar) By day'), run: () => groups('day') },
      {
        label: t('$(trash) Delete everything'),
        description: t('{0} entries, and all that was learned', total),
        run: async () => void (await vscode.commands.executeCommand('knack.deleteAll')),
      },
      { label: '', kind: vscode.QuickPickItemKind.Separator },
      ...found.map((group) => groupChoice(by, group)),
    ]);
  }

  function groupChoice(by: 'day' | 'file', { key, entries: count }: StoredGroup): Choice {
    const selection: Selection = by === 'day' ? { by, day: key } : { by, path: key };
    const label = key === '' ? t('(not known)') : key;
    return { label: plain(label), description: t('{0} entries', count), run: () => entries(selection, label, count) };
  }

  async function entries(selection: Selection, title: string, count: number): Promise<void> {
    const found = await client.list(selection, LISTED);
    await pick(`Knack: ${title}`, [
      {
        label: t('$(trash) Delete these {0}', count),
        run: () => remove(selection, t('Delete {0} entries: suggestions with what became of them, and edits?', count)),
      },
      { label: '', kind: vscode.QuickPickItemKind.Separator },
      ...found.map(entryChoice),
    ]);
  }

  function entryChoice({ id, at, path, text, outcome }: StoredSummary): Choice {
    const first = text.trim().split('\n')[0]!;
    return {
      label: first === '' ? t('(no text)') : plain(first),
      description: outcome === 'written' ? t('written by you') : (outcome ?? t('not known yet')),
      detail: `${plain(path)}, ${formatsFor(vscode.env.language).time(at)}`,
      run: () => one(id),
    };
  }

  async function one(id: string): Promise<void> {
    const entry = await client.entry(id);
    if (entry === null) throw new Error(t('This is no longer stored.'));
    const isEdit = entry.written !== null;
    await pages.show(
      isEdit ? t('Stored edit') : t('Stored suggestion'),
      entryPage(entry, formatsFor(vscode.env.language)),
    );
    const question = isEdit ? t('Delete this edit?') : t('Delete this suggestion and what became of it?');
    await pick(isEdit ? t('Knack: stored edit') : t('Knack: stored suggestion'), [
      { label: t('$(check) Keep it') },
      { label: t('$(trash) Delete it'), run: () => remove({ by: 'id', id }, question) },
    ]);
  }

  /** Says before and after what a deletion does not undo. */
  async function remove(selection: Selection, question: string): Promise<void> {
    const yes = t('Delete');
    const detail = t(
      'This cannot be undone. What the model has learned from it goes too: it goes back to before that, and learns again from what is left.',
    );
    if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, yes)) !== yes) return;
    const { entries: deleted, forgotten } = await client.deleteSelected(selection);
    const learned =
      forgotten.length === 0
        ? t('Nothing had been learned from it.')
        : t(
            'What had been learned from it is deleted too ({0}), and what is left will be learned again.',
            forgotten.map(shortId).join(', '),
          );
    void vscode.window.showInformationMessage(t('Knack: {0} entries deleted. {1}', deleted, learned));
  }
}

/** What is remembered, newest first; each can be read and forgotten, which deletes what it comes from. */
export async function showMemory(client: EngineClient, pages: Pages): Promise<void> {
  const { entries, size } = await client.memory(LISTED);
  const formats = formatsFor(vscode.env.language);
  if (size === 0) {
    void vscode.window.showInformationMessage(
      t('Knack: nothing is remembered yet. What you write will be, and what you accept.'),
    );
    return;
  }
  await pick(
    t('Knack: remembered edits'),
    entries.map((entry) => ({
      label: plain((entry.added.find((line) => line.trim() !== '') ?? t('(only deletes)')).trim()),
      description: howText(entry.kind),
      detail: `${plain(entry.path)}, ${formats.time(entry.at)}`,
      run: async () => {
        await pages.show(t('Remembered edit'), memoryPage(entry, formats));
        await pick(t('Knack: remembered edit'), [
          { label: t('$(check) Keep it') },
          { label: t('$(trash) Forget it'), run: () => forget(entry) },
        ]);
      },
    })),
  );

  async function forget({ sources }: MemoryEntry): Promise<void> {
    const yes = t('Forget');
    const question = t('Forget this edit, and delete all that is stored of it?');
    if ((await vscode.window.showWarningMessage(question, { modal: true }, yes)) !== yes) return;
    for (const id of sources) await client.deleteSelected({ by: 'id', id });
    void vscode.window.showInformationMessage(t('Knack: the edit is forgotten.'));
  }
}

async function pick(title: string, choices: readonly Choice[]): Promise<void> {
  const chosen = await vscode.window.showQuickPick(choices, { title, matchOnDescription: true, matchOnDetail: true });
  await chosen?.run?.();
}

/** Text in a list, in which `$(name)` is an icon. */
function plain(text: string): string {
  return text.replaceAll('$(', '\\$(');
}
