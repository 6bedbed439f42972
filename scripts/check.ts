/** `npm run check`: types, lint and format, import boundaries. `--write` (npm run format) mends what Biome can mend. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './paths.ts';
import { run } from './process.ts';
import { main, step, UserError } from './progress.ts';

/** Runs one of the checkers, a program of a package in node_modules, and throws with its output if it finds fault. */
async function checker(title: string, program: string, args: readonly string[]): Promise<string> {
  return step(title, async () => {
    const bin = join(ROOT, 'node_modules', ...program.split('/'));
    const { status, output } = await run(process.execPath, [bin, ...args], { cwd: ROOT });
    if (status === 0) return output;
    console.log(output.trimEnd());
    throw new UserError(`${title}: see above (exit status ${status}).`);
  });
}

/** All checks; throws at the first that fails. */
export async function check(): Promise<void> {
  await checker('Types', 'typescript/bin/tsc', ['--pretty', 'false']);
  // What runs in a browser: with a page's types, without Node's.
  await checker('Types of the webview', 'typescript/bin/tsc', ['--pretty', 'false', '-p', 'src/panel/webview']);
  await checker('Lint and format', '@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '--colors=off']);
  const report = await checker('Import boundaries', 'dependency-cruiser/bin/dependency-cruiser.mjs', [
    '--config',
    '.dependency-cruiser.cjs',
    'src',
  ]);
  // With a parser that it cannot load, dependency-cruiser reads nothing and finds no fault in it.
  const read = Number(/\((\d+) modules/.exec(report)?.[1] ?? 0);
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true }).filter((name) => String(name).endsWith('.ts'));
  if (sources.length === 0 || read < sources.length) {
    throw new UserError(`Import boundaries: ${read} modules were read, but src holds ${sources.length}.\n${report}`);
  }
  console.log(`  ${read} modules read`);
}

if (import.meta.main) {
  await main(async () => {
    if (!process.argv.includes('--write')) return check().then(() => undefined);
    const biome = join(ROOT, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
    const { status, output } = await run(process.execPath, [biome, 'check', '--write', '--colors=off'], { cwd: ROOT });
    console.log(output.trimEnd());
    return status ?? 1;
  });
}
