/**
 * Files that no example of a tutorial looks like, in a real editor with real keys and the real model: whatever they
 * are, what was typed is what is saved, and what is excluded leaves no trace in the database.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { baseModel } from '../../scripts/base-model.ts';
import { hostVsix } from '../../scripts/vsix.ts';
import { outcomes, query } from './harness/database.ts';
import { TestEditor } from './harness/editor.ts';
import { processesWith } from './harness/processes.ts';
import { copySample, INDENT, openingOf } from './harness/scenario.ts';
import { until } from './harness/wait.ts';

const say = (line: string): void => console.log(`    ${line}`);

/** Before and after the place where the function's body begins. */
function splitAfterOpening(text: string): [string, string] {
  const { line } = openingOf(text, { file: '', function: FUNCTION });
  const lines = text.split('\n');
  return [`${lines.slice(0, line).join('\n')}\n`, lines.slice(line).join('\n')];
}

/** Where something is suggested; what, is the model's affair. */
const FUNCTION = 'findOrder';

describe('bad input', { timeout: 300_000 }, () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-bad-')));
  const workspace = join(dir, 'corner-shop');
  const path = (name: string): string => join(workspace, name);
  let orders: string;
  let editor: TestEditor;

  before(async () => {
    copySample(workspace);
    orders = readFileSync(path('src/orders.ts'), 'utf8');
    await baseModel(say);
    const vsix = await hostVsix(say);
    const settings = {
      'knack.enabled': false, // until the first test
      'knack.training.enabled': false,
      // What is typed here would be suggested from then on.
      'knack.memory.enabled': false,
      'knack.exclude': ['private'],
      // VS Code asks first otherwise, which is not what is tested.
      'workbench.editorLargeFileConfirmation': 1024,
    };
    const env = { KNACK_TEST_BAD_INPUT: dir };
    editor = await TestEditor.start({ vsix: vsix.path, extensionId: 'knack.knack', workspace, settings, env });
  });

  after(async () => {
    await editor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const write = (name: string, content: string | Buffer): void => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), content);
  };

  /** Opens a file, types, and saves; gives the ghost text that stood there in the end. */
  async function edit(name: string, line: number, column: number, text: string): Promise<string | undefined> {
    await editor.openFile(path(name), line, column);
    await editor.type(text);
    await editor.runCommand('Trigger Inline Suggestion');
    await sleep(1_000); // a warm suggestion takes a tenth of that
    const ghost = await editor.ghostText();
    await editor.press('Escape');
    await save();
    return ghost;
  }

  /** A large file takes its time on the way to the server. */
  async function save(): Promise<void> {
    await editor.press('Control+s');
    await editor.page.locator('.tab.active.dirty').waitFor({ state: 'detached', timeout: 60_000 });
  }

  /** Opens a line in the function of a copy of the sample's file, whatever its line ends, and waits for ghost text. */
  async function ask(name: string): Promise<string> {
    const { line, column } = openingOf(orders, { file: name, function: FUNCTION });
    await editor.openFile(path(name), line, column);
    await editor.type(`\n${INDENT}`);
    return editor.requestGhostText();
  }

  test('what was typed while there was no engine is answered once there is one', async () => {
    write('src/early.ts', orders);
    const { line, column } = openingOf(orders, { file: 'src/early.ts', function: FUNCTION });
    await editor.openFile(path('src/early.ts'), line, column);
    await editor.type(`\n${INDENT}`);
    assert.equal(await editor.ghostText(), undefined);
    const engines = () =>
      processesWith('KNACK_TEST_BAD_INPUT', dir).filter((command) => command.includes('engine.cjs'));
    assert.deepEqual(engines(), [], 'switched off, nothing runs');
    assert.ok(!existsSync(editor.storageDir), 'and nothing is stored');
    await editor.runCommand('Knack: Enable');
    await editor.ready();
    assert.equal(engines().length, 1);
    // What was typed before is no recent edit to Knack, so that it may come as a next edit.
    await until('an answer', 30_000, async () => {
      const [row] = query<{ n: number }>(
        editor.storageDir,
        `SELECT count(*) AS n FROM offer WHERE path = 'src/early.ts'`,
      );
      return row!.n > 0 || (await editor.ghostText()) !== undefined ? true : undefined;
    });
    await editor.press('Escape');
    await save();
  });

  test('keys typed over suggestions as they come and go are all there', async () => {
    const suggested = await ask('src/orders.ts');
    // Begins as the suggestion does and then leaves it, again and again.
    const lines = [`${suggested.slice(0, 3)};`, 'const one = 1;', "trace('two');", 'for (const a of b) {', '}'];
    await editor.type(lines.join('\n'));
    await editor.press('Escape');
    await editor.save();
    const [head, tail] = splitAfterOpening(orders);
    assert.equal(readFileSync(path('src/orders.ts'), 'utf8'), `${head}${INDENT}${lines.join('\n')}\n${tail}`);
  });

  for (const [what, name, broken, kept] of [
    ['CRLF', 'src/crlf.ts', (text: string) => text.replaceAll('\n', '\r\n'), '\r\n'],
    // VS Code itself makes them one when it opens a file: the more frequent one.
    ['mixed', 'src/mixed.ts', (text: string) => text.replaceAll('\n', '\r\n').replace('\r\n', '\n'), '\r\n'],
  ] as const) {
    test(`${what} line ends: accepting keeps the document’s`, async () => {
      write(name, broken(orders));
      const suggested = await ask(name);
      await editor.press('Tab');
      await editor.type('\nreturn');
      await editor.press('Escape');
      await editor.save();
      const [head, tail] = splitAfterOpening(orders);
      const expected = `${head}${INDENT}${suggested}\nreturn\n${tail}`;
      assert.equal(readFileSync(path(name), 'utf8'), expected.replaceAll('\n', kept));
    });
  }

  test('half characters in the text (UTF-16 with lone surrogates) are kept, and trouble nobody', async () => {
    const text = (typed: string): string =>
      `// \ud83d half, \ude00 other half\nconst face = '\ud83d\ude00';\n${typed}\n`;
    const utf16 = (of: string): Buffer => Buffer.from(`\ufeff${of}`, 'utf16le');
    write('src/half.ts', utf16(text('')));
    await edit('src/half.ts', 3, 1, 'const other = face');
    assert.deepEqual(readFileSync(path('src/half.ts')), utf16(text('const other = face')));
  });

  test('NUL characters beyond the start, where VS Code takes the file for text: silence', async () => {
    const head = `${'// text at first\n'.repeat(60)}`;
    write('data.ts', `${head}let a = 1;\n\n\0\0\u0001\0binary\0\n`);
    assert.equal(await edit('data.ts', 62, 1, 'let b = '), undefined);
    assert.equal(readFileSync(path('data.ts'), 'utf8'), `${head}let a = 1;\nlet b = \n\0\0\u0001\0binary\0\n`);
  });

  for (const [name, content] of [
    ['.env', 'plantedEnvName=plantedEnvValue\n\n'],
    ['server.pem', 'plantedPemLine\n\n'],
    ['private/plans.ts', 'const plantedPlan = 1;\n\n'],
  ] as const) {
    test(`${name} is left alone`, async () => {
      write(name, content);
      assert.equal(await edit(name, 2, 1, 'const plantedTyped = planted'), undefined);
      assert.equal(readFileSync(path(name), 'utf8'), content.replace(/\n$/, 'const plantedTyped = planted\n'));
    });
  }

  test('a minified line of 5 MB: silence', async () => {
    const long = `var a=[${'{b:1,c:"d"},'.repeat(5_000_000 / 12)}];`;
    write('dist/bundle.min.js', `// build\n\n${long}\n`);
    assert.equal(await edit('dist/bundle.min.js', 2, 1, 'var x = '), undefined);
    assert.ok(readFileSync(path('dist/bundle.min.js'), 'utf8') === `// build\nvar x = \n${long}\n`);
  });

  // Whether a suggestion comes is left open: of texts beyond some 20 MB, no ghost text has been seen in VS Code.
  test('a file of 50 MB: what is typed is saved', async () => {
    // Lines so long that there are not too many of them for Knack to look at the file.
    const filler = `${'// an order of tea, '.repeat(20)}\n`;
    const half = filler.repeat(Math.ceil(25_000_000 / filler.length));
    const [head, tail] = splitAfterOpening(orders);
    write('big.txt', `${half}${head}\n${tail}${half}`);
    const line = (half + head).split('\n').length;
    await edit('big.txt', line, 1, `${INDENT}const found = `);
    assert.ok(readFileSync(path('big.txt'), 'utf8') === `${half}${head}${INDENT}const found = \n${tail}${half}`);
  });

  test('nothing of what is excluded has reached the database, also not as a recent edit elsewhere', async () => {
    write('src/last.ts', orders);
    const before = outcomes(editor.storageDir).accepted ?? 0;
    await ask('src/last.ts');
    await editor.press('Tab');
    await until('the accept in the database', 20_000, () =>
      (outcomes(editor.storageDir).accepted ?? 0) > before ? true : undefined,
    );
    const paths = query<{ path: string }>(editor.storageDir, 'SELECT DISTINCT path FROM offer').map((row) => row.path);
    assert.ok(paths.includes('src/last.ts'));
    assert.deepEqual(
      paths.filter((p) => /\.env|\.pem|private|data\.ts|\.min\.js/.test(p)),
      [],
    );
    const raw = ['knack.db', 'knack.db-wal']
      .map((name) => join(editor.storageDir, name))
      .filter((file) => existsSync(file))
      .map((file) => readFileSync(file, 'latin1'))
      .join('');
    assert.ok(raw.includes('export function findOrder'), 'the search would find what is stored');
    assert.equal(/planted\w*/.exec(raw)?.[0], undefined);
  });
});
