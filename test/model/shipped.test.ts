/** The tuning in media/model: what the package brings is for the base that it downloads. */
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { baseOfAdapter } from '../../src/model/adapter.ts';
import { DEFAULT_BASE } from '../../src/model/base.ts';
import { hashFile } from '../../src/model/file.ts';
import { readSafetensors } from '../../src/model/safetensors.ts';

const FOLDER = join(import.meta.dirname, '..', '..', 'media', 'model');

test('the shipped tuning is whole, small, and of the default base', async () => {
  const weights = join(FOLDER, 'adapter_model.safetensors');
  const origin = await baseOfAdapter(FOLDER);
  assert.equal(origin?.baseSha256, DEFAULT_BASE.sha256);
  assert.equal(origin?.weightsSha256, await hashFile(weights));
  assert.ok((await stat(weights)).size <= 16e6);
  const config = JSON.parse(await readFile(join(FOLDER, 'adapter_config.json'), 'utf8')) as { r: number };
  for (const { shape } of (await readSafetensors(weights)).tensors.values()) assert.ok(shape.includes(config.r));
});
