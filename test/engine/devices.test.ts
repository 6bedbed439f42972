/** Which device trains. The probes are processes: those in probes/ fail as drivers do. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Platform } from '../../src/engine/device.ts';
import { Devices, type DevicesOptions, refusedByAuto } from '../../src/engine/devices.ts';
import type { ProbeResult } from '../../src/engine/probe-job.ts';

const LINUX: Platform = { os: 'linux', arch: 'x64', musl: false, files: [] };

interface Setup {
  readonly devices: (changes?: Partial<DevicesOptions>) => Devices;
  readonly folder: string;
  /** What was logged, one line each. */
  readonly lines: string[];
}

/** A storage folder, and devices that are tested by one of the scripts in probes/. */
function setUp(t: TestContext, script: string): Setup {
  const folder = mkdtempSync(join(tmpdir(), 'knack-devices-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const lines: string[] = [];
  const devices = (changes: Partial<DevicesOptions> = {}): Devices =>
    new Devices({
      storageDir: folder,
      probePath: join(import.meta.dirname, 'probes', script),
      version: '1.0.0',
      log: (_level, message) => lines.push(message),
      platform: LINUX,
      graphics: async () => ({ id: 'a card', hardware: true }),
      ...changes,
    });
  return { devices, folder, lines };
}

const asked = (lines: readonly string[]): number => lines.filter((line) => line === 'probe: asked').length;

for (const { script, timeoutMs, expect } of [
  { script: 'crash.ts', timeoutMs: 60_000, expect: /^WebGPU’s driver ended .*SIGSEGV.* while opening WebGPU\.$/ },
  { script: 'hang.ts', timeoutMs: 1_500, expect: /^WebGPU did not answer for 2 s while training on WebGPU/ },
  { script: 'wrong.ts', timeoutMs: 60_000, expect: /^WebGPU computes something else: .*the loss differs by/ },
  { script: 'elsewhere.ts', timeoutMs: 60_000, expect: /^Nothing of a training step ran on WebGPU\.$/ },
  { script: 'refused.ts', timeoutMs: 60_000, expect: /^WebGPU found no graphics adapter/ },
  { script: 'missing.ts', timeoutMs: 60_000, expect: /^WebGPU’s driver ended the test’s process \(exit status 1\) while starting/ }, // biome-ignore format: a row
]) {
  test(`a probe as in ${script} costs one message, and the CPU trains`, async (t) => {
    const { devices } = setUp(t, script);
    const choice = await devices({ timeoutMs }).choose('webgpu');
    assert.equal(choice.device, 'cpu');
    assert.equal(choice.unexpected, true);
    assert.match(choice.reason, expect);
    const automatic = await devices({ timeoutMs }).choose('auto');
    assert.deepEqual([automatic.device, automatic.unexpected], ['cpu', false]);
    assert.match(automatic.reason, expect);
  });
}

test('a test that is stopped leaves no process and no result', async (t) => {
  const { devices, folder } = setUp(t, 'hang.ts');
  const own = devices();
  const choice = own.choose('webgpu');
  setTimeout(() => own.dispose(), 500);
  assert.equal((await choice).reason, 'The test of WebGPU was stopped.');
  assert.deepEqual(readdirSync(folder), []);
});

test('a good device is tested once, and again when package or graphics change, or when asked to', async (t) => {
  const { devices, lines } = setUp(t, 'good.ts');
  const good = { device: 'webgpu', reason: '', unexpected: false };
  assert.deepEqual(await devices().choose('auto'), good);
  assert.deepEqual(await devices().choose('webgpu'), good);
  assert.equal(asked(lines), 1);
  await devices({ version: '1.0.1' }).choose('auto');
  assert.equal(asked(lines), 2);
  await devices({ graphics: async () => ({ id: 'the same card, a new driver', hardware: true }) }).choose('auto');
  assert.equal(asked(lines), 3);
  const own = devices();
  await own.forget();
  await own.choose('auto');
  assert.equal(asked(lines), 4);
});

test('a damaged file of results is no results', async (t) => {
  const { devices, folder, lines } = setUp(t, 'good.ts');
  await devices().choose('auto');
  for (const text of ['', '{"key":', '[]', 'null', '{"key":"x","results":7}']) {
    writeFileSync(join(folder, 'devices.json'), text);
    assert.equal((await devices().choose('auto')).device, 'webgpu');
  }
  assert.equal(asked(lines), 6);
});

test('a device that failed in training is not used until it is tested again', async (t) => {
  const { devices } = setUp(t, 'good.ts');
  await devices().choose('auto');
  await devices().distrust('webgpu', 'Training ended unexpectedly on WebGPU.');
  const choice = await devices().choose('auto');
  assert.deepEqual([choice.device, choice.reason], ['cpu', 'Training ended unexpectedly on WebGPU.']);
  await devices().forget();
  assert.equal((await devices().choose('auto')).device, 'webgpu');
});

test('a failure that is still being kept is forgotten too', async (t) => {
  const { devices } = setUp(t, 'good.ts');
  // Graphics that take their time to be told apart hold the failure up, and not what follows it.
  const slow = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { id: 'a card', hardware: true };
  };
  const own = devices({ graphics: slow });
  await own.choose('auto');
  const kept = own.distrust('webgpu', 'It broke.');
  await own.forget();
  await kept;
  assert.equal((await own.choose('auto')).device, 'webgpu');
  assert.equal((await devices({ graphics: slow }).choose('auto')).device, 'webgpu');
});

test('the CPU needs no test; what a platform lacks is said without one', async (t) => {
  const { devices, lines } = setUp(t, 'good.ts');
  assert.deepEqual(await devices().choose('cpu'), { device: 'cpu', reason: '', unexpected: false });
  const arm = { platform: { ...LINUX, arch: 'arm64' } };
  assert.deepEqual(await devices(arm).choose('webgpu'), {
    device: 'cpu',
    reason: 'onnxruntime-node has no WebGPU on linux-arm64 (it has: CPU).',
    unexpected: true,
  });
  // Nothing of this platform was refused, so there is nothing to say.
  assert.deepEqual(await devices(arm).choose('auto'), { device: 'cpu', reason: '', unexpected: false });
  assert.equal(asked(lines), 0);
});

test('auto prefers CUDA where the user has installed it', async (t) => {
  const { devices } = setUp(t, 'good.ts');
  const platform = { ...LINUX, files: ['libonnxruntime_providers_cuda.so'] };
  assert.equal((await devices({ platform }).choose('auto')).device, 'cuda');
  assert.equal((await devices().choose('auto')).device, 'webgpu');
});

test('auto takes no software adapter and nothing slower than the CPU', () => {
  const good: ProbeResult = {
    device: 'webgpu',
    trusted: true,
    reason: '',
    software: null,
    stepMs: 50,
    cpuStepMs: 100,
    timed: 'realistic',
  };
  assert.equal(refusedByAuto(good), null);
  assert.equal(
    refusedByAuto({ ...good, software: 'SwiftShader' }),
    'WebGPU has only SwiftShader here, which computes on the CPU.',
  );
  assert.equal(
    refusedByAuto({ ...good, stepMs: 150.4 }),
    'WebGPU is slower than the CPU here (150 ms a step against 100 ms).',
  );
  assert.equal(refusedByAuto({ ...good, trusted: false, reason: 'Wrong.' }), 'Wrong.');
});
