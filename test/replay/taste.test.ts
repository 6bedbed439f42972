/** Developers who refuse some of what is right. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { GRAMMARS } from '../../scripts/paths.ts';
import { parseOptions } from '../../scripts/replay.ts';
import type { Edit } from '../../src/completion/edit.ts';
import { armKinds } from '../../src/replay/arms.ts';
import { ReplayError } from '../../src/replay/history.ts';
import type { ArmReport } from '../../src/replay/report.ts';
import { runSession, type Settings } from '../../src/replay/session.ts';
import { fingerprintOf, openSource } from '../../src/replay/source.ts';
import { TASTES, tasteOf } from '../../src/replay/taste.ts';
import type { Question } from '../../src/replay/typist.ts';
import { walk } from '../../src/replay/walk.ts';
import { answered } from './answered.ts';
import { SAMPLE } from './sources.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'knack-taste-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

const DOCUMENT = 'const order = find();\n// now \nship(order);\n';

function question(path = 'src/a.ts', line = 0): Question {
  return { path, languageId: 'typescript', document: DOCUMENT, cursor: { line, character: 0 }, recent: [] };
}

function edit(line: number, from: number, to: number, text: string): Edit {
  return { start: { line, character: from }, end: { line, character: to }, text };
}

const names = (q: Question, e: Edit): string[] =>
  TASTES.filter((t) => !['half', 'folder', 'everything'].includes(t.name) && t.refuses(q, e)).map((t) => t.name);

test('what each taste refuses, by what is changed and where', () => {
  assert.deepEqual(names(question(), edit(0, 21, 21, ' ship(order);')), []);
  assert.deepEqual(names(question(), edit(0, 0, 21, 'const order = find(a);')), ['short'], 'what stays is no change');
  assert.deepEqual(names(question(), edit(0, 21, 21, '\nship(order);')), ['lines']);
  assert.deepEqual(names(question(), edit(0, 6, 19, '')), ['deletions']);
  assert.deepEqual(names(question(), edit(2, 12, 12, ' ship(order);')), ['next']);
  assert.deepEqual(names(question('src/a.ts', 1), edit(1, 7, 7, 'ship(order)')), ['prose']);
  assert.deepEqual(names(question('README.md'), edit(0, 21, 21, ' ship(order);')), ['prose']);
  for (const path of ['test/a.ts', 'a.test.ts', 'tests/test_a.py']) {
    assert.deepEqual(names(question(path), edit(0, 21, 21, ' ship(order);')), ['tests'], path);
  }
  assert.deepEqual(names(question(), edit(0, 21, 21, ' cancelled(order);')), ['names']);
  assert.deepEqual(names(question(), edit(9, 0, 0, 'x')), [], 'what does not lie in the document is no edit');
  const half = tasteOf('half');
  const refused = Array.from({ length: 200 }, (_, n) => half.refuses(question(), edit(0, 21, 21, `n${n}`)));
  assert.ok(Math.abs(refused.filter(Boolean).length - 100) < 30);
  assert.throws(() => tasteOf('nobody'), ReplayError);
  assert.throws(() => parseOptions(['x', '--refuses', 'nobody']), /Nobody refuses "nobody"\. There are: short, /);
});

test('what is refused is a reject, covers nothing, and is as right as before', () => {
  const right = { confidence: 1, outcome: 'right', reach: 5, supplied: 10 } as const;
  const asks = (isRefused: boolean) =>
    answered([
      { point: 'arrival', ...right, isRefused },
      { point: 'typing', text: 2, ...right },
      { point: 'typing', text: 3, confidence: null, isRefused },
    ]);
  const fates = (isRefused: boolean): string[] => [...walk(asks(isRefused), 0)].map((s) => s.fate);
  assert.deepEqual(fates(false), ['accepted', 'covered', 'covered']);
  assert.deepEqual(fates(true), ['rejected', 'accepted', 'covered']);
});

test('a replay of somebody who refuses everything: as exact, nothing accepted', async () => {
  const play = async (taste: string | null): Promise<ArmReport> => {
    const settings: Settings = {
      arms: armKinds(['copy']),
      span: { since: null, limit: 6, signals: null, every: 1 },
      ...{ seed: 0, workers: 1, sequence: false, idle: 64, canary: null },
      taste: taste === null ? null : tasteOf(taste),
      place: { model: null, cacheDir: dir, adapter: null, code: '' },
      ...{ grammars: GRAMMARS, moments: 0, worker: '', logs: dir, code: '', learning: '' },
    };
    const source = { source: SAMPLE, history: openSource(SAMPLE), fingerprint: fingerprintOf(SAMPLE) };
    const { report } = await runSession([source], settings, { begin() {}, progress() {}, end() {} });
    return report.pooled.arms[0]!;
  };
  const [usual, long, none] = [await play(null), await play('short'), await play('everything')];
  assert.ok(usual.accepted > 0);
  assert.deepEqual([long.exact, none.exact], [usual.exact, usual.exact]);
  assert.ok(long.accepted <= usual.accepted && none.accepted === 0 && none.partly === 0);
  assert.equal(none.saved, 0);
  assert.ok(none.shown >= usual.shown, 'what would have been covered is shown');
});
