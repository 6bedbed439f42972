/** A base is made ready for serving in a process of its own, whatever becomes of that process. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Base, loadBase } from '../../src/engine/base.ts';
import { prepared } from '../../src/engine/prepare-run.ts';
import { writeTinyModel } from '../model/tiny.ts';

const dir = mkdtempSync(join(tmpdir(), 'knack-prepare-'));
const modelPath = join(dir, 'tiny');
const cacheDir = join(dir, 'cache');
const PROCESS = join(import.meta.dirname, '../../src/engine/prepare.ts');
let base: Base;

before(async () => {
  writeTinyModel(modelPath);
  base = await loadBase(modelPath, cacheDir, () => {});
});
after(() => rmSync(dir, { recursive: true, force: true }));

async function prepare(path: string, cache = cacheDir) {
  const shares: number[] = [];
  const refused: string[] = [];
  const served = await prepared(
    base,
    { modelPath, cacheDir: cache, promptStyle: null, threads: 1 },
    {
      path,
      onProgress: (share) => shares.push(share),
      onRefused: (why) => refused.push(why),
      onOutput: (line) => assert.fail(line),
      signal: new AbortController().signal,
    },
  );
  return { served, shares, refused };
}

test('a process that dies costs the 8 bit, and says so', async () => {
  const { served, refused } = await prepare(join(import.meta.dirname, 'preparers', 'crash.ts'));
  assert.equal(served.quantised, undefined);
  assert.match(refused.join(), /its process ended with SIGKILL\), so fp32 serves/);
});

test('the file is made by a process, and the next start needs none', async () => {
  const first = await prepare(PROCESS);
  assert.notEqual(first.served.quantised, undefined);
  assert.deepEqual(first.refused, []);
  assert.equal(first.shares.at(-1), 1);
  const again = await prepare(join(dir, 'no-such-script.ts'));
  assert.equal(again.served.quantised?.file.path, first.served.quantised?.file.path);
  assert.deepEqual(again.shares, []);
});

test('what the process says is wrong is what the caller hears', async () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  await assert.rejects(prepare(PROCESS, file), /file/);
});
