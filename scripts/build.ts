/** `npm run build`: bundles the extension and its child processes into dist/. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build as bundle } from 'esbuild';
import { GRAMMAR_FILES } from '../src/replay/syntax.ts';
import { thirdPartyNotices } from './notices.ts';
import { GRAMMARS, ROOT } from './paths.ts';
import { main, step, UserError } from './progress.ts';

/** The two packages with native files stay outside: they lie in node_modules, in the VSIX too. */
const NATIVES = ['onnxruntime-node', 'better-sqlite3'];

/** Bundle -> its entry, and what it finds at run time. The extension host loads no native package. */
const BUNDLES: Readonly<Record<string, { readonly entry: string; readonly external: readonly string[] }>> = {
  extension: { entry: 'src/extension.ts', external: ['vscode'] },
  // a thread that starts when the first next edit is drawn
  grammars: { entry: 'src/editor/grammar-thread.ts', external: [] },
  engine: { entry: 'src/engine/main.ts', external: NATIVES },
  train: { entry: 'src/engine/train.ts', external: NATIVES },
  probe: { entry: 'src/engine/probe.ts', external: NATIVES },
  prepare: { entry: 'src/engine/prepare.ts', external: NATIVES },
  replay: { entry: 'src/replay/main.ts', external: NATIVES },
  'replay-worker': { entry: 'src/replay/worker.ts', external: NATIVES },
};

const COMMON = { bundle: true, legalComments: 'none', logLevel: 'silent', absWorkingDir: ROOT } as const;

const NODE = {
  ...COMMON,
  platform: 'node',
  format: 'cjs',
  target: 'node22', // VS Code 1.101 has Node 22.15
  sourcemap: true,
  sourcesContent: false,
  loader: { '.wasm': 'binary' },
  // jsonc-parser's "main" finds its own files in a way that no bundler can follow
  mainFields: ['module', 'main'],
} as const satisfies BuildOptions;

/** The panel's page may load nothing but its script: no source map. */
const BROWSER = {
  ...COMMON,
  platform: 'browser',
  format: 'iife',
  target: 'chrome134', // VS Code 1.101
  minify: true,
} as const satisfies BuildOptions;

/** Bundles one entry as the extension's own are; throws esbuild's error. */
export async function bundleInto(entry: string, outfile: string, external: readonly string[] = []): Promise<void> {
  await bundle({ ...NODE, entryPoints: [entry], outfile, external: [...external] });
}

/** Builds all bundles into dist/. */
export async function build(): Promise<void> {
  await buildInto(join(ROOT, 'dist'));
}

/** Builds all bundles into a folder, beside which `media` and `node_modules` lie; throws with esbuild's own messages. */
export async function buildInto(dist: string): Promise<void> {
  mkdirSync(dist, { recursive: true });
  const inputs = new Set<string>();
  const add = async (entry: string, file: string, options: BuildOptions): Promise<void> => {
    try {
      const result = await bundle({ ...options, entryPoints: [entry], outfile: join(dist, file), metafile: true });
      for (const input of Object.keys(result.metafile!.inputs)) inputs.add(input);
    } catch (error) {
      throw new UserError(`${entry} does not build:\n${(error as Error).message}`);
    }
  };
  for (const [name, { entry, external }] of Object.entries(BUNDLES)) {
    await add(entry, `${name}.cjs`, { ...NODE, external: [...external] });
  }
  await add('src/panel/webview/main.ts', 'panel.js', BROWSER);
  mkdirSync(join(dist, 'grammars'), { recursive: true });
  for (const file of GRAMMAR_FILES) copyFileSync(join(GRAMMARS, file), join(dist, 'grammars', file));
  writeFileSync(join(dist, 'THIRD-PARTY.txt'), thirdPartyNotices(ROOT, [...inputs]));
}

if (import.meta.main) {
  await main(async () => {
    await step('Building', build);
    return 0;
  });
}
