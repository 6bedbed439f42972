/** Tab and Esc stay what they are for everybody else: indentation, IntelliSense, snippets, accessibility, Vim. */
import type { Answer } from './engine.ts';
import type { Scenario } from './scenario.ts';

/** A next edit in the last line, asked for by typing `b`. */
const FAR: readonly Answer[] = [{ before: 'b', find: 'use(a);', text: 'use(b);' }];
const JUMP = /Tab: edit at line \d+ · Esc/;
const HERE = /Tab: apply · Esc/;

export const KEY_SCENARIOS: readonly Scenario[] = [
  {
    name: 'in white space Tab goes on indenting',
    lean: true,
    text: 'if (a) {\n  |\n}\nuse(a);\n',
    answers: [{ before: ' ', find: 'use(a);', text: 'use(b);' }],
    run: async (s) => {
      await s.type(' ');
      await s.nextEdit(/^"edit at line 4 · Esc/m);
      await s.press('Tab');
      await s.wait(300);
    },
    expected: [
      'next-edit superseded/superseded inferred 0 shown:observed',
      'next-edit ignored/switched-file inferred 0 shown:observed',
    ],
    becomes: 'if (a) {\n    \n}\nuse(a);\n',
  },
  {
    name: 'IntelliSense takes Tab while it is open',
    text: 'bottle\n|\nuse(a);\n',
    answers: FAR,
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(JUMP);
      await s.press('Control+Space');
      await s.editor.page.locator('.suggest-widget.visible .monaco-list-row').first().waitFor();
      await s.press('Tab');
      await s.wait(500);
    },
    expected: ['next-edit superseded/withdrawn inferred 0 shown:observed'],
    becomes: 'bottle\nbottle\nuse(a);\n',
  },
  {
    name: 'a snippet takes Tab while it is filled in',
    text: '|\nuse(a);\n',
    answers: FAR,
    run: async (s) => {
      const input = s.editor.page.locator('.quick-input-widget input');
      await s.press('F1');
      await input.fill('>Snippets: Insert Snippet');
      await s.editor.page
        .locator('.quick-input-list .monaco-list-row', { hasText: 'Insert Snippet' })
        .first()
        .waitFor();
      await s.press('Enter');
      await s.editor.page.locator('.quick-input-widget input[placeholder="Select a snippet"]').waitFor();
      await input.fill('pair');
      await s.press('Enter');
      await s.wait(500);
      await s.type('b');
      await s.nextEdit(JUMP);
      await s.press('Tab');
      await s.type('second');
      await s.wait(500);
    },
    expected: ['next-edit ignored/moved-away inferred 0 shown:observed'],
    becomes: 'f(b, second)\nuse(a);\n',
  },
  {
    name: 'Tab moves the focus where that is switched on',
    text: 'let |\n\nuse(a);\n',
    answers: FAR,
    run: async (s) => {
      await s.editor.runCommand('Toggle Tab Key Moves Focus');
      try {
        await s.type('b');
        await s.nextEdit(JUMP);
        await s.press('Tab');
        await s.wait(300);
        const focused = await s.editor.page.locator('.monaco-editor.focused').count();
        if (focused !== 0) throw new Error('The editor has kept the focus.');
      } finally {
        await s.editor.runCommand('Toggle Tab Key Moves Focus');
      }
    },
    expected: ['next-edit ignored/switched-file inferred 0 shown:observed'],
  },
  {
    name: 'Tab indents as ever where there is no suggestion',
    text: 'if (a) {\n|b();\n}\n',
    answers: [],
    run: async (s) => {
      await s.press('Tab');
      await s.wait(300);
    },
    expected: [],
    becomes: 'if (a) {\n    b();\n}\n',
  },
  {
    name: 'a Vim emulator in normal mode has Tab and Esc for itself',
    text: 'let |\n\nuse(a);\n',
    answers: FAR,
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(JUMP);
      await s.vim('Normal');
      try {
        await s.press('Tab');
        await s.wait(500);
        // It indented, as nothing else has Tab here.
        await s.press('Escape');
        await s.wait(300);
      } finally {
        await s.vim('off');
      }
    },
    expected: ['next-edit superseded/withdrawn inferred 0 shown:observed'],
    becomes: 'let b   \n\nuse(a);\n',
  },
  {
    name: 'a Vim emulator in insert mode: Tab jumps, Esc rejects and ends insert mode',
    text: 'let |\n\nuse(a);\n',
    answers: FAR,
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(JUMP);
      await s.vim('Insert');
      try {
        await s.press('Tab');
        await s.nextEdit(HERE);
        await s.press('Escape');
        await s.silence();
        if ((await s.vimMode()) !== 'Normal') throw new Error('Esc has not ended insert mode.');
      } finally {
        await s.vim('off');
      }
    },
    expected: ['next-edit rejected/escape observed 0 shown:observed jumped'],
  },
  {
    name: 'Emmet takes Tab where it is set to, and the hint does not name it',
    extension: 'html',
    text: '<p>a</p>\n|\n',
    answers: [{ before: 'ul', find: '<p>a</p>', text: '<p>b</p>' }],
    run: async (s) => {
      await s.type('ul');
      await s.nextEdit(/^"edit at line 1 · Esc/m);
      await s.press('Tab');
      await s.wait(1000);
    },
    expected: ['next-edit superseded/withdrawn inferred 0 shown:observed'],
    becomes: '<p>a</p>\n<ul></ul>\n',
  },
  {
    name: 'a selection: Tab indents its lines',
    text: 'let |\n\nuse(a);\n',
    answers: FAR,
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(JUMP);
      await s.press('Shift+Home', 'Tab');
      await s.wait(300);
    },
    // What was indented is asked about again.
    expected: [
      'next-edit ignored/moved-away inferred 0 shown:observed',
      'next-edit ignored/switched-file inferred 0 shown:observed',
    ],
    becomes: '    let b\n\nuse(a);\n',
  },
];
