/**
 * Small models in the files that people have, in our network against transformers: each family, each way of scaling
 * rotary positions, each format of numbers. Made by scripts/golden/families.py.
 */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createSession, float32, int64, type Tensor } from '../../src/engine/runtime.ts';
import { buildServeGraph, mapped } from '../../src/model/network.ts';
import { type Model, openModel } from '../../src/model/source.ts';
import { prepareWeights } from '../../src/model/weights.ts';

/** Largest absolute difference of a logit, fp32 against fp32. */
const TOLERANCE = 1e-3;

interface Case {
  readonly name: string;
  /** A file beside golden.json, or a folder of test/golden/quant with changes to its config.json. */
  readonly file?: string;
  readonly folder?: string;
  readonly config?: object;
  /** By how much logits differ from those without scaling of positions. */
  readonly scalingMatters: number;
  /** (positions, vocab) as base64 of fp32. */
  readonly logits: string;
}

const GOLDEN = fileURLToPath(new URL('../golden/', import.meta.url));
const { positions, ids, cases } = JSON.parse(await readFile(join(GOLDEN, 'families/golden.json'), 'utf8')) as {
  positions: number[];
  ids: number[];
  cases: Case[];
};
const scratch = await mkdtemp(join(tmpdir(), 'knack-families-'));
after(() => rm(scratch, { recursive: true, force: true }));

async function pathOf({ name, file, folder, config }: Case): Promise<string> {
  if (file !== undefined) return join(GOLDEN, 'families', file);
  const copy = join(scratch, name.replaceAll(/\W+/g, '-'));
  await cp(join(GOLDEN, 'quant', folder!), copy, { recursive: true });
  const path = join(copy, 'config.json');
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...config }));
  return copy;
}

async function logitsOf(model: Model): Promise<Float32Array> {
  const { config } = model;
  const blob = await prepareWeights(model, scratch);
  const graph = buildServeGraph(config, mapped(blob), null);
  const session = await createSession(graph, { threads: 1, folder: dirname(blob.path) });
  try {
    const T = ids.length;
    const mask = new Float32Array(T * T);
    for (let row = 0; row < T; row++) mask.fill(-1e9, row * T + row + 1, (row + 1) * T);
    const feeds: Record<string, Tensor> = {
      ids: int64([T], ids),
      positions: int64(
        [T],
        ids.map((_, i) => i),
      ),
      mask: float32([T, T], mask),
      rows: int64([positions.length], positions),
    };
    for (let layer = 0; layer < config.layers; layer++) {
      for (const part of ['key', 'value'])
        feeds[`past.${layer}.${part}`] = float32([1, config.kvHeads, 0, config.headDim], []);
    }
    return (await session.run(feeds)).logits!.data as Float32Array;
  } finally {
    await session.release();
  }
}

for (const golden of cases) {
  test(`${golden.name}: logits are those of transformers`, async (t) => {
    const model = await openModel(await pathOf(golden), { cacheDir: scratch });
    const logits = await logitsOf(model);
    const expected = new Float32Array(Uint8Array.from(Buffer.from(golden.logits, 'base64')).buffer);
    assert.equal(logits.length, expected.length);
    const worst = logits.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
    t.diagnostic(`largest difference ${worst}`);
    assert.ok(worst <= TOLERANCE, `logits differ by ${worst}`);
  });
}

test('scaling of positions could not go wrong unseen', () => {
  for (const { name, scalingMatters } of cases) {
    if (/(linear|llama3|yarn) positions/.test(name)) assert.ok(scalingMatters > 20 * TOLERANCE, name);
  }
});
