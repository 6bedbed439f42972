/** A base in 8 bit: its arithmetic, its file, and an adapter on top of it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadBase } from '../../src/engine/base.ts';
import { SessionForward } from '../../src/engine/forward.ts';
import {
  agreementOf,
  measureActivations,
  productsAreExact,
  quantise,
  withQuantised,
} from '../../src/engine/quantised-base.ts';
import { loraSize, topLayers } from '../../src/model/lora.ts';
import { divisorsOf, quantiseRows } from '../../src/model/quantise.ts';
import { seeded } from '../../src/trainer/random.ts';
import { writeTinyModel } from './tiny.ts';

const dir = mkdtempSync(join(tmpdir(), 'knack-quantise-'));
after(() => rmSync(dir, { recursive: true, force: true }));
writeTinyModel(join(dir, 'tiny'));
const cacheDir = join(dir, 'cache');
const base = await loadBase(join(dir, 'tiny'), cacheDir, () => {});
const quantised = await quantise(base, cacheDir, 1);
const served = { ...base, quantised };
const shape = topLayers(base.model.config, 1, 4, 8);

const CODE = Array.from({ length: 6 }, (_, i) => `const value${i} = ${i};\n`).join('');
const ids = base.tokenizer.encode(CODE);

test('rows of whole numbers are within half a step of what they stand for', () => {
  const random = seeded(3);
  const rows = Float32Array.from({ length: 5 * 16 }, () => 4 * (random() - 0.5));
  const factors = Float32Array.from({ length: 16 }, () => 0.5 + random());
  for (const most of [127, 63]) {
    const { values, scales } = quantiseRows(rows, 16, factors, most);
    for (const [i, value] of values.entries()) {
      const scale = scales[Math.floor(i / 16)]!;
      assert.ok(Math.abs(value) <= most);
      assert.ok(Math.abs(value * scale - rows[i]! * factors[i % 16]!) <= scale * 0.501);
    }
  }
  assert.deepEqual([...quantiseRows(new Float32Array(4), 4, null, 127).values], [0, 0, 0, 0]);
});

test('a channel with large activations is divided, one with large weights is multiplied', () => {
  const weights = Float32Array.from([1, 1, 4, 1, 1, 0]);
  const [large, even, heavy] = divisorsOf(Float32Array.from([16, 1, 1]), [weights]);
  assert.deepEqual([large, even, heavy], [4, 1, 0.5]);
});

test('this machine says whether its products are exact', async () => {
  assert.equal(typeof (await productsAreExact()), 'boolean');
});

test('the 8-bit base says nearly what the fp32 base says, and less so for a foreign one', async () => {
  const own = await agreementOf(base, served, 1, [ids]);
  assert.ok(own.divergence < 0.01, `${own.divergence} nats`);
  assert.ok(own.topTokens > 0.95, `${own.topTokens} of the likeliest tokens`);
  assert.ok(Math.abs(own.loss / own.expectedLoss - 1) < 0.01, `log-loss ${own.expectedLoss} -> ${own.loss}`);
  writeTinyModel(join(dir, 'other'), 2);
  const other = await loadBase(join(dir, 'other'), cacheDir, () => {});
  const foreign = await agreementOf(base, { ...other, quantised: await quantise(other, cacheDir, 1) }, 1, [ids]);
  assert.ok(foreign.divergence > 20 * own.divergence, `${foreign.divergence} nats`);
});

test('an adapter moves the 8-bit base as it moves the fp32 base', async () => {
  const random = seeded(7);
  const vector = Float32Array.from({ length: loraSize(base.model.config, shape) }, () => 0.6 * (random() - 0.5));
  const rows = [ids.length - 1];
  const logits = async (b: typeof base, adapted: boolean): Promise<Float32Array> => {
    const forward = await SessionForward.create(b, shape, 1);
    if (adapted) forward.setAdapter({ shape, vector });
    const { logits } = await forward.run(ids, null, rows);
    await forward.release();
    return logits;
  };
  const distance = (a: Float32Array, b: Float32Array): number => Math.hypot(...a.map((x, i) => x - b[i]!));
  const [plain, moved] = [await logits(base, false), await logits(base, true)];
  const [plain8, moved8] = [await logits(served, false), await logits(served, true)];
  const effect = distance(plain, moved);
  assert.ok(effect > 1, `the adapter moves the logits by ${effect}`);
  assert.ok(distance(moved, moved8) < 0.1 * effect + 2 * distance(plain, plain8));
});

test("a token's products do not depend on what is run with it", async () => {
  const forward = await SessionForward.create(served, shape, 1);
  const whole = await forward.run(ids, null, [0]);
  const alone = await forward.run(ids.slice(0, 1), null, [0]);
  await forward.release();
  for (const [i, x] of whole.logits.entries()) assert.ok(Math.abs(x - alone.logits[i]!) < 1e-4);
});

test('the file is made once and used as it is; a base that agrees is served in 8 bit', async () => {
  const before = statSync(quantised.file.path).mtimeMs;
  const refused: string[] = [];
  const again = await withQuantised(
    base,
    cacheDir,
    1,
    () => assert.fail('written again'),
    (why) => refused.push(why),
  );
  assert.deepEqual(refused, []);
  assert.equal(again.quantised?.file.path, quantised.file.path);
  assert.equal(statSync(quantised.file.path).mtimeMs, before);
  assert.deepEqual([...(await measureActivations(base, 1)).keys()].length, 4 * base.model.config.layers + 1);
});
