/** Which worker of a pool answers what: asks of a hunk begin alike, and its cache is then of use. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Pool } from '../../src/replay/pool.ts';
import type { Ask } from '../../src/replay/typist.ts';

const WORKER = join(import.meta.dirname, 'slow-worker.ts');
const PLACE = { model: null, cacheDir: '', adapter: null, code: '' };

async function answered(workers: number, hunks: readonly number[]): Promise<number[]> {
  const pool = await Pool.start(WORKER, 'slow', PLACE, workers);
  const answers = hunks.map((hunk) => pool.answer({ commit: 0, file: 0, hunk, question: {} } as unknown as Ask));
  const by = (await Promise.all(answers)).map(({ ms }) => ms);
  pool.stop();
  return by;
}

test('a hunk’s asks are answered by one worker, and each worker has its own', async () => {
  const hunks = [0, 0, 0, 0, 1, 1, 1, 1];
  const by = await answered(2, hunks);
  assert.equal(new Set(by).size, 2);
  for (const hunk of [0, 1]) assert.equal(new Set(by.filter((_, i) => hunks[i] === hunk)).size, 1, `hunk ${hunk}`);
});

test('a worker that has nothing of its own left helps with what another has', async () => {
  const by = await answered(2, [0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(new Set(by).size, 2);
});

test('every ask is answered once, by whatever number of workers', async () => {
  for (const workers of [1, 3]) {
    const by = await answered(workers, [0, 1, 2, 3, 0, 1, 2, 3, 4]);
    assert.deepEqual([by.length, new Set(by).size], [9, workers]);
  }
});
