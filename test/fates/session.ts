/** One editor with the scripted engine, shared by scenarios: each has a file, answers and keys of its own. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostVsix } from '../../scripts/vsix.ts';
import { query } from '../e2e/harness/database.ts';
import { TestEditor } from '../e2e/harness/editor.ts';
import { until } from '../e2e/harness/wait.ts';
import { bundleEngine } from './bundle.ts';
import type { Answer } from './engine.ts';

/** A suggestion that stands for so long was seen, with a margin over the lifecycle's own figure. */
const SEEN_MS = 500;

export interface SessionOptions {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly theme?: 'dark' | 'light' | 'hc' | 'hcLight';
  readonly detail?: (line: string) => void;
}

const SNIPPET = { prefix: 'pair', body: 'f($1, $2)$0' };

interface Row {
  readonly id: string;
  readonly shown_as: string;
  readonly kind: string | null;
  readonly reason: string;
  readonly observed: number;
  readonly accepted_chars: number;
  readonly typed_chars: number;
  readonly shown: string;
  readonly jumped: number;
  readonly typed: string | null;
}

export class Session {
  readonly editor: TestEditor;
  readonly workspace: string;
  readonly #dir: string;
  readonly #script: string;
  #file = '';

  static async start({ settings = {}, theme = 'dark', detail = () => {} }: SessionOptions = {}): Promise<Session> {
    const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-fates-')));
    const workspace = join(dir, 'work');
    mkdirSync(workspace);
    writeFileSync(join(workspace, 'rest.txt'), 'nothing is suggested here\n');
    mkdirSync(join(workspace, '.vscode'));
    writeFileSync(join(workspace, '.vscode', 'test.code-snippets'), JSON.stringify({ pair: SNIPPET }));
    const script = join(dir, 'script.json');
    writeFileSync(script, '{"answers":[]}');
    const engine = join(dir, 'engine.cjs');
    await bundleEngine(engine);
    const vsix = await hostVsix(detail);
    const editor = await TestEditor.start({
      vsix: vsix.path,
      extensionId: 'knack.knack',
      workspace,
      engine,
      beside: [join(import.meta.dirname, 'vim')],
      theme,
      env: { KNACK_SCRIPT: script },
      settings: {
        'knack.debounceMs': 0,
        'editor.wordBasedSuggestions': 'currentDocument',
        'emmet.triggerExpansionOnTab': true,
        ...settings,
      },
      detail,
    });
    const session = new Session(editor, workspace, dir, script);
    try {
      await editor.ready();
      await session.warmUp();
      return session;
    } catch (error) {
      await session.stop();
      throw error;
    }
  }

  private constructor(editor: TestEditor, workspace: string, dir: string, script: string) {
    this.editor = editor;
    this.workspace = workspace;
    this.#dir = dir;
    this.#script = script;
  }

  async stop(): Promise<void> {
    await this.editor.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** VS Code makes its ghost-text part a while after the first editor has opened. */
  async warmUp(): Promise<void> {
    await this.open('warm.txt', 'warm |\n');
    this.answer({ path: 'warm.txt', insert: 'up' });
    await this.editor.type('x ');
    await this.editor.requestGhostText();
    await this.editor.press('Escape');
  }

  /** What the engine answers from now on: the first that fits. */
  answer(...answers: readonly Answer[]): void {
    writeFileSync(this.#script, JSON.stringify({ answers }));
  }

  /** Writes a file, with `|` where the cursor is to stand, and opens it there. */
  async open(name: string, marked: string): Promise<void> {
    const at = marked.indexOf('|');
    const above = marked.slice(0, at).split(/\r?\n/);
    this.#file = name;
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, marked.slice(0, at) + marked.slice(at + 1));
    await this.editor.openFile(path, above.length, above.at(-1)!.length + 1);
  }

  path(name = this.#file): string {
    return join(this.workspace, name);
  }

  type(text: string): Promise<void> {
    return this.editor.type(text);
  }

  /** Presses keys one after the other. */
  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.editor.press(key);
  }

  /** Waits until ghost text is there and has been seen. */
  async ghost(expected: string): Promise<void> {
    let shown: string | undefined = await this.editor.requestGhostText();
    await until(
      `the ghost text ${JSON.stringify(expected)}`,
      5_000,
      async () => ((shown = await this.editor.ghostText()) === expected ? true : undefined),
      () => `There is ${JSON.stringify(shown)}.`,
    );
    await sleep(SEEN_MS);
  }

  /** Waits until a next edit is drawn whose hint matches, and has been seen. */
  async nextEdit(hint: RegExp): Promise<void> {
    const drawn = async () => (hint.test(await this.drawn()) ? true : undefined);
    await until('a next edit', 5_000, drawn).catch(async () => {
      // VS Code makes its ghost-text part a while after an editor has opened: the first keys may have asked nobody.
      await this.editor.runCommand('Trigger Inline Suggestion');
      await until(`a next edit with the hint ${hint}`, 10_000, drawn);
    });
    await sleep(SEEN_MS);
  }

