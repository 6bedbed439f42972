/** The memory as an arm: what was accepted or typed once is suggested where it fits again, with the model as it was. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { GRAMMARS } from '../../scripts/paths.ts';
import type { Edit } from '../../src/completion/edit.ts';
import type { Answer, Lesson } from '../../src/replay/arm.ts';
import { armKinds } from '../../src/replay/arms.ts';
import type { ModelOwn } from '../../src/replay/complete.ts';
import type { Learned } from '../../src/replay/learned.ts';
import { runSession, type Session } from '../../src/replay/session.ts';
import { fingerprintOf, openSource } from '../../src/replay/source.ts';
import type { Question } from '../../src/replay/typist.ts';
import { successors, writeTinyModel } from '../model/tiny.ts';
import { at, question } from './questions.ts';
import { SAMPLE } from './sources.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'knack-memory-'));
  writeTinyModel(join(dir, 'tiny'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

const [KIND] = armKinds(['memory']);
const start = async (): Promise<Learned> =>
  (await KIND!.start({ model: join(dir, 'tiny'), cacheDir: join(dir, 'cache'), adapter: null, code: '' })) as Learned;

const HEAD = 'const the_whole_price_of_it = ';
const lesson = (fate: Lesson['fate'], answer: Answer | null, typed: Edit | null): Lesson => ({
  at: 7,
  question: question(HEAD),
  answer: fate === 'silent' ? null : answer,
  withheld: fate === 'silent' ? answer : null,
  fate,
  typed,
  quality: null,
});

const CONTEXT = { at: 8, still: 0 };
const text = async (arm: Learned, of: Question): Promise<string | undefined> =>
  (await arm.answer(of, CONTEXT))?.edit.text;

test('what was typed once instead of a suggestion is suggested in another file, and says from where', async () => {
  const arm = await start();
  const alone = (await arm.answer(question(HEAD), CONTEXT))!;
  assert.equal(alone.edit.text, successors(' '));
  assert.equal((alone.own as ModelOwn).remembered, undefined);
  arm.learn(lesson('rejected', alone, at(HEAD, 'sum(cents) / 100;')));

  const answer = (await arm.answer(question(`  ${HEAD}`, 'b.ts'), CONTEXT))!;
  assert.equal(answer.edit.text, 'sum(cents) / 100;');
  const { remembered, retrieved, tokenLogprobs } = answer.own as ModelOwn;
  assert.deepEqual(remembered!.entries, ['7:typed']);
  assert.ok(retrieved! > 0.4 && retrieved! <= 1);
  assert.ok(tokenLogprobs.every((l) => l <= 0));
  assert.ok(answer.confidence > -1.2);
  await arm.release();
});

test('what was written without a suggestion is remembered, as it is now; taken back, it is forgotten', async () => {
  const arm = await start();
  const write = (...added: string[]) => {
    const edit = { stretch: 1, path: 'c.ts', removed: [''], added, above: null, below: null };
    return arm.watch({ kind: 'edited', edit });
  };
  await write(`${HEAD}sum(`);
  await write(`${HEAD}sum(cents) / 100;`);
  assert.equal(await text(arm, question(HEAD)), 'sum(cents) / 100;');
  await write('');
  assert.equal(await text(arm, question(HEAD)), successors(' '));
  // A hunk without a suggestion is a lesson for other rungs: it was watched.
  await arm.learn(lesson('silent', null, at(HEAD, 'sum(cents) / 100;')));
  assert.equal(await text(arm, question(HEAD)), successors(' '));
  await arm.release();
});

test('a run that was killed goes on to the same answers', async () => {
  const arms = ['memory', 'gate+memory+typing'];
  const play = (logs: string) =>
    runSession(
      [{ source: SAMPLE, history: openSource(SAMPLE), fingerprint: fingerprintOf(SAMPLE) }],
      {
        ...{ arms: armKinds(arms, -5), span: { since: null, limit: 1, signals: null, every: 1 }, seed: 3, workers: 1 },
        ...{
          sequence: false,
          idle: 64,
          canary: null,
          taste: null,
          grammars: GRAMMARS,
          moments: 0,
          code: '',
          learning: '',
        },
        place: { model: join(dir, 'tiny'), cacheDir: join(dir, 'cache'), adapter: null, code: '' },
        worker: join(import.meta.dirname, '..', '..', 'src', 'replay', 'worker.ts'),
        logs: join(dir, logs),
      },
      { begin() {}, progress() {}, end() {} },
    );
  const whole = await play('whole');
  const [name] = readdirSync(join(dir, 'whole'));
  const lines = readFileSync(join(dir, 'whole', name!), 'utf8').split('\n');
  assert.ok(
    lines.some((line) => line.includes('"remembered"')),
    'it has learned something on the way',
  );
  mkdirSync(join(dir, 'killed'));
  // Torn in the middle of a line.
  writeFileSync(
    join(dir, 'killed', name!),
    lines
      .slice(0, lines.length >> 1)
      .join('\n')
      .slice(0, -9),
  );
  const figures = (session: Session): unknown =>
    JSON.parse(JSON.stringify(session.report, (key, value) => (key === 'cost' ? undefined : value)));
  assert.deepEqual(figures(await play('killed')), figures(whole));
});

test('an accepted edit is remembered too; nothing typed is nothing to remember', async () => {
  const accepting = await start();
  const edit = at(HEAD, 'sum(cents) / 100;');
  await accepting.learn(lesson('accepted', { edit, confidence: -1 }, edit));
  assert.equal(await text(accepting, question(HEAD)), 'sum(cents) / 100;');
  await accepting.release();
  const arm = await start();
  arm.learn(lesson('rejected', { edit: at(HEAD, 'wrong'), confidence: -1 }, null));
  assert.equal(await text(arm, question(HEAD)), successors(' '));
  await arm.release();
});

test('what is refused again and again is believed less and less', async () => {
  const arm = await start();
  const edit = at(HEAD, 'sum(cents) / 100;');
  arm.learn(lesson('accepted', { edit, confidence: -1 }, edit));
  const confidences: number[] = [];
  for (let i = 0; i < 40; i++) {
    const answer = (await arm.answer(question(HEAD), CONTEXT))!;
    if (answer.edit.text !== 'sum(cents) / 100;') break;
    confidences.push(answer.confidence);
    // Refused at rest nothing is typed instead; elsewhere the first token was wrong.
    arm.learn({ ...lesson('rejected', answer, at(HEAD, 'vat(cents);')), at: 100 });
  }
  assert.ok(confidences.length > 0 && confidences.length < 40);
  assert.deepEqual(
    confidences,
    confidences.toSorted((a, b) => b - a),
  );
  await arm.release();
});
