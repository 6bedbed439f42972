import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editAtCursor } from '../../src/completion/edit.ts';
import { Decoder, type Forward, type KvCache } from '../../src/model/decode.ts';
import type { Ask } from '../../src/prompt/format.ts';
import { several } from '../../src/prompt/several.ts';

const WORDS = ['<end>', 'a', 'b', 'c', '(', ')', '\n'];
const ids = (text: string): number[] => [...text].map((letter) => WORDS.indexOf(letter));

/** What may follow which text, likelier first, each half as likely as the one before. */
const NEXT: Readonly<Record<string, string>> = { '': 'ab', a: '(c', 'a(': ')', 'a()': '\n', ac: '\n', b: '\n' };

/** A model of one prompt token that counts its forward passes. */
class Toy implements Forward {
  readonly vocab = WORDS.length;
  passes = 0;
  #written: number[] = [];

  async run(tokens: readonly number[], cache: KvCache | null, rows: readonly number[]) {
    this.passes++;
    const before = this.#written.slice(0, cache?.length ?? 0);
    this.#written = [...before, ...tokens];
    const logits = rows.flatMap((row) => {
      const said = [...before, ...tokens.slice(0, row + 1)].slice(1).map((id) => WORDS[id]);
      const next = NEXT[said.join('')] ?? '\n';
      return WORDS.map((word) => (next.includes(word) ? -next.indexOf(word) * Math.LN2 : -20));
    });
    const held = (length: number): KvCache => ({ length, slice: held, copy: held });
    return { logits: new Float32Array(logits), cache: held(this.#written.length) };
  }
}

const tokenizer = { bytes: (id: number) => Buffer.from(id === 0 ? '' : WORDS[id]!), vocabSize: 7, eosIds: [0] };
const text = (written: readonly number[]): string => written.map((id) => WORDS[id]).join('');
const ask: Ask = {
  prompt: { ids: ids('c'), heal: '', hash: '' } as never,
  isOver: ({ ids: written }) => text(written).endsWith('\n'),
  read: ({ ids: written }) => ({
    edit: editAtCursor({ before: '', startLine: 0 }, text(written).trimEnd(), 0),
    kept: written.length,
  }),
  target: () => null,
};

async function answersFor(most: number, given: Ask = ask) {
  const toy = new Toy();
  const decoder = new Decoder(toy, tokenizer);
  const answers = await several(given, most, (form) => decoder.generate(given.prompt, 9, () => false, form));
  return { answers: answers!, texts: answers!.map((a) => a.edit.text), toy };
}

test('the likeliest answer, then the likeliest that part from it', async () => {
  assert.deepEqual((await answersFor(3)).texts, ['a()', 'b', 'ac']);
  assert.deepEqual((await answersFor(1)).texts, ['a()']);
});

test('no more than there are', async () => assert.deepEqual((await answersFor(5)).texts, ['a()', 'b', 'ac']));

test('log-probabilities are those of all tokens, also where one was not allowed', async () => {
  const { answers } = await answersFor(3);
  const sums = answers.map(({ written }) => written.logprobs.reduce((a, b) => a + b, 0));
  // a: 2/3, then ( of 2/3; b: 1/3; a, then c of 1/3.
  for (const [i, share] of [4 / 9, 1 / 3, 2 / 9].entries()) assert.ok(Math.abs(Math.exp(sums[i]!) - share) < 1e-3);
});

test('the prompt is read once, and a common beginning in one pass', async () => {
  const { toy } = await answersFor(3);
  // The prompt and a, (, ) of the first; the prompt's last token again and b; the same, and a, c.
  assert.equal(toy.passes, 4 + 2 + 3);
});

test('the same edit, spelled in another way, is none', async () => {
  const read: Ask['read'] = (written) => ({
    edit: editAtCursor({ before: '', startLine: 0 }, text(written.ids).trimEnd().replace('ac', 'a()'), 0),
    kept: written.ids.length,
  });
  assert.deepEqual((await answersFor(3, { ...ask, read })).texts, ['a()', 'b']);
});

test('also within a word that is spelled anew', async () => {
  const prompt = { ...ask.prompt, heal: 'a' };
  // Only a spells it: nothing else can begin an answer.
  assert.deepEqual((await answersFor(3, { ...ask, prompt })).texts, ['a()', 'ac']);
});

test('cancelled: what was found by then, or null', async () => {
  const decoder = new Decoder(new Toy(), tokenizer);
  assert.equal(await several(ask, 3, (form) => decoder.generate(ask.prompt, 9, () => true, form)), null);
});
