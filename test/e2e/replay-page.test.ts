/** The page of a replay in a real browser: it draws, filters, obeys keys and its own policy, and asks no network. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { ensureChromium } from '../../scripts/editor/chromium.ts';
import { GRAMMARS, ROOT } from '../../scripts/paths.ts';
import { armKinds } from '../../src/replay/arms.ts';
import { hunksOf } from '../../src/replay/git.ts';
import type { History } from '../../src/replay/history.ts';
import { htmlPage } from '../../src/replay/page.ts';
import { runSession } from '../../src/replay/session.ts';
import { openSource } from '../../src/replay/source.ts';
import { SAMPLE } from '../replay/sources.ts';

/** A history that would break out of the page if it could. */
const HOSTILE = '</script><script>document.title = "broken"</script><!--<img src=x onerror="document.title=1">\u2028';
const hostile: History = {
  name: '<b>hostile</b>',
  skipped: new Map([['<i>reason</i>', 2]]),
  *commits() {
    const [before, after] = [`a\n${HOSTILE}\n`, `a\n${HOSTILE}${HOSTILE}\nb\n`];
    const file = { path: `${HOSTILE}.js`, languageId: 'javascript', before, after, hunks: hunksOf(before, after)! };
    yield { id: 'f'.repeat(40), time: 0, files: [file] };
  },
};

describe('the page of a replay', { timeout: 120_000 }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'knack-page-'));
  const path = join(dir, 'report.html');
  const problems: string[] = [];
  let browser: Browser;
  let page: Page;

  before(async () => {
    const media = (name: string) => readFileSync(join(ROOT, 'media', 'replay', name), 'utf8');
    const { report, moments } = await runSession(
      [
        { source: SAMPLE, history: openSource(SAMPLE), fingerprint: 'sample' },
        { source: 'hostile', history: hostile, fingerprint: 'hostile' },
      ],
      {
        arms: armKinds(['copy']),
        span: { since: null, limit: 6, signals: null, every: 1 },
        seed: 0,
        workers: 1,
        sequence: false,
        idle: 64,
        canary: null,
        taste: null,
        place: { model: null, cacheDir: dir, adapter: null, code: '' },
        grammars: GRAMMARS,
        moments: 300,
        worker: '',
        logs: join(dir, 'logs'),
        code: '',
        learning: '',
      },
      { begin() {}, progress() {}, end() {} },
    );
    const files = { style: media('page.css'), script: media('page.js') };
    writeFileSync(path, htmlPage({ report, moments, commits: null, footer: HOSTILE, ...files }));
    browser = await chromium.launch({
      executablePath: await ensureChromium(() => undefined),
      args: ['--no-sandbox', '--disable-gpu'],
    });
    page = await browser.newPage({ colorScheme: 'dark' });
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith('file://')) problems.push(request.url());
    });
    await page.goto(`file://${path}`);
  });

  after(async () => {
    await browser?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const text = async (selector: string) => (await page.locator(selector).textContent())!;
  const found = () => text('#filters output');
  const rows = () => page.locator('.row').count();

  test('begins with a plain sentence, has a table and four figures for each repository', async () => {
    assert.match(await text('h1'), /^Over 7 commits of 2 repositories the arm “copy” would have/);
    assert.equal(await page.locator('.view').count(), 3, 'pooled, and each');
    assert.equal(await page.locator('.view:visible').count(), 1);
    assert.equal(await page.locator('.view:visible figure').count(), 4);
    assert.ok((await page.locator('.view:visible svg rect').count()) > 4);
    await page.selectOption('#view', '2');
    assert.equal(await page.locator('.view:visible').getAttribute('aria-label'), hostile.name);
    assert.match(await text('.view:visible details'), /Left out, commits or files: 2/);
  });

  test('what a history holds stays text', async () => {
    await page.fill('input[type=search]', 'onerror');
    assert.ok((await rows()) > 0);
    await page.locator('.row').first().click();
    assert.ok((await text('#ask')).includes('</script><script>document.title'));
    assert.equal(await page.title(), `Replay of nanostores/nanostores, ${hostile.name}`);
  });

  test('filters narrow the list; an ask shows its surroundings, the truth and the answers', async () => {
    await page.fill('input[type=search]', '');
    const [, all] = (await found()).split(' of ').map(Number);
    await page.selectOption('select[name=point]', 'arrival');
    await page.selectOption('select[name=fate]', 'rejected');
    const [some] = (await found()).split(' of ').map(Number);
    assert.ok(some! > 0 && some! < all!, `${some} of ${all}`);
    assert.match(await text('#ask'), /arrival[\s\S]*Typed next[\s\S]*copy[\s\S]*wrong/);
    assert.equal(await page.locator('#ask .here .caret').count(), 1);
    await page.fill('input[type=search]', 'no such text anywhere');
    assert.match(await text('#ask'), /No ask fits/);
  });

  test('by keys alone: search, back to the list, up and down', async () => {
    await page.locator('h1').click();
    await page.keyboard.press('/');
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Delete');
    await page.keyboard.press('Escape');
    const selected = () => page.locator('.row[aria-selected=true]').getAttribute('id');
    assert.equal(await selected(), 'row0');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('j');
    assert.equal(await selected(), 'row2');
    await page.keyboard.press('k');
    assert.equal(await selected(), 'row1');
    await page.keyboard.press('End');
    assert.notEqual(await selected(), 'row1');
    await page.keyboard.press('Home');
    assert.equal(await selected(), 'row0');
  });

  test('dark and light: as the system says, and by its own button', async () => {
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const dark = await ground();
    await page.click('#theme');
    const light = await ground();
    assert.notEqual(dark, light);
    await page.click('#theme');
    assert.equal(await ground(), dark);
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('nothing is complained about, and nothing is asked of a network', () => {
    assert.deepEqual(problems, []);
  });
});
