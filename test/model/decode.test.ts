import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Decoder,
  type Drafts,
  type Forward,
  firstLine,
  type KvCache,
  logSumExp,
  mixIn,
  type Written,
} from '../../src/model/decode.ts';
import type { Prompt } from '../../src/model/prompt.ts';
import { seeded } from '../../src/trainer/random.ts';
import { wordTokenizer } from './words.ts';

/** A model that knows one text by heart: after the longest suffix of it that it sees, the next token. Counts its work. */
function parrot(text: string) {
  const tokenizer = wordTokenizer();
  const known = [...tokenizer.encode(text), 0];
  const seen = { tokens: 0, runs: 0 };
  interface Held extends KvCache {
    readonly ids: number[];
  }
  const held = (ids: number[]): Held => {
    const slice = (n: number): Held => held(ids.slice(0, n));
    return { ids, length: ids.length, slice, copy: slice };
  };
  const next = (ids: readonly number[]): Float32Array => {
    const logits = new Float32Array(tokenizer.vocabSize);
    const scores = known.map((_, at) => {
      let match = 0;
      while (match < at && match < ids.length && known[at - 1 - match] === ids[ids.length - 1 - match]) match++;
      return match;
    });
    scores.forEach((score, at) => {
      logits[known[at]!] = Math.max(logits[known[at]!]!, 4 * score);
    });
    return logits;
  };
  const forward: Forward = {
    get vocab() {
      return tokenizer.vocabSize;
    },
    run: async (ids, cache, rows, tree) => {
      const before = (cache as Held | null)?.ids ?? [];
      seen.tokens += ids.length;
      seen.runs++;
      const all = [...before, ...ids];
      const upTo = (at: number): number[] => {
        if (tree === undefined || at < tree.trunk) return all.slice(0, at + 1);
        const parent = tree.parents[at - tree.trunk]!;
        return [...(parent < 0 ? all.slice(0, tree.trunk) : upTo(tree.trunk + parent)), all[at]!];
      };
      const logits = rows.map((row) => next(upTo(before.length + row)));
      return { logits: Float32Array.from(logits.flatMap((l) => [...l])), cache: held([...before, ...ids]) };
    },
  };
  const prompt = (before: string, heal = ''): Prompt => ({ ids: tokenizer.encode(before), heal, hash: '' });
  return { tokenizer, forward, prompt, seen };
}

const never = (): boolean => false;

test('writes on to the end of the line', async () => {
  const { tokenizer, forward, prompt } = parrot('let a = one;\nlet b = two;\nend');
  const decoded = await new Decoder(forward, tokenizer).generate(prompt('let a ='), 20, never);
  assert.equal(decoded.text, ' one;');
  assert.equal(decoded.stop, 'line');
  assert.equal(decoded.ids.length, decoded.logprobs.length);
  assert.ok(decoded.logprobs.every((l) => l <= 0 && l > -5));
});

test('after a whole line, writes the next one', async () => {
  const { tokenizer, forward, prompt } = parrot('let a = one;\nlet b = two;\nend');
  assert.equal(
    (await new Decoder(forward, tokenizer).generate(prompt('let a = one;'), 20, never)).text,
    '\nlet b = two;',
  );
});

test('a half-typed word is healed: the first tokens spell it', async () => {
  const { tokenizer, forward, prompt } = parrot('let a = single;\nend');
  const decoded = await new Decoder(forward, tokenizer).generate(prompt('let a =', ' sin'), 20, never);
  assert.equal(decoded.text, 'gle;');
});

test('the end of text ends the answer and is not in it', async () => {
  const { tokenizer, forward, prompt } = parrot('return x');
  const decoded = await new Decoder(forward, tokenizer).generate(prompt('return'), 20, never);
  assert.deepEqual([decoded.text, decoded.stop], [' x', 'eos']);
});

test('stops at the limit and says so', async () => {
  const { tokenizer, forward, prompt } = parrot('a b c d e f g');
  const decoded = await new Decoder(forward, tokenizer).generate(prompt('a'), 2, never);
  assert.deepEqual([decoded.text, decoded.stop], [' b c', 'length']);
});

