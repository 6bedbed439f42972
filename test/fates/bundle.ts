/** Bundles the scripted engine, as the extension's own engine is bundled. */
import { join } from 'node:path';
import { bundleInto } from '../../scripts/build.ts';

export function bundleEngine(outfile: string): Promise<void> {
  return bundleInto(join(import.meta.dirname, 'engine.ts'), outfile, ['better-sqlite3']);
}
