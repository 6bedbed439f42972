import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEVICES, missingProvider, type Platform, softwareAdapter } from '../../src/engine/device.ts';
import { thisPlatform } from '../../src/engine/devices.ts';

const RUNTIME = join(import.meta.dirname, '../../node_modules/onnxruntime-node/bin/napi-v6');

function platform(name: string, changes: Partial<Platform> = {}): Platform {
  const [os, arch] = name.split('-') as [string, string];
  return { os, arch, musl: false, files: [], ...changes };
}

const has = (where: Platform): string[] => DEVICES.filter((device) => missingProvider(device, where) === null);

test('which devices a platform’s onnxruntime-node has', () => {
  assert.deepEqual(has(platform('linux-x64')), ['cpu', 'webgpu']);
  assert.deepEqual(has(platform('linux-x64', { files: ['libonnxruntime_providers_cuda.so'] })), ['cpu', 'webgpu', 'cuda']); // biome-ignore format: a row
  assert.deepEqual(has(platform('linux-arm64')), ['cpu']);
  assert.deepEqual(has(platform('darwin-arm64')), ['cpu', 'webgpu', 'coreml']);
  assert.deepEqual(has(platform('win32-x64')), ['cpu', 'webgpu', 'dml']);
  assert.deepEqual(has(platform('darwin-x64')), []);
  assert.deepEqual(has(platform('linux-x64', { musl: true })), []);
  assert.equal(
    missingProvider('cpu', platform('linux-x64', { musl: true })),
    'onnxruntime-node has no library for linux-x64 with musl (such as Alpine Linux).',
  );
});

test('the table is that of the installed package: a library for each platform, none for the others', () => {
  for (const name of ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64', 'win32-x64', 'win32-arm64']) {
    const { os, arch } = platform(name);
    assert.equal(existsSync(join(RUNTIME, os, arch)), has(platform(name)).length > 0, name);
  }
});

test('this machine has a library, and its files are found', () => {
  const own = thisPlatform();
  assert.equal(missingProvider('cpu', own), null);
  assert.ok(own.files.includes('onnxruntime_binding.node'));
});

test('an adapter is software if a software driver is loaded, and none of hardware that is there', () => {
  const swiftshader = '/usr/lib/chromium/./libvk_swiftshader.so';
  const llvmpipe = '/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so';
  const radeon = '/usr/lib/x86_64-linux-gnu/libvulkan_radeon.so';
  assert.equal(softwareAdapter([swiftshader], false), 'SwiftShader');
  assert.equal(softwareAdapter([swiftshader], true), 'SwiftShader');
  assert.equal(softwareAdapter([llvmpipe], null), 'llvmpipe');
  assert.equal(softwareAdapter(['C:\\Windows\\System32\\d3d10warp.dll'], false), 'WARP');
  // Mesa's loader opens all of its drivers, whatever the machine has.
  assert.equal(softwareAdapter([llvmpipe, radeon], true), null);
  assert.equal(softwareAdapter([llvmpipe, radeon], false), 'llvmpipe');
  assert.equal(softwareAdapter([radeon], true), null);
});