test('a cancelled request ends within one step', async () => {
  const { tokenizer, forward, prompt, seen } = parrot('a b c d e f g');
  const decoded = await new Decoder(forward, tokenizer).generate(prompt('a'), 20, () => seen.runs >= 2);
  assert.equal(decoded.stop, 'cancelled');
  assert.equal(seen.runs, 2);
});

test('a prompt pays only for what follows the common prefix', async () => {
  const words = Array.from({ length: 300 }, (_, i) => `word${i}`);
  const text = words.join(' ');
  const begun = words.slice(0, 200).join(' ');
  const { tokenizer, forward, prompt, seen } = parrot(text);
  const decoder = new Decoder(forward, tokenizer);
  const first = await decoder.generate(prompt(begun), 3, never);
  const cold = seen.tokens;
  const second = await decoder.generate(prompt(begun + first.text), 3, never);
  assert.ok(seen.tokens - cold <= 8, `${seen.tokens - cold} tokens for a warm request`);
  assert.equal(second.stop, 'length');
  const fresh = await new Decoder(forward, tokenizer).generate(prompt(begun + first.text), 3, never);
  assert.deepEqual(second, fresh);
});

test('scoring gives the log-probabilities that generation gave', async () => {
  const { tokenizer, forward, prompt } = parrot('let a = one;\nlet b = two;\nend');
  const decoded = await new Decoder(forward, tokenizer).generate(prompt('let a ='), 20, never);
  const scored = await new Decoder(forward, tokenizer).score(prompt('let a ='), decoded.ids);
  assert.deepEqual(scored, [...decoded.logprobs]);
  assert.deepEqual(await new Decoder(forward, tokenizer).score(prompt('let a ='), []), []);
});

test('an answer that is weighed is as likely as one that was generated, and costs one pass', async () => {
  const { tokenizer, forward, prompt, seen } = parrot('let a = single;\nlet b = two;\nend');
  const form = {
    choice: (ids: readonly number[]) => (ids.length === 1 ? { only: tokenizer.encode(';') } : { not: [0] }),
  };
  const asked = prompt('let a =', ' sin');
  const decoder = new Decoder(forward, tokenizer);
  const { text: _, stop: __, ...written } = await decoder.generate(asked, 20, never, form);
  const { ids } = written;
  const runs = seen.runs;
  assert.deepEqual(await decoder.weigh(asked, [ids], never, form), [written]);
  assert.equal(seen.runs, runs + 1);
  const [fresh] = await new Decoder(forward, tokenizer).weigh(asked, [ids], never, form);
  assert.deepEqual(fresh?.logprobs, written.logprobs);
  assert.deepEqual((await decoder.generate(asked, 20, never, form)).ids, ids, 'and the next answer is as it was');
});

test('answers are weighed alike whatever the cache still holds of guesses', async () => {
  const { tokenizer, forward, prompt } = parrot('let a = one;\nlet b = two;\nend');
  const [asked, answer] = [prompt('let a ='), tokenizer.encode(' one;')];
  const drafts: Drafts = { after: () => tokenizer.encode(' two;\nend'), wrote: () => undefined };
  const decoder = new Decoder(forward, tokenizer, false, drafts);
  await decoder.generate(asked, 8, never, { isOver: ({ ids }) => ids.length === 1 });
  const expected = await new Decoder(forward, tokenizer).weigh(asked, [answer], never);
  assert.deepEqual(await decoder.weigh(asked, [answer], never), expected);
});

test('a long answer is weighed in parts, and no further than is wanted', async () => {
  const text = Array.from({ length: 200 }, (_, i) => `word${i}`).join(' ');
  const { tokenizer, forward, prompt, seen } = parrot(text);
  const [asked, ids] = [prompt('word0'), tokenizer.encode(text).slice(1)];
  const [whole] = await new Decoder(forward, tokenizer).weigh(asked, [ids], never);
  assert.deepEqual(whole?.logprobs, await new Decoder(forward, tokenizer).score(asked, ids));
  const decoder = new Decoder(forward, tokenizer);
  await decoder.generate(asked, 1, never);
  const runs = seen.runs;
  const [begun] = await decoder.weigh(asked, [ids], never, {}, [], ([written]) => [written!.ids.length < 100]);
  assert.deepEqual(begun?.logprobs, whole?.logprobs.slice(0, 1 + 7 * 16));
  assert.equal(seen.runs - runs, 7);
});

