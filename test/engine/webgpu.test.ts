/** Training and serving on WebGPU against the CPU, on SwiftShader: no graphics hardware is needed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { UserError } from '../../scripts/progress.ts';
import { softwareWebGpu } from '../../scripts/software-webgpu.ts';
import { loadBase } from '../../src/engine/base.ts';
import { Devices } from '../../src/engine/devices.ts';
import { writeTinyModel } from '../model/tiny.ts';
import type { Difference } from './device-objectives.ts';
import type { Served } from './device-serving.ts';
import type { Steps } from './device-steps.ts';

const STEPS = 200;

/** Runs one of the scripts beside this file and gives what it prints. */
async function run<T>(script: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<T> {
  const path = join(import.meta.dirname, script);
  const { stdout } = await promisify(execFile)(process.execPath, [path, ...args], { env, maxBuffer: 2 ** 26 });
  return JSON.parse(stdout) as T;
}

const stepsOn = (device: string, env: NodeJS.ProcessEnv): Promise<Steps> =>
  run('device-steps.ts', [device, String(STEPS)], env);

function largestDifference(a: readonly number[], b: readonly number[]): number {
  assert.equal(a.length, b.length);
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
}

async function onSoftware(t: TestContext, work: (env: NodeJS.ProcessEnv) => Promise<void>): Promise<void> {
  const software = await softwareWebGpu((line) => t.diagnostic(line)).catch((error) => {
    if (!(error instanceof UserError) || process.env.CI) throw error;
    return error;
  });
  if (software instanceof UserError) return t.skip(software.message);
  try {
    await work(software.env);
  } finally {
    software.dispose();
  }
}

test(`the same ${STEPS} steps on CPU and on software WebGPU`, (t) =>
  onSoftware(t, async (env) => {
    const cpu = await stepsOn('cpu', process.env);
    const gpu = await stepsOn('webgpu', env);
    t.diagnostic(
      `loss ${cpu.losses[0]} -> ${cpu.losses.at(-1)}; largest difference ${largestDifference(cpu.losses, gpu.losses)}`,
    );
    t.diagnostic(`resident MB ${gpu.residentMb.join(' ')}; ${gpu.bytesPerStep} bytes a step`);

    assert.ok(cpu.losses.at(-1)! < cpu.losses[0]! / 2, 'the model learns');
    for (const [what, most] of [
      ['losses', 1e-4],
      ['norms', 1e-3],
      ['parameters', 1e-4],
    ] as const) {
      const apart = largestDifference(cpu[what], gpu[what]);
      assert.ok(apart < most, `${what} are ${apart} apart`);
    }

    assert.ok(gpu.providers.includes('WebGpuExecutionProvider'));
    assert.deepEqual(gpu.fallbacks, [], 'no node in the hot path runs on the CPU but those listed in profile.ts');
    assert.equal(gpu.hostCopies, 0, 'nothing comes back to the host in the middle of a step');
    assert.equal(gpu.stateCopies, 3, 'parameters and moments go to the device once');
    const stateBytes = 3 * 4 * gpu.parameters.length;
    assert.ok(gpu.bytesPerStep < stateBytes / 50, `${gpu.bytesPerStep} bytes a step: the batch in, scalars out`);

    // Device memory is this process's own here. Kept buffers would show: a step makes 3 of the state's size.
    const half = gpu.residentMb[gpu.residentMb.length / 2]!;
    const grown = gpu.residentMb.at(-1)! - half;
    const kept = (stateBytes / 2 ** 20) * (STEPS / 2);
    assert.ok(grown < kept / 2, `${grown} MB more in the last half; kept buffers would be ${kept.toFixed()} MB`);
  }));

test('each objective, and full training, on software WebGPU', (t) =>
  onSoftware(t, async (env) => {
    for (const each of await run<Difference[]>('device-objectives.ts', ['webgpu'], env)) {
      // What is not finite comes as null.
      assert.ok(typeof each.relative === 'number' && each.relative < 1e-4, `${each.graph}: ${each.worst} differs`);
      assert.deepEqual([each.fallbacks, each.hostCopies], [[], 0], each.graph);
    }
  }));

test('the probe trusts software WebGPU, which auto does not take', (t) =>
  onSoftware(t, async (env) => {
    const storageDir = mkdtempSync(join(tmpdir(), 'knack-devices-'));
    try {
      const devices = new Devices({
        storageDir,
        probePath: join(import.meta.dirname, '../../src/engine/probe.ts'),
        version: '1.0.0',
        log: (_level, message) => t.diagnostic(message),
        env,
        graphics: async () => ({ id: 'none', hardware: false }),
      });
      assert.deepEqual(await devices.choose('webgpu'), { device: 'webgpu', reason: '', unexpected: false });
      assert.deepEqual(await devices.choose('auto'), {
        device: 'cpu',
        reason: 'WebGPU has only SwiftShader here, which computes on the CPU.',
        unexpected: false,
      });
    } finally {
      rmSync(storageDir, { recursive: true, force: true });
    }
  }));

test('the same answers on CPU and on software WebGPU, with a cache, after a swap and after rest', (t) =>
  onSoftware(t, async (env) => {
    type Answers = { readonly device: string; readonly served: readonly Served[] };
    const cpu = await run<Answers>('device-serving.ts', ['cpu'], process.env);
    const gpu = await run<Answers>('device-serving.ts', ['webgpu'], env);
    assert.deepEqual([cpu.device, gpu.device], ['cpu', 'webgpu']);
    assert.equal(gpu.served.length, 4);
    for (const [i, { text, tokenLogprobs }] of gpu.served.entries()) {
      assert.equal(text, cpu.served[i]!.text);
      assert.ok(largestDifference(tokenLogprobs, cpu.served[i]!.tokenLogprobs) < 1e-4);
    }
  }));

test('the probe trusts software WebGPU to serve a model, and auto does not take it', (t) =>
  onSoftware(t, async (env) => {
    const storageDir = mkdtempSync(join(tmpdir(), 'knack-devices-'));
    try {
      const [modelPath, cacheDir] = [join(storageDir, 'tiny'), join(storageDir, 'cache')];
      writeTinyModel(modelPath);
      const { model } = await loadBase(modelPath, cacheDir, () => {});
      const devices = new Devices({
        storageDir,
        probePath: join(import.meta.dirname, '../../src/engine/probe.ts'),
        version: '1.0.0',
        serving: { modelPath, cacheDir, promptStyle: null, memoryMb: 1536, model: model.sha256, threads: 1 },
        log: (_level, message) => t.diagnostic(message),
        env,
        graphics: async () => ({ id: 'none', hardware: false }),
      });
      assert.equal(await devices.isTested('webgpu'), false);
      assert.deepEqual(await devices.choose('webgpu'), { device: 'webgpu', reason: '', unexpected: false });
      assert.equal(await devices.isTested('webgpu'), true);
      const { device, reason } = await devices.choose('auto');
      assert.equal(device, 'cpu');
      assert.match(reason, /WebGPU has only SwiftShader here/);
    } finally {
      rmSync(storageDir, { recursive: true, force: true });
    }
  }));
