/**
 * A real VS Code under test: a gated code-server with a profile of its own, and Chromium as its window. What is pressed
 * are keys, what is read is what a user sees; everything else is read from outside, from files.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { ensureChromium } from '../../../scripts/editor/chromium.ts';
import { gatedCopy } from '../../../scripts/editor/gate.ts';
import { installEditor } from '../../../scripts/editor/install.ts';
import {
  type EditorServer,
  extensionsDir,
  installVsix,
  type Profile,
  QUIET_SETTINGS,
  startServer,
  userDataDir,
  writeSettings,
} from '../../../scripts/editor/server.ts';
import { ROOT } from '../../../scripts/paths.ts';
import { run } from '../../../scripts/process.ts';
import { type ReadyMark, readReadyMark, until } from './wait.ts';

export interface EditorOptions {
  /** Path of the extension to install. */
  readonly vsix: string;
  /** Further ones. */
  readonly also?: readonly string[];
  /** `publisher.name` of the extension, whose storage folder `storageDir` names. */
  readonly extensionId: string;
  /** Folder to open. */
  readonly workspace: string;
  /** User settings over the quiet ones. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Environment of the extension over that of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly theme?: keyof typeof THEMES;
  /** Further extensions, in folders, to install beside it. */
  readonly beside?: readonly string[];
  /** A script that takes the place of the extension's engine. */
  readonly engine?: string;
  /** Gets a line for each step of the set-up that takes time. */
  readonly detail?: (line: string) => void;
}

/** Keys typed are all that changes the text: VS Code completes and indents nothing by itself. */
export const PLAIN_TYPING = {
  'editor.autoClosingBrackets': 'never',
  'editor.autoClosingQuotes': 'never',
  'editor.autoIndent': 'none',
  'editor.quickSuggestions': 'off',
  'editor.suggestOnTriggerCharacters': false,
  'editor.parameterHints.enabled': false,
  'editor.hover.enabled': 'off',
  'editor.minimap.enabled': false,
  'files.autoSave': 'off',
};
const THEMES = {
  dark: 'Default Dark Modern',
  light: 'Default Light Modern',
  hc: 'Default High Contrast',
  hcLight: 'Default High Contrast Light',
} as const;
const CHROMIUM_ARGUMENTS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

export class TestEditor {
  readonly page: Page;
  readonly storageDir: string;
  readonly #dir: string;
  readonly #readyFile: string;
  readonly #server: EditorServer;
  readonly #browser: Browser;
  #stopped = false;

  /** Starts the editor on a workspace. Whatever fails, nothing is left running. */
  static async start(options: EditorOptions): Promise<TestEditor> {
    const detail = options.detail ?? (() => {});
    const install = gatedCopy(await installEditor(detail));
    const executablePath = await ensureChromium(detail);
    const dir = mkdtempSync(join(tmpdir(), 'knack-e2e-')); // short: a Unix socket lies in it
    let server: EditorServer | undefined;
    let browser: Browser | undefined;
    try {
      const readyFile = join(dir, 'ready');
      const env = { KNACK_READY_FILE: readyFile, XDG_DATA_HOME: join(dir, 'data'), ...options.env };
      const profile: Profile = { dir, env };
      const theme = { 'workbench.colorTheme': THEMES[options.theme ?? 'dark'] };
      // Whether a suggestion is likely enough to be shown is no question of these tests.
      const settings = { 'knack.eagerness': 'high', ...options.settings };
      writeSettings(profile, { ...QUIET_SETTINGS, ...PLAIN_TYPING, ...theme, ...settings });
      for (const vsix of [options.vsix, ...(options.also ?? [])]) await installVsix(install, profile, vsix);
      for (const folder of options.beside ?? []) await installVsix(install, profile, await pack(folder, dir));
      if (options.engine) {
        const folder = readdirSync(extensionsDir(profile)).find((name) => name.startsWith(options.extensionId))!;
        copyFileSync(options.engine, join(extensionsDir(profile), folder, 'dist', 'engine.cjs'));
      }
      server = await startServer(install, profile);
      browser = await chromium.launch({
        executablePath,
        args: CHROMIUM_ARGUMENTS.split(' '),
        handleSIGINT: false, // who runs us decides when to stop
        handleSIGTERM: false,
        handleSIGHUP: false,
      });
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
      const storageDir = join(userDataDir(profile), 'User', 'globalStorage', options.extensionId);
      const editor = new TestEditor(dir, readyFile, server, browser, page, storageDir);
      await page.goto(`${server.url}/?folder=${encodeURIComponent(options.workspace)}`);
      await page.waitForSelector('.monaco-workbench .statusbar-item', { timeout: 60_000 });
      return editor;
    } catch (error) {
      await browser?.close();
      await server?.stop();
      rmSync(dir, { recursive: true, force: true });
      throw new Error(`The editor under test did not start: ${(error as Error).message}\n${server?.log() ?? ''}`, {
        cause: error,
      });
    }
  }

