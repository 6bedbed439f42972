/** Where the edit or the cursor is: scrolled away, folded; other kinds of documents; other windows. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scenario } from './scenario.ts';

const HERE = /Tab: apply · Esc/;
const NOTEBOOK = JSON.stringify({
  cells: [{ cell_type: 'code', execution_count: null, metadata: {}, outputs: [], source: [] }],
  metadata: { language_info: { name: 'python' } },
  nbformat: 4,
  nbformat_minor: 2,
});
const LINES = Array.from({ length: 70 }, (_, i) => `line ${i + 1}`);
const long = (change: Readonly<Record<number, string>>): string =>
  `${LINES.map((line, i) => change[i + 1] ?? line).join('\n')}\n`;

/** In the page: whether the box hangs on the line on the screen in which text is struck through, and that is not the first. */
const WRAPPED = `(() => {
  const lines = Array.from(document.querySelectorAll('.editor-instance .view-lines .view-line'));
  const styled = (line, has) => Array.from(line.querySelectorAll('[class*="ced-"]')).some(has);
  const struck = lines.find((line) => styled(line, (e) => getComputedStyle(e).textDecorationLine === 'line-through'));
  const pictured = (e) => ['::before', '::after'].some((side) => getComputedStyle(e, side).content.startsWith('url('));
  return {
    wraps: struck !== undefined && !struck.textContent.startsWith('A'),
    boxIsUnderChange: struck !== undefined && lines.find((line) => styled(line, pictured)) === struck,
  };
})()`;

