/** A run that was broken off and taken up in another process equals one that was not, to the bit. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const folder = await mkdtemp(join(tmpdir(), 'knack-resume-'));
after(() => rm(folder, { recursive: true, force: true }));
const script = fileURLToPath(new URL('./resume-steps.ts', import.meta.url));

async function train(to: string, steps: number, from?: string): Promise<void> {
  const paths = [join(folder, 'cache'), join(folder, to), String(steps), ...(from ? [join(folder, from)] : [])];
  await promisify(execFile)(process.execPath, [script, ...paths]);
}

test('20 steps are 10, a checkpoint, and 10 more in a new process', async () => {
  await train('unbroken', 20);
  await train('half', 10);
  await train('resumed', 10, 'half');
  const files = (await readdir(join(folder, 'unbroken'))).sort();
  assert.deepEqual(files, [
    'adapter_config.json',
    'adapter_model.safetensors',
    'knack.json',
    'optimizer.safetensors',
    'state.json',
  ]);
  for (const file of files) {
    const [unbroken, resumed] = await Promise.all(
      ['unbroken', 'resumed'].map((dir) => readFile(join(folder, dir, file))),
    );
    assert.ok(unbroken!.equals(resumed!), `${file} is the same`);
  }
  const half = await readFile(join(folder, 'half', 'adapter_model.safetensors'));
  assert.ok(!half.equals(await readFile(join(folder, 'resumed', 'adapter_model.safetensors'))), 'the second ten learn');
});