test('several answers are weighed as each alone, and what they begin with alike is run once', async () => {
  const text = Array.from({ length: 120 }, (_, i) => `word${i}`).join(' ');
  const { tokenizer, forward, prompt, seen } = parrot(`${text}; let a = single; let b = two;`);
  const asked = prompt('word0');
  const encode = (more: string): number[] => tokenizer.encode(`word0${more}`).slice(1);
  const long = encode(text.slice('word0'.length));
  const answers = [encode(' word1 word2; let a'), encode(' word1 word2; let b = two'), long, encode(' word1'), [...long.slice(0, 99), ...encode(' b')]]; // biome-ignore format: a list
  const alone = await Promise.all(
    answers.map(async (ids) => (await new Decoder(forward, tokenizer).weigh(asked, [ids], never))[0]),
  );
  const decoder = new Decoder(forward, tokenizer);
  await decoder.generate(asked, 1, never);
  const { tokens, runs } = seen;
  assert.deepEqual(await decoder.weigh(asked, answers, never), alone);
  const beginnings = new Set(answers.flatMap((ids) => ids.slice(0, -1).map((_, i) => ids.slice(0, i + 1).join())));
  assert.equal(seen.tokens - tokens, beginnings.size);
  assert.equal(seen.runs - runs, Math.ceil(beginnings.size / 16));

  // Each has a mixture of its own, and one that is not wanted does not keep the others from being weighed.
  const mixin = (id: number) => ({ odds: () => [{ id, odds: 1 }], chose: () => undefined });
  const mixins = answers.map((_, i) => mixin(i + 1));
  const mixed = await decoder.weigh(asked, answers, never, {}, mixins, (all) => all.map((_, i) => i !== 2));
  for (const [i, ids] of answers.entries()) {
    const [own] = await new Decoder(forward, tokenizer).weigh(asked, [ids], never, {}, [mixin(i + 1)]);
    assert.deepEqual(mixed[i]?.logprobs, i === 2 ? own!.logprobs.slice(0, 1) : own!.logprobs);
  }
  const short = long.slice(0, 1);
  const cancelled = await decoder.weigh(asked, [short, long], () => true);
  assert.deepEqual(
    cancelled.map((each) => each?.ids ?? null),
    [short, null],
  );
});

test('what cannot come is not weighed, nor is anything once cancelled', async () => {
  const { tokenizer, forward, prompt, seen } = parrot('let a = single;\nend');
  const decoder = new Decoder(forward, tokenizer);
  const [asked, ids] = [prompt('let a ='), tokenizer.encode(' single;')];
  await decoder.generate(asked, 5, never);
  const runs = seen.runs;
  assert.deepEqual(await decoder.weigh(asked, [ids], never, { choice: () => ({ not: [ids[1]!] }) }), [null]);
  assert.deepEqual(
    await decoder.weigh(prompt('let a =', ' sin'), [ids.toReversed()], never),
    [null],
    'it does not spell what is half typed',
  );
  assert.deepEqual(await decoder.weigh(asked, [ids], () => true), [null]);
  assert.deepEqual(await decoder.weigh(asked, [[]], never), [null]);
  assert.deepEqual(await decoder.weigh(asked, [], never), []);
  assert.equal(seen.runs, runs);
});

for (const [text, want] of [
  ['a\nb', 'a'],
  ['\n  a\nb', '\n  a'],
  ['\n\n', '\n\n'],
  ['', ''],
] as const) {
  test(`first line of ${JSON.stringify(text)}`, () => assert.equal(firstLine(text), want));
}

