/** What people see and choose: panel, explanation, what is stored, report, snooze; with real keys in a real editor. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { baseModel } from '../../scripts/base-model.ts';
import { hostVsix } from '../../scripts/vsix.ts';
import { SHOW } from '../../src/gate/gate.ts';
import { outcomes, query } from './harness/database.ts';
import { TestEditor } from './harness/editor.ts';
import { fillDatabase } from './harness/history.ts';
import { askFor, takeOrType } from './harness/round.ts';
import { copySample, INDENT, openingOf, PLACES } from './harness/scenario.ts';
import { until } from './harness/wait.ts';

const say = (line: string): void => console.log(`    ${line}`);
const PLACE = PLACES[0]!;

/** In the panel: of each chart, the theme's colour for its bars, and whether it was drawn in it. */
const CHART_COLOURS = `(() => {
  const colour = getComputedStyle(document.documentElement).getPropertyValue('--vscode-charts-blue').trim();
  const rgb = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  return Array.from(document.querySelectorAll('canvas'), (canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255 && rgb.every((value, k) => data[i + k] === value)) count++;
    return [colour, count > 20];
  });
})()`;

/** In the panel: ids of what takes the focus, in the order of the text; what is folded away takes none. */
const FOCUSABLE = `Array.from(document.querySelectorAll('main button, main summary, main [tabindex="0"]'))
  .filter((element) => element.checkVisibility() && (element.matches('summary') || !element.closest('details:not([open])')))
  .map(({ id }) => id)`;

