import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { missingPlatforms } from '../../scripts/lockfile.ts';
import { ROOT } from '../../scripts/paths.ts';

for (const folder of ['.', 'tools/node', 'tools/code-server']) {
  test(`${folder}/package-lock.json names every platform's packages, so that "npm ci" takes it`, () => {
    const lock = JSON.parse(readFileSync(join(ROOT, folder, 'package-lock.json'), 'utf8'));
    assert.deepEqual(Object.keys(missingPlatforms(lock.packages)), [], 'run "node scripts/lockfile.ts"');
  });
}

test('an optional package of another platform is added, others are left alone', () => {
  const owner = {
    version: '2.0.0',
    dev: true,
    license: 'MIT',
    optionalDependencies: { '@a/cli-linux-arm64-musl': '2.0.0', '@a/cli-linux-x64': '2.0.0', fsevents: '~2.3.3' },
  };
  const found = missingPlatforms({ 'node_modules/a': owner, 'node_modules/@a/cli-linux-x64': { version: '2.0.0' } });
  assert.deepEqual(found, {
    'node_modules/@a/cli-linux-arm64-musl': {
      version: '2.0.0',
      cpu: ['arm64'],
      dev: true,
      libc: ['musl'],
      license: 'MIT',
      optional: true,
      os: ['linux'],
    },
  });
});