test('with fixed cuts a prompt is cut at the same tokens whatever was asked before', async () => {
  const { tokenizer, forward, prompt } = parrot('let a = one;\nlet b = two;\nend');
  const cuts: string[] = [];
  const watched: Forward = {
    vocab: forward.vocab,
    run: (ids, cache, rows) => {
      cuts.push(`${cache?.length ?? 0}+${ids.length}`);
      return forward.run(ids, cache, rows);
    },
  };
  const of = (n: number) => ({ ...prompt(''), ids: Array.from({ length: n }, (_, i) => (i % 7) + 1) });
  const cutsAfter = async (...lengths: number[]) => {
    const decoder = new Decoder(watched, tokenizer, true);
    for (const n of lengths) {
      cuts.length = 0;
      await decoder.generate(of(n), 1, never);
    }
    return [...cuts];
  };
  assert.deepEqual(await cutsAfter(150), ['0+64', '64+64', '128+22']);
  assert.deepEqual(await cutsAfter(100, 150), ['64+64', '128+22'], 'half a chunk of another prompt is not used');
  assert.deepEqual(await cutsAfter(150, 150), ['128+22']);
  assert.deepEqual(await cutsAfter(150, 50, 150), ['128+22'], 'what an earlier prompt began with is kept');
});

test('with fixed cuts what is kept of several prompts is what they began with, and an answer is that of a fresh start', async () => {
  const { tokenizer, forward } = parrot('let a = one;\nlet b = two;\nend');
  const random = seeded(3);
  let asked: readonly number[] = [];
  let reused = 0;
  const watched: Forward = {
    vocab: forward.vocab,
    run: (ids, cache, rows) => {
      const held = cache as (KvCache & { readonly ids: readonly number[] }) | null;
      const all = [...(held?.ids ?? []), ...ids];
      assert.deepEqual(all.slice(0, asked.length), asked.slice(0, all.length));
      reused = Math.max(reused, asked.length - ids.length);
      return forward.run(ids, cache, rows);
    },
  };
  const beginnings = Array.from({ length: 4 }, () => Array.from({ length: 200 }, () => 1 + Math.floor(random() * 7)));
  const decoder = new Decoder(watched, tokenizer, true);
  const again: number[] = [];
  for (let i = 0; i < 60; i++) {
    const begun = beginnings[Math.floor(random() * beginnings.length)]!.slice(0, 70 + Math.floor(random() * 130));
    asked = [...begun, ...tokenizer.encode('let b =')];
    const prompt = { ids: asked, heal: '', hash: '' };
    reused = 0;
    const answer = await decoder.generate(prompt, 4, never);
    again.push(reused);
    assert.deepEqual(answer, await new Decoder(forward, tokenizer, true).generate(prompt, 4, never));
  }
  assert.ok(
    again.slice(10).every((n) => n >= 64),
    'of each beginning some is kept',
  );
});

test("with fixed cuts generated tokens never stand for a prompt's", async () => {
  const text = 'let a = one;\nlet b = two;\nend';
  const { tokenizer, forward, prompt } = parrot(text);
  const runs: number[] = [];
  const watched: Forward = {
    vocab: forward.vocab,
    run: (ids, cache, rows) => {
      runs.push(cache?.length ?? 0);
      return forward.run(ids, cache, rows);
    },
  };
  const decoder = new Decoder(watched, tokenizer, true);
  const first = {
    ...prompt(''),
    ids: [...Array.from({ length: 62 }, () => 1), ...tokenizer.encode('let a =')].slice(0, 63),
  };
  const { ids } = await decoder.generate(first, 4, never);
  runs.length = 0;
  await decoder.generate({ ...first, ids: [...first.ids, ...ids, 1, 1] }, 1, never);
  assert.equal(runs[0], 0);
});

