/** The harness itself, with a small extension of known behaviour: what the other end-to-end tests rest on. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pack, TestEditor } from './harness/editor.ts';
import { processesWith } from './harness/processes.ts';

describe('an editor under test', () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-harness-')));
  const workspace = join(dir, 'workspace');
  const file = join(workspace, 'a.ts');
  let editor: TestEditor;

  before(async () => {
    mkdirSync(workspace);
    writeFileSync(file, 'const a = 1;\n\nconst b = 2;\n');
    const vsix = await pack(join(import.meta.dirname, 'probe'), dir);
    const env = { KNACK_TEST_MARKER: dir };
    editor = await TestEditor.start({ vsix, extensionId: 'knack-test.probe', workspace, env });
    await editor.ready();
  });

  after(async () => {
    await editor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  test('refuses proposed API, as the desktop does', async () => {
    const { proposedApi } = await editor.ready();
    assert.match(String(proposedApi), /CANNOT use API proposal: inlineCompletionsAdditions/);
  });

  test('opens a file at a place, takes keys, shows ghost text and takes it with Tab', async () => {
    await editor.openFile(file, 2, 1);
    await editor.type('x = probe ');
    assert.equal(await editor.requestGhostText(), 'first line\nsecond line');
    await editor.press('Tab');
    await editor.waitForCursor(3, 12);
    assert.equal(await editor.ghostText(), undefined);
    await editor.save();
    assert.equal(readFileSync(file, 'utf8'), 'const a = 1;\nx = probe first line\nsecond line\nconst b = 2;\n');
  });

  test('draws itself', async () => {
    const png = join(dir, 'shots', 'window.png');
    await editor.screenshot(png);
    assert.equal(readFileSync(png).subarray(1, 4).toString(), 'PNG');
  });

  test('leaves no process and no profile behind', { skip: process.platform !== 'linux' }, async () => {
    assert.ok(processesWith('KNACK_TEST_MARKER', dir).length > 1, 'the editor has processes while it runs');
    await editor.stop();
    assert.deepEqual(processesWith('KNACK_TEST_MARKER', dir), []);
    assert.equal(existsSync(editor.storageDir), false);
  });
});
