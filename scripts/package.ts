/**
 * `npm run package [-- --target linux-x64]`: makes dist/knack-<version>-<target>.vsix with that target's native files
 * only, and looks at what is in it. `--target` may be given more than once; `--target all` makes every one. All can be
 * made on any platform: the two native packages carry every platform's binaries.
 */
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.ts';
import { ROOT } from './paths.ts';
import { run } from './process.ts';
import { main, step, UserError } from './progress.ts';
import { checkVsix } from './vsix-contents.ts';

const ORT = 'node_modules/onnxruntime-node/bin/napi-v6';
const SQLITE = 'node_modules/better-sqlite3/prebuilds';

/** VS Code's name of a platform -> the native files that it needs. onnxruntime-node has no darwin-x64 and no musl binary. */
export const TARGETS: Readonly<Record<string, readonly string[]>> = {
  'linux-x64': [`${ORT}/linux/x64/*`, `${SQLITE}/linux-x64.node`],
  'linux-arm64': [`${ORT}/linux/arm64/*`, `${SQLITE}/linux-arm64.node`],
  // the other dylib is the same file under a longer name; the binding asks for this one
  'darwin-arm64': [
    `${ORT}/darwin/arm64/onnxruntime_binding.node`,
    `${ORT}/darwin/arm64/libonnxruntime.1.dylib`,
    `${SQLITE}/darwin-arm64.node`,
  ],
  'win32-x64': [`${ORT}/win32/x64/*`, `${SQLITE}/win32-x64.node`],
  'win32-arm64': [`${ORT}/win32/arm64/*`, `${SQLITE}/win32-arm64.node`],
};

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly repository?: { readonly url: string };
  readonly [key: string]: unknown;
}

/**
 * How vsce is told what the manifest has: with a repository, links and pictures of the README point into it; without
 * one they stay as they are, and nobody is warned. docs/publishing.md says what to enter where.
 *
 * @throws UserError for an address that leads nowhere
 */
export function vsceOptions(manifest: Manifest): readonly string[] {
  const [fictitious] =
    /https?:\/\/[^"/]*\.(example|invalid|test|localhost)\b[^"]*/.exec(JSON.stringify(manifest)) ?? [];
  if (fictitious !== undefined) throw new UserError(`package.json names ${fictitious}, which leads nowhere.`);
  return manifest.repository === undefined ? ['--allow-missing-repository', '--no-rewrite-relative-links'] : [];
}

/** Makes the VSIX of a target from what dist/ holds, and returns its path. */
export async function packageExtension(target: string): Promise<string> {
  const natives = TARGETS[target];
  if (!natives)
    throw new UserError(`There is no package for "${target}". There are: ${Object.keys(TARGETS).join(', ')}.`);
  for (const file of natives) {
    if (!file.endsWith('*') && !existsSync(join(ROOT, file)))
      throw new UserError(`${file} is missing: delete node_modules and run this again.`);
  }
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
  const { name, version } = manifest;
  const vsix = join(ROOT, 'dist', `${name}-${version}-${target}.vsix`);
  const temporary = mkdtempSync(join(tmpdir(), 'knack-package-'));
  try {
    const ignoreFile = join(temporary, 'vscodeignore');
    const rules = [readFileSync(join(ROOT, '.vscodeignore'), 'utf8'), ...natives.map((file) => `!${file}`)];
    writeFileSync(ignoreFile, rules.join('\n') + '\n');
    const vsce = join(ROOT, 'node_modules', '@vscode', 'vsce', 'vsce');
    const { status, output } = await run(
      process.execPath,
      [vsce, 'package', '--target', target, '--ignoreFile', ignoreFile, '--out', vsix, ...vsceOptions(manifest)],
      { cwd: ROOT },
    );
    // A warning is something that the marketplace's readers would see.
    if (status !== 0 || /\bwarning\b/i.test(output)) {
      throw new UserError(`vsce could not make the package:\n${output.trim()}`);
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  checkVsix(
    vsix,
    natives.flatMap((file) => globSync(file, { cwd: ROOT })).map((file) => file.replaceAll('\\', '/')),
  );
  return vsix;
}

/** The target that this machine runs. */
export const hostTarget = () => `${process.platform}-${process.arch}`;

if (import.meta.main) {
  await main(async () => {
    const { values } = parseArgs({ options: { target: { type: 'string', multiple: true, default: [hostTarget()] } } });
    const targets = values.target.flatMap((target) => (target === 'all' ? Object.keys(TARGETS) : target));
    await step('Building', build);
    for (const target of targets) {
      const vsix = await step(`Packaging for ${target}`, () => packageExtension(target));
      console.log(`${vsix} (${(statSync(vsix).size / 1e6).toFixed(1)} MB)`);
    }
    return 0;
  });
}
