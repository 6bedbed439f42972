/**
 * `npm run pictures`: the pictures of the README and the walkthrough, taken of the real thing in a real editor, one for
 * each theme; and the icon as a PNG.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestEditor } from '../test/e2e/harness/editor.ts';
import { askFor, ROUND_SETTINGS } from '../test/e2e/harness/round.ts';
import { copySample, lineFor, PLACES } from '../test/e2e/harness/scenario.ts';
import { baseModel } from './base-model.ts';
import { drawIcon } from './icon.ts';
import { ROOT } from './paths.ts';
import { onInterrupt } from './process.ts';
import { main, step } from './progress.ts';
import { hostVsix } from './vsix.ts';

/** A place whose suggestion the untuned base makes. */
const PLACE = PLACES.find(({ function: name }) => name === 'findOrder')!;

await main(async () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-pictures-')));
  onInterrupt(async () => rmSync(dir, { recursive: true, force: true }));
  await step('Drawing the icon', drawIcon);
  const vsix = await step('Building the extension', hostVsix);
  await step('Model', baseModel);
  for (const theme of ['dark', 'light'] as const) {
    await step(`A picture in ${theme}`, async (detail) => {
      const workspace = join(dir, theme, 'corner-shop');
      copySample(workspace);
      const editor = await TestEditor.start({
        vsix: vsix.path,
        extensionId: 'knack.knack',
        workspace,
        theme,
        settings: ROUND_SETTINGS,
        detail,
      });
      try {
        await editor.ready();
        const suggestion = await askFor(editor, workspace, PLACE);
        if (suggestion !== lineFor(PLACE)) throw new Error(`The model suggests ${JSON.stringify(suggestion)}.`);
        await editor.screenshot(join(ROOT, 'media', `ghost-text-${theme}.png`));
      } finally {
        await editor.stop();
      }
    });
  }
  rmSync(dir, { recursive: true, force: true });
});