describe('what is seen', { timeout: 300_000 }, () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-panel-')));
  const workspace = join(dir, 'corner-shop');
  let editor: TestEditor;
  /** What is suggested in the first place, and taken. */
  let taken: string;

  before(async () => {
    copySample(workspace);
    await baseModel(say);
    const vsix = await hostVsix(say);
    // The threshold is the default here, not that of the other editor tests.
    const settings = { 'knack.training.idleSeconds': 86_400, 'knack.eagerness': undefined };
    editor = await TestEditor.start({ vsix: vsix.path, extensionId: 'knack.knack', workspace, settings });
    await editor.ready();
    fillDatabase(editor.storageDir);
  });

  after(async () => {
    await editor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Text of the status bar's item. */
  const status = (): Promise<string | null> =>
    editor.page.locator('[id="knack.knack.knack.status"]').getAttribute('aria-label');

  /** The page of text that has been opened, as it stands in its editor. */
  const page = async (title: string): Promise<string> => {
    await editor.page.locator('.tab.active', { hasText: title }).waitFor({ timeout: 20_000 });
    return until(title, 10_000, async () => {
      const lines = editor.page.locator('.editor-group-container.active .view-lines').first();
      return ((await lines.textContent()) ?? '').replaceAll('\u00a0', ' ') || undefined;
    });
  };

  test('at the default threshold: what is likely enough comes unasked, what is not when asked for', async () => {
    const judged = () =>
      query<{ p: number; held: number }>(editor.storageDir, 'SELECT p, held FROM judgement ORDER BY n');
    let unasked = 0;
    for (const place of [PLACES[2]!, PLACES[4]!, PLACES[5]!]) {
      const before = judged().length;
      const path = join(workspace, place.file);
      const { line, column } = openingOf(readFileSync(path, 'utf8'), place);
      await editor.openFile(path, line, column);
      await editor.type(`\n${INDENT}`);
      const last = () => judged().slice(before).at(-1);
      let shown = await editor.waitForGhostText(3_000).catch(() => undefined);
      // Let through only just: it is about to be drawn.
      if (shown === undefined && last()?.held === 0) shown = await editor.waitForGhostText(5_000);
      if (shown !== undefined) {
        // The engine answers before it stores what it judged.
        await until(
          'it was let through',
          5_000,
          () => last()?.held === 0 || undefined,
          () => JSON.stringify(last()),
        );
        unasked++;
      } else if (last()) {
        const { held, p } = last()!;
        assert.ok(held === 1 && p < SHOW, `${held}, ${p}`);
        shown = await editor.requestGhostText();
      }
      await takeOrType(editor, workspace, place, shown);
    }
    assert.ok(unasked > 0, JSON.stringify(judged()));
  });

  test('why this suggestion: its words, and who made it', async () => {
    const suggested = await askFor(editor, workspace, PLACE);
    assert.ok(suggested);
    taken = suggested;
    await editor.press('Tab');
    await editor.save();
    await editor.runCommand('Knack: Why This Suggestion?');
    const text = await page('Why this suggestion');
    assert.match(text, /src\/orders\.ts:/);
    assert.ok(text.includes(taken), text);
    assert.match(text, /as it ships/);
  });

  test('what is written without a suggestion is kept once it is left, but no secret', async () => {
    const kept = () =>
      query<{ path: string; lines: string | null }>(editor.storageDir, 'SELECT path, lines FROM written ORDER BY seq');
    const line = '// The shop is closed on Sundays.';
    const path = join(workspace, 'src', 'opening.ts');
    writeFileSync(path, 'export const OPENS = 9;\n\n\nexport const CLOSES = 17;\n\n\n\n');
    await editor.openFile(path, 2, 1);
    await editor.type(line);
    await editor.press('Escape');
    const before = kept().length;
    for (let n = 0; n < 4; n++) await editor.press('ArrowDown');
    const row = await until('kept', 10_000, () => kept()[before]);
    assert.equal(row.path, 'src/opening.ts');
    assert.deepEqual(JSON.parse(row.lines!), {
      ...{ removed: [''], added: [line], above: 'export const OPENS = 9;', below: '' },
    });
    const secret = `ghp_${'a1B2'.repeat(9)}`;
    await editor.type(`const token = '${secret}';`);
    await editor.press('Escape');
    for (let n = 0; n < 4; n++) await editor.press('ArrowUp');
    await until('the other one', 10_000, () => (kept().length > before + 1 ? true : undefined));
    assert.deepEqual(kept()[before + 1], { path: 'src/opening.ts', lines: null });
  });

  test('the panel: figures, and buttons that work by keyboard', async () => {
    const refused: string[] = [];
    editor.page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text()) && /webview/.test(message.location().url))
        refused.push(message.text());
    });
    await editor.runCommand('Knack: Show Panel');
    const panel = editor.webview();
    await panel.getByRole('heading', { name: 'What was learned' }).waitFor({ timeout: 20_000 });
    assert.match((await panel.locator('#suggestions').textContent())!, /were taken: \d+%/);

    const heard = await panel.locator('main').ariaSnapshot();
    for (const line of [
      /^- main "Knack":/m,
      /^ +- heading "Knack" \[level=1\]/m,
      /^ +- region "Suggestions":/m,
      /^ +- '?img "\d+ of the \d+ that were seen were taken: \d+%\."/m,
      /^ +- '?img "[\d,]+ characters were not typed\."/m,
      /^ +- '?meter "\d+ .*signals/m,
      /^ +- table "Checkpoints":/m,
      /^ +- columnheader "State"/m,
      /^ +- rowheader "The model as it ships"/m,
      /^ +- button "Pause learning"/m,
    ])
      assert.match(heard, line);

    // The charts have the theme's colours, also after another theme.
    const main = panel.locator('main');
    const colours = (): Promise<[string, boolean][]> => main.evaluate(CHART_COLOURS);
    const dark = await colours();
    assert.deepEqual(
      dark.map(([, drawn]) => drawn),
      [true, true],
      String(dark),
    );
    await editor.runCommand('Preferences: Toggle between Light/Dark Themes');
    await until('the charts in the other theme', 10_000, async () =>
      (await colours()).every(([colour, drawn], i) => drawn && colour !== dark[i]![0]) ? true : undefined,
    );
    await editor.runCommand('Preferences: Toggle between Light/Dark Themes');

    // By keyboard everything is reached, in the order in which it is read.
    const focusable: string[] = await main.evaluate(FOCUSABLE);
    assert.ok(focusable.length > 8, String(focusable));
    await panel.locator(`[id="${focusable[0]}"]`).focus();
    const reached = [focusable[0]!];
    for (const _ of focusable.slice(1)) {
      await editor.press('Tab');
      reached.push(await main.evaluate('document.activeElement.id'));
    }
    assert.deepEqual(reached, focusable);

    await panel.getByRole('button', { name: 'Pause learning' }).focus();
    await editor.press('Enter');
    await panel.getByRole('button', { name: 'Learn again' }).waitFor({ timeout: 20_000 });
    await panel.getByText('The same as a table').focus();
    await editor.press('Enter');
    await panel.getByRole('columnheader', { name: 'Characters saved' }).waitFor({ timeout: 5_000 });
    assert.deepEqual(refused, [], 'the policy refuses nothing of the page');
  });

  test('what it remembers: what was accepted, and forgotten with a question', async () => {
    const stored = () =>
      query<{ n: number }>(editor.storageDir, 'SELECT count(*) AS n FROM offer WHERE text = ?', taken.trim());
    await editor.startCommand('Knack: Show What It Remembers');
    const rows = editor.page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: taken.trim() }).first().waitFor({ timeout: 10_000 });
    await editor.type(taken.trim());
    await until('the choice', 5_000, async () =>
      (await rows.first().textContent())?.includes(taken.trim()) ? true : undefined,
    );
    await editor.press('Enter');
    await rows.filter({ hasText: 'Forget it' }).waitFor({ timeout: 10_000 });
    const text = await page('Remembered edit');
    assert.ok(text.includes(taken.trim()), text);
    const before = stored()[0]!.n;
    await editor.press('ArrowDown');
    await editor.press('Enter');
    await editor.page.locator('.monaco-dialog-box').waitFor({ timeout: 10_000 });
    await editor.press('Enter');
    await until('forgotten', 10_000, () => (stored()[0]!.n === before - 1 ? true : undefined));
    // The edit that it was a part of is the same to a person.
    const written = query<{ lines: string }>(editor.storageDir, 'SELECT lines FROM written WHERE lines IS NOT NULL');
    assert.ok(
      written.length > 0 && !written.some(({ lines }) => lines.includes(taken.trim())),
      JSON.stringify(written),
    );
  });

  test('what is stored: by day, down to one entry, deleted with a question', async () => {
    const count = () => query<{ n: number }>(editor.storageDir, 'SELECT count(*) AS n FROM suggestion')[0]!.n;
    const before = count();
    await editor.startCommand('Knack: Show What Is Stored');
    const rows = editor.page.locator('.quick-input-list .monaco-list-row');
    await rows
      .filter({ hasText: /^20\d\d-/ })
      .first()
      .waitFor({ timeout: 10_000 });
    // Past the two that lead elsewhere: the first day.
    await editor.press('ArrowDown');
    await editor.press('ArrowDown');
    await editor.press('Enter');
    await rows.filter({ hasText: 'Delete these' }).waitFor({ timeout: 10_000 });
    await rows.filter({ hasText: 'written by you' }).first().waitFor({ timeout: 10_000 });
    // Of suggestions, the newest that was taken.
    await editor.type('accepted');
    await until('the choice', 5_000, async () =>
      (await rows.first().textContent())?.includes('accepted') ? true : undefined,
    );
    await editor.press('Enter');
    await rows.filter({ hasText: 'Delete it' }).waitFor({ timeout: 10_000 });
    assert.match(await page('Stored suggestion'), /All that is stored of one suggestion/);
    await editor.press('ArrowDown');
    await editor.press('Enter');
    await editor.page.locator('.monaco-dialog-box').waitFor({ timeout: 10_000 });
    await editor.press('Enter');
    await until('one entry less', 10_000, () => (count() === before - 1 ? true : undefined));
  });

  test('a report shows what it would share', async () => {
    await editor.runCommand('Knack: Report a Problem');
    const text = await page('Untitled-1');
    assert.match(text, /Nothing has been sent/);
  });

  test('snoozed by keys: nothing unasked, asked for all the same, and awake again', async () => {
    const place = PLACES[1]!;
    await editor.startCommand('Knack: Snooze');
    await editor.page.locator('.quick-input-list .monaco-list-row', { hasText: 'For 5 minutes' }).waitFor();
    await editor.press('Enter');
    await until('the snooze', 10_000, async () => (/snoozed until/.test((await status()) ?? '') ? true : undefined));
    const seen = Object.values(outcomes(editor.storageDir)).reduce((a, b) => a + b, 0);
    assert.ok(await askFor(editor, workspace, place), 'by command, after five seconds of silence');
    await editor.press('Escape');
    await until('one outcome more', 10_000, () =>
      Object.values(outcomes(editor.storageDir)).reduce((a, b) => a + b, 0) === seen + 1 ? true : undefined,
    );
    await editor.runCommand('Knack: End the Snooze');
    await until('awake', 10_000, async () => (/snoozed/.test((await status()) ?? '') ? undefined : true));
  });
});
