import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FEATURE_NAMES } from '../../src/gate/features.ts';
import { fixedGate, Gate, SHOW } from '../../src/gate/gate.ts';
import { Habits, isTest, type Judged, kindsOf, LEVELS, TRAITS } from '../../src/gate/habits.ts';
import { seeded } from '../../src/trainer/random.ts';

/** A suggestion of features that are not 0. */
function judged(
  features: Readonly<Record<string, number>>,
  path = 'src/shop/orders.ts',
  languageId = 'typescript',
): Judged {
  for (const name of Object.keys(features)) assert.ok(FEATURE_NAMES.includes(name), name);
  return { features: FEATURE_NAMES.map((name) => features[name] ?? 0), path, languageId };
}

const characters = (n: number): number => Math.round((Math.log1p(n) / 3) * 1e4) / 1e4;
const plain = judged({ characters: characters(20), 'at the last edit': 1 });
const comment = judged({ characters: characters(20), 'at the last edit': 1, 'in a comment': 1 });

const names = (of: Judged): string[] => kindsOf(of).map((k) => ('name' in k ? `${k.is} ${k.name}` : k.is));

test('a suggestion belongs to kinds by what it does, where it stands and whose file it is', () => {
  const mine = ['folder src/shop', 'file src/shop/orders.ts', 'language typescript'];
  assert.deepEqual(names(plain), ['here', ...mine]);
  assert.deepEqual(names(comment), ['prose', 'here', ...mine]);
  for (const [n, is] of [
    [1, 'short'],
    [7, 'short'],
    [8, null],
    [40, null],
    [41, 'long'],
    [500, 'long'],
  ] as const) {
    const kinds = names(judged({ characters: characters(n) }));
    assert.deepEqual(
      kinds.filter((k) => k === 'short' || k === 'long'),
      is === null ? [] : [is],
      `${n} characters`,
    );
  }
  const other = judged(
    {
      lines: 0.69,
      'takes away': 1,
      removes: characters(12),
      'lines from the cursor': 0.35,
      'in a word': 1,
      'does an edit again': 1,
    },
    'a_test.go',
    'go',
  );
  assert.deepEqual(names(other), [
    'lines',
    'removes',
    'next',
    'tests',
    'word',
    'again',
    'away',
    'folder ',
    'file a_test.go',
    'language go',
  ]);
  assert.deepEqual(
    ['test/a.ts', 'a/__tests__/b.js', 'src/x.test.ts', 'pkg/x_test.go', 'tests/test_a.py', 'spec/a.rb'].map(isTest),
    Array(6).fill(true),
  );
  assert.deepEqual(
    ['src/latest/a.ts', 'src/testing.ts', 'contest.md', 'inspector/a.ts'].map(isTest),
    Array(4).fill(false),
  );
});

test('Bayes: one kind and one outcome, by hand', () => {
  const habits = new Habits();
  const [kind, p] = [comment, 0.6];
  const n = kindsOf(kind).length;
  const mean = (w: readonly number[]): number =>
    w.reduce((sum, x, i) => sum + x * LEVELS[i]!.factor, 0) / w.reduce((a, b) => a + b, 0);
  const prior = LEVELS.map((l) => l.prior);
  assert.ok(Math.abs(habits.factor(kind, 0) - mean(prior) ** n) < 1e-12);
  habits.learn(kind, p, 0, 0);
  const others = p * mean(prior) ** (n - 1);
  const after = LEVELS.map((l) => l.prior * (1 - l.factor * others));
  assert.ok(Math.abs(habits.factor(kind, 0) - mean(after) ** n) < 1e-12);
});

test('ten refused comments among accepted code: comments are not wanted, and nothing else is blamed', () => {
  const habits = new Habits();
  const before = habits.factor(plain, 0);
  for (let at = 0; at < 20; at++) habits.learn(at % 2 === 0 ? comment : plain, 0.5, at % 2, at);
  assert.ok(habits.factor(comment, 20) < 0.3, `${habits.factor(comment, 20)}`);
  assert.ok(habits.factor(plain, 20) > before, 'what was accepted is no habit');
  assert.deepEqual(
    habits.seldom(20).map(({ kind, shown, taken }) => [kind.is, shown, taken]),
    [['prose', 10, 0]],
  );
});

