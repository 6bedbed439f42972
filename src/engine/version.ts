/** Knack's own version. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** @param script one of the bundles in dist/; empty if there is no package.json above that folder */
export function ownVersion(script: string): string {
  try {
    const manifest = readFileSync(join(dirname(script), '..', 'package.json'), 'utf8');
    return String((JSON.parse(manifest) as { version?: unknown }).version ?? '');
  } catch {
    return '';
  }
}