export const PLACE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'a next edit below the screen: the hint says how far, Tab goes there',
    text: long({ 2: 'let |' }),
    answers: [{ before: 'b', find: 'line 66', text: 'row 66' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/Tab: ↓ edit at line 66, 64 down · Esc/);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Tab');
    },
    expected: ['next-edit accepted/command observed 3 shown:observed jumped'],
    becomes: long({ 2: 'let b', 66: 'row 66' }),
  },
  {
    name: 'a next edit above the screen',
    text: long({ 66: 'let |' }),
    answers: [{ before: 'b', find: 'line 2\n', text: 'row 2\n' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/Tab: ↑ edit at line 2, 64 up · Esc/);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Escape');
    },
    expected: ['next-edit rejected/escape observed 0 shown:observed jumped'],
  },
  {
    name: 'a next edit in a fold: Tab opens it',
    text: 'let |\n\nif (a) {\n  use(a);\n  use(c);\n}\nend\n',
    answers: [{ before: 'b', find: 'use(a);', text: 'use(b);' }],
    run: async (s) => {
      await s.editor.runCommand('Fold All');
      await s.wait(300);
      await s.type('b');
      await s.nextEdit(/Tab: edit at line 4, folded · Esc/);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Tab');
    },
    expected: ['next-edit accepted/command observed 1 shown:observed jumped'],
    becomes: 'let b\n\nif (a) {\n  use(b);\n  use(c);\n}\nend\n',
  },
  {
    name: 'a next edit in a line that wraps: the box is under the part of it that changes',
    text: `# A|\n\n${'A line that wraps in the window, as prose does. '.repeat(6)}It is 20.\n\nThe end.\n`,
    extension: 'md',
    answers: [{ before: 'b', find: 'It is 20.', text: 'It is 19.' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/Tab: edit at line 3 · Esc/);
      assert.deepEqual(await s.editor.page.evaluate(WRAPPED), { wraps: true, boxIsUnderChange: true });
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Tab');
    },
    expected: ['next-edit accepted/command observed 2 shown:observed jumped'],
    becomes: `# Ab\n\n${'A line that wraps in the window, as prose does. '.repeat(6)}It is 19.\n\nThe end.\n`,
  },
  {
    name: 'scrolled away by hand: the first Tab brings the cursor’s edit back, the second applies it',
    text: long({ 2: 'let | = old();' }),
    answers: [{ before: 'b', find: 'old()', text: 'made()' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(HERE);
      await s.editor.page.mouse.move(800, 400);
      await s.editor.page.mouse.wheel(0, 700);
      await s.wait(700);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Tab');
    },
    expected: ['next-edit accepted/command observed 4 shown:observed jumped'],
    becomes: long({ 2: 'let b = made();' }),
  },
  {
    name: 'an untitled document',
    text: 'not this one|\n',
    answers: [{ path: 'Untitled-1', before: 'x = ', insert: 'total;' }],
    run: async (s) => {
      await s.editor.runCommand('Create: New Untitled Text File');
      await s.wait(500);
      await s.type('x = ');
      await s.ghost('total;');
      await s.press('Tab');
      await s.wait(500);
      await s.leave();
      assert.deepEqual(await s.fates('Untitled-1'), ['ghost accepted/command observed 6 shown:inferred']);
    },
    expected: [],
  },
  {
    name: 'the editable side of a diff',
    text: '|\nend\n',
    answers: [{ before: 'x = ', insert: 'total;' }],
    run: async (s) => {
      await s.type('a ');
      await s.editor.runCommand('File: Compare Active File with Saved');
      await s.editor.page.locator('.monaco-diff-editor .editor.modified .monaco-editor').click();
      await s.press('Control+Home');
      await s.type('x = ');
      await s.ghost('total;');
      await s.press('Escape');
      await s.wait(300);
      await s.press('Control+F4');
    },
    expected: ['ghost rejected/escape observed 0 shown:inferred'],
  },
  {
    name: 'the other side of a diff: silence',
    text: '|end\n',
    answers: [{ path: '', insert: 'total;' }],
    run: async (s) => {
      await s.press('Delete');
      await s.editor.runCommand('File: Compare Active File with Saved');
      await s.editor.page.locator('.monaco-diff-editor .editor.original .monaco-editor').click();
      await s.press('Control+Home', 'Alt+\\', 'x');
      await s.silence();
      await s.press('Control+F4');
      assert.deepEqual(await s.fates(''), []);
    },
    expected: [],
  },
  {
    name: 'a file that is read-only: silence',
    text: 'let |\n\nuse(a);\n',
    answers: [{ find: 'use(a);', text: 'use(b);' }],
    run: async (s) => {
      await s.editor.runCommand('File: Set Active Editor Read-only in Session');
      await s.press('Alt+\\', 'x');
      await s.silence();
      await s.editor.runCommand('File: Reset Active Editor Read-only in Session');
    },
    expected: [],
  },
  {
    name: 'the output panel: silence',
    text: 'not this one|\n',
    answers: [{ path: '', insert: 'total;' }],
    run: async (s) => {
      await s.editor.runCommand('Knack: Show Log');
      await s.editor.page.locator('.output-view .monaco-editor, .pane-body .monaco-editor').last().click();
      await s.press('Alt+\\', 'x');
      await s.silence();
      assert.deepEqual(await s.fates(''), []);
      await s.press('Control+j');
    },
    expected: [],
  },
  {
    name: 'the message of a commit: silence, and nothing of it is stored',
    text: 'not this one|\n',
    answers: [{ path: '', insert: 'total;' }],
    run: async (s) => {
      spawnSync('git', ['init', '--quiet'], { cwd: s.workspace });
      await s.press('Control+Shift+g', 'g');
      const input = s.editor.page.locator('.scm-view .scm-input .monaco-editor').first();
      await input.waitFor({ timeout: 30_000 });
      await input.click();
      await s.type('fix the ');
      await s.press('Alt+\\');
      await s.silence();
      assert.deepEqual(await s.fates(''), []);
      await s.press('Control+Shift+e');
    },
    expected: [],
  },
  {
    name: 'a notebook’s cells: silence',
    text: 'not this one|\n',
    answers: [{ path: '', insert: 'total;' }],
    run: async (s) => {
      writeFileSync(join(s.workspace, 'book.ipynb'), NOTEBOOK);
      await s.press('Control+p');
      await s.editor.page.locator('.quick-input-widget input').fill(join(s.workspace, 'book.ipynb')); // not by what a search found before
      await s.editor.page.locator('.quick-input-list .monaco-list-row', { hasText: 'book.ipynb' }).first().waitFor();
      await s.press('Enter');
      await s.editor.page.locator('.notebookOverlay .cell-editor-container .monaco-editor').first().click();
      await s.type('x = ');
      await s.editor.runCommand('Trigger Inline Suggestion');
      await s.silence();
      assert.deepEqual(await s.fates('book.ipynb'), []);
    },
    expected: [],
  },
  {
    name: 'the window is reloaded while ghost text stands',
    text: '|\nend\n',
    answers: [{ before: 'x = ', insert: 'total;' }],
    run: async (s) => {
      await s.type('x = ');
      await s.ghost('total;');
      await s.reload();
      await s.warmUp();
    },
    expected: ['ghost ignored/window-closed inferred 0 shown:inferred'],
  },
  {
    name: 'the window is reloaded while a next edit stands',
    text: 'let |\n\nuse(a);\n',
    answers: [{ before: 'b', find: 'use(a);', text: 'use(b);' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/edit at line 3/);
      await s.reload();
      await s.warmUp();
    },
    expected: ['next-edit ignored/window-closed inferred 0 shown:observed'],
  },
  {
    name: 'two windows: what happens in one is not told of the other',
    text: '|\nend\n',
    answers: [{ path: '', before: 'x = ', insert: 'total;' }],
    run: async (s) => {
      writeFileSync(join(s.workspace, 'second.txt'), '\nend\n');
      await s.type('x = ');
      await s.ghost('total;');
      const second = await s.editor.openWindow();
      try {
        await second.page.locator('.statusbar-item', { hasText: 'Knack' }).waitFor({ timeout: 60_000 });
        await second.openFile(join(s.workspace, 'second.txt'), 1, 1);
        await second.type('x = ');
        await second.requestGhostText();
        await s.wait(500);
        await second.press('Tab');
        await s.wait(500);
        assert.deepEqual(await s.fates('second.txt'), ['ghost accepted/command observed 6 shown:inferred']);
      } finally {
        await second.page.close();
      }
      await s.editor.page.bringToFront();
    },
    // It stands until its own window goes elsewhere: a browser's second tab takes no focus from it.
    expected: ['ghost ignored/switched-file inferred 0 shown:inferred'],
  },
];
