/** The extension as a VSIX for this machine, made again only if what goes into it has changed. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.ts';
import { hostTarget, packageExtension } from './package.ts';
import { ROOT } from './paths.ts';

export interface Vsix {
  readonly path: string;
  /** Hash of what went into it. */
  readonly key: string;
}

/** What can change without the lockfile changing. */
const INPUTS = [
  'package.json',
  'package.nls*.json',
  'l10n/*.json',
  'package-lock.json',
  '.vscodeignore',
  'dist/*.{cjs,txt}',
  'media/**/*',
  'scripts/package.ts',
];

/** Builds the bundles and packages them, unless the VSIX that is there was made of the same. */
export async function hostVsix(detail: (line: string) => void): Promise<Vsix> {
  detail('bundling');
  await build();
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`);
  for (const file of globSync(INPUTS, { cwd: ROOT, withFileTypes: true }).filter((entry) => entry.isFile())) {
    const path = join(file.parentPath, file.name);
    hash.update(path).update('\0').update(readFileSync(path));
  }
  const key = hash.digest('hex');
  const { name, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const path = join(ROOT, 'dist', `${name}-${version}-${hostTarget()}.vsix`);
  const stamp = `${path}.key`;
  if (existsSync(path) && existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return { path, key };
  detail('packaging');
  await packageExtension(hostTarget());
  writeFileSync(stamp, key);
  return { path, key };
}
