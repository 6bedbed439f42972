import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { GRAMMARS } from '../../scripts/paths.ts';
import { applyEdit, type Edit } from '../../src/completion/edit.ts';
import { editBetween } from '../../src/replay/between.ts';
import { qualityOf } from '../../src/replay/quality.ts';
import { qualityFigures } from '../../src/replay/quality-figures.ts';
import { openSource } from '../../src/replay/source.ts';
import { Syntax } from '../../src/replay/syntax.ts';
import { type Question, Typist } from '../../src/replay/typist.ts';
import { answered } from './answered.ts';
import { SAMPLE } from './sources.ts';

let syntax: Syntax;
before(async () => {
  syntax = await Syntax.load(GRAMMARS);
});

const errors = (languageId: string, text: string): number | undefined => {
  const parsed = syntax.at(`file of ${languageId} ${text.length}`, languageId, text);
  const count = parsed?.errors;
  parsed?.release();
  return count;
};

const LANGUAGES: readonly (readonly [languageId: string, whole: string, broken: string])[] = [
  ['typescript', 'const a: number = f<string>(1);\n', 'const a: number = f<string>(1;\n'],
  ['typescriptreact', 'const a = <b>{c}</b>;\n', 'const a = <b>{c</b>;\n'],
  ['javascript', 'const a = (b) => b?.c;\n', 'const a = (b => b?.c;\n'],
  ['javascriptreact', 'const a = <b />;\n', 'const a = <b;\n'],
  ['python', 'def f(a):\n    return [a]\n', 'def f(a):\n    return [a\n'],
  ['go', 'package p\nfunc f(a int) int { return a }\n', 'package p\nfunc f(a int) int { return a \n'],
  ['rust', 'fn f(a: u8) -> u8 { a + 1 }\n', 'fn f(a: u8) -> u8 { a + }\n'],
];
for (const [languageId, whole, broken] of LANGUAGES) {
  test(`syntax errors in ${languageId}`, () => {
    assert.equal(errors(languageId, whole), 0);
    assert.ok(errors(languageId, broken)! > 0);
  });
}

test('a language without a grammar, and a huge text, are not parsed', () => {
  assert.equal(errors('markdown', '# (\n'), undefined);
  assert.equal(errors('python', `x = 1\n`.repeat(100_000)), undefined);
});

test('a text that follows another has the errors that it has by itself, along a whole history', () => {
  let texts = 0;
  let differ = 0;
  for (const [i, commit] of [...openSource(SAMPLE).commits()].slice(0, 4).entries()) {
    for (const p of new Typist(0).play(commit, i)) {
      if (p.kind !== 'ask') continue;
      const { path, languageId, document } = p.ask.question;
      const following = syntax.at(path, languageId, document);
      if (following === null) continue;
      const alone = syntax.at(`${path} alone ${texts++}`, languageId, document)!;
      // Both agree whether a text parses; how many errors a broken one has may differ by recovery.
      assert.equal(following.errors === 0, alone.errors === 0);
      if (following.errors !== alone.errors) differ++;
      following.release();
      alone.release();
    }
  }
  assert.ok(texts > 50 && differ < texts / 10, `${differ} of ${texts}`);
});

const question = (document: string, recent: Question['recent'] = []): Question => ({
  path: 'a.py',
  languageId: 'python',
  document,
  cursor: { line: 0, character: 0 },
  recent,
});
const quality = (q: Question, after: string) => {
  const edit: Edit = editBetween(q.document, after)!;
  assert.equal(applyEdit(q.document, edit), after);
  const parsed = syntax.at(q.path, q.languageId, q.document);
  const found = qualityOf(q, edit, after, parsed);
  parsed?.release();
  return found;
};

test('an answer that breaks the file brings new errors, one that mends it takes them', () => {
  const { errors: broken } = quality(question('f(a)\n'), 'f(a\n');
  assert.ok(broken!.before === 0 && broken!.after > 0);
  const { errors: mended } = quality(question('f(a\n'), 'f(a)\n');
  assert.ok(mended!.before > 0 && mended!.after === 0);
});

test('reversal: going back is 1, going on is 0, half of both is a half', () => {
  const typed = [{ path: 'a.py', line: 1, removed: 'x = old', added: 'x = newer' }];
  const now = question('first\nx = newer\nlast\n', typed);
  assert.equal(quality(now, 'first\nx = old\nlast\n').reversal, 1);
  assert.equal(quality(now, 'first\nx = newer(y)\nlast\n').reversal, 0);
  assert.equal(quality(now, 'first\nx = newer\nlast one\n').reversal, 0, 'elsewhere');
  const half = question('a\nab\n', [{ path: 'a.py', line: 1, removed: '', added: 'ab' }]);
  assert.equal(quality(half, 'a\ncd\n').reversal, 0.5, 'two characters go back, two are new');
  const other = question('x = newer\n', [{ path: 'b.py', line: 0, removed: '', added: 'x = newer' }]);
  assert.equal(quality(other, '\n').reversal, 0, 'the last stretch was in another file');
});

test('what an answer deletes: visible characters, and lines without others in their place', () => {
  const lines = question('a\nb = 1\nc = 2\nd\n');
  const { removed, removedLines } = quality(lines, 'a\nd\n');
  assert.deepEqual([removed, removedLines], [6, 2]);
  const inserted = quality(lines, 'a\nb = 1\nc = 2\nmore\nd\n');
  assert.deepEqual([inserted.removed, inserted.removedLines], [0, 0]);
});

test('figures: shares of all answers, and of those shown', () => {
  const good = { errors: { before: 0, after: 0 }, reversal: 0, removed: 0, removedLines: 0 };
  const bad = { errors: { before: 0, after: 2 }, reversal: 0.75, removed: 10, removedLines: 1 };
  const asks = answered([
    { point: 'arrival', confidence: 0.9, outcome: 'right', reach: 1, quality: good },
    { point: 'arrival', hunk: 1, confidence: 0.4, outcome: 'wrong', quality: bad },
    { point: 'arrival', hunk: 2, confidence: 0.9, outcome: 'wrong', quality: { ...bad, errors: null } },
    { point: 'rest' },
  ]);
  const { given, shown } = qualityFigures([{ asks, hunks: [] }], 0.5);
  assert.deepEqual([given.answers, given.checked, given.parses, given.newErrors], [3, 2, 0.5, 0.5]);
  assert.deepEqual(given.newErrorsByOutcome, { right: 0, partly: null, wrong: 1 });
  assert.deepEqual([given.reversal, given.undoes, given.removesLines], [0.5, 2 / 3, 2 / 3]);
  assert.deepEqual([shown.answers, shown.checked, shown.newErrors, shown.removed], [2, 1, 0, 5]);
});

test('between two texts: the smallest edit, never through a surrogate pair or a line end', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['a\r\nb\r\n', 'a\r\nx\r\nb\r\n'],
    ['a\r\n', 'a\r\n\r\n'],
    ['𝒳', '𝒴'],
    ['x𝒳', 'x'],
    ['', 'new'],
    ['aa', 'aaa'],
  ];
  for (const [from, to] of cases) {
    const edit = editBetween(from, to)!;
    assert.equal(applyEdit(from, edit), to, JSON.stringify(edit));
    assert.ok(edit.text.isWellFormed());
  }
  assert.equal(editBetween('same', 'same'), null);
});
