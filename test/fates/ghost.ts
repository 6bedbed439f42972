/** Ghost text: what a person does with it. */
import type { Answer } from './engine.ts';
import type { Scenario } from './scenario.ts';
import type { Session } from './session.ts';

/** Ghost text after `x = `. */
const TOTAL: readonly Answer[] = [{ before: 'x = ', insert: 'total + tax;' }];
const GHOST = { text: '|\nend\n', answers: TOTAL } as const;

/** Asks for the ghost text of TOTAL. */
const ask = async (s: Session): Promise<void> => {
  await s.type('x = ');
  await s.ghost('total + tax;');
};

/** Three answers, and the first of them as ghost text. */
const SEVERAL = {
  text: '|\nend\n',
  answers: ['total + tax;', 'sum();', 'price * 2;'].map((insert) => ({ before: 'x = ', insert })),
} as const;

export const GHOST_SCENARIOS: readonly Scenario[] = [
  {
    name: 'ghost text accepted with Tab',
    lean: true,
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.press('Tab');
    },
    expected: ['ghost accepted/command observed 12 shown:inferred'],
    becomes: 'x = total + tax;\nend\n',
    survival: [1],
  },
  {
    name: 'a word accepted, then something else typed',
    lean: true,
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.press('Control+ArrowRight');
      await s.wait(400);
      await s.type(';');
    },
    expected: ['ghost partly-accepted/typed-other inferred 5 shown:inferred typed "total;"'],
    becomes: 'x = total;\nend\n',
  },
  {
    name: 'word by word to the end',
    ...GHOST,
    run: async (s) => {
      await ask(s);
      for (let n = 0; n < 6; n++) {
        await s.press('Control+ArrowRight');
        await s.wait(250);
      }
    },
    // VS Code runs the command of an item whose last part is taken.
    expected: ['ghost accepted/command observed 12 shown:inferred'],
    becomes: 'x = total + tax;\nend\n',
  },
  {
    name: 'Esc',
    lean: true,
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.press('Escape');
    },
    expected: ['ghost rejected/escape observed 0 shown:inferred'],
  },
  {
    name: 'Esc, then something else typed',
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.press('Escape');
      await s.type('42;');
    },
    expected: ['ghost rejected/escape observed 0 shown:inferred typed "42;"'],
  },
  {
    name: 'typing along, then Tab',
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.type('tot');
      await s.ghost('al + tax;');
      await s.press('Tab');
    },
    expected: ['ghost accepted/command observed 12-3 shown:inferred'],
    becomes: 'x = total + tax;\nend\n',
  },
  {
    name: 'asked for in a file that is snoozed, typing along, then Tab',
    lean: true,
    ...GHOST,
    run: async (s) => {
      await s.editor.startCommand('Knack: Snooze …');
      await s.editor.page.locator('.quick-input-list .label-name', { hasText: 'In this file' }).waitFor();
      await s.press('I', 'n', ' ', 't', 'h', 'i', 's', 'Enter');
      await s.type('x = ');
      await s.wait(1_000);
      await s.silence();
      await s.press('Alt+\\');
      await s.ghost('total + tax;');
      await s.type('tot');
      await s.wait(500);
      await s.ghost('al + tax;');
      await s.press('Tab');
      await s.editor.runCommand('Knack: End the Snooze');
    },
    expected: ['ghost accepted/command observed 12-3 shown:inferred'],
    becomes: 'x = total + tax;\nend\n',
  },
  {
    name: 'typing all of it by hand',
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.type('total + tax;');
    },
    expected: ['ghost accepted/typed-through inferred 12-12 shown:inferred'],
  },
  {
    name: 'typing past its end',
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.type('total + tax; // sum');
    },
    expected: ['ghost accepted/typed-through inferred 12-12 shown:inferred'],
  },
  {
    name: 'typing something else',
    lean: true,
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.type('42;');
    },
    expected: ['ghost rejected/typed-other inferred 0 shown:inferred typed "42;"'],
  },
  {
    name: 'typing along, then something else',
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.type('total - 1;');
    },
    expected: ['ghost rejected/typed-other inferred 0-6 shown:inferred typed "total - 1;"'],
  },
  {
    name: 'moving away',
    lean: true,
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.press('ArrowDown');
    },
    expected: ['ghost ignored/moved-away inferred 0 shown:inferred'],
  },
  {
    name: 'going to another file',
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.leave();
    },
    expected: ['ghost ignored/switched-file inferred 0 shown:inferred'],
  },
  {
    name: 'accepted, then undone: one step, and nothing of it survives',
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.press('Tab');
      await s.wait(400);
      await s.press('Control+z');
    },
    expected: ['ghost accepted/command observed 12 shown:inferred'],
    becomes: 'x = \nend\n',
    survival: [0],
  },
  {
    name: 'accepted, then edited by hand',
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.press('Tab');
      await s.wait(400);
      for (let n = 0; n < 7; n++) await s.press('Backspace');
      await s.type(';');
    },
    expected: ['ghost accepted/command observed 12 shown:inferred'],
    becomes: 'x = total;\nend\n',
    survival: [0.42],
  },
  {
    name: 'pasting over it',
    text: 'pasted\n|\nend\n',
    answers: TOTAL,
    run: async (s) => {
      await s.press('ArrowUp', 'Home', 'Shift+End', 'Control+c', 'ArrowDown', 'Home');
      await ask(s);
      await s.press('Control+v');
    },
    expected: ['ghost rejected/typed-other inferred 0 shown:inferred typed "pasted"'],
    becomes: 'pasted\nx = pasted\nend\n',
  },
  {
    name: 'IntelliSense wins',
    text: 'timetable\n|\nend\n',
    answers: [{ before: 'x = t', insert: 'otal;' }],
    run: async (s) => {
      await s.type('x = t');
      await s.ghost('otal;');
      await s.press('Control+Space');
      await s.editor.page.locator('.suggest-widget.visible .monaco-list-row').first().waitFor();
      await s.press('Tab');
    },
    expected: ['ghost rejected/typed-other inferred 0 shown:inferred typed "imetable"'],
    becomes: 'timetable\nx = timetable\nend\n',
  },
  {
    name: 'beside another item of IntelliSense, then beside the one that it begins with',
    lean: true,
    text: 'timetable\ntotally\n|\nend\n',
    answers: [{ before: 'x = t', insert: 'otally;' }],
    run: async (s) => {
      await s.type('x = ');
      await s.press('Control+Space');
      await s.editor.page.locator('.suggest-widget.visible .monaco-list-row').first().waitFor();
      await s.type('t');
      await s.silence();
      await s.type('o');
      await s.ghost('tally;');
      await s.press('Tab');
      await s.ghost(';');
      await s.press('Tab');
    },
    // What IntelliSense put in counts as typed.
    expected: ['ghost accepted/command observed 7-6 shown:inferred'],
    becomes: 'timetable\ntotally\nx = totally;\nend\n',
  },
  {
    name: 'overtaken while the engine thinks: it was never offered',
    text: '|\nend\n',
    answers: [{ before: 'x = ', insert: 'total;', delayMs: 400 }],
    run: async (s) => {
      await s.type('x = ');
      await s.wait(150);
      await s.type('1');
      await s.wait(600);
    },
    expected: [],
  },
  {
    name: 'what was turned down is not shown again right away',
    lean: true,
    ...GHOST,
    run: async (s) => {
      await ask(s);
      await s.press('Escape', 'Backspace');
      await s.type(' ');
      await s.silence();
    },
    expected: ['ghost rejected/escape observed 0 shown:inferred'],
  },
  {
    name: 'what was just deleted is not suggested again',
    text: 'x = total + tax;|\nend\n',
    answers: TOTAL,
    run: async (s) => {
      for (let n = 0; n < 12; n++) await s.press('Backspace');
      await s.press('Backspace');
      await s.type(' ');
      await s.silence();
    },
    expected: [],
  },
  {
    name: 'several cursors: silence',
    text: '|one\ntwo\n',
    answers: [{ insert: 'more' }],
    run: async (s) => {
      await s.press('Shift+Alt+ArrowDown'); // the key of Add Cursor Below on Linux
      await s.wait(400); // the extension host hears of the cursors a moment later
      await s.type('x = ');
      await s.silence();
      await s.press('Escape');
    },
    expected: [],
    becomes: 'x = one\nx = two\n',
  },
  {
    name: 'CRLF line ends',
    text: '|\r\nend\r\n',
    answers: [{ before: 'x = ', insert: 'one +\n  two;' }],
    run: async (s) => {
      await s.type('x = ');
      await s.ghost('one +\n  two;');
      await s.press('Tab');
    },
    expected: ['ghost accepted/command observed 12 shown:inferred'],
    becomes: 'x = one +\r\n  two;\r\nend\r\n',
  },
  {
    name: 'the engine dies between show and accept',
    text: '|\nend\n',
    answers: [{ before: 'x = ', insert: 'total + tax;', dieAfterMs: 300 }],
    run: async (s) => {
      await ask(s);
      await s.press('Tab');
    },
    expected: ['ghost accepted/command observed 12 shown:inferred'],
    becomes: 'x = total + tax;\nend\n',
  },
  {
    name: 'another suggestion is asked for and taken',
    lean: true,
    ...SEVERAL,
    run: async (s) => {
      await ask(s);
      await s.press('Alt+]');
      await s.ghost('sum();');
      await s.press('Tab');
    },
    expected: ['ghost superseded/cycled inferred 0 shown:inferred', 'ghost accepted/command observed 6 shown:inferred'],
    becomes: 'x = sum();\nend\n',
  },
  {
    name: 'another suggestion is asked for where Knack had VS Code ask, as the cursor came there',
    lean: true,
    text: 'a = |\nx = \nend\n',
    answers: SEVERAL.answers,
    run: async (s) => {
      await s.type('1');
      await s.press('ArrowDown');
      await s.ghost('total + tax;');
      await s.press('Alt+]');
      await s.ghost('sum();');
      await s.press('Tab');
    },
    expected: ['ghost superseded/cycled inferred 0 shown:inferred', 'ghost accepted/command observed 6 shown:inferred'],
    becomes: 'a = 1\nx = sum();\nend\n',
  },
  {
    name: 'through all suggestions and back to the first',
    ...SEVERAL,
    run: async (s) => {
      await ask(s);
      for (const text of ['sum();', 'price * 2;', 'total + tax;', 'price * 2;', 'total + tax;']) {
        await s.press(text === 'price * 2;' && (await s.editor.ghostText()) === 'total + tax;' ? 'Alt+[' : 'Alt+]');
        await s.ghost(text);
      }
      await s.press('Tab');
    },
    expected: [
      'ghost accepted/command observed 12 shown:inferred',
      'ghost superseded/cycled inferred 0 shown:inferred',
      'ghost superseded/cycled inferred 0 shown:inferred',
    ],
    becomes: 'x = total + tax;\nend\n',
  },
  {
    name: 'another suggestion is shown by VS Code’s own command, and refused: which one is inferred',
    ...SEVERAL,
    run: async (s) => {
      await ask(s);
      await s.press('F9'); // bound to VS Code's own command in test/fates/vim
      await s.ghost('sum();');
      await s.press('Escape');
    },
    expected: ['ghost rejected/escape inferred 0 shown:inferred'],
  },
  {
    name: 'another suggestion is shown by VS Code’s own command, and taken',
    ...SEVERAL,
    run: async (s) => {
      await ask(s);
      await s.press('F9'); // bound to VS Code's own command in test/fates/vim
      await s.ghost('sum();');
      await s.press('Tab');
    },
    expected: ['ghost superseded/cycled inferred 0 shown:inferred', 'ghost accepted/command observed 6 shown:inferred'],
    becomes: 'x = sum();\nend\n',
  },
];
