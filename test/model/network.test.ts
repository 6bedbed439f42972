/** The serving network against transformers, and against itself through the KV cache. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { causalMask, SessionCache } from '../../src/engine/kv-cache.ts';
import { createSession, float32, int64, type Session, type Tensor } from '../../src/engine/runtime.ts';
import type { ConstantTensor } from '../../src/graph/tensor.ts';
import { loraTensors } from '../../src/model/lora.ts';
import { buildServeGraph } from '../../src/model/network.ts';
import { type Golden, readGolden, relativeError } from './golden.ts';

/** One forward pass of `ids` after what the cache holds. */
async function forward(
  session: Session,
  { config }: Golden,
  ids: readonly number[],
  cache: SessionCache | null,
  rows: readonly number[],
  adapter: Record<string, Tensor> = {},
): Promise<{ logits: Float32Array; cache: SessionCache }> {
  const past = cache ?? SessionCache.empty(config);
  const T = ids.length;
  const out = await session.run({
    ids: int64([T], ids),
    positions: int64(
      [T],
      ids.map((_, i) => past.length + i),
    ),
    mask: causalMask(T, past.length, past.room),
    rows: int64([rows.length], rows),
    ...past.feeds(),
    ...adapter,
  });
  return { logits: out.logits!.data as Float32Array, cache: past.append(out, T) };
}

/** Logits of the golden batch's rows, in their order. */
async function goldenLogits(session: Session, golden: Golden, adapter: Record<string, Tensor> = {}) {
  const { batch, time } = golden.numbers;
  const ids = golden.ints('batch/ids');
  const all = golden.ints('batch/rows');
  const { vocab } = golden.config;
  const logits = new Float32Array(all.length * vocab);
  for (let sequence = 0; sequence < batch; sequence++) {
    const places = all.flatMap((row, place) => (Math.floor(row / time) === sequence ? [place] : []));
    const rows = places.map((place) => all[place]! % time);
    const result = await forward(
      session,
      golden,
      ids.slice(sequence * time, (sequence + 1) * time),
      null,
      rows,
      adapter,
    );
    for (const [i, place] of places.entries()) {
      logits.set(result.logits.subarray(i * vocab, (i + 1) * vocab), place * vocab);
    }
  }
  return logits;
}

for (const family of ['llama', 'qwen2'] as const) {
  const golden = readGolden(family);
  const { config, weights, lora } = golden;

  test(`${family}: the logits are those of transformers`, async () => {
    const session = await createSession(buildServeGraph(config, weights, null), { threads: 2 });
    const error = relativeError(await goldenLogits(session, golden), golden.floats('logits'));
    assert.ok(error < 1e-4, `relative error ${error}`);
    await session.release();
  });

  test(`${family}: an adapter is swapped by feeding other tensors`, async () => {
    const session = await createSession(buildServeGraph(config, weights, lora), { threads: 2 });
    const feeds = (read: (name: string, length: number) => Float32Array): Record<string, Tensor> =>
      Object.fromEntries(
        loraTensors(config, lora).map(({ name, shape }) => [name, float32(shape, read(name, shape[0] * shape[1]))]),
      );
    const trained = feeds((name) => golden.floats(`lora/${name}`));
    const none = feeds((_, length) => new Float32Array(length));
    const expected = [
      { adapter: trained, logits: golden.floats('lora_logits') },
      { adapter: none, logits: golden.floats('logits') },
    ];
    for (const { adapter, logits } of expected) {
      const error = relativeError(await goldenLogits(session, golden, adapter), logits);
      assert.ok(error < 1e-4, `relative error ${error}`);
    }
    await session.release();
  });

  test(`${family}: a prompt in pieces through the cache gives the logits of the whole prompt`, async () => {
    const session = await createSession(buildServeGraph(config, weights, null), { threads: 2 });
    const ids = golden.ints('batch/ids');
    const { logits: whole } = await forward(
      session,
      golden,
      ids,
      null,
      ids.map((_, i) => i),
    );
    const pieces: number[] = [];
    let cache: SessionCache | null = null;
    for (const [start, end] of [
      [0, 17],
      [17, 18],
      [18, 40],
      [40, ids.length],
    ] as const) {
      const piece = ids.slice(start, end);
      const step: Awaited<ReturnType<typeof forward>> = await forward(
        session,
        golden,
        piece,
        cache,
        piece.map((_, i) => i),
      );
      pieces.push(...step.logits);
      cache = step.cache;
    }
    const error = relativeError(pieces, whole);
    assert.ok(error < 1e-5, `relative error ${error}`);
    await session.release();
  });

  test(`${family}: weights in a file beside the graph are the same weights`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'knack-network-'));
    try {
      const external = new Map<string, ConstantTensor>();
      const chunks: Uint8Array[] = [];
      let offset = 0;
      for (const [name, { dtype, shape, data }] of weights) {
        const bytes = Buffer.from((data as Float32Array).buffer);
        external.set(name, { dtype, shape, data: { file: 'weights.bin', offset, length: bytes.length } });
        const padded = Buffer.alloc(Math.ceil(bytes.length / 4096) * 4096);
        bytes.copy(padded);
        chunks.push(padded);
        offset += padded.length;
      }
      writeFileSync(join(folder, 'weights.bin'), Buffer.concat(chunks));
      const graph = buildServeGraph(config, external, null);
      await assert.rejects(createSession(graph, { threads: 1 }), /pass their folder/);
      for (const prepack of [true, false]) {
        const session = await createSession(graph, { threads: 2, folder, prepack });
        const error = relativeError(await goldenLogits(session, golden), golden.floats('logits'));
        assert.ok(error < 1e-4, `relative error ${error}`);
        await session.release();
      }
      assert.equal(readdirSync(folder).length, 2, 'the graph is written once, and no partial file stays');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test('a missing weight and an adapter that does not fit are named before any session is made', () => {
  const { config, weights, lora } = readGolden('llama');
  const fewer = new Map(weights);
  fewer.delete('model.layers.1.mlp.up_proj.weight');
  assert.throws(() => buildServeGraph(config, fewer, null), /“model\.layers\.1\.mlp\.up_proj\.weight”/);
  const cases = [
    { change: { rank: 21 }, message: /rank 21 is larger than k_proj, which is 20 × 32/ },
    { change: { rank: 0 }, message: /rank is 0/ },
    { change: { layers: [2] }, message: /adapts layer 2, and the model has 2/ },
    { change: { layers: [] }, message: /adapts no layer/ },
    { change: { layers: [1, 1] }, message: /twice/ },
    { change: { targets: ['lm_head' as never] }, message: /“lm_head”/ },
  ];
  for (const { change, message } of cases) {
    assert.throws(() => buildServeGraph(config, weights, { ...lora, ...change }), message);
  }
});
