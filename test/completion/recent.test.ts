import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LeftEdit, MIRROR, RecentEdits, type TextChange } from '../../src/completion/recent.ts';
import { type RecentEdit, WINDOW } from '../../src/completion/snapshot.ts';
import { applied, noise, seeded } from './text.ts';

/** `[line, from, to, text]`: a replacement on one line. */
type Short = [line: number, from: number, to: number, text: string];
const at = ([line, from, to, text]: Short): TextChange => ({
  start: { line, character: from },
  end: { line, character: to },
  text,
});
const edit = (line: number, removed: string, added: string, path = 'a'): RecentEdit => ({ path, line, removed, added });

function check(lines: string[], changes: Short[], expect: RecentEdit[]): void {
  const recent = new RecentEdits();
  recent.open('file:///a', 'a', lines);
  for (const c of changes) recent.change('file:///a', [at(c)]);
  assert.deepEqual(recent.recent(), expect);
}

const five = ['zero', 'one', 'two', 'three', 'four'];

test('letters typed one by one are one edit', () => {
  check(five, [[1, 3, 3, '!'], [1, 4, 4, '?']], [edit(1, 'one', 'one!?')]); // biome-ignore format: a row
});
test('a line break joins the lines that it makes', () => {
  check(five, [[1, 3, 3, '\n  new'], [2, 5, 5, '!']], [edit(1, 'one', 'one\n  new!')]); // biome-ignore format: a row
});
test('edits far apart are two, in the order of time', () => {
  check(five, [[4, 0, 0, 'x'], [0, 0, 0, 'y']], [edit(4, 'four', 'xfour'), edit(0, 'zero', 'yzero')]); // biome-ignore format: a row
});
test('an edit above moves the ones below', () => {
  check(five, [[4, 0, 0, 'x'], [0, 0, 0, 'y\n']], [edit(5, 'four', 'xfour'), edit(0, 'zero', 'y\nzero')]); // biome-ignore format: a row
});
test('an edit on the line next to another is joined to it', () => {
  check(five, [[1, 0, 3, '1'], [2, 0, 3, '2']], [edit(1, 'one\ntwo', '1\n2')]); // biome-ignore format: a row
});
test('an edit between two others joins all three', () => {
  check(five, [[0, 0, 4, '0'], [2, 0, 3, '2'], [1, 0, 3, '1']], [edit(0, 'zero\none\ntwo', '0\n1\n2')]); // biome-ignore format: a row
});
test('what was typed and taken back is no edit', () => {
  check(five, [[1, 3, 3, '!'], [1, 3, 4, '']], []); // biome-ignore format: a row
});
test('CRLF and lone surrogates come out as LF and U+FFFD', () => {
  check(five, [[1, 3, 3, '\r\n\ud83d']], [edit(1, 'one', 'one\n\ufffd')]);
});

test('lines that are deleted', () => {
  const recent = new RecentEdits();
  recent.open('file:///a', 'a', five);
  recent.change('file:///a', [{ start: { line: 1, character: 0 }, end: { line: 3, character: 0 }, text: '' }]);
  assert.deepEqual(recent.recent(), [edit(1, 'one\ntwo\nthree', 'three')]);
});

test('several changes of one event, each at its turn', () => {
  const recent = new RecentEdits();
  recent.open('file:///a', 'a', five);
  recent.change('file:///a', [at([4, 0, 4, '4\n5']), at([0, 0, 4, '0'])]);
  assert.deepEqual(recent.recent(), [edit(4, 'four', '4\n5'), edit(0, 'zero', '0')]);
});

