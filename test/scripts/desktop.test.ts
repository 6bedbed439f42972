import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { findDesktop, installInDesktop, openDesktop } from '../../scripts/editor/desktop.ts';
import { isAlive } from '../../scripts/process.ts';
import { until } from '../e2e/harness/wait.ts';

/**
 * A stand-in for VS Code's command: says its version, notes its arguments, and opens a "window" as the real one does,
 * a process in a session of its own whose id lies in the profile.
 */
const STAND_IN = `#!/usr/bin/env node
const fs = require('node:fs');
const { spawn } = require('node:child_process');
const args = process.argv.slice(2);
if (args[0] === '--version') { console.log(process.env.VERSION + '\\nabc\\nx64'); process.exit(); }
fs.appendFileSync(process.env.NOTES, JSON.stringify(args) + '\\n');
if (args.includes('--install-extension')) process.exit();
const userData = args[args.indexOf('--user-data-dir') + 1];
const app = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
fs.mkdirSync(userData, { recursive: true });
fs.writeFileSync(userData + '/code.lock', String(app.pid));
app.on('exit', () => process.exit());
`;

describe("the desktop's VS Code", { skip: process.platform === 'win32' }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'knack-desktop-'));
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'code'), STAND_IN);
  chmodSync(join(bin, 'code'), 0o755);
  after(() => rmSync(dir, { recursive: true, force: true }));

  const machine = (env: Record<string, string>) => ({
    env: { PATH: `${bin}:${process.env.PATH}`, DISPLAY: ':0', VERSION: '1.139.1', ...env },
    platform: 'linux' as const,
  });
  const withoutCode = { PATH: '/nowhere' };
  const cases: [name: string, env: Record<string, string>, expect: object | RegExp][] = [
    ['is found in PATH', {}, { command: join(bin, 'code'), version: '1.139.1' }],
    ['is refused if its Node is too old', { VERSION: '1.100.3' }, /1\.100\.3 is older than 1\.101/],
    [
      'is taken from its first good version on',
      { VERSION: '1.101.0' },
      { command: join(bin, 'code'), version: '1.101.0' },
    ],
    ['is of no use without a display', { DISPLAY: '' }, /no display/],
    ['may be missing', withoutCode, /not in PATH/],
    ['is not the remote command of an editor that we run in', { PATH: '/x/bin/remote-cli' }, /not in PATH/],
    ['may be broken', { VERSION: 'no' }, /gave no version/],
  ];
  for (const [name, env, expect] of cases) {
    test(name, () => {
      const found = findDesktop(machine(env));
      if (expect instanceof RegExp) assert.match((found as { why: string }).why, expect);
      else assert.deepEqual(found, expect);
    });
  }

  test('opens with a profile of its own, and ends although it left our process group', async () => {
    const notes = join(dir, 'notes');
    const desktop = { command: join(bin, 'code'), version: '1.139.1' };
    const profile = { dir: join(dir, 'profile'), env: { NOTES: notes } };
    await installInDesktop(desktop, profile, '/x/knack.vsix');
    const window = openDesktop(desktop, profile, '/work space', '/work space/a.ts:3:1');
    const lock = join(profile.dir, 'user-data', 'code.lock');
    await until('the window', 10_000, () => (existsSync(lock) && readFileSync(lock, 'utf8') !== '' ? true : undefined));
    const app = Number(readFileSync(lock, 'utf8'));
    assert.ok(isAlive(app));
    await window.stop();
    await window.ended;
    assert.ok(!isAlive(app));
    const calls: string[][] = readFileSync(notes, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(calls.length, 2);
    for (const args of calls) assert.equal(args[args.indexOf('--extensions-dir') + 1], join(profile.dir, 'extensions'));
    assert.deepEqual(calls[1]?.slice(-3), ['/work space', '--goto', '/work space/a.ts:3:1']);
  });
});
