import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEdit } from '../../src/completion/edit.ts';
import { findCandidates } from '../../src/prompt/candidates.ts';
import { FITTED } from '../../src/prompt/fitted-odds.ts';
import type { PromptInput } from '../../src/prompt/format.ts';
import { ODDS_FEATURES, oddsFeatures, SITUATIONS } from '../../src/prompt/odds.ts';
import { at } from './shown.ts';

const edit = (line: number, removed: string, added: string, path = 'a.ts') => ({ path, line, removed, added });

/** Log-odds of the candidate that makes the text so, the cursor having gone to another line. */
function oddsOf(input: PromptInput, wanted: string): number {
  const row = input.before.split('\n').length - 1;
  const found = findCandidates(input, 16, row, 'arrived').find(
    (c) => applyEdit(input.before + input.after, c.edit) === wanted,
  );
  assert.ok(found !== undefined, 'there is such a candidate');
  return found.weight;
}

const LINE = 'four(retries);';
const text = (first: string, second: string, third: string): string => `${first}\n${second}\n${third}\n|${LINE}`;
const done = (input: PromptInput): number =>
  oddsOf(input, (input.before + input.after).replace(LINE, 'four(attempts);'));

test('what was done twice in a row is likelier to be done again than what was done once, and long ago', () => {
  const once = at(text('one(attempts);', 'two(x);', 'three(y);'), {
    recent: [edit(0, 'one(retries);', 'one(attempts);')],
  });
  const twice = at(text('one(attempts);', 'two(attempts);', 'three(y);'), {
    recent: [edit(0, 'one(retries);', 'one(attempts);'), edit(1, 'two(retries);', 'two(attempts);')],
  });
  const since = at(text('one(attempts);', 'two(x, 1);', 'three(y, 2);'), {
    recent: [
      edit(0, 'one(retries);', 'one(attempts);'),
      edit(1, 'two(x);', 'two(x, 1);'),
      edit(2, 'three(y);', 'three(y, 2);'),
    ],
  });
  assert.ok(done(twice) > done(once) + 0.5, `${done(twice)} and ${done(once)}`);
  assert.ok(done(once) > done(since), `${done(once)} and ${done(since)}`);
});

test('a place near the cursor is likelier than one far below', () => {
  // What stands around both places is alike.
  const below = 'use(old1);\na();\nb();\nc();\n';
  const input = at(`use(new1)|;\nx();\n${below}${below}`, { recent: [edit(0, 'use(old1);', 'use(new1);')] });
  const weightAt = (line: number): number =>
    findCandidates(input, 16, null, 'stayed').find((c) => c.edit.start.line === line && c.facts.beside === 0)!.weight;
  assert.ok(weightAt(2) > weightAt(6), `${weightAt(2)} and ${weightAt(6)}`);
});

test('one change among many of a line written anew says less than one that was made alone', () => {
  const alone = at(text('one(attempts);', 'two(x);', 'three(y);'), {
    recent: [edit(0, 'one(retries);', 'one(attempts);')],
  });
  const anew = at(text('uno(attempts, most, all);', 'two(x);', 'three(y);'), {
    recent: [edit(0, 'one(retries, a, b);', 'uno(attempts, most, all);')],
  });
  assert.ok(done(alone) > done(anew) + 0.5, `${done(alone)} and ${done(anew)}`);
});

test('every weight belongs to a feature, and every feature is a number whatever was edited', () => {
  for (const situation of SITUATIONS) {
    assert.deepEqual(Object.keys(FITTED[situation]!), ODDS_FEATURES);
    assert.ok(Object.values(FITTED[situation]!).every(Number.isFinite), situation);
  }
  const input = at('let total;\n\nadd(sum, sum);\nlog(|sum);\n', {
    recent: [edit(0, 'x', 'y', 'b.ts'), edit(0, 'let sum;', 'let total;')],
  });
  for (const situation of SITUATIONS) {
    const found = findCandidates(input, 16, null, situation);
    assert.ok(found.length > 1);
    for (const { facts, weight } of found) {
      assert.ok(oddsFeatures(facts).every(Number.isFinite), JSON.stringify(facts));
      assert.ok(weight <= 5 && weight >= -10, `${weight}`);
    }
  }
});
