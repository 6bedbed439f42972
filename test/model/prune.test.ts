import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { markDerivedUsed, pruneDerived } from '../../src/model/prune.ts';

const cache = mkdtempSync(join(tmpdir(), 'knack-prune-'));
after(() => rmSync(cache, { recursive: true, force: true }));
const DAY_MS = 24 * 3_600_000;
const now = Date.now();

/** A derived folder that was last opened so many days ago, with graphs of some ages. */
function folder(name: string, days: number, graphs: Readonly<Record<string, number>> = {}): string {
  const path = join(cache, 'derived', name);
  mkdirSync(path, { recursive: true });
  for (const [file, age] of Object.entries({ 'manifest.json': days, 'weights.bin': 400, ...graphs })) {
    writeFileSync(join(path, file), file);
    const at = (now - age * DAY_MS) / 1000;
    utimesSync(join(path, file), at, at);
  }
  return path;
}

test('what was not used for long goes; what is in use stays, however old it is', async () => {
  assert.deepEqual(await pruneDerived(join(cache, 'nowhere'), now), []);
  const old = folder('a-f32-1', 31);
  const used = folder('b-f32-1', 29, { 'serve-1.onnx': 8, 'serve-2.onnx': 6 });
  const marked = folder('c-i8-1', 300);
  const foreign = join(cache, 'derived', 'notes.txt');
  writeFileSync(foreign, 'not ours');
  await markDerivedUsed({ path: join(marked, 'weights.bin') }, now);
  assert.deepEqual((await pruneDerived(cache, now)).sort(), ['a-f32-1', 'b-f32-1/serve-1.onnx']);
  assert.deepEqual(
    [old, join(used, 'weights.bin'), join(used, 'serve-2.onnx'), join(marked, 'weights.bin'), foreign].map(existsSync),
    [false, true, true, true, true],
  );
  assert.deepEqual(await pruneDerived(cache, now), []);
});
