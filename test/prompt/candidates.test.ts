import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEdit } from '../../src/completion/edit.ts';
import { tokenize } from '../../src/completion/tokens.ts';
import { findCandidates } from '../../src/prompt/candidates.ts';
import type { PromptInput } from '../../src/prompt/format.ts';
import { SITUATIONS } from '../../src/prompt/odds.ts';
import { applications, rulesOf } from '../../src/prompt/rules.ts';
import { seeded } from '../../src/trainer/random.ts';
import { at } from './shown.ts';

const edit = (line: number, removed: string, added: string, path = 'a.ts') => ({ path, line, removed, added });

/** What the text becomes, by each candidate, the best first. */
function results(input: PromptInput, place: number | null = null, most = 8): (string | null)[] {
  return findCandidates(input, most, place, place === null ? 'stayed' : 'arrived').map((c) =>
    applyEdit(input.before + input.after, c.edit),
  );
}

for (const [name, input, wanted] of [
  [
    'a name that changed changes where it is used',
    at('const total = 1|;\nconst other = 2;\nprint(sum);', { recent: [edit(0, 'const sum = 1;', 'const total = 1;')] }),
    'const total = 1;\nconst other = 2;\nprint(total);',
  ],
  [
    'twice in one line, and in the line beside',
    at('let total|;\n\nadd(sum, sum);\nlog(sum);\n', { recent: [edit(0, 'let sum;', 'let total;')] }),
    'let total;\n\nadd(total, total);\nlog(total);\n',
  ],
  [
    'what came into one call comes into the next',
    at('get(url, { retry }|);\nlog(x);\nput(url);', { recent: [edit(0, 'get(url);', 'get(url, { retry });')] }),
    'get(url, { retry });\nlog(x);\nput(url, { retry });',
  ],
  [
    'what went goes elsewhere, and in a file of its own',
    at('a(x);|\nb(x, legacy);', { recent: [edit(4, 'c(y, legacy);', 'c(y);', 'b.ts')] }),
    'a(x);\nb(x);',
  ],
  [
    'a line that came above one of two alike comes above the other',
    at('@slow|\ndef test_a():\n  pass\n\ndef test_b():\n  pass', {
      recent: [edit(0, 'def test_a():', '@slow\ndef test_a():')],
    }),
    '@slow\ndef test_a():\n  pass\n\n@slow\ndef test_b():\n  pass',
  ],
  [
    'two changes of one edit are made together',
    at('const b = load(z)|;\nconst a = read(y);', { recent: [edit(0, 'let b = read(z);', 'const b = load(z);')] }),
    'const b = load(z);\nconst a = load(y);',
  ],
  [
    'a line that went goes where it stands once more',
    at('a();\n|b();\ndebug();\nc();', { recent: [edit(1, 'debug();\nb();', 'b();')] }),
    'a();\nb();\nc();',
  ],
] as const) {
  test(`candidates: ${name}`, () => {
    const found = results(input);
    assert.ok(found.includes(wanted), found.join('\n--\n'));
  });
}

test('nothing was edited, or nothing is alike: no candidates', () => {
  assert.deepEqual(results(at('one|\ntwo')), []);
  assert.deepEqual(results(at('one|\ntwo', { recent: [edit(0, 'zero', 'one')] })), []);
});

test('what is done already is not done again', () => {
  const input = at('use(http.get|, http.get, get);', {
    recent: [edit(0, 'use(get, http.get, get);', 'use(http.get, http.get, get);')],
  });
  assert.ok(
    results(input).every((text) => !text!.includes('http.http')),
    results(input).join('\n'),
  );
});

test('where the cursor says the line, edits begin there or come under it', () => {
  const recent = [edit(0, 'let sum;', 'let total;')];
  const text = 'let total;\n\nlog(sum);\n\nprint(|sum);\n';
  assert.deepEqual(results(at(text, { recent }), 4), ['let total;\n\nlog(sum);\n\nprint(total);\n']);
  const above = at('@slow\ndef test_a():\n\n|\ndef test_b():', {
    recent: [edit(0, 'def test_a():', '@slow\ndef test_a():')],
  });
  assert.deepEqual(results(above, 3), ['@slow\ndef test_a():\n\n\n@slow\ndef test_b():']);
});

test('of two places alike the nearer one comes first, and no more than asked for', () => {
  const input = at('use(new1)|;\n\nuse(old1);\n\n\nuse(old1);\n', { recent: [edit(0, 'use(old1);', 'use(new1);')] });
  assert.equal(results(input)[0], 'use(new1);\n\nuse(new1);\n\n\nuse(old1);\n');
  assert.equal(results(input, null, 1).length, 1);
});

test('a rewritten page makes no rule, and a text full of places for one is looked through', () => {
  const words = (n: number, from: number): string =>
    Array.from({ length: n }, (_, i) => `w${(from + i * 7919) % 9973}`).join(' ');
  assert.deepEqual(rulesOf({ ...at('|'), recent: [edit(0, words(400, 1), words(400, 5))] }), []);
  for (const line of ['call(a, b); // x', 'a '.repeat(20).trim()]) {
    const input = at(`${line}, y|\n${`${line}\n`.repeat(500)}`, { recent: [edit(0, line, `${line}, y`)] });
    const other = at(`b${line}|\n${`${line}\n`.repeat(250)}`, {
      recent: [edit(0, `a${line}`, `b${line}`), edit(2, 'a', 'b')],
    });
    assert.equal(findCandidates(input, 8, null, 'stayed').length, 8);
    assert.equal(findCandidates(other, 8, null, 'stayed').length, 8);
  }
});

test('whatever was edited: candidates are different edits that change the window, in order', () => {
  const random = seeded(5);
  const pick = (n: number): number => Math.floor(random() * n);
  const words = ['a', 'b(', ')', ' ', ', ', '\n', '\n', 'name', '🙂', ''];
  const text = (n: number): string => Array.from({ length: n }, () => words[pick(words.length)]!).join('');
  let found = 0;
  for (let i = 0; i < 300; i++) {
    const document = text(4 + pick(40));
    const cursor = pick(document.length + 1);
    const recent = Array.from({ length: pick(4) }, () =>
      edit(pick(5), text(pick(12)), text(pick(12)), pick(3) > 0 ? 'a.ts' : 'b.ts'),
    );
    const input: PromptInput = { ...at('|'), before: document.slice(0, cursor), after: document.slice(cursor), recent };
    const candidates = findCandidates(
      input,
      8,
      pick(2) > 0 ? null : input.before.split('\n').length - 1,
      SITUATIONS[pick(3)]!,
    );
    const made = candidates.map((c) => applyEdit(document, c.edit));
    assert.ok(
      made.every((result) => result !== null),
      JSON.stringify(input),
    );
    assert.equal(new Set(candidates.map((c) => JSON.stringify(c.edit))).size, candidates.length);
    for (const [n, { weight }] of candidates.entries()) assert.ok(n === 0 || weight <= candidates[n - 1]!.weight);
    found += candidates.length;
  }
  assert.ok(found > 200, `${found} candidates`);
});

test('a rule needs a word: of what goes, or of what stands beside', () => {
  const comma = {
    removed: [],
    added: [','],
    left: ['('],
    right: [')'],
    age: 0,
    changes: 1,
    times: 1,
    isRunning: false,
  };
  assert.deepEqual(applications(tokenize('f()'), comma), []);
  assert.equal(applications(tokenize('f()'), { ...comma, left: ['f', '('] }).length, 1);
});
