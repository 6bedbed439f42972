/** Bundles the scripted engine, as the extension's own engine is bundled. */
import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from '../../scripts/paths.ts';

export async function bundleEngine(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, 'engine.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    external: ['better-sqlite3'],
    absWorkingDir: ROOT,
    logLevel: 'silent',
  });
}
