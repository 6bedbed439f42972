/**
 * `npm start -- --check`: what `npm start` sets up, and then a whole round in a browser that nobody sees. The last line
 * is one JSON object; the exit status is 0 only if the round was whole.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultCacheDir } from '../src/model/cache.ts';
import { TestEditor } from '../test/e2e/harness/editor.ts';
import { emptyRound, isWhole, playRound, ROUND_SETTINGS } from '../test/e2e/harness/round.ts';
import { copySample } from '../test/e2e/harness/scenario.ts';
import { baseModel } from './base-model.ts';
import { ensureChromium } from './editor/chromium.ts';
import { gatedCopy } from './editor/gate.ts';
import { installEditor } from './editor/install.ts';
import { onInterrupt } from './process.ts';
import { step } from './progress.ts';
import { hostVsix } from './vsix.ts';

/** @returns the exit status */
export async function checkRound(): Promise<number> {
  const round = emptyRound();
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-check-')));
  let editor: TestEditor | undefined;
  onInterrupt(async () => {
    await editor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  try {
    const vsix = await step('Building the extension', hostVsix);
    await step('Model (98 MB, once)', baseModel);
    await step('Editor: code-server (once)', async (detail) => gatedCopy(await installEditor(detail)));
    await step('Browser', ensureChromium);
    const workspace = join(dir, 'corner-shop');
    copySample(workspace);
    await step('A round in the editor', async (detail) => {
      const options = { vsix: vsix.path, extensionId: 'knack.knack', workspace, settings: ROUND_SETTINGS, detail };
      editor = await TestEditor.start(options);
      await playRound(editor, { workspace, cacheDir: defaultCacheDir(), round, detail });
    });
  } catch (error) {
    console.error(`\nerror: ${(error as Error).message}`);
  } finally {
    await editor?.stop();
    rmSync(dir, { recursive: true, force: true });
    console.log(JSON.stringify(round));
  }
  return isWhole(round) ? 0 : 1;
}
