import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEdit, type Edit, lineAt, offsetAt } from '../../src/completion/edit.ts';
import { tokenize } from '../../src/completion/tokens.ts';
import { hunksOf } from '../../src/replay/git.ts';
import { blobId, type Commit, type FileChange } from '../../src/replay/history.ts';
import { Path } from '../../src/replay/path.ts';
import { openSource } from '../../src/replay/source.ts';
import { type Ask, editorLines, type Played, Typist } from '../../src/replay/typist.ts';
import { seeded } from '../../src/trainer/random.ts';
import { SAMPLE } from './sources.ts';

const change = (path: string, before: string, after: string): FileChange => ({
  path,
  languageId: 'typescript',
  before,
  after,
  hunks: hunksOf(before, after)!,
});
const commitOf = (...files: FileChange[]): Commit => ({ id: blobId(JSON.stringify(files)), time: 0, files });
const play = (commits: Iterable<Commit>, seed = 0): Played[] => {
  const typist = new Typist(seed);
  return [...commits].flatMap((c, i) => [...typist.play(c, i)]);
};
const asks = (played: readonly Played[]): Ask[] => played.flatMap((p) => (p.kind === 'ask' ? [p.ask] : []));
const whole = (from: string, to: string): Edit => {
  const lines = editorLines(from);
  return {
    start: { line: 0, character: 0 },
    end: { line: lines.length - 1, character: lines.at(-1)!.length },
    text: to,
  };
};

/** Histories of one file that change at random: lines come, go and change; line ends and the last line's end vary. */
function* randomHistory(seed: number): Generator<Commit> {
  const random = seeded(seed);
  const word = () => ['let', 'x', '+=', 'é', '𝒳', '42', '(', ');', '  ', 'call', '\t'][Math.floor(random() * 11)]!;
  const line = () => Array.from({ length: Math.floor(random() * 6) }, word).join('');
  const eol = random() < 0.3 ? '\r\n' : '\n';
  let lines: string[] = [];
  let before = '';
  for (let n = 0; n < 8; n++) {
    lines = lines.flatMap((l) => (random() < 0.15 ? [] : random() < 0.2 ? [line(), l] : [random() < 0.2 ? line() : l]));
    while (random() < 0.7) lines.push(line());
    const after = lines.join(eol) + (random() < 0.7 && lines.length > 0 ? eol : '');
    if (after !== before) yield commitOf(change('a.ts', before, after));
    before = after;
  }
}

test('tokens joined are the text', () => {
  const text = 'const a1 = b?.c ?? 0x1f;\r\n\tif (é !== "𝒳") {\n}\r';
  assert.equal(tokenize(text).join(''), text);
  assert.deepEqual(tokenize('a1 += b.c(3.5);\n'), ['a1', ' ', '+=', ' ', 'b', '.', 'c', '(', '3.5', ')', ';', '\n']);
});

test('a path deletes a span in one step and types token by token', () => {
  const path = new Path('a\nlet x = old;\nz\n', 'a\nlet x = new1 + 2;\nz\n', 2, 15);
  const texts = Array.from({ length: path.last + 1 }, (_, i) => path.text(i));
  assert.deepEqual(texts, [
    'let x = old;\n',
    'let x = ;\n',
    'let x = new1;\n',
    'let x = new1 ;\n',
    'let x = new1 +;\n',
    'let x = new1 + ;\n',
    'let x = new1 + 2;\n',
  ]);
  assert.equal(path.total, 3 + 4 + 1 + 1);
  assert.deepEqual(
    path.spans.map((s) => [s.offset, s.removed, s.added]),
    [[8, 'old', ['new1', ' ', '+', ' ', '2']]],
  );
});

test('in random histories paths end at the text after, and every step leads from one text to the next', () => {
  for (let seed = 0; seed < 60; seed++) {
    for (const { files } of randomHistory(seed)) {
      for (const { before, after } of files) {
        const path = new Path(before, after, before.length, before.length);
        assert.equal(path.document(0), before);
        assert.equal(blobId(path.document(path.last)), blobId(after));
        for (let i = 1; i <= path.last; i++) {
          const { offset, removed, added } = path.step(i);
          const was = path.text(i - 1);
          assert.equal(was.slice(offset, offset + removed.length), removed);
          assert.equal(was.slice(0, offset) + added + was.slice(offset + removed.length), path.text(i));
        }
      }
    }
  }
});

