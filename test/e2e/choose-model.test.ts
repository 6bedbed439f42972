/** Knack: Choose Model in a real editor: what is listed, and that another model is taken into use. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { hostVsix } from '../../scripts/vsix.ts';
import { successors, writeTinyModel } from '../model/tiny.ts';
import { TestEditor } from './harness/editor.ts';
import { until } from './harness/wait.ts';

describe('choosing a model', { timeout: 200_000 }, () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-choose-')));
  const workspace = join(dir, 'workspace');
  let editor: TestEditor;

  before(async () => {
    writeTinyModel(join(dir, 'first'), 1);
    // Another one, where the Hugging Face tools keep theirs.
    writeTinyModel(join(dir, 'hf/hub/models--someone--second/snapshots/aaaa'), 2);
    mkdirSync(workspace);
    writeFileSync(join(workspace, 'a.txt'), '\n');
    const vsix = await hostVsix((line) => console.log(line));
    editor = await TestEditor.start({
      vsix: vsix.path,
      extensionId: 'knack.knack',
      workspace,
      settings: { 'knack.model.path': join(dir, 'first'), 'knack.training.enabled': false },
      env: { KNACK_CACHE_DIR: join(dir, 'cache'), HF_HOME: join(dir, 'hf') },
    });
    await editor.ready();
  });
  after(async () => {
    await editor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  test('lists what is in use, what lies here and what could be fetched, and takes another one into use', async () => {
    const { page } = editor;
    const rows = page.locator('.quick-input-list .monaco-list-row');
    await editor.startCommand('Knack: Choose Model');
    await rows.getByText('someone/second').first().waitFor({ timeout: 20_000 });
    const text = await until('the list', 10_000, async () => {
      const all = (await rows.allInnerTexts()).join('\n');
      return all.includes('Qwen2.5-Coder 0.5B') ? all : undefined;
    });
    assert.match(text, /first[\s\S]*in use · needs \d+ MB of memory/);
    assert.match(text, /494 M parameters · 532 MB · Apache-2\.0/);
    const picture = process.env.KNACK_E2E_PICTURES;
    if (picture) await editor.screenshot(join(picture, 'choose-model.png'));
    await rows.getByText('someone/second').first().click();
    await page.getByText('someone/second is taken into use').first().waitFor({ timeout: 20_000 });
    await editor.ready();
    await editor.openFile(join(workspace, 'a.txt'), 1, 1);
    await editor.type('let u');
    assert.equal((await editor.requestGhostText(20_000)).trim(), successors('u'));
  });
});