test('what may not come does not, and its log-probability stays that of all tokens', async () => {
  const { tokenizer, forward, prompt } = parrot('let a = one;\nlet b = two;\nend');
  const [one, two] = [' one', ' two'].map((word) => tokenizer.encode(word)[0]!);
  const decoder = new Decoder(forward, tokenizer);
  const isOver = ({ ids }: Written): boolean => ids.length === 1;
  const free = await decoder.generate(prompt('let a ='), 20, never, { isOver });
  const only = await decoder.generate(prompt('let a ='), 20, never, { isOver, choice: () => ({ only: [two!] }) });
  const not = await decoder.generate(prompt('let a ='), 20, never, { isOver, choice: () => ({ not: [one!] }) });
  assert.deepEqual([free.ids, only.ids], [[one], [two]]);
  assert.notEqual(not.ids[0], one);
  assert.ok(only.logprobs[0]! < free.logprobs[0]! && not.logprobs[0]! < free.logprobs[0]!);
  // Among what can come: certain, and what is left without the likeliest.
  assert.equal(only.chances[0], 0);
  const left = 1 - Math.exp(free.logprobs[0]!);
  assert.ok(Math.abs(Math.exp(not.chances[0]!) - Math.exp(not.logprobs[0]!) / left) < 1e-6);
  assert.ok(Math.abs(free.others[0]! - not.logprobs[0]!) < 1e-6, 'the second likeliest of all');
});

test('what the form leaves no choice of costs one pass, and each of it keeps its log-probability', async () => {
  const { tokenizer, forward, prompt, seen } = parrot('let a = one;\nlet b = two;\nend');
  const wanted = tokenizer.encode(' two one two one');
  const isOver = ({ ids }: Written): boolean => ids.length === wanted.length;
  const alone = await new Decoder(forward, tokenizer).generate(prompt('let a ='), 20, never, {
    isOver,
    // Two to choose from, one of which is out of the question.
    choice: (ids) => ({ only: [wanted[ids.length]!, 0] }),
  });
  const before = seen.runs;
  const forced = await new Decoder(forward, tokenizer).generate(prompt('let a ='), 20, never, {
    isOver,
    choice: (ids) => ({ only: [wanted[ids.length]!] }),
  });
  const unsure = { chances: [], others: [], rivals: [] };
  assert.deepEqual({ ...forced, ...unsure }, { ...alone, ...unsure });
  assert.deepEqual(forced.chances.slice(1), [0, 0, 0]);
  assert.deepEqual(forced.ids, wanted);
  assert.equal(seen.runs - before, 2, 'the prompt, and the rest after the first');
});

test('an answer of no use is given up for the second likeliest, which goes on as if nothing had been', async () => {
  const { tokenizer, forward, prompt } = parrot('let a = one;\nlet b = two;\nlet c = one;\nend');
  const semicolon = tokenizer.encode(';')[0]!;
  const isOver = ({ ids }: Written): boolean => ids.at(-1) === semicolon;
  const decoder = new Decoder(forward, tokenizer);
  const first = await decoder.generate(prompt('let b ='), 20, never, { isOver });
  assert.equal(first.text, ' two;');
  const asked: number[][] = [];
  const second = await decoder.generate(prompt('let b ='), 20, never, {
    isOver,
    again: ({ ids, others }) => {
      asked.push([...ids]);
      assert.equal(others.length, ids.length);
      return asked.length === 1 ? 0 : null;
    },
  });
  assert.equal(second.text, ' one;');
  assert.equal(second.ids.length, second.logprobs.length);
  assert.deepEqual(asked[0], first.ids);
  // It is not tried again, but is likelier all the same than what was written in its place.
  assert.deepEqual([second.others[0], second.rivals[0]], [Number.NEGATIVE_INFINITY, first.chances[0]]);
  assert.deepEqual(second.rivals.slice(1), second.others.slice(1));
  // The cache holds what was written last, and nothing of what was given up.
  const fresh = await new Decoder(forward, tokenizer).generate(prompt('let b = one;\nlet c'), 20, never, { isOver });
  const after = await decoder.generate(prompt('let b = one;\nlet c'), 20, never, { isOver });
  assert.deepEqual(after, fresh);
});

test('a mixture sums to one, and its log-probabilities are the ones that are told', () => {
  const logits = Float32Array.from([1, -2, 0.5, 3, 7]);
  const softmax = (l: Float32Array): number[] => [...l].map((x) => Math.exp(x - logSumExp(l)));
  const model = softmax(logits);
  const weight = 0.3;
  const masses = new Map([
    [1, 0.75],
    [3, 0.25],
  ]);
  const { total } = mixIn(
    { logits, total: logSumExp(logits) },
    [...masses].map(([id, mass]) => ({ id, odds: (weight * mass) / (1 - weight) })),
  );
  assert.ok(Math.abs(total - logSumExp(logits)) < 1e-6);
  const mixed = softmax(logits);
  assert.ok(Math.abs(mixed.reduce((a, b) => a + b) - 1) < 1e-6);
  for (const [id, p] of mixed.entries()) {
    assert.ok(Math.abs(p - ((1 - weight) * model[id]! + weight * (masses.get(id) ?? 0))) < 1e-6);
  }
});

