/** Typing in an editor that closes brackets and strings, and indents, as VS Code does by default; the real model suggests. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { baseModel } from '../../scripts/base-model.ts';
import { hostVsix } from '../../scripts/vsix.ts';
import { query } from './harness/database.ts';
import { TestEditor } from './harness/editor.ts';
import { copySample, openingOf, PLACES } from './harness/scenario.ts';
import { until } from './harness/wait.ts';

const say = (line: string): void => console.log(`    ${line}`);

describe('typing as VS Code helps with it', { timeout: 300_000 }, () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-typing-')));
  const workspace = join(dir, 'corner-shop');
  let editor: TestEditor;

  before(async () => {
    copySample(workspace);
    await baseModel(say);
    const vsix = await hostVsix(say);
    const settings = {
      'knack.training.enabled': false,
      'editor.autoClosingBrackets': 'languageDefined',
      'editor.autoClosingQuotes': 'languageDefined',
      'editor.autoIndent': 'full',
    };
    editor = await TestEditor.start({ vsix: vsix.path, extensionId: 'knack.knack', workspace, settings });
    await editor.ready();
  });

  after(async () => {
    await editor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  /** The lines of a file, saved, that are not in the sample's. */
  const added = async (file: string, was: string): Promise<string[]> => {
    await editor.save();
    const old = was.split('\n');
    return readFileSync(join(workspace, file), 'utf8')
      .split('\n')
      .filter((line) => !old.includes(line));
  };

  test('inside of a bracket that was closed: what goes in, and the bracket stays closed once', async () => {
    const [place] = PLACES;
    const path = join(workspace, place!.file);
    const was = readFileSync(path, 'utf8');
    const { line, column } = openingOf(was, place!);
    await editor.openFile(path, line, column);
    await editor.type('\ntrace(');
    const ghost = await editor.requestGhostText();
    say(JSON.stringify(ghost));
    assert.match(ghost, new RegExp(`^'${place!.function}'`));
    await editor.press('Tab');
    const lines = await added(place!.file, was);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, new RegExp(`^ *trace\\('${place!.function}'\\);?$`));
  });

  test('where the cursor comes to after an edit: asked without a key, what the edit did is suggested there', async () => {
    const file = 'src/suppliers.ts';
    const lines = readFileSync(join(workspace, file), 'utf8').split('\n');
    const row = lines.findIndex((line) => line.includes('suppliers.set(sku'));
    const next = lines.findIndex((line) => line.includes('suppliers.get(sku'));
    await editor.openFile(join(workspace, file), row + 1, lines[row]!.indexOf('sku') + 'sku'.length + 1);
    await editor.type('.trim()');
    await editor.press('Escape');
    const offers = () =>
      query<{ text: string; line: number; how: string }>(
        editor.storageDir,
        `SELECT text, "trigger" AS how, start_line + length(before) - length(replace(before, char(10), '')) AS line FROM offer ORDER BY seq`,
      );
    const before = offers().length;
    for (let line = row; line < next; line++) await editor.press('ArrowDown');
    await editor.press('ArrowLeft');
    await editor.press('ArrowRight');
    const offer = await until('a suggestion in the other line', 30_000, () =>
      offers()
        .slice(before)
        .find(({ line }) => line === next),
    );
    say(JSON.stringify(offer));
    assert.equal(offer.how, 'automatic');
    assert.match(offer.text, /\.trim\(\)/);
  });

  test('between braces, one of which was put there: the body, and one brace ends it', async () => {
    const { file } = PLACES[4]!;
    const path = join(workspace, file);
    const was = readFileSync(path, 'utf8');
    const lines = was.split('\n');
    const last = lines.findLastIndex((line) => line !== '');
    await editor.openFile(path, last + 1, lines[last]!.length + 1);
    await editor.type('\n\nexport function countAgain(item: Item): number {\n');
    const ghost = await editor.requestGhostText();
    say(JSON.stringify(ghost));
    await editor.press('Tab');
    await editor.save();
    const text = readFileSync(path, 'utf8');
    const body = text.slice(text.indexOf('export function countAgain'));
    say(JSON.stringify(body));
    assert.ok(body.includes(ghost.split('\n')[0]!.trim()));
    const count = (mark: string): number => body.split(mark).length - 1;
    assert.equal(count('{'), count('}'));
    assert.match(body, /\n}\n?$/);
  });

  test('in a file that was left unsaved when the window was reloaded: what was typed there is known', async () => {
    const [, place] = PLACES;
    const path = join(workspace, place!.file);
    const { line, column } = openingOf(readFileSync(path, 'utf8'), place!);
    await editor.openFile(path, line, column);
    await editor.type('\n');
    await editor.press('Escape');
    // VS Code keeps what is unsaved a second after it was typed.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await editor.reload();
    await editor.openFile(path, line + 1, 3);
    await editor.requestGhostText();
    const recent = await until('the suggestion in the database', 20_000, () => {
      const [offer] = query<{ recent: string }>(
        editor.storageDir,
        'SELECT recent FROM offer ORDER BY seq DESC LIMIT 1',
      );
      const edits = JSON.parse(offer?.recent ?? '[]') as { removed: string; added: string }[];
      return edits.at(-1)?.removed.startsWith(`export function ${place!.function}`) ? edits : undefined;
    });
    say(JSON.stringify(recent));
    assert.equal(recent.at(-1)!.added, `${recent.at(-1)!.removed}\n  `);
  });
});
