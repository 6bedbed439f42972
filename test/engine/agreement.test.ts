import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Course, disagreement } from '../../src/engine/agreement.ts';

const start = [0, 0, 0, 0];
const cpu: Course = {
  losses: [4, 2],
  norms: [1, 0.5],
  parameters: [0.01, -0.01, 0.01, -0.01],
  moments: [0.1, 0.2, -0.1, 0.3],
};

function check(changes: Partial<Course>, expect: RegExp | null): void {
  const said = disagreement(cpu, { ...cpu, ...changes }, start);
  if (expect === null) assert.equal(said, null);
  else assert.match(said ?? 'nothing', expect);
}

test('rounding is agreement', () => {
  check({}, null);
  check({ losses: [4.0001, 2.0001], norms: [1.0005, 0.5] }, null);
  check({ moments: [0.1001, 0.2, -0.1, 0.3], parameters: [0.0101, -0.01, 0.01, -0.01] }, null);
});

test('what differs is named', () => {
  check({ losses: [4, 2.001] }, /^the loss differs by 5\.0e-4 \(allowed: 0\.0001\)$/);
  check({ norms: [1, 0.51] }, /^the gradients’ norm differs/);
  check({ moments: [0.1, 0.2, -0.1, 0.31] }, /^the mean gradient differs/);
  check({ parameters: [0.01, -0.01, 0.01, 0.01] }, /^the change of the parameters differs/);
  check({ losses: [4, 3], norms: [2, 2] }, /^the loss .*, the gradients’ norm /);
});

test('what is missing or not a number is no agreement', () => {
  check({ losses: [4, Number.NaN] }, /^the loss is not a number/);
  check({ losses: [4] }, /^the loss is not a number/);
  check({ moments: [Number.NaN, 0.2, -0.1, 0.3] }, /^the mean gradient is not a number/);
  check({ parameters: [0.01] }, /^the change of the parameters is not a number/);
});
