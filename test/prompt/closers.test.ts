import assert from 'node:assert/strict';
import { test } from 'node:test';
import { broughtOf, closedIn, isClosing } from '../../src/prompt/closers.ts';

test('closing marks', () => {
  for (const rest of [')', ' })', "')", ');', '"],', '`)']) assert.ok(isClosing(rest), rest);
  for (const rest of ['', '  ', ';', ', ', ') {', 'x)', '>']) assert.ok(!isClosing(rest), rest);
});

for (const [text, rest, want] of [
  ['x', ')', 0],
  ['x)', ')', 1],
  ['x);', ')', 1],
  ['f(x)', ')', 0],
  ['f(x))', ')', 1],
  ['f(x', ')', null],
  ['f(x', '))', null],
  ['x]', ')', null],
  ['x) + y]', ')', 1],
  ['x)', '))', 1],
  ['x));', ');', null],
  ['x))', ')', 1],
  ['x);', ');', 2],
  ['a, b', '],', 0],
  ['a], c', '],', 2],
  ['(a], ', "'", 0],
  ["(a', b", "')", 1],
  ["(a', [b])", "')", 2],
  ["it\\'s", "')", 0],
  ["'a)', b", ')', 0],
  ["'a", ')', null],
  ['{\n  a: 1,\n}', ' )', 0],
  ['return x;', '\n}', 0],
  ['return x;\n}', '\n}', 2],
  ['f(x)\n  })', '\n})', 3],
  ['() => {', ')', null],
  ['() => {\n  go();\n})', ')', 1],
  ['x', ') {', null],
  ['text', '</div>', 0],
  ['<div>a</div>', '</div>', 0],
  ['text</div>', '</div>', 6],
  ['text</b></div>\n', '</div>', 6],
  [' Does this.', ' */', 0],
  [' Does this. */', ' */', 3],
  ['Says "hi".', '"""', 0],
  ['Says."""', '"""', 3],
] as const) {
  test(`of ${JSON.stringify(rest)} ${JSON.stringify(text)} brings ${want}`, () => {
    assert.equal(broughtOf(text, rest), want);
  });
}

test('what editors may have put behind the cursor', () => {
  assert.deepEqual(closedIn(') + b\nc'), ['', ')']);
  assert.deepEqual(closedIn("')\n}"), ['', "'", "')", "')\n}"]);
  assert.deepEqual(closedIn('\n  });\nx'), ['', '\n  });']);
  assert.deepEqual(closedIn(')\n  }\n});\nx'), ['', ')', ')\n  }', ')\n  }\n});']);
  assert.deepEqual(closedIn('\n  x }'), ['']);
  assert.deepEqual(closedIn('</div>\nx'), ['', '</div>']);
  assert.deepEqual(closedIn(' */\nx'), ['', ' */']);
  assert.deepEqual(closedIn('\n */\nx'), ['', '\n */']);
  assert.deepEqual(closedIn('"""'), ['', '"', '""', '"""', '"""']);
  assert.deepEqual(closedIn('</div> x'), ['']);
});

test('however deep the nesting seems to be, a few are thought of', () => {
  assert.ok(closedIn(')'.repeat(100_000)).length < 40);
  assert.ok(closedIn('\n}'.repeat(100_000)).length < 40);
});
