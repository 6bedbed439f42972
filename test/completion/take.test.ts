import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Snapshot, WINDOW } from '../../src/completion/snapshot.ts';
import { SUITABLE, type TextPort, takeSnapshot } from '../../src/completion/take.ts';
import { marked, noise, port, seeded } from './text.ts';

function take(text: string): Snapshot {
  const { doc, cursor } = marked(text);
  const snapshot = takeSnapshot(doc, cursor, []);
  assert.ok(!('none' in snapshot), JSON.stringify(snapshot));
  return snapshot;
}

const cases: [name: string, text: string, before: string, after: string][] = [
  ['an empty document', '|', '', ''],
  ['the start', '|a\nb', '', 'a\nb'],
  ['the end', 'a\nb|', 'a\nb', ''],
  ['the middle of a line', 'a\nb|c\nd', 'a\nb', 'c\nd'],
  ['CRLF', 'a\r\nb|c\r\nd\r\n', 'a\nb', 'c\nd\n'],
  ['mixed line ends', 'a\r\nb\nc|\r\nd\n', 'a\nb\nc', '\nd\n'],
  ['a stray CR', 'a\rb\nc|d\re', 'a\nb\nc', 'd\ne'],
  ['a lone high surrogate', 'a\ud83d|b', 'a\ufffd', 'b'],
  ['a lone low surrogate', 'a|\ude00b', 'a', '\ufffdb'],
  ['a whole pair', '😀|😀', '😀', '😀'],
  ['a cursor within a pair', '\ud83d|\ude00', '\ufffd', '\ufffd'],
];
for (const [name, text, before, after] of cases) {
  test(`the window at ${name}`, () => {
    const s = take(text);
    assert.deepEqual([s.before, s.after, s.startLine], [before, after, 0]);
  });
}

test('a cursor between CR and LF stands at the end of its line', () => {
  const lines = ['a\r', 'b'];
  const doc: TextPort = { path: 'a', languageId: 'x', lineCount: 2, line: (n) => lines[n]! };
  const s = takeSnapshot(doc, { line: 0, character: 2 }, []);
  assert.ok(!('none' in s));
  assert.deepEqual([s.before, s.after], ['a', '\nb']);
});

test('the window begins at a line, and says at which', () => {
  const lines = Array.from({ length: 1000 }, (_, i) => `const line${i} = ${'x'.repeat(20)};`);
  const s = take(`${lines.join('\n')}\n|\n${lines.join('\n')}`);
  assert.ok(s.before.length <= WINDOW.before && s.before.length > WINDOW.before - 50);
  assert.ok(s.before.startsWith(`const line${s.startLine} =`));
  assert.equal(s.after.length, WINDOW.after);
});

test("the cursor's own line is in the window as a whole up to the cursor, which cuts no character at its end", () => {
  const s = take(`above\n${'😀'.repeat(3500)}|a${'😀'.repeat(590)}\n${'😀'.repeat(500)}`);
  assert.deepEqual([s.startLine, s.before], [0, `above\n${'😀'.repeat(3500)}`]);
  assert.equal(s.after.length, WINDOW.after);
  assert.ok(s.after.isWellFormed());
  const full = take(`above\n${'😀'.repeat(4095)}ab|`);
  assert.deepEqual([full.startLine, full.before.length], [1, WINDOW.before]);
});

test('a cursor outside of the document is moved inside', () => {
  const s = takeSnapshot(port('ab\ncd'), { line: 9, character: 9 }, []);
  assert.ok(!('none' in s));
  assert.deepEqual([s.before, s.after], ['ab\ncd', '']);
});

test('only the lines of the window are read', () => {
  const read = new Set<number>();
  const doc: TextPort = {
    path: 'big.log',
    languageId: 'log',
    lineCount: SUITABLE.lines,
    line: (n) => {
      read.add(n);
      return 'a line of a big file';
    },
  };
  assert.ok(!('none' in takeSnapshot(doc, { line: 150_000, character: 3 }, [])));
  assert.ok(read.size < 1000, `${read.size} lines were read`);
});

const unsuitable: [name: string, text: string][] = [
  ['a NUL byte on the line', 'ab\0|cd'],
  ['a NUL byte nearby', 'ab\0\ncd|\n'],
  ['a NUL byte below', 'cd|\nab\0'],
  ['a minified line', `${'x'.repeat(SUITABLE.lineLength)}|y`],
  ['a minified line nearby', `${'x'.repeat(5_000_000)}\n|`],
];
for (const [name, text] of unsuitable) {
  test(`unsuitable: ${name}`, () => {
    const { doc, cursor } = marked(text);
    assert.deepEqual(takeSnapshot(doc, cursor, []), { none: 'unsuitable' });
  });
}

test('unsuitable: too many lines', () => {
  const doc: TextPort = { path: 'a', languageId: 'x', lineCount: SUITABLE.lines + 1, line: () => '' };
  assert.deepEqual(takeSnapshot(doc, { line: 0, character: 0 }, []), { none: 'unsuitable' });
});

test('any document at any place: LF, well-formed, within bounds, and the same text', () => {
  const random = seeded(1);
  for (let round = 0; round < 2000; round++) {
    const text = noise(random, 60);
    const lines = text.split(/\r\n|\n/);
    const line = Math.floor(random() * lines.length);
    const character = Math.floor(random() * (lines[line]!.length + 1));
    const s = takeSnapshot(port(text), { line, character }, []);
    assert.ok(!('none' in s));
    assert.ok(s.before.isWellFormed() && s.after.isWellFormed());
    assert.ok(!s.before.includes('\r') && !s.after.includes('\r'));
    const whole = (t: string) => t.replace(/\r\n?/g, '\n').replace(/[\ud800-\udfff]/g, '\ufffd');
    const joined = whole(s.before + s.after).replaceAll('\ufffd\ufffd', '\ufffd');
    const expected = whole(lines.join('\n')).replaceAll('\ufffd\ufffd', '\ufffd');
    if (character === 0 || lines[line]![character - 1] !== '\r') assert.equal(joined, expected);
  }
});
