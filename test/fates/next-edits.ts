/** Next edits: what a person does with them. */
import type { Answer } from './engine.ts';
import type { Scenario } from './scenario.ts';
import type { Session } from './session.ts';

/** A word in another line. */
const FAR: readonly Answer[] = [{ before: 'b', find: 'use(a);', text: 'use(b);' }];
const NEXT = { text: 'let |\n\n\nuse(a);\nend\n', answers: FAR } as const;
const JUMP = /Tab: edit at line 4 · Esc/;
const HERE = /Tab: apply · Esc/;
/** Another one is shown, gone to and applied. */
const takeOther = async (s: Session): Promise<void> => {
  await s.press('Alt+]');
  await s.nextEdit(/Tab: edit at line 5 · Esc/);
  await s.press('Tab');
  await s.nextEdit(HERE);
  await s.press('Tab');
  await s.wait(300);
};
const askNext = async (s: Session): Promise<void> => {
  await s.type('b');
  await s.nextEdit(JUMP);
};

export const NEXT_EDIT_SCENARIOS: readonly Scenario[] = [
  {
    name: 'a next edit: Tab jumps, Tab applies',
    lean: true,
    ...NEXT,
    run: async (s) => {
      await askNext(s);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Tab');
      await s.silence();
    },
    expected: ['next-edit accepted/command observed 1 shown:observed jumped'],
    becomes: 'let b\n\n\nuse(b);\nend\n',
    survival: [1],
  },
  {
    name: 'a next edit on the cursor’s line: one Tab applies it',
    lean: true,
    text: 'let | = old();\nend\n',
    answers: [{ before: 'b', find: 'old()', text: 'made()' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(HERE);
      await s.press('Tab');
    },
    expected: ['next-edit accepted/command observed 4 shown:observed'],
    becomes: 'let b = made();\nend\n',
  },
  {
    name: 'a next edit: Esc',
    lean: true,
    ...NEXT,
    run: async (s) => {
      await askNext(s);
      await s.press('Escape');
      await s.silence();
    },
    expected: ['next-edit rejected/escape observed 0 shown:observed'],
    becomes: 'let b\n\n\nuse(a);\nend\n',
  },
  {
    name: 'a next edit: jumped to, then refused',
    ...NEXT,
    run: async (s) => {
      await askNext(s);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Escape');
      await s.silence();
    },
    expected: ['next-edit rejected/escape observed 0 shown:observed jumped'],
  },
  {
    name: 'a next edit: ignored, the cursor goes elsewhere',
    ...NEXT,
    run: async (s) => {
      await askNext(s);
      await s.press('ArrowDown');
      await s.silence();
    },
    expected: ['next-edit ignored/moved-away inferred 0 shown:observed'],
  },
  {
    name: 'a next edit: jumped to, then the cursor goes elsewhere',
    ...NEXT,
    run: async (s) => {
      await askNext(s);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('ArrowUp');
      await s.silence();
    },
    expected: ['next-edit ignored/moved-away inferred 0 shown:observed jumped'],
  },
  {
    name: 'a next edit: going to another file',
    ...NEXT,
    run: async (s) => {
      await askNext(s);
      await s.leave();
    },
    expected: ['next-edit ignored/switched-file inferred 0 shown:observed'],
  },
  {
    name: 'a next edit: a word of it, then Esc',
    text: 'let |\n\nend\n',
    answers: [{ before: 'b', find: 'end', text: 'show(b);\nend' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/edit at line 3/);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Control+ArrowRight');
      await s.wait(600);
      await s.press('Escape');
      await s.silence();
    },
    expected: ['next-edit partly-accepted/escape observed 4 shown:observed jumped'],
    becomes: 'let b\n\nshowend\n',
  },
  {
    name: 'a next edit in a file with Windows line ends: its first line by command, then the rest',
    text: 'let |\r\n\r\nend\r\n',
    answers: [{ before: 'b', find: 'end', text: 'one();\ntwo();\nend' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/edit at line 3/);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.editor.runCommand('Knack: Accept Next Line of Next Edit');
      await s.nextEdit(HERE);
      await s.press('Tab');
      await s.silence();
    },
    expected: ['next-edit accepted/command observed 14 shown:observed jumped'],
    becomes: 'let b\r\n\r\none();\r\ntwo();\r\nend\r\n',
  },
  {
    name: 'a next edit: its first line by command, then the rest',
    text: 'let |\n\nend\n',
    answers: [{ before: 'b', find: 'end', text: 'one();\ntwo();\nend' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/edit at line 3/);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.editor.runCommand('Knack: Accept Next Line of Next Edit');
      await s.nextEdit(HERE);
      await s.press('Tab');
      await s.silence();
    },
    expected: ['next-edit accepted/command observed 14 shown:observed jumped'],
    becomes: 'let b\n\none();\ntwo();\nend\n',
  },
  {
    name: 'a chain of next edits',
    lean: true,
    text: 'let |\n\nuse(a);\nput(a);\nend(a);\n',
    answers: ['use', 'put', 'end'].map((f) => ({ find: `${f}(a)`, text: `${f}(b)` })),
    run: async (s) => {
      await s.type('b');
      for (const line of [3, 4, 5]) {
        await s.nextEdit(new RegExp(`edit at line ${line}`));
        await s.press('Tab');
        await s.nextEdit(HERE);
        await s.press('Tab');
      }
      await s.silence();
    },
    expected: Array.from({ length: 3 }, () => 'next-edit accepted/command observed 1 shown:observed jumped'),
    becomes: 'let b\n\nuse(b);\nput(b);\nend(b);\n',
  },
  {
    name: 'all of a chain by one command',
    text: 'let |\n\nuse(a);\nput(a);\nend(a);\n',
    answers: ['use', 'put', 'end'].map((f) => ({ find: `${f}(a)`, text: `${f}(b)` })),
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/edit at line 3/);
      await s.editor.runCommand('Knack: Accept All Next Edits');
      await s.wait(2_000);
      await s.silence();
    },
    expected: Array.from({ length: 3 }, () => 'next-edit accepted/command observed 1 shown:observed jumped'),
    becomes: 'let b\n\nuse(b);\nput(b);\nend(b);\n',
  },
  {
    name: 'a next edit accepted, then undone: one step, and nothing of it survives',
    ...NEXT,
    run: async (s) => {
      await askNext(s);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Tab');
      await s.wait(500);
      await s.press('Control+z');
    },
    expected: ['next-edit accepted/command observed 1 shown:observed jumped'],
    becomes: 'let b\n\n\nuse(a);\nend\n',
    survival: [0],
  },
  {
    name: 'a deletion of lines',
    text: 'let |\n\nold();\nolder();\nend\n',
    answers: [{ before: 'b', find: 'old();\nolder();\n', text: '' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/edit at line 3/);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Tab');
    },
    expected: ['next-edit accepted/command observed 0 shown:observed jumped'],
    becomes: 'let b\n\nend\n',
  },
  {
    name: 'a next edit with CRLF line ends',
    text: 'let |\r\n\r\nend\r\n',
    answers: [{ before: 'b', find: 'end', text: 'one();\ntwo();\nend' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/edit at line 3/);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Tab');
    },
    expected: ['next-edit accepted/command observed 14 shown:observed jumped'],
    becomes: 'let b\r\n\r\none();\r\ntwo();\r\nend\r\n',
  },
  {
    name: 'typed by hand what a next edit says',
    text: 'let | = old;\nend\n',
    answers: [{ before: 'let b', find: 'old', text: 'new' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(HERE);
      s.answer();
      await s.press('End', 'ArrowLeft', 'Backspace', 'Backspace', 'Backspace');
      await s.type('new');
    },
    expected: ['next-edit accepted/typed-through inferred 3-3 shown:observed'],
    becomes: 'let b = new;\nend\n',
  },
  {
    name: 'something else typed in the place of a next edit',
    text: 'let | = old;\nend\n',
    answers: [{ before: 'let b', find: 'old', text: 'new' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(HERE);
      s.answer();
      await s.press('End', 'ArrowLeft', 'Backspace', 'Backspace', 'Backspace');
      await s.type('fresh');
    },
    expected: ['next-edit rejected/typed-other inferred 0 shown:observed typed "fresh"'],
    becomes: 'let b = fresh;\nend\n',
  },
  {
    name: 'one next edit takes the place of another',
    lean: true,
    text: 'let |\n\nuse(a);\n',
    answers: [
      { before: 'bc', find: 'a);', text: 'bc);' },
      { before: 'b', find: 'a);', text: 'b);' },
    ],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/edit at line 3/);
      await s.type('c');
      await s.nextEdit(/edit at line 3/);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Tab');
    },
    expected: [
      'next-edit superseded/superseded inferred 0 shown:observed',
      'next-edit accepted/command observed 2 shown:observed jumped',
    ],
    becomes: 'let bc\n\nuse(bc);\n',
  },
  {
    name: 'ghost text takes the place of a next edit',
    text: 'let |\n\nuse(a);\n',
    answers: [
      { before: 'b ', insert: '= 1;' },
      { before: 'b', find: 'a);', text: 'b);' },
    ],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/edit at line 3/);
      await s.type(' ');
      await s.ghost('= 1;');
      await s.press('Tab');
    },
    expected: [
      'next-edit superseded/superseded inferred 0 shown:observed',
      'ghost accepted/command observed 4 shown:inferred',
    ],
    becomes: 'let b = 1;\n\nuse(a);\n',
  },
  {
    name: 'an edit that VS Code cannot draw goes away when there is none any more',
    text: 'let |\n\nuse(a);\n',
    answers: [{ before: 'let b', find: 'a);', text: 'b);' }],
    run: async (s) => {
      await s.type('b');
      await s.nextEdit(/edit at line 3/);
      await s.type('c');
      await s.silence();
    },
    expected: ['next-edit superseded/withdrawn inferred 0 shown:observed'],
  },
  {
    name: 'a next edit that was turned down is not shown again right away',
    ...NEXT,
    run: async (s) => {
      await askNext(s);
      await s.press('Escape', 'Backspace');
      await s.type('b');
      await s.silence();
    },
    expected: ['next-edit rejected/escape observed 0 shown:observed'],
  },
  {
    name: 'the engine dies between a next edit and its accept',
    text: NEXT.text,
    answers: [{ ...FAR[0]!, dieAfterMs: 300 }],
    run: async (s) => {
      await askNext(s);
      await s.press('Tab');
      await s.nextEdit(HERE);
      await s.press('Tab');
    },
    expected: ['next-edit accepted/command observed 1 shown:observed jumped'],
    becomes: 'let b\n\n\nuse(b);\nend\n',
  },
  {
    name: 'another next edit is asked for, in another line, and taken',
    lean: true,
    text: NEXT.text,
    answers: [...FAR, { before: 'b', find: 'end', text: 'done' }],
    run: async (s) => {
      await askNext(s);
      await s.press('Alt+]');
      await s.nextEdit(/Tab: edit at line 5 · Esc/);
      await s.press('Alt+[');
      await s.nextEdit(JUMP);
      await takeOther(s);
    },
    expected: [
      'next-edit superseded/cycled observed 0 shown:observed',
      'next-edit accepted/command observed 4 shown:observed jumped',
    ],
    becomes: 'let b\n\n\nuse(a);\ndone\n',
  },
  {
    name: 'another next edit is asked for where Knack had VS Code ask, as the cursor came there',
    lean: true,
    text: 'a = |\nlet b\n\nuse(a);\nend\n',
    answers: [
      { before: 'let b', find: 'use(a);', text: 'use(b);' },
      { before: 'let b', find: 'end', text: 'done' },
    ],
    run: async (s) => {
      await s.type('1');
      await s.press('ArrowDown', 'End');
      await s.nextEdit(JUMP);
      await takeOther(s);
    },
    expected: [
      'next-edit superseded/cycled observed 0 shown:observed',
      'next-edit accepted/command observed 4 shown:observed jumped',
    ],
    becomes: 'a = 1\nlet b\n\nuse(a);\ndone\n',
  },
];