test('what is mixed in can turn the answer, and is told what was chosen, also when an answer is taken back', async () => {
  const { tokenizer, forward, prompt } = parrot('let a = one;\nlet b = two;\nend');
  const [three] = tokenizer.encode(' three');
  const told: [number, number, number][] = [];
  const decoded = await new Decoder(forward, tokenizer).generate(
    prompt('let a ='),
    20,
    never,
    {},
    {
      odds: (at, context, fits) => {
        assert.deepEqual(context.slice(0, 3), tokenizer.encode('let a ='));
        return at === 0 && fits(three!) ? [{ id: three!, odds: 9 }] : null;
      },
      chose: (at, id, logprob) => told.push([at, id, logprob]),
    },
  );
  assert.match(decoded.text, /^ three/);
  assert.ok(Math.abs(decoded.logprobs[0]! - Math.log(0.9)) < 0.01);
  assert.deepEqual(
    told,
    decoded.ids.map((id, at) => [at, id, decoded.logprobs[at]!]),
  );
});

test('an indentation is as deep as it was typed, and spelled as before a word, whose token brings the last blank', async () => {
  const { tokenizer, forward, prompt } = parrot('if {\n  let a;\nend');
  const unwanted = [...tokenizer.encode('\n  '), ...tokenizer.encode('\n    ')];
  // A model that would rather have the indentation as one token, after which no word fits, or a deeper one.
  const stubborn: Forward = {
    vocab: tokenizer.vocabSize,
    run: async (ids, cache, rows) => {
      const answer = await forward.run(ids, cache, rows);
      for (const id of unwanted)
        for (let at = id; at < answer.logits.length; at += tokenizer.vocabSize) answer.logits[at] = 50;
      return answer;
    },
  };
  const isOver = ({ ids }: Written): boolean => ids.length === 2;
  const decoded = await new Decoder(stubborn, tokenizer).generate(prompt('if {', '\n  '), 20, never, { isOver });
  assert.deepEqual(
    decoded.ids.map((id) => tokenizer.decode([id])),
    ['\n ', ' let'],
  );
});

/** After a text, what comes by how likely it is: logits by token; of others 0. Counts passes. */
function told(tokenizer: ReturnType<typeof wordTokenizer>, after: Readonly<Record<string, Record<string, number>>>) {
  const seen = { runs: 0 };
  const held = (ids: readonly number[]): KvCache & { ids: readonly number[] } => {
    const slice = (n: number) => held(ids.slice(0, n));
    return { ids, length: ids.length, slice, copy: slice };
  };
  const buffer = new Float32Array(64 * tokenizer.vocabSize);
  const forward: Forward = {
    vocab: tokenizer.vocabSize,
    run: async (ids, cache, rows, tree) => {
      seen.runs++;
      const all = [...((cache as ReturnType<typeof held> | null)?.ids ?? []), ...ids];
      const first = all.length - ids.length;
      const upTo = (at: number): number[] => {
        if (tree === undefined || at < tree.trunk) return all.slice(0, at + 1);
        const parent = tree.parents[at - tree.trunk]!;
        return [...(parent < 0 ? all.slice(0, tree.trunk) : upTo(tree.trunk + parent)), all[at]!];
      };
      // As a session does: the next pass's logits lie where this one's lay.
      const logits = buffer.subarray(0, rows.length * tokenizer.vocabSize).fill(0);
      for (const [i, row] of rows.entries()) {
        const next = after[tokenizer.decode(upTo(first + row))] ?? {};
        for (const [text, logit] of Object.entries(next))
          logits[i * tokenizer.vocabSize + tokenizer.encode(text)[0]!] = logit;
      }
      return { logits, cache: held(all) };
    },
  };
  return { forward, seen };
}

