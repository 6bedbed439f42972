/** The weights as an arm: rounds of training on what became of suggestions, as the editor has them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ROOT } from '../../scripts/paths.ts';
import type { Answer, Lesson } from '../../src/replay/arm.ts';
import { armKinds } from '../../src/replay/arms.ts';
import type { Learned } from '../../src/replay/learned.ts';
import { writeTinyModel } from '../model/tiny.ts';
import { at, question } from './questions.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'knack-weights-'));
  writeTinyModel(join(dir, 'tiny'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

const start = async (): Promise<Learned> => {
  const place = { model: join(dir, 'tiny'), cacheDir: join(dir, 'cache'), adapter: null };
  return (await armKinds(['weights'])[0]!.start({ ...place, code: join(ROOT, 'media', 'code') })) as Learned;
};

const CONTEXT = { at: 100, still: 0 };
const NEW = question('const the_next_price = ');
const WANTED = 'sum(cents) / 100;';

/** Forty times another text was suggested than the one that was then typed. */
async function taught(arm: Learned): Promise<void> {
  for (let i = 0; i < 40; i++) {
    const line = `const price_${i} = `;
    const wrong: Answer = { edit: at(line, 'nothing'), confidence: -1 };
    const typed = at(line, WANTED);
    const lesson: Lesson = {
      ...{ at: i, question: question(line), answer: wrong, withheld: null, fate: 'rejected', typed, quality: null },
    };
    await arm.learn(lesson);
  }
}

test('a round is judged, and what it promotes answers otherwise; put back, it answers the same', async () => {
  const arm = await start();
  const before = await arm.answer(NEW, CONTEXT);
  await taught(arm);
  assert.deepEqual(await arm.answer(NEW, CONTEXT), before, 'nothing is learned before a round');
  const { steps, tokens, promoted, reason } = await arm.train();
  assert.ok(steps > 0 && tokens > 0 && tokens <= 20_000);
  assert.match(reason!, /Held-out signals/);
  assert.equal(promoted, 1, reason);
  const after = await arm.answer(NEW, CONTEXT);
  assert.notDeepEqual(after, before);
  const saved = mkdtempSync(join(dir, 'saved-'));
  await arm.save(saved);
  await arm.release();

  const other = await start();
  await taught(other);
  await other.restore(saved);
  assert.deepEqual(await other.answer(NEW, CONTEXT), after);
  // The next round goes on from there, whether in one go or resumed.
  await other.train();
  await other.release();
});

test('without examples a round changes nothing, and says why', async () => {
  const arm = await start();
  const before = await arm.answer(NEW, CONTEXT);
  const { steps, promoted, reason } = await arm.train();
  assert.deepEqual([steps, promoted], [0, 0]);
  assert.match(reason!, /too few signals/);
  const saved = mkdtempSync(join(dir, 'nothing-'));
  await arm.save(saved);
  await arm.restore(saved);
  assert.deepEqual(await arm.answer(NEW, CONTEXT), before);
  await arm.release();
});
