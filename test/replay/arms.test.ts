import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { applyEdit } from '../../src/completion/edit.ts';
import { type Complete, startZeroshot } from '../../src/replay/complete.ts';
import { Copy, similarity } from '../../src/replay/copy.ts';
import { ReplayError } from '../../src/replay/history.ts';
import { openSource } from '../../src/replay/source.ts';
import { type Question, Typist } from '../../src/replay/typist.ts';
import { successors, writeTinyModel } from '../model/tiny.ts';
import { SAMPLE } from './sources.ts';

const ask = (document: string, line: number, character: number): Question => ({
  path: 'a.ts',
  languageId: 'typescript',
  document,
  cursor: { line, character },
  recent: [],
});
const left = (removed: string, added: string, line: string) =>
  ({
    kind: 'left',
    path: 'a.ts',
    commit: 0,
    file: 0,
    hunk: 0,
    newLines: [line.replace(removed, added)],
    substitutions: [{ removed, added, line }],
    total: 0,
  }) as const;

test('similarity is the share of tokens in common', () => {
  assert.equal(similarity(['a', 'b'], ['a', 'b']), 1);
  assert.equal(similarity(['a', 'a'], ['a', 'b', 'c', 'd']), 2 / 6);
  assert.equal(similarity([], []), 0);
});

test('copy makes the last substitution again, as sure as the lines are alike', () => {
  const copy = new Copy();
  assert.equal(copy.answer(ask('call(old)\n', 0, 0)), null, 'nothing seen yet');
  copy.watch(left('old', 'next', 'call(old)'));
  const document = 'first\nolder\nx = call(old)\n';
  const answer = copy.answer(ask(document, 0, 2))!;
  assert.equal(applyEdit(document, answer.edit), 'first\nolder\nx = call(next)\n');
  assert.equal(answer.confidence, (2 * 4) / (6 + 4));
});

test("copy puts the most similar line in place of the cursor's, and the line after it on a blank one", () => {
  const copy = new Copy();
  copy.watch({ kind: 'open', path: 'b.ts', text: 'export const name = read(path);\nreturn name;\nother();\n' });
  const similar = copy.answer(ask('  export const name\n', 0, 19))!;
  assert.deepEqual(similar.edit.text, '  export const name = read(path);');
  assert.equal(similar.confidence, (2 * 3) / (3 + 9));
  const follows = copy.answer(ask('\texport const name = read(path);\n\n', 1, 0))!;
  assert.equal(
    applyEdit('\texport const name = read(path);\n\n', follows.edit),
    '\texport const name = read(path);\n\treturn name;\n',
  );
});

test('copy does not know what the path has not left yet', () => {
  const copy = new Copy();
  const typist = new Typist(0);
  const known = new Set<string>();
  const made = new Set<string>();
  for (const [i, commit] of [...openSource(SAMPLE).commits()].entries()) {
    for (const played of typist.play(commit, i)) {
      if (played.kind === 'open') for (const l of played.text.split('\n')) known.add(l.trim());
      if (played.kind === 'left') {
        for (const l of played.newLines) known.add(l.trim());
        for (const { added } of played.substitutions) made.add(added);
      }
      if (played.kind !== 'ask') {
        copy.watch(played);
        continue;
      }
      const answer = copy.answer(played.ask.question);
      if (answer === null) continue;
      const { edit } = answer;
      const recalled = edit.start.character === 0 && known.has(edit.text.trim());
      const substituted = made.has(edit.text);
      assert.ok(recalled || substituted);
      assert.ok(answer.confidence >= 0 && answer.confidence <= 1);
      assert.notEqual(applyEdit(played.ask.question.document, edit), null, 'it always changes the document');
    }
  }
});

let dir: string;
let zeroshot: Complete;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'knack-arms-'));
  writeTinyModel(join(dir, 'tiny'));
  zeroshot = await startZeroshot(join(dir, 'tiny'), join(dir, 'cache'));
});
after(async () => {
  await zeroshot.release();
  rmSync(dir, { recursive: true, force: true });
});

test('zeroshot inserts what the editor would show, with the mean log-probability', async () => {
  const { edit, confidence } = (await zeroshot.answer(ask('ab w\nz\n', 0, 4)))!;
  assert.deepEqual(edit, { start: { line: 0, character: 4 }, end: { line: 0, character: 4 }, text: successors('w') });
  assert.ok(confidence < 0 && confidence > -3);
});

test('zeroshot is silent where the editor shows nothing', async () => {
  assert.equal(await zeroshot.answer(ask('ab w and code to the right\n', 0, 4)), null);
  assert.equal(await zeroshot.answer(ask('binary\0\n', 0, 2)), null);
});

test('zeroshot answers to the bit alike in any order', async () => {
  const questions: Question[] = [];
  const typist = new Typist(0);
  for (const commit of openSource(SAMPLE).commits()) {
    for (const p of typist.play(commit, 0))
      if (p.kind === 'ask' && questions.length < 40) questions.push(p.ask.question);
  }
  const there = [];
  for (const q of questions) there.push(await zeroshot.answer(q));
  const back = [];
  for (const q of questions.toReversed()) back.push(await zeroshot.answer(q));
  assert.deepEqual(back.reverse(), there);
  assert.ok(there.some((a) => a !== null));
});

test('without a model zeroshot says where it was looked for', async () => {
  await assert.rejects(
    startZeroshot(null, join(dir, 'empty')),
    (e) => e instanceof ReplayError && /not in .*empty/.test(e.message),
  );
});