test('of the ways to spell what was typed the likeliest is taken, not the one that begins likeliest', async () => {
  const tokenizer = wordTokenizer();
  const ids = tokenizer.encode('if {');
  const pieces = ['\n', '\n ', ' let', ' ', 'end'].map((piece) => tokenizer.encode(piece)[0]!);
  const texts = (of: readonly number[]): string[] => of.map((id) => tokenizer.decode([id]));
  const isOver = ({ ids: written }: Written): boolean => written.length === 2;
  const prompt = { ids, heal: '\n  ', hash: '' };
  const { forward, seen } = told(tokenizer, {
    'if {': { '\n': 10, '\n ': 9.5 },
    'if {\n': { end: 12 },
    'if {\n ': { ' let': 12 },
  });
  const decoder = new Decoder(forward, tokenizer);
  const decoded = await decoder.generate(prompt, 20, never, { isOver });
  assert.deepEqual(texts(decoded.ids), ['\n ', ' let']);
  assert.equal(seen.runs, 3, 'the prompt, and what each of the two leads to');
  // Its log-probability is the model's; that it was chosen is as good as sure, as the other one leads to nothing.
  assert.ok(Math.abs(decoded.logprobs[0]! - Math.log(Math.exp(9.5) / (Math.exp(10) + Math.exp(9.5)))) < 0.001);
  assert.ok(decoded.chances[0]! > -0.001, `${decoded.chances[0]}`);
  assert.equal(pieces.length, 5);
  // Weighed, it is what it was when it was written.
  const [weighed] = await decoder.weigh(prompt, [decoded.ids], never, { isOver });
  for (const name of ['logprobs', 'chances', 'rivals'] as const)
    for (const [i, value] of weighed![name].entries()) assert.ok(Math.abs(value - decoded[name][i]!) < 1e-6, name);
  // The cache holds what was written, and nothing of what was only looked at.
  const next = await decoder.generate({ ids: [...ids, ...decoded.ids], heal: '', hash: '' }, 2, never);
  const fresh = await new Decoder(forward, tokenizer).generate(
    { ids: [...ids, ...decoded.ids], heal: '', hash: '' },
    2,
    never,
  );
  assert.deepEqual(next, fresh);
});

test('a beginning that goes on as it was typed is taken, at no more cost', async () => {
  const tokenizer = wordTokenizer();
  const ids = tokenizer.encode('a =');
  for (const piece of [' p', ' par', ' param', 'ar', 'arsnip', 'am']) tokenizer.encode(piece);
  const { forward, seen } = told(tokenizer, {
    'a =': { ' p': 10, ' param': 9 },
    'a = p': { arsnip: 12 },
  });
  const isOver = ({ ids: written }: Written): boolean => tokenizer.decode(written).endsWith('snip');
  const decoded = await new Decoder(forward, tokenizer).generate({ ids, heal: ' par', hash: '' }, 20, never, {
    isOver,
  });
  assert.equal(decoded.text, 'snip');
  assert.equal(seen.runs, 2);
});

test('a beginning that nothing can follow as it was typed is taken only where it is all there is', async () => {
  const tokenizer = wordTokenizer();
  const ids = tokenizer.encode('x =');
  for (const piece of [' p', ' param', ';', ' q']) tokenizer.encode(piece);
  const { forward } = told(tokenizer, {
    'x =': { ' p': 10, ' q': 12 },
    'x = param': { ';': 10 },
    'x = q': { ';': 10 },
  });
  const isOver = ({ ids: written }: Written): boolean => tokenizer.decode(written).endsWith(';');
  const decoder = new Decoder(forward, tokenizer);
  const decoded = await decoder.generate({ ids, heal: ' par', hash: '' }, 20, never, { isOver });
  assert.equal(decoded.text, 'am;');
  const alone = await decoder.generate({ ids, heal: ' qu', hash: '' }, 20, never, { isOver });
  assert.equal(tokenizer.decode(alone.ids), ' q;');
  assert.ok(alone.chances.every((chance) => chance <= 0 && chance > -1));
});