  /** What decorations put beside the text, as CSS has it. */
  drawn(): Promise<string> {
    return this.editor.page.evaluate<string>(DRAWN);
  }

  /** Waits a moment, then asserts that nothing is suggested in any way. */
  async silence(ms = 700): Promise<void> {
    await sleep(ms);
    const ghost = await this.editor.ghostText();
    const drawn = await this.drawn();
    if (ghost !== undefined || /Esc/.test(drawn)) throw new Error(`There is a suggestion: ${ghost ?? drawn}`);
  }

  /** Reloads the window, as its user would. */
  async reload(): Promise<void> {
    await this.editor.page.reload();
    await this.editor.page.waitForSelector('.monaco-workbench .statusbar-item', { timeout: 60_000 });
    await this.editor.page.locator('.statusbar-item', { hasText: 'Knack' }).waitFor({ timeout: 60_000 });
  }

  /** Sets the context keys of a Vim emulator (test/fates/vim). */
  async vim(mode: 'Insert' | 'Normal' | 'off'): Promise<void> {
    await this.editor.page.keyboard.press({ Insert: 'F6', Normal: 'F7', off: 'F8' }[mode]);
    await until(`Vim: ${mode}`, 5_000, async () => ((await this.vimMode()) === mode ? true : undefined));
  }

  async vimMode(): Promise<string | undefined> {
    const item = this.editor.page.locator('.statusbar-item', { hasText: 'vim:' });
    return (await item.count()) === 0 ? undefined : (await item.textContent())?.trim().slice('vim:'.length);
  }

  wait(ms: number): Promise<void> {
    return sleep(ms);
  }

  /** Goes to a file where nothing is suggested, by which whatever is open comes to its end. */
  async leave(): Promise<void> {
    await this.editor.openFile(this.path('rest.txt'), 1, 1);
  }

  /** Saves the file and gives its text. */
  async saved(): Promise<string> {
    await this.editor.save();
    return readFileSync(this.path(), 'utf8');
  }

  /** What is stored about a file's suggestions, once all have an outcome; in the order in which they were offered. */
  async fates(name = this.#file): Promise<string[]> {
    const rows = (): Row[] => query<Row>(this.editor.storageDir, FATES, name);
    let last: Row[] = [];
    await until(`an outcome for every suggestion in ${name}`, 20_000, () => {
      last = rows();
      return last.every((r) => r.kind !== null) ? true : undefined;
    });
    return last.map((r) => {
      const how = r.observed ? 'observed' : 'inferred';
      const typed = r.typed === null ? '' : ` typed ${JSON.stringify(r.typed)}`;
      const units = `${r.accepted_chars}${r.typed_chars > 0 ? `-${r.typed_chars}` : ''}`;
      const more = `${r.jumped ? ' jumped' : ''}${typed}`;
      return `${r.shown_as} ${r.kind}/${r.reason} ${how} ${units} shown:${r.shown}${more}`;
    });
  }

  /** Shares that stood after 30 s, by suggestion. */
  async survival(name: string): Promise<readonly number[]> {
    const rows = (): { share: number | null; kind: string }[] => query(this.editor.storageDir, SURVIVAL, name);
    let last = rows();
    await until(`a look at what survives in ${name}`, 45_000, () => {
      last = rows();
      return last.length > 0 && last.every((r) => r.share !== null) ? true : undefined;
    });
    return last.map((r) => Math.round(r.share! * 100) / 100);
  }
}

const FATES = `
  SELECT s.id, f.shown_as, o.kind, o.reason, o.observed, o.accepted_chars, o.typed_chars, o.shown, o.jumped, t.text AS typed
  FROM offer f JOIN suggestion s ON s.n = f.suggestion LEFT JOIN outcome o ON o.suggestion = s.n
  LEFT JOIN typed_instead t ON t.suggestion = s.n WHERE f.path = ? ORDER BY f.at, s.n`;

const SURVIVAL = `
  SELECT v.share, o.kind FROM offer f JOIN outcome o ON o.suggestion = f.suggestion
  LEFT JOIN survival v ON v.suggestion = f.suggestion AND v.after_ms = 30000
  WHERE f.path = ? AND o.kind IN ('accepted', 'partly-accepted') ORDER BY f.at`;

/** In the page: what the decorations' pseudo-elements show. */
const DRAWN = `(() => {
  const parts = [];
  for (const element of document.querySelectorAll('.editor-instance .view-lines [class*="ced-"]')) {
    for (const side of ['::before', '::after']) {
      const { content } = getComputedStyle(element, side);
      if (content !== 'none' && content !== 'normal') parts.push(content);
    }
  }
  return parts.join('\\n');
})()`;
