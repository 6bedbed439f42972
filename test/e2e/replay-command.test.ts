/** Knack: Replay This Repository, as it is built: its process by itself, and the command in a real editor. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT } from '../../scripts/paths.ts';
import { hostVsix } from '../../scripts/vsix.ts';
import type { ReplayJob } from '../../src/replay/message.ts';
import { type Launch, runReplay } from '../../src/replay/start.ts';
import { writeTinyModel } from '../model/tiny.ts';
import { commit } from '../replay/sources.ts';
import { TestEditor } from './harness/editor.ts';
import { until } from './harness/wait.ts';

const COMMITS = 8;

describe('replaying the opened repository', { timeout: 300_000 }, () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-replay-command-')));
  const repository = join(dir, 'garden');
  const job: ReplayJob = {
    type: 'start',
    repository,
    git: 'git',
    last: COMMITS - 1,
    exclude: ['private/**'],
    model: join(dir, 'tiny'),
    cacheDir: join(dir, 'cache'),
    adapter: join(dir, 'no adapter'),
    folder: join(dir, 'replays'),
    version: '0.0.0',
    language: 'en',
    texts: null,
  };
  const launch = (other: Partial<Launch> = {}): Launch => ({
    file: join(ROOT, 'dist', 'replay.cjs'),
    nodePath: process.execPath,
    onProgress: () => undefined,
    onOutput: (text) => console.log(text),
    signal: new AbortController().signal,
    ...other,
  });

  before(() => {
    writeTinyModel(join(dir, 'tiny'));
    execFileSync('git', ['init', '-q', '-b', 'main', repository]);
    for (let n = 0; n < COMMITS; n++) {
      const lines = Array.from({ length: 6 + n }, (_, i) => `export const bed${i} = plant('w${i}', ${n * i});\n`);
      commit(repository, `Plant bed ${n}`, { 'src/beds.ts': lines.join(''), 'private/key.ts': `secret(${n})\n` });
    }
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  test('its process tells how far it is, and writes a page that is for its user alone', async () => {
    const shares: number[] = [];
    const done = await runReplay(job, launch({ onProgress: ({ share }) => shares.push(share) }));
    assert.match(done!.sentence, /^Over your last 7 commits Knack would have shown/);
    assert.ok(shares.every((s) => s >= 0 && s <= 1));
    const page = readFileSync(done!.page, 'utf8');
    assert.ok(page.includes('src/beds.ts') && !page.includes('private/key.ts') && !page.includes('secret('));
    if (process.platform !== 'win32') assert.equal(statSync(done!.page).mode & 0o077, 0);
  });

  test('in the language that is shown', async () => {
    const texts = join(ROOT, 'l10n', 'bundle.l10n.de.json');
    const done = await runReplay({ ...job, language: 'de', texts }, launch());
    assert.match(done!.sentence, /^Über die letzten 7 Commits hätte Knack/);
    const page = readFileSync(done!.page, 'utf8');
    assert.match(page, /<html lang="de">/);
    assert.match(page, /<h2>Was aus den Fragen wurde<\/h2>/);
    assert.match(page, /"typedNext":"Als Nächstes getippt"/);
  });

  test('cancelled, it ends with the process that it holds, and goes on from there the next time', async () => {
    const folder = join(dir, 'cancelled');
    const abort = new AbortController();
    const cancelled = runReplay({ ...job, folder }, launch({ signal: abort.signal }));
    await until('answers', 60_000, () => (answers(folder) > 3 ? true : undefined));
    abort.abort();
    assert.equal(await cancelled, null);
    await until('no process', 10_000, () => (processes() === 0 ? true : undefined));
    const left = answers(folder);
    assert.ok(!readdirSync(folder).some((name) => name.endsWith('.html')));
    assert.ok(await runReplay({ ...job, folder }, launch()));
    assert.ok(answers(folder) > left);
  });

  test('what cannot be replayed is said in words', async () => {
    const fails = (other: Partial<ReplayJob>, expected: RegExp) =>
      assert.rejects(runReplay({ ...job, ...other }, launch()), expected);
    await fails({ repository: join(dir, 'tiny') }, /not a git repository/);
    await fails({ model: null, cacheDir: join(dir, 'empty') }, /The model is not in .*Download Model/);
    await fails({ exclude: ['*'] }, /has nothing to replay: left out were/);
    await assert.rejects(runReplay(job, launch({ file: join(dir, 'nowhere.cjs') })), /ended before it was done/);
  });

  test('the command asks how far back, shows its progress and opens the page', async () => {
    const vsix = await hostVsix((line) => console.log(line));
    const editor = await TestEditor.start({
      vsix: vsix.path,
      extensionId: 'knack.knack',
      workspace: repository,
      settings: { 'knack.model.path': job.model, 'knack.exclude': ['private/**'] },
      env: { KNACK_CACHE_DIR: job.cacheDir },
    });
    try {
      await editor.ready();
      const { page } = editor;
      await page.keyboard.press('F1');
      const input = page.locator('.quick-input-widget input');
      await input.waitFor({ state: 'visible' });
      await input.fill('>Knack: Replay This Repository');
      await page.locator('.quick-input-list .monaco-list-row').first().getByText('Replay This Repository').waitFor();
      await page.keyboard.press('Enter');
      await page.locator('.quick-input-list').getByText('The last 120 commits').first().waitFor();
      await page.keyboard.press('Enter');
      const heading = await until('the page', 120_000, async () => {
        for (const frame of page.frames()) {
          const text = await frame
            .locator('h1')
            .first()
            .textContent({ timeout: 500 })
            .catch(() => null);
          if (text?.startsWith('Over your last')) return { text, frame };
        }
        return undefined;
      });
      assert.match(heading.text, /^Over your last 8 commits Knack would have shown/);
      await heading.frame.locator('.row').nth(1).click();
      assert.equal(await heading.frame.locator('.row[aria-selected=true]').getAttribute('id'), 'row1');
      assert.ok(existsSync(join(editor.storageDir, 'replays')), 'kept in the folder that Delete Everything empties');
      const picture = process.env.KNACK_E2E_PICTURES;
      if (picture) await editor.screenshot(join(picture, 'replay.png'));
    } finally {
      await editor.stop();
    }
  });

  /** Logged answers in a folder. */
  function answers(folder: string): number {
    if (!existsSync(folder)) return 0;
    const logs = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
    return logs.reduce((n, name) => n + readFileSync(join(folder, name), 'utf8').split('\n').length - 1, 0);
  }

  /** Processes of this test's replays that run. */
  function processes(): number {
    if (process.platform === 'win32') return 0;
    const all = execFileSync('ps', ['-A', '-o', 'ppid=,args='], { encoding: 'utf8' }).split('\n');
    return all.filter((line) => line.includes(join(ROOT, 'dist', 'replay'))).length;
  }
});
