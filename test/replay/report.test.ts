import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ArmRuns, notes, pool, reportArms, table } from '../../src/replay/report.ts';
import { alike } from './answered.ts';

const arm = (name: string, right: number, wrong: number, commits = 60): ArmRuns => ({
  name,
  threshold: 0.5,
  runs: [alike(commits, right, wrong)],
  learns: false,
  learned: null,
  forgotten: null,
  times: [1, 2, 3, 4, 100],
  checks: [2],
  peakMemory: 1000,
});

test('a report of one source: counts, figures, intervals, curve, signals by hundreds, cost', () => {
  const [report] = reportArms([arm('zeroshot', 0.9, 0.6)], 0);
  assert.deepEqual(report!.asks, { far: 0, arrival: 60, typing: 120, rest: 60 });
  assert.deepEqual([report!.shown, report!.accepted, report!.partly, report!.rejected], [120, 60, 0, 60]);
  assert.deepEqual([report!.acceptRate, report!.saved, report!.reward], [0.5, 0.5, 12.5]);
  assert.deepEqual(report!.exact, { far: null, arrival: 1, typing: 0, rest: 1 });
  assert.deepEqual(report!.intervals.acceptRate, { value: 0.5, low: 0.5, high: 0.5 });
  assert.deepEqual(
    report!.bySignals.map((p) => [p.signals, p.accepted, p.rejected]),
    [
      [100, 50, 50],
      [120, 10, 10],
    ],
  );
  assert.deepEqual(report!.cost, {
    askMs: { p50: 3, p95: 4 },
    checkMs: { p50: 2, p95: 2 },
    peakMemory: 1000,
    training: null,
  });
  assert.equal(report!.lift, null, 'there is no frozen arm to be held against');
});

test('against frozen: lift of the others over all asks and the last half, and frozen versus theirs', () => {
  const reports = reportArms([arm('frozen', 0.6, 0.9), arm('zeroshot', 0.9, 0.4), arm('copy', 0.6, 0.9)], 0);
  const [frozen, zeroshot] = reports;
  assert.deepEqual(zeroshot!.lift!.all.acceptRateAtEqualSaved, { value: 1, low: 1, high: 1 });
  assert.deepEqual(zeroshot!.lift!.lastHalf.reward, { value: 6.25, low: 6.25, high: 6.25 });
  assert.equal(frozen!.lift!.all.acceptRateAtEqualSaved.value, 0);
  assert.deepEqual(Object.keys(frozen!.vs!), ['zeroshot', 'copy']);
  assert.equal(frozen!.vs!.zeroshot!.value, -0.5);
  assert.equal(frozen!.vs!.copy!.value, 0);
  assert.equal(zeroshot!.vs, undefined);
});

test('a gate and more against the gate alone', () => {
  const arms = [arm('gate', 0.6, 0.9), arm('gate+memory', 0.9, 0.4), arm('memory', 0.9, 0.4)];
  const [gate, more, memory] = reportArms(arms, 0);
  assert.deepEqual(more!.overGate!.all.acceptRateAtEqualSaved, { value: 1, low: 1, high: 1 });
  assert.deepEqual(more!.overGate!.lastHalf.reward, { value: 6.25, low: 6.25, high: 6.25 });
  assert.deepEqual([gate!.overGate, memory!.overGate, more!.lift], [undefined, undefined, null]);
  assert.match(
    notes([more!]),
    /gate\+memory against the gate alone: 6\.25 .*, accept rate at equal saved \+100 %.*; last half/,
  );
  assert.equal(reportArms(arms.slice(1), 0)[0]!.overGate, undefined, 'the gate was not played');
});

test('a gate, alone or with more, against its prior', () => {
  const arms = [arm('prior', 0.6, 0.9), arm('gate', 0.9, 0.4), arm('gate+memory', 0.6, 0.9), arm('memory', 0.9, 0.4)];
  const [prior, gate, more, memory] = reportArms(arms, 0);
  assert.deepEqual(gate!.overPrior!.lastHalf.reward, { value: 6.25, low: 6.25, high: 6.25 });
  assert.equal(more!.overPrior!.all.reward.value, 0);
  assert.deepEqual([prior!.overPrior, memory!.overPrior], [undefined, undefined]);
  assert.match(
    notes([gate!]),
    /gate against the gate's prior: 6\.25 .*, accept rate at equal saved \+100 %.*; last half/,
  );
});

test('pooled figures are those of summed counts', () => {
  const sources = [[arm('copy', 0.9, 0.4, 10)], [arm('copy', 0.9, 0.9, 30)]];
  const [pooled] = reportArms(pool(sources), 0);
  assert.equal(pooled!.shown, 10 + 60);
  assert.equal(pooled!.acceptRate, 40 / 70);
  assert.equal(pooled!.asks.arrival, 40);
  const { low, high } = pooled!.intervals.acceptRate;
  assert.ok(low! < high!);
});

test('the table has a line an arm, with intervals', () => {
  const lines = table(reportArms([arm('zeroshot', 0.9, 0.6), arm('copy', 0.1, 0.2)], 0)).split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines[1]!, /^zeroshot +120 +50\.0 % \(50\.0 % to 50\.0 %\)/);
  assert.match(lines[2]!, /^copy +0 +–/);
});
