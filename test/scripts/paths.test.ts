import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cacheDir } from '../../scripts/paths.ts';

const cases: [name: string, env: NodeJS.ProcessEnv, platform: NodeJS.Platform, expect: string][] = [
  ['an override wins', { KNACK_CACHE_DIR: '/x/y', XDG_CACHE_HOME: '/z' }, 'linux', '/x/y'],
  ['Linux with XDG', { XDG_CACHE_HOME: '/z' }, 'linux', join('/z', 'knack')],
  ['Linux without XDG', {}, 'linux', join(homedir(), '.cache', 'knack')],
  ['macOS', {}, 'darwin', join(homedir(), 'Library', 'Caches', 'knack')],
  ['Windows', { LOCALAPPDATA: '/local' }, 'win32', join('/local', 'knack', 'cache')],
];
for (const [name, env, platform, expect] of cases) {
  test(`the cache folder: ${name}`, () => assert.equal(cacheDir(env, platform), expect));
}
