/** Where suggestions are made: choosing, failing, and what is left of an engine that a driver ended. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadBase } from '../../src/engine/base.ts';
import { BASE } from '../../src/engine/checkpoint.ts';
import { type Device, DeviceError, type DeviceSetting } from '../../src/engine/device.ts';
import type { Choice } from '../../src/engine/devices.ts';
import { SessionForward } from '../../src/engine/forward.ts';
import { type OpenForward, Server } from '../../src/engine/serve.ts';
import { ServingDevice } from '../../src/engine/serving-device.ts';
import { loraFor } from '../../src/trainer/plan.ts';
import { successors, writeTinyModel } from '../model/tiny.ts';
import { at } from './real-engine.ts';

function setUp(
  t: TestContext,
  answers: { readonly choice: Choice; readonly tested?: boolean; readonly fails?: boolean },
) {
  const storageDir = mkdtempSync(join(tmpdir(), 'knack-serving-'));
  t.after(() => rmSync(storageDir, { recursive: true, force: true }));
  const told = { moved: [] as Device[], distrusted: [] as string[], notices: [] as string[], chosen: 0 };
  const setting = { now: 'auto' as DeviceSetting };
  const server = {
    onDeviceFailed: (_: DeviceError): void => undefined,
    moveTo: async (device: Device) => {
      if (answers.fails && device !== 'cpu') throw new DeviceError(device, new Error('out of memory'));
      told.moved.push(device);
    },
  };
  const serving = new ServingDevice({
    devices: {
      isTested: async () => answers.tested ?? true,
      choose: async () => {
        told.chosen++;
        return answers.choice;
      },
      distrust: async (device, reason) => void told.distrusted.push(`${device}: ${reason}`),
      forget: async () => undefined,
      dispose: () => undefined,
    },
    server,
    storageDir,
    setting: () => setting.now,
    log: () => undefined,
    notice: (message) => told.notices.push(message),
    onState: () => undefined,
  });
  const marks = (): string[] => readdirSync(storageDir).filter((name) => name.startsWith('serving-'));
  return { serving, server, storageDir, told, setting, marks };
}

const WEBGPU: Choice = { device: 'webgpu', reason: '', unexpected: false };
const CPU: Choice = { device: 'cpu', reason: 'WebGPU is slower.', unexpected: false };

test('what needs a test waits until nobody types; what was tested is taken at once, and once', async (t) => {
  const waiting = setUp(t, { choice: WEBGPU, tested: false });
  await waiting.serving.settle(false);
  assert.deepEqual([waiting.told.chosen, waiting.serving.where], [0, '']);
  await waiting.serving.settle(true);
  assert.deepEqual(waiting.told.moved, ['webgpu']);

  const { serving, told, marks, setting } = setUp(t, { choice: WEBGPU });
  await serving.settle(false);
  await serving.settle(true);
  assert.deepEqual([told.chosen, told.moved], [1, ['webgpu']]);
  assert.equal(serving.where, 'Suggestions are made on WebGPU.');
  assert.equal(marks().length, 1);
  setting.now = 'webgpu';
  await serving.settle(false);
  assert.equal(told.chosen, 2);
  serving.dispose();
  assert.deepEqual(marks(), []);
});

test('the CPU goes on with a reason: chosen, after a failed move, and after a failure later', async (t) => {
  const slow = setUp(t, { choice: CPU });
  await slow.serving.settle(false);
  assert.equal(slow.serving.where, 'Suggestions are made on the CPU: WebGPU is slower.');
  assert.deepEqual([slow.told.notices, slow.marks()], [[], []]);

  const broken = setUp(t, { choice: WEBGPU, fails: true });
  await broken.serving.settle(false);
  assert.deepEqual(broken.told.distrusted, ['webgpu: WebGPU failed: out of memory.']);
  assert.match(broken.told.notices.join(), /made on the CPU: WebGPU failed/);
  assert.deepEqual(broken.marks(), []);

  const later = setUp(t, { choice: WEBGPU });
  await later.serving.settle(false);
  later.server.onDeviceFailed(new DeviceError('webgpu', new Error('device lost')));
  assert.deepEqual(later.told.distrusted, ['webgpu: WebGPU failed: device lost.']);
  assert.match(later.serving.where, /made on the CPU: WebGPU failed: device lost\.$/);
  assert.deepEqual(later.marks(), []);
});

test('a device on which an engine ended is distrusted, unless the machine ended with it', async (t) => {
  const { pid } = spawnSync(process.execPath, ['--version']);
  const booted = Date.now() / 1000 - uptime();
  for (const [started, expected] of [
    [booted, ['webgpu: The engine ended unexpectedly while it served on WebGPU.']],
    [booted - 86_400, []],
  ] as const) {
    const { serving, storageDir, told, marks } = setUp(t, { choice: CPU });
    writeFileSync(join(storageDir, `serving-${pid}.json`), JSON.stringify({ device: 'webgpu', booted: started }));
    writeFileSync(join(storageDir, `serving-${process.ppid}.json`), 'of one that lives');
    await serving.settle(false);
    assert.deepEqual(told.distrusted, expected);
    assert.deepEqual(marks(), [`serving-${process.ppid}.json`]);
  }
});

test('a request that a device fails at is answered by the CPU', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'knack-serving-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  writeTinyModel(join(dir, 'tiny'));
  const base = await loadBase(join(dir, 'tiny'), join(dir, 'cache'), () => {});
  let isLost = false;
  const open: OpenForward = async (own, shape, threads, prepack, device = 'cpu') => {
    const forward = await SessionForward.create(own, shape, threads, prepack);
    if (device === 'cpu') return forward;
    const run = forward.run.bind(forward);
    forward.run = (...args) =>
      isLost ? Promise.reject(new DeviceError(device, new Error('device lost'))) : run(...args);
    return forward;
  };
  const server = await Server.start(base, loraFor(base.model.config, 1536), BASE, 1, false, open);
  t.after(() => server.release());
  const failures: string[] = [];
  server.onDeviceFailed = (error) => void failures.push(error.message);
  await server.moveTo('webgpu');
  const text = async (): Promise<string> => {
    const answer = await server.complete(at('let u'), 16, () => false);
    return 'none' in answer ? answer.none : answer.edit.text;
  };
  assert.equal(await text(), successors('u'));
  assert.equal(server.device, 'webgpu');
  isLost = true;
  assert.equal(await text(), successors('u'));
  assert.deepEqual([server.device, failures], ['cpu', ['WebGPU failed: device lost.']]);
  await assert.rejects(server.moveTo('webgpu'), DeviceError);
  assert.equal(server.device, 'cpu');
});
