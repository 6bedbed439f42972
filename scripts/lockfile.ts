/**
 * `node scripts/lockfile.ts`: completes package-lock.json with the platform packages that npm left out.
 *
 * npm writes no entry for an optional package that the registry at hand does not have (a mirror may carry Linux only),
 * and then its own `npm ci` refuses the lockfile, on every machine. The entries that are added have a version and a
 * platform but no hash: they are never fetched where the platform is another.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './paths.ts';

interface Entry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly license?: string;
  readonly engines?: object;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [more: string]: unknown;
}
export type Packages = Readonly<Record<string, Entry>>;

const PLATFORM =
  /(aix|android|darwin|freebsd|linux|netbsd|openbsd|sunos|win32)-(arm64|arm|ia32|ppc64|riscv64|s390x|x64)(?:-(gnu|musl))?/;

/** Entries that a lockfile lacks: optional packages of an exact version, named after their platform. */
export function missingPlatforms(packages: Packages): Packages {
  const missing: Record<string, Entry> = {};
  for (const [folder, owner] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
      if (packages[`node_modules/${name}`] || packages[`${folder}/node_modules/${name}`]) continue;
      const [, os, cpu, libc] = PLATFORM.exec(name) ?? [];
      if (!os || !cpu || !/^\d+\.\d+\.\d+/.test(version)) continue;
      missing[`node_modules/${name}`] = {
        version,
        cpu: [cpu],
        ...(owner.dev && { dev: true }),
        ...(libc && { libc: [libc === 'musl' ? 'musl' : 'glibc'] }),
        ...(owner.license && { license: owner.license }),
        optional: true,
        os: [os],
        ...(owner.engines && { engines: owner.engines }),
      };
    }
  }
  return missing;
}

if (import.meta.main) {
  const file = join(ROOT, 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const missing = missingPlatforms(lock.packages);
  const entries = Object.entries({ ...lock.packages, ...missing });
  lock.packages = Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, JSON.stringify(lock, null, 2) + '\n');
  console.log(`${Object.keys(missing).length} platform packages added`);
}
