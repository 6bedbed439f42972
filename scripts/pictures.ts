/**
 * `npm run pictures [-- ghost-text|next-edit|panel …]`: the pictures of the README and the walkthrough, taken of the real
 * thing in a real editor; and the icon as a PNG. Ghost text is the model's; what a next edit says and what the panel
 * counts is scripted (looks.ts), as the README says.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestEditor } from '../test/e2e/harness/editor.ts';
import { askFor, ROUND_SETTINGS } from '../test/e2e/harness/round.ts';
import { copySample, lineFor, PLACES } from '../test/e2e/harness/scenario.ts';
import { Session } from '../test/fates/session.ts';
import { baseModel } from './base-model.ts';
import { drawIcon } from './icon.ts';
import { bringAbout, LOOKS_SETTINGS, openPanel, SCENES } from './looks.ts';
import { ROOT } from './paths.ts';
import { onInterrupt } from './process.ts';
import { main, step } from './progress.ts';
import { hostVsix } from './vsix.ts';

/** A place whose suggestion the untuned base makes. */
const PLACE = PLACES.find(({ function: name }) => name === 'findOrder')!;

/** The part of the window that has the editor. */
const EDITOR = { x: 352, y: 36, width: 928, height: 330 };

const wanted = process.argv.slice(2);
const wants = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

await main(async () => {
  if (wants('ghost-text')) await ghostText();
  if (wants('next-edit') || wants('panel')) await step('Pictures of a next edit and of the panel', scripted);
});

async function ghostText(): Promise<void> {
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
}

async function scripted(detail: (line: string) => void): Promise<void> {
  // The README's picture is narrow: no minimap over the hint.
  const settings = { ...LOOKS_SETTINGS, 'editor.minimap.enabled': false };
  const session = await Session.start({ theme: 'dark', settings, detail });
  onInterrupt(() => session.stop());
  const path = (name: string): string => join(ROOT, 'media', `${name}-dark.png`);
  try {
    if (wants('next-edit')) {
      await bringAbout(session, SCENES.find(({ name }) => name === 'word')!);
      await session.editor.page.screenshot({ path: path('next-edit'), clip: EDITOR });
      await session.press('Escape');
    }
    if (wants('panel')) {
      await openPanel(session);
      await session.editor.screenshot(path('panel'));
    }
  } finally {
    await session.stop();
  }
}
