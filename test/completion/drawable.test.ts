import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DIFF_LIMIT, drawable, type Fit, fit, isSubsequence } from '../../src/completion/drawable.ts';
import type { Edit } from '../../src/completion/edit.ts';
import { noise, pick, seeded } from './text.ts';

/** One row: the cursor's line with `|` at the cursor and `[ ]` around what is replaced (it may be empty). */
function check(marked: string, text: string, expect: boolean): void {
  const line = marked.replace(/[[\]|]/g, '');
  const place = (mark: string) => marked.slice(0, marked.indexOf(mark)).replace(/[[\]|]/g, '').length;
  const cursor = { line: 3, character: place('|') };
  const edit: Edit = { start: { line: 3, character: place('[') }, end: { line: 3, character: place(']') }, text };
  assert.equal(drawable(edit, cursor, line), expect, `${marked} <- ${JSON.stringify(text)}`);
}

test('insert at the cursor, one line or many, is drawn', () => {
  check('const x = [|]', '1;', true);
  check('f([|])', 'a, b', true);
  check('[|]', 'import a;\nimport b;', true);
  check('if (x) {[|]}', '\n  y();\n', true);
});
test('a range on the line with the text before the cursor kept and the rest a subsequence is drawn', () => {
  check('f([|)]', 'a, b)', true);
  check('f([|);]', 'g(1), 2);', true);
  check('[f(|)]', 'f(a)', true);
  check('for ([|i)]', 'let i = 0; i < n; i++)', true);
});
test('the same with further lines after it is drawn', () => {
  check('f([|)]', 'a) {\n  return a;\n}', true);
  check('[f(|)]', 'f(a)\n', true);
});
test('a replacement that is no subsequence is not drawn', () => {
  check('f([|old)]', 'new)', false);
  check('[f(|)]', 'g(a)', false);
  check('[o|ld]', 'new', false);
});
test('a deletion, or nothing at all, is not drawn', () => {
  check('f([|abc])', '', false);
  check('f([|abc])', 'ac', false);
  check('f([|abc])', 'abc', false);
  check('f([|])', '', false);
});
test('a range that does not hold the cursor is not drawn', () => {
  check('f(|a[])', 'b', false);
  check('f[](|a)', 'b', false);
});
test('past what VS Code diffs, nothing is drawn', () => {
  check('[|]', 'x'.repeat(DIFF_LIMIT), true);
  check('[|]', 'x'.repeat(DIFF_LIMIT + 1), false);
});

test('another line, or several, are not drawn', () => {
  const cursor = { line: 3, character: 2 };
  const at = (line: number, character: number) => ({ line, character });
  const rows: [start: Edit['start'], end: Edit['end']][] = [
    [at(4, 0), at(4, 0)],
    [at(2, 0), at(2, 4)],
    [at(3, 2), at(4, 0)],
    [at(2, 9), at(3, 2)],
  ];
  for (const [start, end] of rows) assert.equal(drawable({ start, end, text: 'xx\nyyyyyy' }, cursor, 'abcd'), false);
  assert.equal(drawable({ start: at(3, 2), end: at(3, 99), text: 'cde' }, cursor, 'abcd'), false);
});

const fits: [rest: string, text: string, expect: Fit | { none: string }][] = [
  // the end of a line
  ['', 'x = 1;', { text: 'x = 1;', replaceAfter: 0 }],
  ['', 'x = 1;\ny = 2;', { text: 'x = 1;\ny = 2;', replaceAfter: 0 }],
  ['  ', 'x', { text: 'x', replaceAfter: 0 }],
  ['', '', { none: 'empty' }],
  // the text brings what stands there
  [')', 'a, b)', { text: 'a, b)', replaceAfter: 1 }],
  [');', 'a, b);\nnext();', { text: 'a, b);\nnext();', replaceAfter: 2 }],
  [' {', '(a) {\n  return a;', { text: '(a) {\n  return a;', replaceAfter: 2 }],
  [')', '\n  a,\n  b,\n)', { text: '\n  a,\n  b,\n)', replaceAfter: 1 }],
  [' + b', 'a + b', { text: 'a + b', replaceAfter: 4 }],
  [')', ')', { none: 'empty' }],
  // closing marks that it does not bring
  [')', 'a, b', { text: 'a, b', replaceAfter: 0 }],
  [');', 'a, b)', { text: 'a, b)', replaceAfter: 1 }],
  [');', ')', { none: 'empty' }],
  ['");', 'abc', { text: 'abc', replaceAfter: 0 }],
  // other code that it would push aside
  [' = 5;', 'name = 6;', { none: 'not-drawable' }],
  ['old();', 'new();', { none: 'not-drawable' }],
  ['', 'x'.repeat(DIFF_LIMIT + 1), { none: 'not-drawable' }],
];
for (const [rest, text, expect] of fits) {
  test(`fit ${JSON.stringify(text.slice(0, 30))} before ${JSON.stringify(rest)}`, () => {
    assert.deepEqual(fit(text, rest), expect);
  });
}

test('whatever fits is drawn', () => {
  const random = seeded(3);
  let fitted = 0;
  for (let round = 0; round < 5000; round++) {
    const head = noise(random, 3).replace(/[\r\n]/g, '');
    const rest = noise(random, 4).replace(/[\r\n]/g, '');
    const text = noise(random, 6).replace(/\r/g, '') + pick(random, ['', rest, rest.slice(1), `${rest};\n}`]);
    const result = fit(text, rest);
    if ('none' in result) continue;
    fitted++;
    const start = { line: 0, character: head.length };
    const edit: Edit = { start, end: { line: 0, character: head.length + result.replaceAfter }, text: result.text };
    assert.ok(drawable(edit, start, head + rest), JSON.stringify({ head, rest, text, result }));
  }
  assert.ok(fitted > 1000, `only ${fitted} texts fitted`);
});

test('a subsequence is what is left when characters are taken out', () => {
  const random = seeded(4);
  for (let round = 0; round < 500; round++) {
    const whole = noise(random, 20);
    const part = whole.split('').filter(() => random() < 0.5).join(''); // biome-ignore format: a row
    assert.ok(isSubsequence(part, whole));
    assert.ok(!isSubsequence(`${whole}\u0001`, whole));
  }
});
