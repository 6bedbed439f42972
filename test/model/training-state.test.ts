/** What lies beside an adapter to go on from: written and read back, and refused where it is damaged. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readAdapter, writeAdapter } from '../../src/model/adapter.ts';
import { loraSize, topLayers } from '../../src/model/lora.ts';
import { readTrainingState, type TrainingState } from '../../src/model/training-state.ts';
import { config } from './peft-model.ts';

const folder = await mkdtemp(join(tmpdir(), 'knack-state-'));
after(() => rm(folder, { recursive: true, force: true }));
const shape = topLayers(config, 2, 4, 6);
const size = loraSize(config, shape);
const vector = (from: number): Float32Array => new Float32Array(size).map((_, i) => from + i / size);
const training: TrainingState = { mean: vector(-1), square: vector(0), steps: 17, random: 4_000_000_000 };

async function written(name: string, state: TrainingState = training): Promise<string> {
  const dir = join(folder, name);
  await writeAdapter(dir, { shape, vector: vector(1) }, { config, baseSha256: 'base' }, state);
  return dir;
}

test('moments, steps and random state come back to the bit, and the adapter reads as ever', async () => {
  const dir = await written('whole');
  assert.deepEqual(await readTrainingState(dir, config, shape), training);
  assert.deepEqual((await readAdapter(dir, { config, sha256: 'base' })).vector, vector(1));
});

test('moments of another size are not written', async () => {
  const state = { ...training, mean: new Float32Array(3) };
  await assert.rejects(written('wrong', state), { name: 'ModelError', kind: 'adapter' });
});

const MOMENTS = 'optimizer.safetensors';
for (const { what, file, change, kind } of [
  {
    what: 'a flipped bit',
    file: MOMENTS,
    change: (b: Buffer) => b.with(b.length - 3, b.at(-3)! ^ 1),
    kind: 'corrupt',
  },
  { what: 'a cut file', file: MOMENTS, change: (b: Buffer) => b.subarray(0, b.length - 8), kind: 'truncated' },
  { what: 'a header of a petabyte', file: MOMENTS, change: (b: Buffer) => b.with(6, 4), kind: 'not-a-model' },
  { what: 'a state that is no JSON', file: 'state.json', change: () => Buffer.from('{'), kind: 'corrupt' },
  {
    what: 'steps below zero',
    file: 'state.json',
    change: (b: Buffer) => Buffer.from(String(b).replace('17', '-1')),
    kind: 'corrupt',
  },
]) {
  test(`${what} is refused`, async () => {
    const dir = await written(what.replaceAll(' ', '-'));
    const path = join(dir, file);
    await writeFile(path, change(await readFile(path)));
    await assert.rejects(readTrainingState(dir, config, shape), { name: 'ModelError', kind });
  });
}

test('another adapter’s state is refused, and one that is not there is missing', async () => {
  const dir = await written('other');
  const other = topLayers(config, 1, 4, 6);
  await assert.rejects(readTrainingState(dir, config, other), { kind: 'adapter' });
  await assert.rejects(readTrainingState(dir, config, { ...shape, rank: 2 }), { kind: 'adapter' });
  await assert.rejects(readTrainingState(join(folder, 'nowhere'), config, shape), { kind: 'missing' });
});
