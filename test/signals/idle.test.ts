import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IdleFacts, mayTrain } from '../../src/signals/idle.ts';

const ready: IdleFacts = {
  now: 1_000_000,
  lastActivity: 900_000,
  idleSeconds: 60,
  newSignals: 20,
  minSignals: 10,
  load: 0.1,
  onBattery: false,
  allowBattery: false,
  trusted: true,
  enabled: true,
};

test('trains when everything allows it', () => {
  assert.deepEqual(mayTrain(ready), { go: true });
  assert.deepEqual(mayTrain({ ...ready, lastActivity: 940_000 }), { go: true }, 'at exactly 60 s');
  assert.deepEqual(mayTrain({ ...ready, lastActivity: 0 }), { go: true }, 'no activity is known');
  assert.deepEqual(mayTrain({ ...ready, onBattery: true, allowBattery: true }), { go: true });
  assert.deepEqual(mayTrain({ ...ready, newSignals: 10, load: 0.5 }), { go: true }, 'at the bounds');
});

test('each reason not to, in words', () => {
  const cases: [Partial<IdleFacts>, RegExp][] = [
    [{ enabled: false }, /switched off/],
    [{ trusted: false }, /not trusted/],
    [{ newSignals: 9 }, /9 of 10/],
    [{ onBattery: true }, /mains power/],
    [{ lastActivity: 940_001 }, /pause of 60 s/],
    [{ load: 0.51 }, /less busy/],
    [{ lastActivity: 2_000_000 }, /pause/], // the clock was set back
    [{ enabled: false, trusted: false, newSignals: 0, load: 0.9 }, /switched off/], // the lasting reason first
  ];
  for (const [facts, reason] of cases) {
    const decision = mayTrain({ ...ready, ...facts });
    assert.ok(!decision.go, JSON.stringify(facts));
    assert.match(decision.reason, reason);
  }
});