test('a habit that is given up is forgotten: by accepts soon, by itself after a while', () => {
  const habits = new Habits();
  let at = 0;
  for (; at < 200; at++) habits.learn(comment, 0.5, 0, at);
  const low = habits.factor(comment, at);
  assert.ok(low < 0.05);
  assert.ok(habits.factor(comment, at + 20_000) > 0.8, 'nothing learned for long');
  for (let n = 0; n < 8; n++, at++) habits.learn(comment, 0.5, 1, at);
  assert.ok(habits.factor(comment, at) > 0.5, `${habits.factor(comment, at)}`);
});

test('what is no number teaches nothing, and a clock that jumps back neither', () => {
  const habits = new Habits();
  const before = habits.factor(plain, 5);
  habits.learn(plain, Number.NaN, 0, 1);
  habits.learn(plain, 0.5, Number.NaN, 1);
  habits.learn(plain, 0.5, 0, Number.POSITIVE_INFINITY);
  assert.equal(habits.factor(plain, 5), before);
  habits.learn(plain, 0.5, 0, 1_000);
  for (const at of [0, -1e9, Number.NaN]) {
    const factor = habits.factor(plain, at);
    assert.ok(factor > 0 && factor <= 1, `${at}: ${factor}`);
  }
  habits.learn(judged({}, '', ''), 0, 0, 0);
  habits.learn({ features: [], path: '/'.repeat(9_999), languageId: '' }, 1, 0, 0);
});

test('twelve thousand files: bounded, and what was told lately is kept', () => {
  const habits = new Habits();
  for (let n = 0; n < 12_000; n++) habits.learn(judged({ characters: 1 }, `d${n}/f.ts`), 0.5, 0, n);
  const last = judged({ characters: 1 }, 'd11999/f.ts');
  const first = judged({ characters: 1 }, 'd0/f.ts');
  assert.ok(habits.factor(last, 12_000) < habits.factor(first, 12_000));
});

test('a gate learns within some forty signals that somebody takes nothing in tests, and goes on showing the rest', () => {
  const place = { line: 0, character: 10 };
  const candidate = (path: string, logprob: number) => ({
    snapshot: { path, languageId: 'typescript', before: 'const x = ', after: '\nrest\n', startLine: 0, recent: [] },
    edit: { start: place, end: place, text: 'value.of(it)' },
    tokenLogprobs: [logprob, logprob],
  });
  for (const seed of [1, 2, 3]) {
    const random = seeded(seed);
    const gate = new Gate();
    const shown = { tests: 0, src: 0 };
    let at = 0;
    for (let signals = 0; signals < 40; at++) {
      const where = random() < 0.5 ? 'tests' : 'src';
      const judgement = gate.judge(candidate(`${where}/a${at % 7}.ts`, -0.02), { at, still: 0, shown: at });
      if (judgement.tried < SHOW) continue;
      gate.learn(judgement, where === 'src' && random() < 0.7 ? 1 : 0);
      signals++;
    }
    for (let n = 0; n < 100; n++, at++) {
      const where = n % 2 === 0 ? 'tests' : 'src';
      const judgement = gate.judge(candidate(`${where}/a${n % 7}.ts`, -0.02), { at, still: 0, shown: at });
      if (judgement.tried < SHOW) continue;
      shown[where]++;
      gate.learn(judgement, where === 'src' && random() < 0.7 ? 1 : 0);
    }
    assert.ok(shown.tests <= 2 && shown.src === 50, `seed ${seed}: ${JSON.stringify(shown)} of 50 each`);
    const kinds = gate.seldom.map(({ kind }) => kind);
    assert.deepEqual(kinds, [{ is: 'tests' }, { is: 'folder', name: 'tests' }]);
    assert.ok(gate.seldom.every(({ shown, taken }) => shown > 0 && shown < 15 && taken === 0));
  }
});

test('a gate that nothing moves has no habits, and every trait has a kind', () => {
  const gate = fixedGate();
  assert.deepEqual(gate.seldom, []);
  assert.equal(new Set(TRAITS).size, TRAITS.length);
});
