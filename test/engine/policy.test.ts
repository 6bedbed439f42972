/** The weights in training: a device that fails costs steps, not the round. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadBase } from '../../src/engine/base.ts';
import { type PolicyOptions, SessionPolicy } from '../../src/engine/policy.ts';
import { StatefulSession } from '../../src/engine/stateful.ts';
import { initialLora, topLayers } from '../../src/model/lora.ts';
import { makeBatch, shapeFor } from '../../src/trainer/batch.ts';
import type { Example } from '../../src/trainer/examples.ts';
import { seeded } from '../../src/trainer/random.ts';

const cache = await mkdtemp(join(tmpdir(), 'knack-policy-'));
after(() => rm(cache, { recursive: true, force: true }));
const base = await loadBase(
  fileURLToPath(new URL('../golden/quant/llama/model.gguf', import.meta.url)),
  cache,
  () => {},
);
const { config } = base.model;
const lora = topLayers(config, 2, 4, 8);
const examples = [1, 2, 3, 4].map((n): Example => {
  const ids = Array.from({ length: 12 }, (_, i) => (n * 7 + i * i) % config.vocab);
  return { id: `e${n}`, label: n === 4 ? 'push' : 'pull', weight: 1, ids, targetStart: 5 };
});
const shape = shapeFor(examples, 2);
const batches = [makeBatch(examples.slice(0, 2), shape), makeBatch(examples.slice(2), shape)];

function policy(options: Partial<PolicyOptions> = {}): { readonly policy: SessionPolicy; readonly said: string[] } {
  const said: string[] = [];
  const start = { shape: lora, vector: initialLora(config, lora, seeded(1)) };
  const onFallback = (reason: string): void => void said.push(reason);
  return { policy: new SessionPolicy(base, start, shape, { threads: 2, device: 'cpu', onFallback, ...options }), said };
}

async function steps(own: SessionPolicy, count: number): Promise<number[]> {
  const losses: number[] = [];
  for (let i = 0; i < count; i++) losses.push((await own.step(batches[i % 2]!, 1e-2)).loss);
  return losses;
}

/** Opens sessions that fail at the run after `runs`; with `dead`, the state cannot be read then either. */
function failing(runs: number, dead: boolean): typeof StatefulSession.create {
  return async (graph, state, options) => {
    const session = await StatefulSession.create(graph, state, { ...options, device: 'cpu' });
    if (options.device === 'cpu') return session;
    const [run, read] = [session.run.bind(session), session.read.bind(session)];
    let left = runs;
    session.run = async (...args) => {
      if (left-- === 0) throw new Error('device lost');
      return run(...args);
    };
    session.read = async () => {
      if (dead && left < 0) throw new Error('device lost');
      return read();
    };
    return session;
  };
}

test('training goes on where scoring has interrupted it', async () => {
  const [straight, interrupted] = [policy().policy, policy().policy];
  const expected = await steps(straight, 6);
  const first = await steps(interrupted, 4);
  await interrupted.score(examples);
  assert.deepEqual([...first, ...(await steps(interrupted, 2))], expected);
  assert.deepEqual(await interrupted.parameters(), await straight.parameters());
  await Promise.all([straight.release(), interrupted.release()]);
});

test('restored parameters are those that train and score', async () => {
  const own = policy().policy;
  const start = await own.parameters();
  const before = await own.score(examples);
  await steps(own, 4);
  assert.notDeepEqual(await own.parameters(), start);
  assert.notDeepEqual(await own.score(examples), before);
  await steps(own, 1);
  await own.restore(start);
  assert.deepEqual(await own.parameters(), start);
  assert.deepEqual(await own.score(examples), before);
  await own.release();
});

test('a device that cannot be opened: the CPU trains, and says why', async () => {
  // No package has Core ML and DirectML both.
  const device = process.platform === 'darwin' ? 'dml' : 'coreml';
  const [there, cpu] = [policy({ device }), policy()];
  assert.deepEqual(await steps(there.policy, 3), await steps(cpu.policy, 3));
  assert.equal(there.said.length, 1);
  assert.match(there.said[0]!, device === 'dml' ? /^DirectML failed: / : /^Core ML failed: /);
  await Promise.all([there.policy.release(), cpu.policy.release()]);
});

test('a device that fails at a step but still gives its state: no step is lost', async () => {
  const [there, cpu] = [policy({ device: 'webgpu', open: failing(3, false) }), policy()];
  assert.deepEqual(await steps(there.policy, 6), await steps(cpu.policy, 6));
  assert.deepEqual(there.said, ['WebGPU failed: device lost.']);
  assert.deepEqual(await there.policy.parameters(), await cpu.policy.parameters());
  await Promise.all([there.policy.release(), cpu.policy.release()]);
});

test('a device that is lost: training goes on from the state that was read last, and says how much is lost', async () => {
  const [there, cpu] = [policy({ device: 'webgpu', open: failing(4, true) }), policy()];
  await steps(there.policy, 2);
  await there.policy.parameters();
  await steps(there.policy, 2);
  const losses = await steps(there.policy, 2);
  assert.deepEqual(there.said, ['WebGPU failed: device lost. 2 steps since the last judgement are lost.']);
  await steps(cpu.policy, 2);
  assert.deepEqual(losses, await steps(cpu.policy, 2));
  assert.deepEqual(await there.policy.parameters(), await cpu.policy.parameters());
  await Promise.all([there.policy.release(), cpu.policy.release()]);
});

test('a token outside of the vocabulary is refused before a session sees it', async () => {
  const { policy: own, said } = policy();
  const wrong = { ...batches[0]!, ids: batches[0]!.ids.with(3, config.vocab) };
  await assert.rejects(own.step(wrong, 1e-2), /token \d+ at 3 is outside of the vocabulary/);
  await steps(own, 1);
  assert.deepEqual(said, []);
  await own.release();
});

test('a state of another size is refused', async () => {
  const { policy: own } = policy();
  const state = await own.state();
  await assert.rejects(own.restoreState({ ...state, mean: new Float32Array(1) }), RangeError);
  await own.release();
});
