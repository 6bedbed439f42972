/** What a warm request costs, counted in tokens that the network is run on, with the real network and cache. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { editAtCursor } from '../../src/completion/edit.ts';
import { isSuggestion, type Suggestion } from '../../src/completion/suggestion.ts';
import { type Base, loadBase } from '../../src/engine/base.ts';
import { BASE } from '../../src/engine/checkpoint.ts';
import { SessionForward } from '../../src/engine/forward.ts';
import { Server } from '../../src/engine/serve.ts';
import type { Adapter } from '../../src/model/adapter.ts';
import { Decoder, type Forward } from '../../src/model/decode.ts';
import { Lookup } from '../../src/model/drafts.ts';
import { loraSize, topLayers } from '../../src/model/lora.ts';
import { buildPrompt, PROMPT_TOKENS } from '../../src/model/prompt.ts';
import type { Given } from '../../src/prompt/format.ts';
import { loraFor } from '../../src/trainer/plan.ts';
import { seeded } from '../../src/trainer/random.ts';
import { successors, writeTinyModel } from '../model/tiny.ts';
import { at } from './real-engine.ts';

const dir = mkdtempSync(join(tmpdir(), 'knack-warm-'));
let base: Base;
let adapter: Adapter;

before(async () => {
  writeTinyModel(join(dir, 'tiny'));
  base = await loadBase(join(dir, 'tiny'), join(dir, 'cache'), () => {});
  const shape = loraFor(base.model.config, 1536);
  const random = seeded(7);
  const vector = Float32Array.from({ length: loraSize(base.model.config, shape) }, () => 0.1 * (random() - 0.5));
  adapter = { shape, vector };
});
after(() => rmSync(dir, { recursive: true, force: true }));

const CODE = Array.from({ length: 20 }, (_, i) => `const value${i} = ${i};\n`).join('');

/** Counts the tokens that a forward pass is run on. */
class Counting implements Forward {
  tokens = 0;
  readonly #inner: Forward;
  constructor(inner: Forward) {
    this.#inner = inner;
  }
  get vocab(): number {
    return this.#inner.vocab;
  }
  run(...args: Parameters<Forward['run']>): ReturnType<Forward['run']> {
    this.tokens += args[0].length;
    return this.#inner.run(...args);
  }
  /** Since the last call. */
  take(): number {
    const { tokens } = this;
    this.tokens = 0;
    return tokens;
  }
}

test('a warm request runs on what is new, also after other weights were taken up', async (t) => {
  const session = await SessionForward.create(base, adapter.shape, 1);
  t.after(() => session.release());
  const forward = new Counting(session);
  const decoder = new Decoder(forward, base.tokenizer);
  const ask = (text: string) => decoder.generate(buildPrompt(at(text), base.tokenizer, PROMPT_TOKENS), 48, () => false);

  const cold = await ask(`${CODE}let u`);
  const all = forward.take();
  assert.equal(cold.text, successors('u'));
  assert.ok(all > CODE.length / 2, `${all} tokens for a cold request`);

  const again = await ask(`${CODE}let u`);
  const few = cold.ids.length + 1;
  assert.ok(forward.take() <= few);
  assert.deepEqual(again.ids, cold.ids);
  // What is cached and what is new are summed apart: the last bits differ.
  for (const [i, logprob] of again.logprobs.entries()) assert.ok(Math.abs(logprob - cold.logprobs[i]!) < 1e-5);

  await ask(`${CODE}let uv`);
  assert.ok(forward.take() <= few + 2, 'one keystroke on');

  session.setAdapter(adapter);
  await decoder.refill();
  forward.take();
  const swapped = await ask(`${CODE}let uv`);
  assert.ok(forward.take() <= few + 2, 'the first request after a swap');

  const fresh = await new Decoder(session, base.tokenizer).generate(
    buildPrompt(at(`${CODE}let uv`), base.tokenizer, PROMPT_TOKENS),
    48,
    () => false,
  );
  assert.deepEqual(swapped.ids, fresh.ids);
  for (const [i, logprob] of swapped.logprobs.entries()) assert.ok(Math.abs(logprob - fresh.logprobs[i]!) < 1e-3);
});

test('an adapter that a session has no room for is refused, not left out in silence', async (t) => {
  const { layers } = base.model.config;
  for (const shape of [null, topLayers(base.model.config, layers, adapter.shape.rank + 1, 4)]) {
    const session = await SessionForward.create(base, shape, 1);
    t.after(() => session.release());
    assert.throws(() => session.setAdapter(adapter), RangeError);
    session.setAdapter(null);
  }
});

