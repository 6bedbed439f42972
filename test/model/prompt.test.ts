import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPrompt, encodeTarget, healed, type PromptInput, type PromptTokenizer } from '../../src/model/prompt.ts';
import { wordTokenizer } from './words.ts';

const at = (before: string, more: Partial<PromptInput> = {}): PromptInput => ({
  path: 'src/a.ts',
  before,
  after: '',
  startLine: 0,
  recent: [],
  ...more,
});
const lines = (n: number): string => Array.from({ length: n }, (_, i) => `const value${i} = compute(${i});\n`).join('');

test('path and text up to the cursor, less the last token, which is healed', () => {
  const tokenizer = wordTokenizer();
  const prompt = buildPrompt(at('const a = 1;\nconst b'), tokenizer, 100);
  assert.equal(tokenizer.decode(prompt.ids), 'src/a.ts\nconst a = 1;\nconst');
  assert.equal(prompt.ids[0], tokenizer.special('<filename>'));
  assert.equal(prompt.heal, ' b');
});

test('an empty file still makes a prompt', () => {
  const prompt = buildPrompt(at(''), wordTokenizer(), 100);
  assert.ok(prompt.ids.length > 0);
  assert.equal(prompt.heal, '');
});

test('recent edits of other places come first, oldest first, and those in sight are left out', () => {
  const tokenizer = wordTokenizer();
  const recent = [
    { path: 'src/b.ts', line: 3, added: 'one();' },
    { path: 'src/a.ts', line: 0, added: 'seen();' },
    { path: 'src/c.ts', line: 9, added: 'two();\n' },
    { path: 'src/c.ts', line: 9, added: '  \n' },
  ];
  const prompt = buildPrompt(at('seen();\n', { recent }), tokenizer, 200);
  assert.equal(tokenizer.decode(prompt.ids), 'src/b.ts\none();\nsrc/c.ts\ntwo();\nsrc/a.ts\nseen();');
});

test('the edit that is being made is not among the recent ones: all but the end of the prompt stays while one types', () => {
  const tokenizer = wordTokenizer();
  const ask = (typed: string): readonly number[] => {
    const recent = [
      { path: 'src/b.ts', line: 3, added: 'one();' },
      { path: 'src/a.ts', line: 2, added: `call(${typed}, rest);` },
    ];
    return buildPrompt(at(`a();\nb();\ncall(${typed}`, { after: ', rest);\n', recent }), tokenizer, 200).ids;
  };
  const [first, second] = [ask('value'), ask('value . name')];
  assert.deepEqual(second.slice(0, first.length), first);
  assert.match(tokenizer.decode(first), /one\(\)/);
});

test('a long file is cut at lines that stay while the cursor moves on', () => {
  const tokenizer = wordTokenizer();
  const starts = new Set<string>();
  const text = lines(200);
  for (let end = text.length - 300; end < text.length; end += 7) {
    const prompt = buildPrompt(at(text.slice(0, end)), tokenizer, 256);
    assert.ok(prompt.ids.length <= 256);
    starts.add(tokenizer.decode(prompt.ids).split('\n')[1]!);
  }
  assert.ok(starts.size <= 2, `${starts.size} starts within ten lines of typing`);
  for (const start of starts) assert.equal(Number(/value(\d+)/.exec(start)![1]) % 16, 0);
});

test('the cut follows the document, not the window', () => {
  const tokenizer = wordTokenizer();
  const all = lines(100).split('\n');
  const whole = buildPrompt(at(all.join('\n')), tokenizer, 256);
  for (const startLine of [1, 5, 17, 30]) {
    const windowed = buildPrompt(at(all.slice(startLine).join('\n'), { startLine }), tokenizer, 256);
    assert.equal(windowed.hash, whole.hash, `window from line ${startLine}`);
  }
});

test('one enormous line costs no more than the budget', () => {
  const tokenizer = wordTokenizer();
  const prompt = buildPrompt(at('x + '.repeat(500_000)), tokenizer, 128);
  assert.ok(prompt.ids.length <= 128 && prompt.ids.length > 64);
});

test('the same input gives the same hash, another one another', () => {
  const hash = (text: string): string => buildPrompt(at(text), wordTokenizer(), 100).hash;
  assert.equal(hash('a b c'), hash('a b c'));
  assert.notEqual(hash('a b c'), hash('a b b c'));
});

test('too small a budget is refused', () => {
  assert.throws(() => buildPrompt(at('a'), wordTokenizer(), 31), RangeError);
});

test('a target begins with the healed text and ends with the token of its line end', () => {
  const tokenizer = wordTokenizer();
  const prompt = buildPrompt(at('  log'), tokenizer, 100);
  const target = encodeTarget(prompt, '.debug("x");', '\n  return 1;\n', tokenizer, true);
  assert.equal(tokenizer.decode(target), `${prompt.heal}.debug("x");\n `);
});

for (const [name, rest, stop, want] of [
  ['at the end of the file', '', true, 'b\n'],
  ['where the line goes on', ' + c;\n', true, 'b'],
  ['without a stop', '\nreturn', false, 'b'],
] as const) {
  test(`a target ${name}`, () => {
    const tokenizer = wordTokenizer();
    const prompt = buildPrompt(at('a = '), tokenizer, 100);
    assert.equal(tokenizer.decode(encodeTarget(prompt, 'b', rest, tokenizer, stop)), `${prompt.heal}${want}`);
  });
}

/** A tokenizer of these tokens alone, which are UTF-8 or bytes. */
function vocabulary(tokens: readonly (string | readonly number[])[]): PromptTokenizer {
  return {
    encode: () => assert.fail('nothing is encoded'),
    bytes: (id) => Buffer.from(tokens[id]! as string),
    special: () => undefined,
    isControl: () => false,
    vocabSize: tokens.length,
  };
}

test('what may become one token with what follows is left out of the prompt, and no more', () => {
  const tokenizer = vocabulary([' to', 'ke', ' tokens', 'read', 'on', 'l', 'only', 'x', [0xc3], [0xa9], 'été']);
  const healedOf = (ids: readonly number[], from?: number) => {
    const { ids: kept, heal } = healed(ids, tokenizer, from);
    return [kept.length, heal];
  };
  assert.deepEqual(healedOf([7, 0, 1]), [1, ' toke']);
  assert.deepEqual(healedOf([7, 0]), [1, ' to']);
  // No token begins with the whole of it, one does with its end.
  assert.deepEqual(healedOf([3, 4, 5]), [1, 'onl']);
  assert.deepEqual(healedOf([7, 0, 1], 2), [2, 'ke']);
  // Half a character cannot be spelled; a whole one can, where a token begins with it.
  assert.deepEqual(healedOf([7, 8]), [2, '']);
  assert.deepEqual(healedOf([7, 8, 9]), [1, 'é']);
  assert.deepEqual(healedOf([]), [0, '']);
});
