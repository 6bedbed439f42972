/** Guesses: where they come from, and that an answer is the same with them and without. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnswerForm, Decoder, type Drafts, type Forward, type KvCache } from '../../src/model/decode.ts';
import { Lookup } from '../../src/model/drafts.ts';
import type { Prompt } from '../../src/model/prompt.ts';
import { seeded } from '../../src/trainer/random.ts';
import { wordTokenizer } from './words.ts';

test('along the last answer, as its text is typed', () => {
  const lookup = new Lookup();
  lookup.wrote([1, 2, 3, 4, 5, 6]);
  assert.deepEqual(lookup.after([1, 2, 3]), [4, 5, 6]);
  assert.deepEqual(lookup.after([1, 2, 3, 4, 5, 6]), []);
  assert.deepEqual(lookup.after([7, 8]), []);
});

test('as the longest like end goes on, more of it the longer it is; one like id says nothing', () => {
  const lookup = new Lookup();
  lookup.nearby = [9, 1, 2, 5, 5, 5, 5, 5, 8, 2, 7];
  assert.deepEqual(lookup.after([4, 2]), []);
  assert.deepEqual(lookup.after([4, 1, 2]), [5, 5, 5]);
  assert.deepEqual(lookup.after([9, 1, 2]), [5, 5, 5, 5, 5, 8]);
  assert.deepEqual(lookup.after([8, 2, 6, 6, 8, 2]), [7], 'the text near by comes before the prompt');
  assert.deepEqual(lookup.after([3, 4, 6, 6, 3, 4]), [6, 6, 3], 'in the prompt itself');
});

/** A model whose next token is a fixed function of the last three, and counts its passes. */
function automaton() {
  const tokenizer = wordTokenizer();
  const { vocabSize } = tokenizer;
  const seen = { runs: 0, tokens: 0 };
  const logitsOf = (ids: readonly number[]): number[] => {
    const [a = 0, b = 0] = ids.slice(-2);
    const random = seeded(((a * 31 + b) % 97) + 1);
    return Array.from({ length: vocabSize }, () => 5 * random());
  };
  interface Held extends KvCache {
    readonly ids: readonly number[];
  }
  const held = (ids: readonly number[]): Held => {
    const slice = (n: number): Held => held(ids.slice(0, n));
    return { ids, length: ids.length, slice, copy: slice };
  };
  const forward: Forward = {
    vocab: vocabSize,
    run: async (ids, cache, rows) => {
      const before = (cache as Held | null)?.ids ?? [];
      seen.runs++;
      seen.tokens += ids.length;
      const logits = Float32Array.from(rows.flatMap((row) => logitsOf([...before, ...ids.slice(0, row + 1)])));
      return { logits, cache: held([...before, ...ids]) };
    },
  };
  return { tokenizer, forward, seen };
}

const never = (): boolean => false;
const endless: AnswerForm = { isOver: never };
const prompt = (ids: readonly number[]): Prompt => ({ ids, heal: '', hash: '' });

test('an answer is the same whatever is guessed: right, wrong, half right, too much', async () => {
  const { tokenizer, forward } = automaton();
  const random = seeded(5);
  const id = (): number => 1 + Math.floor(random() * (tokenizer.vocabSize - 1));
  const truth = new Decoder(forward, tokenizer);
  let known: readonly number[] = [];
  const drafts: Drafts = {
    after(context) {
      const right = known.slice(context.length, context.length + Math.floor(random() * 6));
      return random() < 0.5 ? right : [...right, ...Array.from({ length: Math.floor(random() * 4) }, id)];
    },
    wrote: () => undefined,
  };
  const guessing = new Decoder(forward, tokenizer, false, drafts);
  for (let i = 0; i < 60; i++) {
    const ids = Array.from({ length: 1 + Math.floor(random() * 40) }, id);
    const form: AnswerForm =
      i % 3 === 0 ? endless : { isOver: ({ ids }) => ids.length > 7, choice: (ids) => (ids.length % 4 === 2 ? { only: [5] } : { not: [3] }) }; // biome-ignore format: one case
    const expected = await truth.generate(prompt(ids), 12, never, form);
    known = [...ids, ...expected.ids];
    assert.deepEqual(await guessing.generate(prompt(ids), 12, never, form), expected);
    assert.deepEqual(guessing.cachedIds, truth.cachedIds);
    const target = Array.from({ length: 4 }, id);
    assert.deepEqual(await guessing.score(prompt(ids), target), await truth.score(prompt(ids), target));
  }
});

test('the same request again costs one pass; with fixed cuts nothing is guessed of what was asked before', async () => {
  for (const fixed of [false, true]) {
    const { tokenizer, forward, seen } = automaton();
    const decoder = new Decoder(forward, tokenizer, fixed, new Lookup());
    const first = await decoder.generate(prompt([4, 5, 6]), 8, never, endless);
    const runs = seen.runs;
    assert.deepEqual(await decoder.generate(prompt([4, 5, 6]), 8, never, endless), first);
    assert.equal(seen.runs - runs, fixed ? first.ids.length : 1);
  }
});

test('what a form guesses is checked in one pass, with fixed cuts as well, and changes no answer', async () => {
  for (const fixed of [false, true]) {
    const { tokenizer, forward, seen } = automaton();
    const plain = await new Decoder(forward, tokenizer, fixed).generate(prompt([4, 5, 6]), 8, never, endless);
    const runs = seen.runs;
    const right: AnswerForm = { ...endless, guess: (ids) => plain.ids.slice(ids.length) };
    const decoder = new Decoder(forward, tokenizer, fixed);
    assert.deepEqual(await decoder.generate(prompt([4, 5, 6]), 8, never, right), plain);
    assert.equal(seen.runs - runs, 1);
    const wrong: AnswerForm = { ...endless, guess: (ids) => plain.ids.slice(ids.length).map((id) => (id + 1) % 8) };
    assert.deepEqual(await new Decoder(forward, tokenizer, fixed).generate(prompt([4, 5, 6]), 8, never, wrong), plain);
  }
});
