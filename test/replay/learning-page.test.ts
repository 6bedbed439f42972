import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { learningPage } from '../../scripts/learning/page.ts';
import { readReports } from '../../scripts/learning-report.ts';
import { ROOT } from '../../scripts/paths.ts';

test('docs/learning.md is what its reports say', () => {
  const { reports, notes } = readReports();
  assert.ok(reports.length > 0);
  assert.equal(readFileSync(join(ROOT, 'docs', 'learning.md'), 'utf8'), learningPage(reports, notes));
});

test('every arm of every source and the pooled ones have a row; a learner’s curve says that it is counterfactual', () => {
  const { reports } = readReports();
  const [first] = reports;
  const { sources, pooled } = first!.report;
  const learner = { ...pooled.arms[0]!, name: 'weights', curveIs: 'counterfactual' as const };
  const report = { ...first!.report, pooled: { arms: [...pooled.arms, learner] } };
  const page = learningPage([{ file: 'a.json', report }], 'By hand.');
  for (const { name, arms } of sources) for (const arm of arms) assert.ok(page.includes(`| ${name} | ${arm.name} |`));
  assert.match(page, /\| pooled \| weights \|/);
  assert.match(page, /\| weights \(counterfactual\) \|/);
  assert.match(page, /\nBy hand\.\n/);
  assert.doesNotMatch(page, /undefined|NaN|\[object/);
});

test('a file that is no report is named', () => {
  const dir = mkdtempSync(join(tmpdir(), 'knack-learning-page-'));
  writeFileSync(join(dir, 'broken.json'), '{"protocol":1}');
  assert.throws(() => readReports(dir), /broken\.json is no report of npm run replay/);
  rmSync(dir, { recursive: true });
});
