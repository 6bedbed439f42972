import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseSettings, RULES, type SettingName, type Settings } from '../../src/editor/settings.ts';

const defaults = parseSettings(() => undefined).settings;

test('nothing set: the defaults, and no complaint', () => {
  assert.deepEqual(parseSettings(() => undefined).problems, []);
  assert.equal(defaults.enabled, true);
  assert.equal(defaults.engine.modelPath, null);
  assert.deepEqual(defaults.engine.training, {
    enabled: true,
    minSignals: 16,
    idleSeconds: 60,
    onBattery: false,
    memoryMb: 1536,
    tokenBudget: 20_000,
    device: 'auto',
  });
  assert.deepEqual(defaults.engine.retention, { days: 90, megabytes: 500 });
});

/** One setting given, what is read of it, and how many problems are told. */
function check(name: SettingName, given: unknown, read: (s: Settings) => unknown, expect: unknown, problems = 0): void {
  const parsed = parseSettings((n) => (n === name ? given : undefined));
  assert.deepEqual(read(parsed.settings), expect);
  assert.equal(parsed.problems.length, problems, parsed.problems.join());
  for (const problem of parsed.problems) assert.match(problem, new RegExp(`^knack\\.${name} `));
}

test('values that can be used are', () => {
  check('enabled', false, (s) => s.enabled, false);
  check('debounceMs', 0, (s) => s.debounceMs, 0);
  check('debounceMs', null, (s) => s.debounceMs, null);
  check('trigger', 'manual', (s) => s.trigger, 'manual');
  check('eagerness', 'low', (s) => s.eagerness, 'low');
  check('exclude', ['*.sql'], (s) => s.exclude, ['*.sql']);
  check('nodePath', ' /usr/bin/node ', (s) => s.nodePath, '/usr/bin/node');
  check('model.path', '/models/a.gguf', (s) => s.engine.modelPath, '/models/a.gguf');
  check('model.promptFormat', 'fim', (s) => s.engine.promptStyle, 'fim');
  check('model.promptFormat', 'auto', (s) => s.engine.promptStyle, null);
  check('model.mirror', ' https://hf-mirror.com ', (s) => s.engine.mirror, 'https://hf-mirror.com');
  check('memory.enabled', false, (s) => s.engine.memory.enabled, false);
  check('training.memoryMb', 1024, (s) => s.engine.training.memoryMb, 1024);
  check('training.device', 'webgpu', (s) => s.engine.training.device, 'webgpu');
  check('retention.days', 1, (s) => s.engine.retention.days, 1);
});

test('values that cannot give way to the default, and are told', () => {
  check('enabled', 'yes', (s) => s.enabled, true, 1);
  check('debounceMs', -1, (s) => s.debounceMs, null, 1);
  check('debounceMs', Number.NaN, (s) => s.debounceMs, null, 1);
  check('debounceMs', '50', (s) => s.debounceMs, null, 1);
  check('eagerness', 'very', (s) => s.eagerness, 'medium', 1);
  check('retention.days', null, (s) => s.engine.retention.days, 90);
  check('exclude', '*.sql', (s) => s.exclude, [], 1);
  check('exclude', [1], (s) => s.exclude, [], 1);
  check('exclude', ['*.sql', 1, { 'dist/**': true }, 'private/**'], (s) => s.exclude, ['*.sql', 'private/**'], 1);
  check('disabledLanguages', { markdown: true }, (s) => s.disabledLanguages, [], 1);
  check('nodePath', 'node', (s) => s.nodePath, null, 1);
  check('model.promptFormat', 'chat', (s) => s.engine.promptStyle, null, 1);
  check('model.mirror', 'file:///etc', (s) => s.engine.mirror, null, 1);
  check('training.memoryMb', 10, (s) => s.engine.training.memoryMb, 1536, 1);
  check('training.device', 'gpu', (s) => s.engine.training.device, 'auto', 1);
});

test('of a list of patterns, only the one that cannot be used is left out', () => {
  check('exclude', ['*.sql', '!*.ts'], (s) => s.exclude, ['*.sql', '!*.ts'], 1);
});

test('package.json describes each setting, with the same default and bounds', () => {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  const described: Record<string, Record<string, unknown>> = Object.assign(
    {},
    ...manifest.contributes.configuration.map((c: { properties: object }) => c.properties),
  );
  assert.deepEqual(Object.keys(described).sort(), Object.keys(RULES).map((n) => `knack.${n}`).sort()); // biome-ignore format: a row
  for (const [name, rule] of Object.entries(RULES)) {
    const setting = described[`knack.${name}`]!;
    assert.deepEqual(setting.default, rule.fallback, name);
    assert.match(String(setting.markdownDescription), /^%knack\..*%$/, name);
    if ('from' in rule) assert.deepEqual([setting.minimum, setting.maximum], [rule.from, rule.to], name);
    if (rule.kind === 'choice') assert.deepEqual(setting.enum, rule.of, name);
    // A folder that is opened must not choose what runs, what is stored, or what the machine spends.
    if (/^(nodePath|model|training|retention)/.test(name)) assert.equal(setting.scope, 'machine', name);
  }
});
