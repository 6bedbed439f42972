import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { linux, onBattery, parseWindows } from '../../src/engine/battery.ts';

function supplies(all: Record<string, Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'knack-power-'));
  for (const [name, files] of Object.entries(all)) {
    mkdirSync(join(folder, name));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), `${text}\n`);
  }
  return folder;
}

const battery = (status: string): Record<string, string> => ({ type: 'Battery', status });

for (const [name, all, want] of [
  ['a desktop', {}, false],
  ['a laptop away from its charger', { BAT0: battery('Discharging'), AC: { type: 'Mains', online: '0' } }, true],
  ['a laptop on its charger', { BAT0: battery('Charging'), AC: { type: 'Mains', online: '1' } }, false],
  ['a weak charger', { AC: { type: 'Mains', online: '1' }, BAT0: battery('Discharging') }, false],
  ['a wireless mouse', { mouse: { ...battery('Discharging'), scope: 'Device' } }, false],
] as const) {
  test(`on battery: ${name}: ${want}`, async () => assert.equal(await linux(supplies(all)), want));
}

test('an unknown platform counts as mains', async () => assert.equal(await onBattery('aix'), false));
test('Windows: only discharging is 1', () => {
  assert.equal(parseWindows('1\r\n'), true);
  assert.equal(parseWindows('2\r\n'), false);
  assert.equal(parseWindows(''), false);
});
