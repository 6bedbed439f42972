/** When and where a round runs: real processes for trainer and probe, a real database. */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseSettings } from '../../src/editor/settings.ts';
import type { DeviceSetting } from '../../src/engine/device.ts';
import { Devices } from '../../src/engine/devices.ts';
import { Schedule } from '../../src/engine/schedule.ts';
import { offered, outcome } from '../signals/events.ts';
import { storeFor } from '../signals/folder.ts';

interface Rig {
  readonly schedule: Schedule;
  readonly log: string[];
  readonly notices: string[];
  /** Starts a round and waits until it is over. */
  readonly round: () => Promise<void>;
}

function rig(t: TestContext, device: DeviceSetting, probe: string, fail = ''): Rig {
  process.env.FAIL = fail;
  // Hooks run in their order: first the schedule ends, then the store.
  let dispose = (): void => {};
  t.after(() => dispose());
  const { store, path } = storeFor(t);
  const storageDir = dirname(path);
  store.record([offered('a'), outcome('a')]);
  const [log, notices]: string[][] = [[], []];
  let over: (() => void) | null = null;
  const { engine } = parseSettings((name) => (name === 'training.device' ? device : undefined)).settings;
  const schedule = new Schedule({
    store,
    windowId: 'window-1',
    baseHash: 'ab'.repeat(32),
    trainerPath: join(import.meta.dirname, 'trainers', 'driver.ts'),
    devices: new Devices({
      storageDir,
      probePath: join(import.meta.dirname, 'probes', probe),
      version: '1',
      log: (_level, message) => log!.push(message),
      platform: { os: 'linux', arch: 'x64', musl: false, files: [] },
      graphics: async () => ({ id: 'a card', hardware: true }),
    }),
    job: { storageDir, cacheDir: storageDir, modelPath: '', promptStyle: null },
    settings: () => engine,
    trusted: () => true,
    log: (_level, message) => log!.push(message),
    notice: (message) => notices!.push(message),
    onState: () => {},
    onRound: () => over?.(),
    clock: Date.now,
  });
  dispose = () => schedule.dispose();
  const round = async (): Promise<void> => {
    const ended = new Promise<void>((resolve) => {
      over = resolve;
    });
    assert.deepEqual(schedule.trainNow(), { started: true, reason: 'Started.' });
    assert.equal(schedule.trainNow().reason, 'A round is running already.');
    await ended;
  };
  return { schedule, log: log!, notices: notices!, round };
}

const asked = (log: readonly string[]): string[] => log.filter((line) => line.startsWith('asked for'));

test('a device that passes its test trains', async (t) => {
  const { schedule, log, notices, round } = rig(t, 'auto', 'good.ts');
  await round();
  assert.deepEqual(asked(log), ['asked for webgpu ()']);
  assert.equal(schedule.state.device, 'Training runs on WebGPU.');
  assert.equal(schedule.state.phase, 'waiting');
  assert.deepEqual(notices, []);
});

test('a device that the user asked for and that fails its test: the CPU trains, with a notice', async (t) => {
  const { schedule, log, notices, round } = rig(t, 'webgpu', 'crash.ts');
  await round();
  const why = 'WebGPU’s driver ended the test’s process (SIGSEGV) while opening WebGPU';
  assert.deepEqual(asked(log), [`asked for cpu (${why}.)`]);
  assert.deepEqual(notices, [`Training runs on the CPU: ${why}.`]);
  assert.equal(schedule.state.device, notices[0]);
});

test('a device that auto refuses is said in the state, without a notice', async (t) => {
  const { schedule, notices, round } = rig(t, 'auto', 'crash.ts');
  await round();
  assert.match(schedule.state.device ?? '', /^Training runs on the CPU: WebGPU’s driver ended/);
  assert.deepEqual(notices, []);
});

test('a trainer that dies on a device costs a notice; the next round takes the CPU and no smaller batch', async (t) => {
  const { log, notices, round } = rig(t, 'auto', 'good.ts', 'crash');
  await round();
  const why = 'The trainer ended unexpectedly (SIGSEGV) on WebGPU';
  assert.deepEqual(notices, [`Training runs on the CPU: ${why}.`]);
  await round();
  assert.deepEqual(asked(log), ['asked for webgpu ()', `asked for cpu (${why}.)`]);
  assert.ok(log.some((line) => /^Training round started on cpu .* batch share 1\)/.test(line)));
});

test('a device that fails in the middle of a round: a notice, and the next round takes the CPU', async (t) => {
  const { schedule, log, notices, round } = rig(t, 'webgpu', 'good.ts', 'told');
  await round();
  assert.deepEqual(notices, ['Training runs on the CPU: It broke.']);
  assert.equal(schedule.state.message, 'Not taken up.');
  await round();
  assert.deepEqual(asked(log), ['asked for webgpu ()', 'asked for cpu (It broke.)']);
});

test('testing again forgets what went wrong', async (t) => {
  const { schedule, log, round } = rig(t, 'auto', 'good.ts', 'told');
  await round();
  assert.equal(await schedule.testDevices(), 'Training runs on WebGPU.');
  await round();
  assert.deepEqual(asked(log), ['asked for webgpu ()', 'asked for webgpu ()']);
});

test('a round that is stopped while a device is tested never begins', async (t) => {
  const { schedule, log } = rig(t, 'auto', 'hang.ts');
  assert.equal(schedule.trainNow().started, true);
  assert.equal(schedule.state.message, 'Choosing the device to train on.');
  await new Promise((resolve) => setTimeout(resolve, 300));
  schedule.dispose();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(asked(log), []);
  assert.equal(schedule.state.phase, 'waiting');
});
