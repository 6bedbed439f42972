import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadMeter } from '../../src/engine/load.ts';

test('a busy process shows; the share stays between 0 and 1', async () => {
  const meter = new LoadMeter();
  const busy = spawn(process.execPath, ['-e', 'for (;;);']);
  try {
    await sleep(2500);
    const share = meter.share();
    assert.ok(share > 0 && share <= 1, String(share));
    assert.equal(meter.share(), share, 'two readings at once are one');
  } finally {
    busy.kill('SIGKILL');
  }
});