  private constructor(
    dir: string,
    readyFile: string,
    server: EditorServer,
    browser: Browser,
    page: Page,
    storageDir: string,
  ) {
    this.#dir = dir;
    this.#readyFile = readyFile;
    this.#server = server;
    this.#browser = browser;
    this.page = page;
    this.storageDir = storageDir;
  }

  /** Another window on the same folder, in the same editor. */
  async openWindow(): Promise<TestEditor> {
    const page = await this.#browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(this.page.url());
    await page.waitForSelector('.monaco-workbench .statusbar-item', { timeout: 60_000 });
    return new TestEditor(this.#dir, this.#readyFile, this.#server, this.#browser, page, this.storageDir);
  }

  /** Waits until the extension's ready mark satisfies `condition`; by default, until its engine is ready. */
  async ready(
    condition: (mark: ReadyMark) => boolean = ({ phase }) => phase === 'ready',
    timeoutMs = 120_000,
  ): Promise<ReadyMark> {
    let last: ReadyMark | undefined;
    return until(
      `the ready mark (${condition})`,
      timeoutMs,
      () => {
        last = readReadyMark(this.#readyFile);
        return last && condition(last) ? last : undefined;
      },
      () => `last mark: ${JSON.stringify(last)}`,
    );
  }

  /** Reloads the window, as its user would, and waits until the engine of the new one is ready. */
  async reload(): Promise<void> {
    const { host } = await this.ready();
    await this.startCommand('Developer: Reload Window');
    await this.ready((mark) => mark.phase === 'ready' && mark.host !== host);
    await this.page.waitForSelector('.monaco-workbench .statusbar-item', { timeout: 60_000 });
  }

  /** Opens a file with the cursor at a place (counted from 1), as a user would: through Go to File. */
  async openFile(path: string, line: number, column: number): Promise<void> {
    await this.#goToFile(`${path}:${line}:${column}`);
    const first = this.page.locator('.quick-input-list .monaco-list-row').first();
    await first.getByText(basename(path), { exact: false }).first().waitFor({ timeout: 20_000 });
    await this.page.keyboard.press('Enter');
    await until(`${basename(path)} at ${line}:${column}`, 60_000, async () =>
      (await this.activeTab()) === basename(path) && (await this.cursor()) === `${line}:${column}` ? true : undefined,
    );
    await this.page.locator('.monaco-editor.focused').waitFor({ timeout: 10_000 });
  }

  /** Fills Go to File in, and opens it again where VS Code closed it in between, as a late change of focus does. */
  async #goToFile(text: string): Promise<void> {
    const input = this.page.locator('.quick-input-widget input');
    for (let attempt = 1; ; attempt++) {
      await this.page.keyboard.press('Control+p');
      try {
        await input.waitFor({ state: 'visible', timeout: 10_000 });
        await input.fill(text, { timeout: 5_000 });
        return;
      } catch (error) {
        if (attempt === 4) throw error;
      }
    }
  }

  /** Name on the active tab. */
  async activeTab(): Promise<string | undefined> {
    const tab = this.page.locator('.editor-group-container.active .tab.active').first();
    return (await tab.count()) > 0 ? ((await tab.getAttribute('data-resource-name')) ?? undefined) : undefined;
  }

  /** Cursor as `line:column`, counted from 1, as the status bar says it. */
  async cursor(): Promise<string | undefined> {
    const status = this.page.locator('[id="status.editor.selection"]');
    if ((await status.count()) === 0) return undefined;
    const found = /Ln (\d+), Col (\d+)/.exec((await status.textContent()) ?? '');
    return found ? `${found[1]}:${found[2]}` : undefined;
  }

  /** Waits until the cursor is at a place: the status bar follows the text by a moment. */
  async waitForCursor(line: number, column: number, timeoutMs = 10_000): Promise<void> {
    await until(`the cursor at ${line}:${column}`, timeoutMs, async () =>
      (await this.cursor()) === `${line}:${column}` ? true : undefined,
    );
  }

  /** Types text key by key; a line feed is Enter. */
  async type(text: string, delayMs = 15): Promise<void> {
    for (const [i, line] of text.split('\n').entries()) {
      if (i > 0) await this.page.keyboard.press('Enter');
      await this.page.keyboard.type(line, { delay: delayMs });
    }
  }

  /** Presses one key or chord, in Playwright's names: `Tab`, `Escape`, `Control+s`. */
  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key);
  }

  /** The ghost text on screen, lines joined by LF, or undefined. */
  async ghostText(): Promise<string | undefined> {
    const text = await this.page.evaluate<string>(GHOST_TEXT);
    return text === '' ? undefined : text.replaceAll('\u00a0', ' ');
  }

  /**
   * Waits for ghost text that stays as it is from one look to the next: VS Code draws the lines below the cursor's and
   * what stands on the cursor's own line in two goes, and a look in between sees half of it.
   */
  async waitForGhostText(timeoutMs = 30_000): Promise<string> {
    let last: string | undefined;
    return until('ghost text', timeoutMs, async () => {
      const before = last;
      last = await this.ghostText();
      return last === before ? last : undefined;
    });
  }

  /**
   * Waits for ghost text, and asks for it by command if none comes: VS Code makes its ghost-text part a while after an
   * editor has opened, so the first keys in a window may have asked no provider.
   */
  async requestGhostText(timeoutMs = 15_000): Promise<string> {
    return this.waitForGhostText(5_000).catch(async () => {
      await this.runCommand('Trigger Inline Suggestion');
      return this.waitForGhostText(timeoutMs);
    });
  }

  /** Runs a command by its title, through the command palette. */
  async runCommand(title: string): Promise<void> {
    await this.startCommand(title);
    await this.page.locator('.quick-input-widget input').waitFor({ state: 'hidden', timeout: 20_000 });
  }

  /** Runs a command that asks on in the same place. */
  async startCommand(title: string): Promise<void> {
    await this.page.keyboard.press('F1');
    const input = this.page.locator('.quick-input-widget input');
    await input.waitFor({ state: 'visible', timeout: 20_000 });
    await input.fill(`>${title}`);
    // The palette puts what was used last first, whatever fits best: "New Untitled Text File" also finds "Compare …".
    const name = title
      .split(': ')
      .at(-1)!
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const label = this.page.locator('.label-name', { hasText: new RegExp(`^(.+: )?${name}(\\s?…)?$`) });
    const row = this.page.locator('.quick-input-list .monaco-list-row', { has: label }).first();
    await row.waitFor({ timeout: 20_000 });
    await row.click();
  }

  /** Saves the active file. */
  async save(): Promise<void> {
    await this.press('Control+s');
    await this.page.locator('.tab.active.dirty').waitFor({ state: 'detached', timeout: 10_000 });
  }

  /** What stands in a webview: the panel's page. */
  webview() {
    return this.page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
  }

  /** Writes a PNG of the window. */
  async screenshot(path: string): Promise<void> {
    mkdirSync(join(path, '..'), { recursive: true });
    await this.page.screenshot({ path });
  }

  /** What the editor's processes printed. */
  log(): string {
    return this.#server.log();
  }

  /** Ends the window and every process of the editor, and removes the profile. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#browser.close().catch(() => {}); // it may have crashed; the server must end all the same
    await this.#server.stop();
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Packs an extension that has no packages, and returns its VSIX. */
export async function pack(folder: string, into: string): Promise<string> {
  const vsix = join(into, `${basename(folder)}.vsix`);
  const vsce = join(ROOT, 'node_modules', '@vscode', 'vsce', 'vsce');
  const options = ['--no-dependencies', '--skip-license', '--allow-missing-repository', '--out', vsix];
  const { status, output } = await run(process.execPath, [vsce, 'package', ...options], { cwd: folder });
  if (status !== 0) throw new Error(output);
  return vsix;
}

/**
 * In the page: the ghost text. What stands on the cursor's line is made of decorations, the lines below it are a view
 * zone of their own, which also holds the text after the cursor where that moved down. `-preview` is what goes on
 * behind the item that is chosen in IntelliSense.
 */
const GHOST_TEXT = `(() => {
  const texts = (root, selector) => Array.from(root.querySelectorAll(selector), (e) => e.textContent).join('');
  const below = Array.from(document.querySelectorAll('.suggest-preview-text .view-line'));
  return [texts(document, '.ghost-text-decoration, .ghost-text-decoration-preview'), ...below.map((line) => texts(line, '.ghost-text'))].join('\\n');
})()`;
