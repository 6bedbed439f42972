import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StatusFacts, statusOf } from '../../src/editor/status.ts';
import type { EngineState } from '../../src/engine/protocol.ts';

const ready: EngineState = {
  phase: 'ready',
  message: '',
  checkpoint: 'base',
  training: { phase: 'waiting', message: 'Waiting for signals: 3 of 16.', newSignals: 3 },
  notices: [],
};

function check(facts: Partial<StatusFacts>, text: RegExp, details: RegExp, level = 'normal'): void {
  const status = statusOf({ enabled: true, engine: ready, thinking: 0, quiet: null, silent: null, ...facts });
  assert.match(`${status.icon} ${status.text}`, text);
  assert.match(status.details.join(' | '), details);
  assert.equal(status.level, level);
}

test('ready, thinking, learning', () => {
  check({}, /^sparkle Knack$/, /Ready\. \| Waiting for signals: 3 of 16/);
  check({ thinking: 1 }, /loading/, /Thinking/);
  check({ held: 0.12 }, /^sparkle Knack$/, /Held back here: .*12 % likely/);
  const training = { phase: 'running', message: 'Step 3 of 20.', newSignals: 0 } as const;
  check({ engine: { ...ready, training } }, /learning/, /Step 3 of 20/);
});
test('switched off: nothing else matters', () => {
  check({ enabled: false, engine: { ...ready, phase: 'failed' } }, /off$/, /switched off/);
});
test('why not here', () =>
  check({ quiet: 'it holds SSH keys' }, /circle-slash/, /No suggestions here: it holds SSH keys/));
test('quiet for now, unless there is a better reason', () => {
  const silent = 'snoozed until 14:30';
  check({ silent }, /bell-slash/, /Quiet: snoozed until 14:30\. \| Waiting for signals/);
  check({ silent, quiet: 'git ignores the file' }, /circle-slash/, /git ignores/);
});
test('on the way to ready', () => {
  check({ engine: { ...ready, phase: 'starting', message: 'The engine ended by SIGKILL.' } }, /starting/, /SIGKILL/);
  check({ engine: { ...ready, phase: 'downloading', progress: 0.256 } }, /downloading 25 %/, /^$/);
  check({ engine: { ...ready, phase: 'preparing', progress: 1 } }, /preparing 100 %/, /^$/);
  check({ engine: { ...ready, phase: 'preparing' } }, /preparing$/, /^$/);
});
test('what needs the user stands out', () => {
  check({ engine: { ...ready, phase: 'model-missing' } }, /no model/, /download/, 'warning');
  check({ engine: { ...ready, phase: 'failed', message: 'Do this.' } }, /stopped/, /Do this/, 'error');
  check({ engine: { ...ready, notices: ['A database was set aside.'] } }, /Knack$/, /set aside/, 'warning');
});
test('a click does what is needed', () => {
  const command = (facts: Partial<StatusFacts>) =>
    statusOf({ enabled: true, engine: ready, thinking: 0, quiet: null, silent: null, ...facts }).command;
  assert.equal(command({}), 'knack.menu');
  assert.equal(command({ enabled: false }), 'knack.enable');
  assert.equal(command({ engine: { ...ready, phase: 'model-missing' } }), 'knack.downloadModel');
});