test('answers with guesses are those without, for each of many places', async (t) => {
  const session = await SessionForward.create(base, adapter.shape, 2);
  t.after(() => session.release());
  session.setAdapter(adapter);
  const drafts = new Lookup();
  const forward = new Counting(session);
  const [plain, guessing] = [new Decoder(session, base.tokenizer), new Decoder(forward, base.tokenizer, false, drafts)];
  for (let end = CODE.length - 120; end < CODE.length; end += 3) {
    const prompt = buildPrompt(at(CODE.slice(0, end)), base.tokenizer, PROMPT_TOKENS);
    drafts.nearby = base.tokenizer.encode(CODE.slice(end));
    const [expected, got] = [
      await plain.generate(prompt, 12, () => false),
      await guessing.generate(prompt, 12, () => false),
    ];
    assert.deepEqual(got.ids, expected.ids);
    for (const [i, logprob] of got.logprobs.entries()) assert.ok(Math.abs(logprob - expected.logprobs[i]!) < 1e-4);
  }
});

test('answers that are weighed together are as likely as each alone', async (t) => {
  const session = await SessionForward.create(base, adapter.shape, 2);
  t.after(() => session.release());
  session.setAdapter(adapter);
  const prompt = buildPrompt(at(`${CODE}let u`), base.tokenizer, PROMPT_TOKENS);
  const begun = base.tokenizer.encode(CODE.slice(0, 100));
  const answers = [0, 0, 3, 20, 90].map((n, i) => [
    ...begun.slice(0, n),
    ...base.tokenizer.encode(`x${i} = use(${i});\n`),
  ]);
  const spelled = answers.map((ids) => [...base.tokenizer.encode('uv'), ...ids]);
  const together = await new Decoder(session, base.tokenizer).weigh(prompt, spelled, () => false);
  for (const [i, ids] of spelled.entries()) {
    const [alone] = await new Decoder(session, base.tokenizer).weigh(prompt, [ids], () => false);
    assert.ok(alone !== null && together[i] !== null);
    for (const [n, x] of alone!.logprobs.entries()) assert.ok(Math.abs(x - together[i]!.logprobs[n]!) < 1e-4);
    for (const [n, x] of alone!.chances.entries()) assert.ok(Math.abs(x - together[i]!.chances[n]!) < 1e-4);
  }
});

test('after a swap the server answers as one that was started with those weights', async (t) => {
  const start = (loaded: Parameters<typeof Server.start>[2]) => Server.start(base, adapter.shape, loaded, 1);
  const learned = { checkpoint: 'learned', adapter };
  const swapped = await start(BASE);
  const fresh = await start(learned);
  t.after(() => Promise.all([swapped.release(), fresh.release()]));
  const ask = async (server: Server): Promise<Suggestion> => {
    const completion = await server.complete(at(`${CODE}let u`), 48, () => false);
    assert.ok(isSuggestion(completion));
    return completion;
  };
  const before = await ask(swapped);
  await swapped.swap(learned);
  const [after, expected] = [await ask(swapped), await ask(fresh)];
  assert.equal(before.checkpoint, 'base');
  assert.equal(after.checkpoint, 'learned');
  assert.deepEqual(after.edit, expected.edit);
  for (const [i, logprob] of after.tokenLogprobs.entries()) {
    assert.ok(Math.abs(logprob - expected.tokenLogprobs[i]!) < 1e-3);
  }
  assert.notDeepEqual(after.tokenLogprobs, before.tokenLogprobs);

  await swapped.swap(BASE);
  assert.deepEqual((await ask(swapped)).tokenLogprobs.map((l) => l.toFixed(3)), before.tokenLogprobs.map((l) => l.toFixed(3))); // biome-ignore format: a row
});

test('a candidate that is better than the own answer is given, as likely as it is scored, alone and among others', async (t) => {
  const given = at(`${CODE}let u`);
  const edit = editAtCursor(given, 'vwx', 0);
  let candidates: readonly Given[] = [];
  const ask: typeof base.format.ask = (input) => ({ ...base.format.ask(input), candidates: () => candidates });
  const server = await Server.start({ ...base, format: { ...base.format, ask } }, adapter.shape, BASE, 1);
  t.after(() => server.release());
  const suggested = async (): Promise<Suggestion> => {
    const completion = await server.complete(given, 48, () => false);
    assert.ok(isSuggestion(completion));
    return completion;
  };
  const own = await suggested();
  assert.equal(own.edit.text, successors('u'));
  const target = ask(given).target(edit, true)!;
  candidates = [
    { edit: editAtCursor(given, '(((', 0), target: base.tokenizer.encode('((('), done: 0, weight: 0 },
    { edit, target, done: 0, weight: 9 },
  ];
  const better = await suggested();
  assert.deepEqual(better.edit, edit);
  assert.deepEqual(better.effort, { ...own.effort, weighed: target.length }, 'what cannot be better costs no pass');
  const { logprob, logprobs } = await server.score(given, edit);
  assert.equal(logprobs.length, better.tokenLogprobs.length);
  assert.ok(Math.abs(logprob - better.tokenLogprobs.reduce((a, b) => a + b, 0)) < 1e-3);
  const all = await server.completeAll(given, 48, 3, () => false);
  assert.ok(!('none' in all));
  assert.deepEqual([all[0]!.edit, all[1]!.edit], [edit, own.edit]);
  candidates = [];
  assert.deepEqual((await suggested()).edit, own.edit, 'the cache is whole');
});
