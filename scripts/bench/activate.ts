/**
 * `npm run bench -- activate [--rounds N]`: what Knack costs VS Code's extension host, in a real editor, with and without
 * Knack in turn. The last line is JSON: `activationMs`, the median time from the start of loading to the end of
 * `activate`; `hostMb`, the memory of the extension host with Knack, its engine ready and a file edited, less that
 * without, medians of the heap and what hangs on it after a collection; the resident size is printed beside it.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TestEditor } from '../../test/e2e/harness/editor.ts';
import { copySample } from '../../test/e2e/harness/scenario.ts';
import { until } from '../../test/e2e/harness/wait.ts';
import { baseModel } from '../base-model.ts';
import { ROOT } from '../paths.ts';
import { onInterrupt, run } from '../process.ts';
import { step, UserError } from '../progress.ts';
import { hostVsix } from '../vsix.ts';

interface Memory {
  readonly rss: number;
  readonly heap: number;
}
interface Measured {
  readonly activationMs: number;
  readonly processorMs: number;
  readonly before: Memory;
  readonly after: Memory;
}

/** The editor is left alone for so long before its memory is looked at. */
const SETTLE_MS = 3_000;

export async function benchActivate(options: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...options], options: { rounds: { type: 'string', default: '3' } } });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new UserError('--rounds must be a whole number from 1 on.');
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-activate-')));
  onInterrupt(async () => rmSync(dir, { recursive: true, force: true }));
  try {
    const knack = (await step('Building the extension', hostVsix)).path;
    await step('Model', baseModel);
    const observer = await packObserver(dir);
    const sides: { without: Measured[]; with: Measured[] } = { without: [], with: [] };
    for (let round = 1; round <= rounds; round++) {
      for (const side of ['without', 'with'] as const) {
        const found = await step(`Round ${round} of ${rounds}, ${side} Knack`, () =>
          measure(join(dir, `${round}-${side}`), observer, side === 'with' ? [knack] : []),
        );
        sides[side].push(found);
        console.log(`    ${JSON.stringify(found)}`);
      }
    }
    report(sides);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** One editor: activation, then a file edited, then memory. */
async function measure(dir: string, observer: string, also: readonly string[]): Promise<Measured> {
  const workspace = join(dir, 'corner-shop');
  mkdirSync(dir);
  copySample(workspace);
  const settings = { 'knack.training.enabled': false };
  const env = { KNACK_BENCH_DIR: dir };
  const editor = await TestEditor.start({ vsix: observer, also, extensionId: 'knack.knack', workspace, env, settings });
  try {
    const said = async <T>(name: string): Promise<T> => {
      await until(name, 60_000, () => (existsSync(join(dir, name)) ? true : undefined));
      return JSON.parse(readFileSync(join(dir, name), 'utf8')) as T;
    };
    const activated = await said<Measured>('activated');
    if (also.length > 0) await editor.ready();
    await editor.openFile(join(workspace, 'src', 'orders.ts'), 1, 1);
    await editor.type('// a word or two about orders, and how they are closed\n', 40);
    await editor.page.waitForTimeout(SETTLE_MS);
    writeFileSync(join(dir, 'measure'), '');
    return { ...activated, ...(await said<Measured>('measured')) };
  } finally {
    await editor.stop();
  }
}

function report(sides: { readonly without: readonly Measured[]; readonly with: readonly Measured[] }): void {
  const mb = (of: (m: Measured) => number): number =>
    (median(sides.with.map(of)) - median(sides.without.map(of))) / 1e6;
  const activationMs = median(sides.with.map((m) => m.activationMs));
  const processorMs = median(sides.with.map((m) => m.processorMs));
  console.log(`processor time of the extension host meanwhile: ${processorMs.toFixed(0)} ms`);
  console.log(
    `activation: ${activationMs.toFixed(0)} ms (${sides.with.map((m) => m.activationMs.toFixed(0)).join(', ')})`,
  );
  console.log(
    `heap with less without: ${mb((m) => m.after.heap).toFixed(1)} MB; resident: ${mb((m) => m.after.rss).toFixed(1)} MB`,
  );
  const hostMb = Math.max(
    0,
    mb((m) => m.after.heap),
  );
  console.log(
    JSON.stringify({
      activationMs: Math.round(activationMs),
      hostMb: Math.round(hostMb * 10) / 10,
      hostResidentMb: Math.round(mb((m) => m.after.rss) * 10) / 10,
    }),
  );
}

async function packObserver(dir: string): Promise<string> {
  const source = join(import.meta.dirname, 'observer');
  const folder = join(dir, 'observer');
  mkdirSync(folder);
  for (const file of ['package.json', 'extension.cjs']) copyFileSync(join(source, file), join(folder, file));
  const vsix = join(dir, 'observer.vsix');
  const vsce = join(ROOT, 'node_modules', '@vscode', 'vsce', 'vsce');
  const flags = ['--no-dependencies', '--skip-license', '--allow-missing-repository', '--out', vsix];
  const { status, output } = await run(process.execPath, [vsce, 'package', ...flags], { cwd: folder });
  if (status !== 0) throw new UserError(`The observer could not be packaged:\n${output}`);
  return vsix;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
