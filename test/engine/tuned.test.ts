/** An adapter folded into the weights against the same one as a session's input, on the real network. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Base, loadBase } from '../../src/engine/base.ts';
import { SessionForward } from '../../src/engine/forward.ts';
import { type Adapter, writeAdapter } from '../../src/model/adapter.ts';
import { loraSize, topLayers } from '../../src/model/lora.ts';
import { tuned } from '../../src/model/tuned.ts';
import { prepareWeights } from '../../src/model/weights.ts';
import { seeded } from '../../src/trainer/random.ts';
import { writeTinyModel } from '../model/tiny.ts';

const dir = mkdtempSync(join(tmpdir(), 'knack-tuned-'));
const cache = join(dir, 'cache');
let base: Base;
let adapter: Adapter;

before(async () => {
  writeTinyModel(join(dir, 'tiny'));
  base = await loadBase(join(dir, 'tiny'), cache, () => {});
  const shape = topLayers(base.model.config, 1, 4, 8);
  const random = seeded(3);
  adapter = { shape, vector: Float32Array.from({ length: loraSize(base.model.config, shape) }, () => random() - 0.5) };
});
after(() => rmSync(dir, { recursive: true, force: true }));

async function logits(of: Base, own: Adapter | null): Promise<Float32Array> {
  const session = await SessionForward.create(of, adapter.shape, 1);
  session.setAdapter(own);
  const ids = of.tokenizer.encode('const value = compute(value);');
  const out = await session.run(
    ids,
    null,
    ids.map((_, i) => i),
  );
  await session.release();
  return out.logits;
}

test('weights with the adapter folded in give its logits', async () => {
  let read = 0;
  const model = tuned(
    base.model,
    async () => {
      read++;
      return adapter;
    },
    'a',
  );
  const weights = await prepareWeights(model, cache);
  const folded = await logits({ ...base, model, weights, folder: dirname(weights.path) }, null);
  const apart = await logits(base, adapter);
  const plain = await logits(base, null);
  const most = (a: Float32Array, b: Float32Array): number => a.reduce((m, x, i) => Math.max(m, Math.abs(x - b[i]!)), 0);
  assert.ok(most(plain, apart) > 0.5, `the adapter moves logits by ${most(plain, apart)} only`);
  assert.ok(most(folded, apart) < 1e-4, `${most(folded, apart)} apart`);
  assert.equal(read, 1);
  await prepareWeights(
    tuned(base.model, () => assert.fail('its weights are there'), 'a'),
    cache,
  );
});

test('a tuned model is another model, by both hashes', () => {
  const read = async () => adapter;
  const hashes = [base.model, tuned(base.model, read, 'a'), tuned(base.model, read, 'b')].map((m) => m.sha256);
  assert.equal(new Set(hashes).size, 3);
  assert.deepEqual(tuned(base.model, read, 'a').sha256, hashes[1]);
});

test('a tuning is left alone for a base that cannot speak its format, and where there is none', async () => {
  const origin = { config: base.model.config, baseSha256: base.model.sha256 };
  await writeAdapter(join(dir, 'tuning'), adapter, origin);
  for (const folder of [join(dir, 'tuning'), join(dir, 'nothing')]) {
    const loaded = await loadBase(join(dir, 'tiny'), cache, () => {}, folder);
    assert.equal(loaded.isTuned, false);
    assert.equal(loaded.format.name, 'prefix-1');
    assert.equal(loaded.model.sha256, base.model.sha256);
  }
});