test('edits of several documents, oldest first; those of a closed one stay', () => {
  const recent = new RecentEdits();
  recent.open('file:///a', 'a', five);
  recent.open('file:///b', 'b', five);
  recent.change('file:///a', [at([0, 0, 0, 'x'])]);
  recent.change('file:///b', [at([0, 0, 0, 'y'])]);
  recent.close('file:///a');
  assert.deepEqual(recent.recent(), [edit(0, 'zero', 'xzero'), edit(0, 'zero', 'yzero', 'b')]);
  recent.clear();
  assert.deepEqual(recent.recent(), []);
  assert.equal(recent.knows('file:///b'), false);
});

test('bounds: edits, their length, documents, and documents too long to follow', () => {
  const recent = new RecentEdits();
  recent.open(
    'file:///a',
    'a',
    Array.from({ length: 200 }, (_, i) => `line ${i}`),
  );
  for (let i = 0; i < 40; i++) recent.change('file:///a', [at([i * 4, 0, 0, 'x'.repeat(100)])]);
  assert.equal(recent.recent().length, WINDOW.recentEdits);
  recent.change('file:///a', [at([0, 0, 0, 'y'.repeat(100_000)])]);
  for (const e of recent.recent()) assert.ok(e.added.length <= WINDOW.edit && e.removed.length <= WINDOW.edit);

  recent.open('file:///long', 'long', Array(MIRROR.lines + 1).fill(''));
  recent.change('file:///long', [at([0, 0, 0, 'x'])]);
  assert.ok(recent.recent().every((e) => e.path === 'a'));
  for (let i = 0; i <= MIRROR.documents; i++) recent.open(`file:///doc${i}`, 'doc', ['']);
  assert.equal(recent.knows('file:///a'), false);
  assert.equal(recent.knows('file:///doc1'), true);
});

test('a paste of more lines than fit on the stack', () => {
  const recent = new RecentEdits();
  recent.open('file:///a', 'a', five);
  recent.change('file:///a', [at([2, 0, 0, 'p\n'.repeat(300_000)])]);
  recent.change('file:///a', [at([300_004, 0, 4, 'end'])]);
  assert.deepEqual(recent.recent().at(-1), edit(300_004, 'four', 'end'));
});

test('a change that cannot be ends the following of its document, and nothing else', () => {
  const recent = new RecentEdits();
  recent.open('file:///a', 'a', five);
  recent.change('file:///a', [at([0, 0, 0, 'x'])]);
  recent.change('file:///a', [at([99, 0, 0, 'x'])]);
  assert.equal(recent.knows('file:///a'), false);
  assert.deepEqual(recent.recent(), [edit(0, 'zero', 'xzero')]);
});

test('any edits: each stretch, undone, gives back what was there', () => {
  const random = seeded(2);
  for (let round = 0; round < 400; round++) {
    const first = Array.from({ length: 1 + Math.floor(random() * 12) }, (_, i) => `l${i}`);
    let lines = first;
    const recent = new RecentEdits();
    recent.open('file:///a', 'a', lines);
    for (let step = 0; step < 8; step++) {
      const line = Math.floor(random() * lines.length);
      const end = Math.min(lines.length - 1, line + Math.floor(random() * 3));
      const character = Math.floor(random() * (lines[line]!.length + 1));
      const change: TextChange = {
        start: { line, character },
        end: { line: end, character: end === line ? character : Math.floor(random() * (lines[end]!.length + 1)) },
        text: noise(random, 3).replace(/[\r\ud800-\udfff]/g, ''),
      };
      lines = applied(lines, change);
      recent.change('file:///a', [change]);
    }
    // Short texts stay live, so the stretches are apart: from the last line up, each can be turned back.
    let text = lines;
    for (const e of recent.recent().toSorted((a, b) => b.line - a.line)) {
      const count = e.added.split('\n').length;
      assert.equal(text.slice(e.line, e.line + count).join('\n'), e.added);
      text = [...text.slice(0, e.line), ...e.removed.split('\n'), ...text.slice(e.line + count)];
    }
    assert.deepEqual(text, first);
  }
});

