import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Edit } from '../../src/completion/edit.ts';
import type { Ask, Given } from '../../src/prompt/format.ts';
import { betterThan } from '../../src/prompt/propose.ts';
import { written } from './shown.ts';

const edit = (text: string): Edit => ({ start: { line: 0, character: 0 }, end: { line: 0, character: 0 }, text });
const given = (text: string, target: number[], weight = 0): Given => ({ edit: edit(text), target, done: 0, weight });

/**
 * Asks for the better one of an own answer of this chance and candidates, each token as likely as `chance` says; the
 * first of a candidate is looked at before whether the rest is wanted.
 */
async function proposed(own: number | null, candidates: readonly Given[], chance: (ids: readonly number[]) => number) {
  const asked: number[][] = [];
  const ask = { candidates: () => candidates } as unknown as Ask;
  const answer = own === null ? { none: 'empty' as const } : { edit: edit('own'), kept: 1 };
  const better = await betterThan(
    { written: { ...written([9, 9], () => own ?? -0.5), rivals: [-1, -1] }, answer },
    ask,
    async (targets, wanted) => {
      const all = (ids: readonly number[]) => ({
        ...written(ids, (n) => chance(ids.slice(0, n + 1))),
        rivals: ids.map(() => -1),
      });
      const begun = targets.map((target) => all(target.slice(0, 1)));
      const goesOn = wanted(begun);
      asked.push(...targets.filter((_, i) => goesOn[i]).map((target) => [...target]));
      return targets.map((target, i) => (goesOn[i] ? all(target) : begun[i]!));
    },
  );
  return { text: better?.edit.text ?? null, better, asked };
}

test('a candidate that is much likelier than the own answer is given, with its own chances', async () => {
  const { better } = await proposed(-5, [given('x', [1, 2])], () => -0.1);
  assert.deepEqual([better!.edit.text, better!.kept, better!.written.chances], ['x', 2, [-0.1, -0.1]]);
});

test('an own answer that is sure is given without a look', async () => {
  assert.deepEqual((await proposed(-0.1, [given('x', [1])], () => 0)).asked, []);
});

test('an own answer that is likelier to be right stays', async () => {
  assert.equal((await proposed(-1, [given('x', [1, 2], -2)], () => -5)).text, null);
  assert.equal((await proposed(-3, [given('x', [1, 2], -2)], () => -5)).text, 'x');
});

test('where the model has no answer, a candidate is one, unless it is hopeless', async () => {
  assert.equal((await proposed(null, [given('x', [1, 2], -4)], () => -2)).text, 'x');
  assert.equal((await proposed(null, [given('x', [1, 2], -4)], () => -20)).text, null);
  assert.equal((await proposed(null, [given('x', [1, 2], -6)], () => 0)).text, null, 'by its odds alone');
});

test('what speaks for a candidate counts beside its likelihood', async () => {
  const chance = (ids: readonly number[]): number => (ids[0] === 1 ? -2 : -3);
  assert.equal((await proposed(null, [given('x', [1], 0), given('y', [2], 0)], chance)).text, 'x');
  assert.equal((await proposed(null, [given('y', [2], 3), given('x', [1], 0)], chance)).text, 'y');
});

test('what begins like something hopeless is not asked for', async () => {
  const three = [given('x', [1, 2], -3), given('y', [1, 3], -3), given('z', [4, 5], -3)];
  const { asked, text } = await proposed(null, three, (ids) => (ids[0] === 1 && ids.length === 1 ? -30 : -0.5));
  assert.deepEqual([asked, text], [[[4, 5]], 'z']);
});

test('an answer that was given up hides no candidate that begins like it', async () => {
  const ask = { candidates: () => [given('x', [1, 2])] } as unknown as Ask;
  const returned = { ...written([9], () => -1.3), others: [Number.NEGATIVE_INFINITY], rivals: [-0.4] };
  const own = { written: returned, answer: { none: 'empty' as const } };
  const better = await betterThan(own, ask, async (targets) => targets.map((ids) => written(ids, () => -1)));
  assert.equal(better?.edit.text, 'x');
});

test('what is too unlikely by its odds and the model together is none, and what has begun hopelessly is not weighed to its end', async () => {
  const long = Array.from({ length: 60 }, (_, i) => i);
  assert.equal((await proposed(null, [given('x', long, -3)], () => -0.25)).text, 'x');
  assert.equal((await proposed(null, [given('x', long, -3)], () => -0.35)).text, null);
  const part = { ...written([1, 2], () => -12), rivals: [-1, -1] };
  const ask = { candidates: () => [given('x', [1, 2, 3], -3)] } as unknown as Ask;
  const own = { written: { ...written([9], () => -3), rivals: [-1] }, answer: { none: 'empty' as const } };
  const weigh = async (_: unknown, wanted: (all: (typeof part)[]) => readonly boolean[]) => {
    assert.deepEqual(wanted([part]), [false]);
    return [part];
  };
  assert.equal(await betterThan(own, ask, weigh), null);
});

test('while somebody types on, nothing is asked for', async () => {
  const two = [given('x', [1, 2], -2), given('y', [1, 3], -2)].map((each) => ({ ...each, done: 1 }));
  const { asked, text } = await proposed(null, two, (ids) => (ids.length === 1 ? -7 : 0));
  assert.deepEqual([asked, text], [[], null], 'after the first token, which tells how likely it is');
  const ask = { candidates: () => two } as unknown as Ask;
  const own = { ...written([8], () => -1), rivals: [-6] };
  const weigh = async (targets: readonly unknown[]) => {
    assert.deepEqual(targets, []);
    return [];
  };
  assert.equal(await betterThan({ written: own, answer: { edit: edit('own'), kept: 1 } }, ask, weigh), null);
});

test('a format without candidates, and a model that is cancelled: the own answer', async () => {
  const own = { written: { ...written([9], () => -3), rivals: [-1] }, answer: { edit: edit('own'), kept: 1 } };
  assert.equal(await betterThan(own, {} as Ask, async () => []), null);
  const ask = { candidates: () => [given('x', [1])] } as unknown as Ask;
  assert.equal(await betterThan(own, ask, async () => [null]), null);
});

test('what was done before to such a line is given however unlikely it is and however sure the model, with its chances', async () => {
  for (const own of [null, -0.01]) {
    const repeated = given('again', [7, 8], 3);
    const ask = { repeated: (known: unknown) => (known === told ? repeated : null), candidates: () => [] };
    const told = (): null => null;
    const answer = own === null ? { none: 'empty' as const } : { edit: edit('own'), kept: 1 };
    const weigh = async (targets: readonly (readonly number[])[]) =>
      targets.map((ids) => ({ ...written(ids, () => -9), rivals: ids.map(() => -1) }));
    const mine = { written: { ...written([9], () => own ?? -1), rivals: [-1] }, answer };
    const better = await betterThan(mine, ask as unknown as Ask, weigh, told);
    assert.deepEqual([better?.edit.text, better?.written.chances, better?.weight], ['again', [-9, -9], 3]);
    // Cancelled, or of a format that knows no such thing: the own answer.
    assert.equal(await betterThan(mine, ask as unknown as Ask, async (targets) => targets.map(() => null), told), null);
    assert.equal(await betterThan(mine, { candidates: () => [] } as unknown as Ask, weigh, told), null);
  }
});
