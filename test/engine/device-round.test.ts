/** Where a whole round runs: the shipped engine, probe and trainer, a tiny model, a real database. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accepted, type Bench, makeBench, openWindow } from './real-engine.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => bench.dispose());

test('a device that this platform lacks: the CPU trains, and engine, notice and database say why', {
  timeout: 120_000,
}, async (t) => {
  // No package has Core ML and DirectML both.
  const device = process.platform === 'darwin' ? 'dml' : 'coreml';
  const w = openWindow(t, bench, { training: { device, tokenBudget: 2_000 } });
  await w.ready();
  await w.record(accepted(8));
  await w.client.trainNow();
  await w.until('ended', () => w.logs.some((line) => line.includes('Training round ended')));
  const name = device === 'dml' ? 'DirectML' : 'Core ML';
  const why = new RegExp(
    `^onnxruntime-node has no ${name} on ${process.platform}-${process.arch} \\(it has: CPU.*\\)$`,
  );
  const said = w.state.training.device ?? '';
  assert.match(said.replace(/^Training runs on the CPU: (.*)\.$/, '$1'), why);
  assert.deepEqual(w.state.notices, [said]);
  const [round] = w.query<{ device: string; decision: string }>('SELECT device, decision FROM round');
  assert.match(/^cpu \((.*)\.\)$/.exec(round!.device)?.[1] ?? round!.device, why);
  assert.ok(['promoted', 'refused'].includes(round!.decision), round!.decision);
});

test('testing the devices again says what trains and what suggests', { timeout: 240_000 }, async (t) => {
  const w = openWindow(t, bench, { training: { device: 'auto' } });
  await w.ready();
  const answer = await w.client.testDevices();
  const said = /^(Training runs on .+\.) (Suggestions are made on .+\.)$/.exec(answer);
  assert.ok(said, answer);
  assert.equal(w.state.training.device, said[1]);
});