test('asks: documents, cursors and judgements are consistent, in random histories and in the sample', () => {
  const histories = [...Array.from({ length: 40 }, (_, s) => [...randomHistory(s)]), [...openSource(SAMPLE).commits()]];
  for (const commits of histories) {
    const all = asks(play(commits, 7));
    assert.equal(new Set(all.map((a) => a.id)).size, all.length);
    for (const [i, ask] of all.entries()) {
      const { document, cursor } = ask.question;
      const file = commits[ask.commit]!.files[ask.file]!;
      assert.notEqual(offsetAt(document, cursor), null, 'the cursor lies in the document');
      const silent = ask.judge(null).outcome;
      if (ask.point === 'rest') {
        assert.equal(blobId(document), blobId(file.after), 'at rest the file is what the commit left');
        assert.equal(silent, 'right');
        assert.equal(ask.judge({ start: cursor, end: cursor, text: 'x' }).outcome, 'wrong');
        continue;
      }
      assert.equal(silent, 'wrong');
      if (ask.point === 'far') {
        const next = all.slice(i + 1).find((a) => a.point === 'far' || a.point === 'rest')!;
        const { outcome, target, supplied } = ask.judge(whole(document, next.question.document));
        assert.deepEqual([outcome, target! > ask.hunk, supplied >= 0], ['right', true, true], 'the next hunk is right');
      }
      assert.equal(ask.judge(whole(document, document)).outcome, 'wrong', 'a no-op is silence');
      const later = all[i + 1]!;
      if (ask.point === 'far' || later.commit !== ask.commit || later.hunk !== ask.hunk || later.point === 'rest')
        continue;
      const verdict = ask.judge(whole(document, later.question.document));
      if (later.question.document === document) continue;
      assert.equal(verdict.outcome, 'right', 'the next text of the path is right');
      assert.ok(verdict.reach! > ask.text && verdict.supplied >= 0);
    }
  }
});

test('what recent edits say was added stands in the document', () => {
  for (let seed = 0; seed < 20; seed++) {
    for (const { question } of asks(play(randomHistory(seed)))) {
      const edit = question.recent.at(-1);
      if (!edit || edit.added.length > 1000) continue;
      const lines = editorLines(question.document);
      const count = edit.added.split('\n').length;
      if (edit.added !== '') assert.equal(lines.slice(edit.line, edit.line + count).join('\n'), edit.added);
    }
  }
});

test('an edit is told of before the ask at which the cursor has left it', () => {
  const before = 'a\nb\nc\nd\ne\nf\n';
  const file = change('a.ts', before, 'a one two\nb\nc\nd\ne\nf three\n');
  const told = play([commitOf(file)]).map((p) =>
    p.kind === 'ask' ? p.ask.point : p.kind === 'edited' ? p.edit.added.join() : p.kind,
  );
  const first = told.indexOf('a one two');
  assert.ok(first > told.indexOf('far'), 'the cursor still stands there');
  assert.equal(told[first + 1], 'arrival');
  assert.deepEqual(told.slice(-2), ['rest', 'rest'], 'the end of the file is near the other one');
  const [edit] = play([commitOf(file)]).flatMap((p) => (p.kind === 'edited' ? [p.edit] : []));
  assert.deepEqual(edit, { stretch: 1, path: 'a.ts', removed: ['a'], added: ['a one two'], above: null, below: 'b' });
});

test('asks are a function of history and seed alone', () => {
  const plain = (seed: number) => asks(play(openSource(SAMPLE).commits(), seed)).map((a) => [a.id, a.question]);
  assert.deepEqual(plain(1), plain(1));
  assert.notDeepEqual(plain(1), plain(2));
  const places = (seed: number) => asks(play(openSource(SAMPLE).commits(), seed)).filter((a) => a.point === 'arrival');
  assert.deepEqual(
    places(1).map((a) => a.question.document),
    places(2).map((a) => a.question.document),
  );
});

