import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { isAlive, run, startGroup, stopGroup } from '../../scripts/process.ts';

/** A program that starts a child of its own, prints the child's id, and does not listen to SIGTERM. */
const STUBBORN = `
  process.on('SIGTERM', () => {});
  const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  console.log(child.pid);
  setInterval(() => {}, 1000);`;

test('a group ends with all that it started, by force if it must', { skip: process.platform === 'win32' }, async () => {
  const group = startGroup(process.execPath, ['-e', STUBBORN], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [chunk] = await once(group.stdout!, 'data');
  const grandchild = Number(String(chunk).trim());
  assert.ok(isAlive(grandchild));
  await stopGroup(group, 300);
  assert.equal(group.signalCode, 'SIGKILL');
  assert.ok(!isAlive(grandchild));
});

test('what ended by itself can be stopped', async () => {
  const group = startGroup(process.execPath, ['-e', ''], { stdio: 'ignore' });
  await once(group, 'exit');
  await stopGroup(group);
});

test('a program is run to its end: both streams, line by line, and its status', async () => {
  const lines: string[] = [];
  const program = 'console.log("one"); console.error("two"); process.exitCode = 3';
  const { status, output } = await run(process.execPath, ['-e', program], { onLine: (line) => lines.push(line) });
  assert.equal(status, 3);
  assert.deepEqual(lines.toSorted(), ['one', 'two']);
  assert.match(output, /one\n/);
});

test('a program that is not there is an error', async () => {
  await assert.rejects(run('/no/such/program', []), { code: 'ENOENT' });
});