test('an edit is told of once another one is begun elsewhere, with the lines around it', () => {
  const { recent, told } = teller();
  recent.change('file:///a', [at([1, 3, 3, '!'])]);
  recent.change('file:///a', [at([1, 4, 4, '\nmore'])]);
  assert.deepEqual(told, []);
  recent.change('file:///a', [at([5, 0, 0, 'x'])]);
  assert.deepEqual(told, [left(1, ['one'], ['one!', 'more'], 'zero', 'two')]);
  recent.leave();
  recent.leave();
  assert.deepEqual(told.slice(1), [left(2, ['four'], ['xfour'], 'three', null)]);
});

test('gone on with, it is nothing until it is left again; taken back, it stays nothing', () => {
  const { recent, told } = teller();
  recent.change('file:///a', [at([1, 3, 3, '!'])]);
  recent.leave();
  recent.change('file:///a', [at([4, 0, 0, 'x'])]);
  recent.change('file:///a', [at([1, 4, 4, '?'])]);
  assert.deepEqual(told, [
    left(1, ['one'], ['one!'], 'zero', 'two'),
    nothing(1),
    left(2, ['four'], ['xfour'], 'three', null),
  ]);
  recent.change('file:///a', [at([4, 0, 1, ''])]);
  recent.change('file:///a', [at([1, 3, 5, ''])]);
  recent.close('file:///a');
  assert.deepEqual(told.slice(3), [nothing(2), left(1, ['one'], ['one!?'], 'zero', 'two'), nothing(1)]);
});

test('two that grow together are one, under the first number', () => {
  const { recent, told } = teller();
  recent.change('file:///a', [at([0, 0, 0, 'x'])]);
  recent.change('file:///a', [at([2, 0, 0, 'y'])]);
  recent.leave();
  recent.change('file:///a', [at([1, 0, 0, 'z'])]);
  recent.leave();
  assert.deepEqual(told.slice(2), [
    nothing(1),
    nothing(2),
    left(1, ['zero', 'one', 'two'], ['xzero', 'zone', 'ytwo'], null, 'three'),
  ]);
});

test('what a program does is not told of, nor what is pasted at length', () => {
  const { recent, told } = teller();
  recent.change('file:///a', [at([1, 3, 3, '!'])], false);
  recent.leave();
  recent.change('file:///a', [at([4, 0, 0, `${'x'.repeat(100)}\n`.repeat(30)])]);
  recent.leave();
  assert.deepEqual(told, []);
  recent.change('file:///a', [at([1, 4, 4, '?'])]);
  recent.leave();
  assert.deepEqual(told, [left(1, ['one'], ['one!?'], 'zero', 'two')]);
});

test('of what grows too long to be one edit, the whole lines are told of', () => {
  const { recent, told } = teller();
  const line = 'y'.repeat(99);
  for (let n = 0; n < 12; n++) {
    recent.change('file:///a', [at([1 + n, n === 0 ? 3 : 99, n === 0 ? 3 : 99, '\n'])]);
    for (const [c, letter] of [...line].entries()) recent.change('file:///a', [at([2 + n, c, c, letter])]);
  }
  recent.leave();
  const whole = Array.from({ length: 10 }, () => line);
  assert.deepEqual(told[0], left(1, ['one'], ['one', ...whole], 'zero', told[0]!.below!));
  assert.equal(told.length, 2);
  assert.equal(told[1]!.added.at(-1), line);
});

function teller() {
  const told: LeftEdit[] = [];
  const recent = new RecentEdits((edit) => told.push(edit));
  recent.open('file:///a', 'a', five);
  return { recent, told };
}

const nothing = (stretch: number): LeftEdit => left(stretch, [], [], null, null);

function left(
  stretch: number,
  removed: string[],
  added: string[],
  above: string | null,
  below: string | null,
): LeftEdit {
  return { stretch, path: 'a', removed, added, above, below };
}