test('at most four asks while typing a hunk, none at its last text; a rest ask for each arrival', () => {
  const file = change('a.ts', 'a\nb\n', 'one two three four five\nb\nsix\n');
  const all = asks(play([commitOf(file)]));
  const at = (point: string, hunk: number) => all.filter((a) => a.point === point && a.hunk === hunk);
  assert.equal(at('typing', 0).length, 4);
  assert.ok(at('typing', 0).every((a) => a.question.document !== 'one two three four five\nb\n'));
  assert.deepEqual(
    all.map((a) => a.point).filter((p) => p === 'far'),
    ['far'],
  );
  assert.equal(all.filter((a) => a.point === 'rest').length, all.filter((a) => a.point === 'arrival').length);
  const rest = all.find((a) => a.point === 'rest')!;
  assert.deepEqual(rest.question.cursor, { line: 3, character: 0 }, 'the first one at the end of the file');
});

const TEXT = 'function add(a, b) {\n}\n';
const RIGHT = 'function add(a, b) {\n  const sum = a + b;\n  return sum;\n}\n';
const arrival = () => asks(play([commitOf(change('a.js', TEXT, RIGHT))])).find((a) => a.point === 'arrival')!;
const place = (line: number, character: number) => ({ line, character });

test('right: a later text of the path, however the edit is spelled', () => {
  const one = { start: place(1, 0), end: place(1, 0), text: '  const sum = a + b;\n  return sum;\n' };
  const other = { start: place(0, 20), end: place(0, 20), text: '\n  const sum = a + b;\n  return sum;' };
  for (const edit of [one, other]) {
    const { outcome, supplied } = arrival().judge(edit);
    assert.deepEqual([outcome, supplied], ['right', 13 + 10]);
  }
  assert.equal(arrival().judge({ start: place(1, 0), end: place(1, 0), text: '  const sum =' }).outcome, 'wrong');
});

test('partly: the first line alone is a later text', () => {
  const typed = asks(play([commitOf(change('a.js', 'f(x)\nend\n', 'f(x, y)\nend\n'))])).find(
    (a) => a.point === 'arrival',
  )!;
  const edit = { start: place(0, 3), end: place(1, 3), text: ', y)\nfin' };
  const { outcome, supplied } = typed.judge(edit);
  assert.deepEqual([outcome, supplied], ['partly', 2]);
  assert.equal(typed.judge({ ...edit, text: ', z)\nfin' }).outcome, 'wrong');
});

test('far: exactly one whole remaining hunk', () => {
  const before = 'a\nkeep\nb\nkeep\nc\n';
  const far = asks(play([commitOf(change('a.js', before, 'A1\nkeep\nB2\nkeep\nC3\n'))])).find(
    (a) => a.point === 'far',
  )!;
  const judge = (line: number, character: number, text: string) =>
    far.judge({ start: place(line, 0), end: place(line, character), text });
  assert.deepEqual(judge(2, 1, 'B2'), { outcome: 'right', reach: null, target: 1, supplied: 3 });
  assert.deepEqual(judge(4, 1, 'C3'), { outcome: 'right', reach: null, target: 2, supplied: 3 });
  assert.equal(judge(2, 1, 'B').outcome, 'wrong');
  assert.equal(far.judge({ start: place(2, 0), end: place(4, 1), text: 'B2\nkeep\nC3' }).outcome, 'wrong', 'two hunks');
});

test("an edit outside of the document is silence; line ends become the document's own", () => {
  assert.equal(applyEdit('a\n', { start: place(0, 2), end: place(0, 2), text: 'x' }), null);
  assert.equal(applyEdit('a\n', { start: place(5, 0), end: place(5, 0), text: 'x' }), null);
  assert.equal(applyEdit('a\n', { start: place(0, 1), end: place(0, 0), text: 'x' }), null);
  assert.equal(applyEdit('a\r\nb\r\n', { start: place(0, 1), end: place(0, 1), text: '\nx' }), 'a\r\nx\r\nb\r\n');
  assert.equal(lineAt('a\r\nb', 0), 'a');
});
