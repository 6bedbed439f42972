/** The gate as an arm: it judges what `frozen` answers, learns along the walk, and costs no second pass of the model. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { GRAMMARS } from '../../scripts/paths.ts';
import { agreement } from '../../src/replay/agreement.ts';
import { armKinds } from '../../src/replay/arms.ts';
import { ReplayError } from '../../src/replay/history.ts';
import { runSession, type Session, type Settings } from '../../src/replay/session.ts';
import { fingerprintOf, openSource } from '../../src/replay/source.ts';
import { writeTinyModel } from '../model/tiny.ts';
import { SAMPLE } from './sources.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'knack-gate-'));
  writeTinyModel(join(dir, 'tiny'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

const QUIET = { begin() {}, progress() {}, end() {} };

function run(arms: readonly string[], logs: string, limit = 2): Promise<Session> {
  const settings: Settings = {
    arms: armKinds(arms),
    span: { since: null, limit, signals: null, every: 1 },
    seed: 3,
    workers: 1,
    sequence: false,
    idle: 64,
    canary: null,
    taste: null,
    place: { model: join(dir, 'tiny'), cacheDir: dir, adapter: null, code: '' },
    grammars: GRAMMARS,
    moments: 0,
    worker: join(import.meta.dirname, '..', '..', 'src', 'replay', 'worker.ts'),
    logs: join(dir, logs),
    code: '',
    learning: '',
  };
  return runSession(
    [{ source: SAMPLE, history: openSource(SAMPLE), fingerprint: fingerprintOf(SAMPLE) }],
    settings,
    QUIET,
  );
}

const plain = (session: Session): unknown =>
  JSON.parse(JSON.stringify(session, (key, value) => (key === 'cost' ? undefined : value)));

function logged(logs: string): { id: string; arm: string }[] {
  const [name] = readdirSync(join(dir, logs));
  return readFileSync(join(dir, logs, name!), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('parts are joined in any order to the same arm; what is no arm is refused', () => {
  assert.deepEqual(
    armKinds(['typing+gate', 'gate+typing', 'frozen', 'gate']).map((k) => [k.name, k.threshold, k.learns?.typing]),
    [
      ['gate+typing', 0.25, true],
      ['frozen', -0.053, undefined],
      ['gate', 0.25, false],
    ],
  );
  assert.deepEqual(
    armKinds(['frozen', 'gate'], -1).map((k) => k.threshold),
    [-1, 0.25],
    '--threshold is a log-probability',
  );
  for (const name of ['typing', 'gate+gate', 'gate+copy', '']) assert.throws(() => armKinds([name]), ReplayError);
});

test('with frozen or alone, at once or resumed: the same figures of the same answers, each made once', async () => {
  const both = await run(['frozen', 'gate'], 'both');
  const [frozen, gate] = both.report.pooled.arms;
  assert.deepEqual(gate!.exact, frozen!.exact, 'what is answered is what frozen answers');
  assert.equal(gate!.curveIs, 'counterfactual');
  const entries = logged('both');
  assert.ok(entries.length > 0 && entries.every((e) => e.arm === 'frozen'));
  assert.equal(new Set(entries.map((e) => e.id)).size, entries.length, 'no second pass');

  await run(['frozen'], 'resumed', 1);
  const resumed = await run(['frozen', 'gate'], 'resumed');
  assert.deepEqual(plain(resumed), plain(both));
  const alone = await run(['gate'], 'both');
  const { lift, vs, ...figures } = alone.report.pooled.arms[0]!;
  for (const [name, value] of Object.entries(figures)) {
    if (name !== 'cost') assert.deepEqual(value, gate![name as keyof typeof gate], name);
  }
  assert.deepEqual(logged('both'), entries);
});

test('the prior judges what frozen answers, as a gate that has learned nothing', async () => {
  const { report } = await run(['frozen', 'prior', 'gate'], 'prior');
  const [frozen, prior, gate] = report.pooled.arms;
  assert.deepEqual(prior!.exact, frozen!.exact);
  assert.deepEqual([prior!.curveIs, gate!.curveIs], ['exact', 'counterfactual']);
  assert.ok(gate!.overPrior !== undefined && prior!.overPrior === undefined);
  assert.ok(logged('prior').every((e) => e.arm === 'frozen'));
});

test('what was typed tells what a suggestion that was not shown would have been worth', () => {
  const document = 'a(\nend\n';
  const at = (line: number, character: number) => ({ line, character });
  const put = (text: string) => ({ start: at(0, 2), end: at(0, 2), text });
  const typed = put('x, y)\n  more();');
  assert.equal(agreement(document, put('x, y)\n  more();'), typed), 1, 'the same');
  assert.equal(agreement(document, put('x, y)'), typed), 1, 'how it began');
  assert.equal(agreement(document, put('x, y)\n  less();'), typed), 0.5, 'its first line');
  assert.equal(agreement(document, put('y)'), typed), 0);
  assert.equal(agreement(document, put('x, y)\n  more();\n  less();'), typed), 0.5, 'too much');
  const removal = { start: at(0, 1), end: at(1, 0), text: '' };
  assert.equal(agreement(document, removal, removal), 1);
  assert.equal(agreement(document, removal, typed), 0);
  assert.equal(agreement(document, { ...removal, end: at(9, 0) }, typed), 0, 'out of the document');
});
