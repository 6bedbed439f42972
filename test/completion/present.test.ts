import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawable } from '../../src/completion/drawable.ts';
import { applyEdit, cursorOf, placeInWindow } from '../../src/completion/edit.ts';
import { type Left, nextLine, nextWord, type Part } from '../../src/completion/parts.ts';
import { narrow, present } from '../../src/completion/present.ts';
import { noise, seeded } from './text.ts';

/** A window with `|` at the cursor; what stands between `[` and `]` gives way to `text`. */
function shown(marked: string, text: string): string {
  const plain = (of: string): string => of.replace(/[[\]|]/g, '');
  const offset = (mark: string): number => plain(marked.slice(0, marked.indexOf(mark))).length;
  const all = plain(marked);
  const window = { before: all.slice(0, offset('|')), after: all.slice(offset('|')), startLine: 3 };
  const at = (offset: number) => placeInWindow(window, offset);
  const result = present(window, { start: at(offset('[')), end: at(offset(']')), text });
  if ('none' in result) return result.none;
  const { start, end } = result.edit;
  const place = ({ line, character }: typeof start): string => `${line - 3}:${character}`;
  return `${result.as} ${place(start)}-${place(end)} ${JSON.stringify(result.edit.text)}`;
}

for (const [name, marked, text, expected] of [
  ['text at the cursor', 'a = |[]\nb', '1;', 'ghost 0:4-0:4 "1;"'],
  ['text around a bracket', 'f(|[)]\nb', 'a, b)', 'ghost 0:2-0:3 "a, b)"'],
  ['the whole line, which begins as it is', '[f(|)]\nb', 'f(a, b)', 'ghost 0:2-0:3 "a, b)"'],
  ['the whole region, with a line more', '[x\na|\nb]', 'x\na\nnew\nb', 'ghost 1:1-1:1 "\\nnew"'],
  ['a word elsewhere', 'a|\nlet [old] = 1;', 'new', 'next-edit 1:4-1:7 "new"'],
  ['a whole line elsewhere of which a word changes', 'a|\n[let old = 1;]', 'let new = 1;', 'next-edit 1:4-1:7 "new"'],
  ['a replacement on the line that is no more of the same', 'let |[old] = 1;', 'new', 'next-edit 0:4-0:7 "new"'],
  ['a deletion at the cursor', 'a |[bc]', '', 'next-edit 0:2-0:4 ""'],
  ['a deletion of lines', 'a|\n[b\nc\n]d', '', 'next-edit 1:0-3:0 ""'],
  ['a new line elsewhere', 'a|\nb\n[]c', 'n\n', 'next-edit 2:0-2:0 "n\\n"'],
  ['nothing', 'a|\n[b]', 'b', 'empty'],
  ['a carriage return', 'a|[]', 'b\r\n', 'malformed'],
  ['half of a pair kept', 'a|\n[😀]', '😁', 'next-edit 1:0-1:2 "😁"'],
] as const) {
  test(`shown: ${name}`, () => assert.equal(shown(marked, text), expected));
}

test('out of the window: malformed', () => {
  const at = { line: 9, character: 0 };
  assert.deepEqual(present({ before: 'a', after: 'b', startLine: 3 }, { start: at, end: at, text: 'x' }), {
    none: 'malformed',
  });
});

test('what is shown makes the same text as what was suggested; ghost text is what VS Code draws', () => {
  const random = seeded(11);
  const seen = { ghost: 0, 'next-edit': 0 };
  const clean = (): string => noise(random, 8).replaceAll('\r', '').toWellFormed();
  for (let round = 0; round < 5000; round++) {
    const window = { before: clean(), after: clean(), startLine: 0 };
    const all = window.before + window.after;
    const [from, to] = [random(), random()].map((r) => Math.floor(r * (all.length + 1))).sort((a, b) => a - b);
    const edit = { start: placeInWindow(window, from!), end: placeInWindow(window, to!), text: clean() };
    const result = present(window, edit);
    if ('none' in result) {
      assert.equal(applyEdit(all, edit), null);
      continue;
    }
    assert.equal(applyEdit(all, result.edit), applyEdit(all, edit), JSON.stringify({ window, edit, result }));
    const cursor = cursorOf(window);
    assert.equal(drawable(result.edit, cursor, all.split('\n')[cursor.line]!) || result.as === 'next-edit', true);
    seen[result.as]++;
  }
  assert.ok(seen.ghost > 200 && seen['next-edit'] > 200, JSON.stringify(seen));
});

test('an edit is narrowed to what changes, and no character is cut', () => {
  assert.deepEqual(narrow('let a = 1;', 'let b = 1;'), { from: 4, to: 5, text: 'b' });
  assert.deepEqual(narrow('aa', 'aaa'), { from: 2, to: 2, text: 'a' });
  assert.deepEqual(narrow('😀', '😁'), { from: 0, to: 2, text: '😁' });
});

for (const [name, part, replaced, text, expected] of [
  ['a word that comes in', nextWord, '', 'one two', ['', 'one']],
  ['white space and a word', nextWord, '', '  return a;', ['', '  return']],
  ['marks', nextWord, '', '(a)', ['', '(']],
  ['a word that gives way', nextWord, 'old', 'new', ['old', 'new']],
  ['only what is first', nextWord, 'a.old = b.old', 'a.new = b.new', ['a.old', 'a.new']],
  ['a deletion', nextWord, 'old ', '', ['old ', '']],
  ['a line end', nextWord, '', '\n', ['', '\n']],
  ['the first line of several', nextLine, '', 'one\ntwo\n', ['', 'one']],
  ['a line that goes on from where the last one ended', nextLine, '', '\ntwo\nthree', ['', '\ntwo']],
  ['with Windows line ends, the first line', nextLine, '', 'one\r\ntwo\r\n', ['', 'one']],
  ['with them, a line that goes on', nextLine, '', '\r\ntwo\r\nthree', ['', '\r\ntwo']],
  ['with them, a line for a line', nextLine, 'a\r\nb', 'c\r\nd', ['a', 'c']],
  ['with them, an empty line', nextLine, '', '\r\n\r\nx', ['', '\r\n']],
  ['the only line', nextLine, 'a\nb', 'c', ['a\nb', 'c']],
  ['a line for a line', nextLine, 'a\nb', 'c\nd', ['a', 'c']],
] as const) {
  test(`part: ${name}`, () => {
    const left: Left = { replaced, text };
    const taken: Part = part(left);
    assert.deepEqual([replaced.slice(0, taken.replaced), text.slice(0, taken.text)], expected);
  });
}

test('taking part after part ends with the whole edit', () => {
  const random = seeded(12);
  for (let round = 0; round < 300; round++) {
    const edit: Left = { replaced: noise(random, 12), text: noise(random, 12) };
    for (const part of [nextWord, nextLine]) {
      let left = edit;
      let done = '';
      for (let n = 0; left.replaced !== '' || left.text !== ''; n++) {
        assert.ok(n < 100, JSON.stringify(edit));
        const { replaced, text } = part(left);
        assert.ok(replaced + text > 0, JSON.stringify(left));
        done += left.text.slice(0, text);
        left = { replaced: left.replaced.slice(replaced), text: left.text.slice(text) };
      }
      assert.equal(done, edit.text);
    }
  }
});
