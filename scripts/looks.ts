/**
 * `npm run looks [-- THEME …]`: pictures of next edits and of the panel in dark, light and high contrast, in dist/looks,
 * for somebody to look at. The editor and what Knack draws are real; answers and the panel's past are scripted.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fillDatabase } from '../test/e2e/harness/history.ts';
import type { Answer } from '../test/fates/engine.ts';
import { Session } from '../test/fates/session.ts';
import { ROOT } from './paths.ts';
import { onInterrupt } from './process.ts';
import { main, step } from './progress.ts';

export const THEMES = ['dark', 'light', 'hc', 'hcLight'] as const;
export type Theme = (typeof THEMES)[number];

/** A next edit to look at. */
export interface Scene {
  readonly name: string;
  readonly file: string;
  /** With `|` where the cursor stands. */
  readonly text: string;
  /** Done before typing. */
  readonly prepare?: (s: Session) => Promise<void>;
  readonly type: string;
  readonly answer: Answer;
}

const LINES = (n: number): string => Array.from({ length: n }, (_, i) => `  log(${i}, "row ${i}");`).join('\n');
const ORDER = `import type { Order } from './types.ts';

/** What an order costs, with tax. */
export function priceOf(order: Order, | = 0.2): number {
  const sum = order.lines.reduce((total, line) => total + line.price * line.count, 0);
  return sum * 1.2; // with tax
}

export function describe(order: Order): string {
  return \`\${order.id}: \${order.lines.length} lines\`;
}
`;

export const SCENES: readonly Scene[] = [
  {
    name: 'word',
    file: 'order.ts',
    text: ORDER,
    type: 'tax',
    answer: { before: 'tax', find: 'sum * 1.2; // with tax', text: 'sum * (1 + tax);' },
  },
  {
    name: 'lines',
    file: 'order-lines.ts',
    text: ORDER,
    type: 'tax',
    answer: {
      before: 'tax',
      find: '  return sum * 1.2; // with tax\n',
      text: '  if (tax < 0) throw new RangeError(`A tax of less than nothing`);\n  const rounded = Math.round(100 * sum * (1 + tax));\n  return rounded / 100;\n',
    },
  },
  {
    name: 'insertion',
    file: 'order-insertion.ts',
    text: ORDER,
    type: 'tax',
    answer: {
      before: 'tax',
      find: '}\n\nexport function describe',
      text: '}\n\nexport const DEFAULT_TAX = 0.2;\n\nexport function describe',
    },
  },
  {
    name: 'deletion',
    file: 'order-deletion.ts',
    text: ORDER,
    type: 'tax',
    answer: { before: 'tax', find: ' // with tax', text: '' },
  },
  {
    name: 'here',
    file: 'order-here.ts',
    text: "const total = | + old(order, 'EUR');\n",
    type: 'x',
    answer: { before: 'x', find: "old(order, 'EUR')", text: "made({ order, currency: 'EUR' })" },
  },
  {
    name: 'tabs-and-wide',
    file: 'wide.py',
    text: 'def greet(|):\n\tname = "世界"\n\tprint("你好，" + name)  # 挨拶\n\treturn name\n',
    type: 'who',
    answer: {
      before: 'who',
      find: '\tprint("你好，" + name)  # 挨拶',
      text: '\tprint(f"你好，{who}と{name}")  # 挨拶する',
    },
  },
  {
    name: 'wrapped',
    file: 'wrapped.md',
    text: `# Notes|\n\n${'A long line of prose that wraps in the window, as prose does, and goes on. '.repeat(3)}The tax is 20 %.\n\nThe end.\n`,
    type: ' on tax',
    answer: { before: 'tax', find: 'The tax is 20 %.', text: 'The tax is 19 %, from January on.' },
  },
  {
    name: 'long',
    file: 'long.ts',
    text: `export const names = [${Array.from({ length: 9 }, (_, i) => `'the name of number ${i}'`).join(', ')}];\n\nexport function of(|`,
    type: 'n',
    answer: { before: 'n', find: "number 3'", text: "number three'" },
  },
  {
    name: 'long-cursor',
    file: 'long-cursor.ts',
    text: `export const first = 1;\nexport const all = [first, 'a line that has about as much text as there is room for', |];\nexport default old;\n`,
    type: 'x',
    answer: { before: 'x', find: 'default old', text: 'default all' },
  },
  {
    name: 'folded',
    file: 'folded.ts',
    text: `export const | = 1;\n\nfunction all(): void {\n${LINES(6)}\n}\n\nall();\n`,
    prepare: async (s) => s.editor.runCommand('Fold All'),
    type: 'b',
    answer: { before: 'b', find: 'log(3, "row 3")', text: 'log(b, "row 3")' },
  },
  {
    name: 'far',
    file: 'far.ts',
    text: `export class Log {\n  all(): void {\n${LINES(30)}\n    |\n${LINES(60)}\n  }\n}\n`,
    type: 'this.b',
    answer: { before: 'this.b', find: 'log(55, "row 55")', text: 'log(55, this.b)' },
  },
];

/** Settings under which a picture shows what people have on their screens. */
export const LOOKS_SETTINGS = {
  'editor.minimap.enabled': true,
  '[markdown]': { 'editor.wordWrap': 'on' },
};

/** Brings a scene about, and waits until it is drawn in its colours. */
export async function bringAbout(session: Session, { file, text, prepare, type, answer }: Scene): Promise<void> {
  session.answer();
  await session.open(file, text);
  await prepare?.(session);
  await session.type(type.slice(0, -1));
  session.answer({ path: file, ...answer });
  await session.type(type.slice(-1));
  await session.nextEdit(/Tab/);
  await sleep(1_500);
}

/** Opens the panel, with a fortnight of past in it. */
export async function openPanel(session: Session): Promise<void> {
  fillDatabase(session.editor.storageDir, 'scripted');
  await session.editor.runCommand('Knack: Show Panel');
  await session.editor.webview().getByRole('heading', { name: 'What was learned' }).waitFor({ timeout: 20_000 });
  await sleep(1_000);
}

if (import.meta.main) {
  await main(async () => {
    const wanted = process.argv.slice(2);
    for (const theme of THEMES.filter((t) => wanted.length === 0 || wanted.includes(t))) {
      await step(`Looks in ${theme}`, async (detail) => {
        const session = await Session.start({ theme, settings: LOOKS_SETTINGS, detail });
        onInterrupt(() => session.stop());
        const picture = (name: string): Promise<void> =>
          session.editor.screenshot(join(ROOT, 'dist', 'looks', `${name}-${theme}.png`));
        try {
          for (const scene of SCENES) {
            await bringAbout(session, scene).catch((error: Error) => detail(`${scene.name}: ${error.message}`));
            await picture(scene.name);
            await session.press('Escape');
          }
          await openPanel(session);
          await picture('panel');
        } finally {
          await session.stop();
        }
      });
    }
  });
}