test('what was edited before a document was followed is found by what was saved, and goes on', () => {
  const left: LeftEdit[] = [];
  const recent = new RecentEdits((e) => left.push(e));
  const lines = ['ZERO', 'one', 'two', 'two and a half', 'three', 'four'];
  recent.open('d', 'a', lines);
  recent.recall('d', five, 3);
  const first = edit(0, 'zero', 'ZERO');
  assert.deepEqual(recent.recent(), [first, edit(2, 'two', 'two\ntwo and a half')], 'the one at the cursor last');
  recent.leave();
  assert.deepEqual(left, [], 'nobody knows whose it is');
  recent.change('d', [at([3, 14, 14, '!'])]);
  assert.deepEqual(recent.recent(), [first, edit(2, 'two', 'two\ntwo and a half!')]);
  recent.leave();
  assert.deepEqual(
    left.map(({ removed, added }) => [removed, added]),
    [[['two'], ['two', 'two and a half!']]],
  );
});

test('what was saved becomes known after the next change was made: one edit, told once as it is', () => {
  const left: LeftEdit[] = [];
  const recent = new RecentEdits((e) => left.push(e));
  recent.open('d', 'a', ['zero', 'one', '  ', 'two', 'three', 'four']);
  recent.change('d', [at([2, 2, 2, 'x'])]);
  recent.at('d', 5);
  recent.recall('d', five, 5);
  assert.deepEqual(recent.recent(), [edit(1, 'one', 'one\n  x')]);
  recent.leave();
  assert.deepEqual(
    left.map(({ stretch, removed, added }) => [stretch, removed, added]),
    [
      [1, ['  '], ['  x']],
      [1, [], []],
      [1, ['one'], ['one', '  x']],
    ],
  );
});

test('what was typed since stays where it was saved meanwhile, or lies in a change that is too long', () => {
  const recent = new RecentEdits();
  recent.open('d', 'a', five);
  recent.change('d', [at([1, 3, 3, '!'])]);
  recent.recall('d', ['zero', 'one!', 'two', 'three', 'four'], 1);
  assert.deepEqual(recent.recent(), [edit(1, 'one', 'one!')]);
  recent.recall('d', ['zero', 'x'.repeat(WINDOW.edit), 'two', 'three', '4'], 1);
  assert.deepEqual(recent.recent(), [edit(4, '4', 'four'), edit(1, 'one', 'one!')]);
});

test('nothing is made of what was saved where it is too different, too long, or no document is followed', () => {
  const recent = new RecentEdits();
  recent.recall('d', five, 0);
  recent.open(
    'd',
    'a',
    Array.from({ length: 500 }, (_, n) => `new ${n}`),
  );
  recent.recall(
    'd',
    Array.from({ length: 500 }, (_, n) => `old ${n}`),
    0,
  );
  assert.deepEqual(recent.recent(), []);
  recent.open('d', 'a', [...five, 'x'.repeat(WINDOW.edit)]);
  recent.recall('d', five, 0);
  assert.deepEqual(recent.recent(), []);
});

test('what may not be read any more is forgotten, and nothing else', () => {
  const told: LeftEdit[] = [];
  const recent = new RecentEdits((left) => told.push(left));
  for (const name of ['a', 'b']) {
    recent.open(`file:///${name}`, name, five);
    recent.change(`file:///${name}`, [at([1, 0, 0, '!'])]);
  }
  recent.forget('file:///b');
  assert.deepEqual(recent.recent(), [edit(1, 'one', '!one')]);
  assert.equal(recent.knows('file:///b'), false);
  recent.change('file:///b', [at([1, 0, 0, '?'])]);
  recent.leave();
  assert.deepEqual(
    told.map((t) => t.path),
    ['a'],
  );
  recent.open('file:///b', 'b', ['now']);
  recent.change('file:///b', [at([0, 3, 3, '!'])]);
  assert.deepEqual(recent.recent().at(-1), edit(0, 'now', 'now!', 'b'));
});
