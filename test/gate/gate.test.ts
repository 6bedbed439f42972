import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FEATURE_NAMES, featuresOf } from '../../src/gate/features.ts';
import { FITTED } from '../../src/gate/fitted.ts';
import { fixedGate, Gate, SHOW } from '../../src/gate/gate.ts';
import { Past } from '../../src/gate/past.ts';
import { PRIOR } from '../../src/gate/prior.ts';
import { Still } from '../../src/gate/still.ts';
import { seeded } from '../../src/trainer/random.ts';

/** A suggestion at the cursor, as sure as `logprob` says. */
function candidate(logprob: number, text = 'value', languageId = 'typescript', before = 'const x = ') {
  const snapshot = { path: 'a.ts', languageId, before, after: '\nrest\n', startLine: 0, recent: [] };
  const place = { line: 0, character: before.length };
  return { snapshot, edit: { start: place, end: place, text }, tokenLogprobs: [logprob, logprob] };
}

test('every fitted weight belongs to a feature', () => {
  for (const name of Object.keys(FITTED)) assert.ok(FEATURE_NAMES.includes(name), name);
  assert.equal(new Set(FEATURE_NAMES).size, FEATURE_NAMES.length);
  assert.equal(PRIOR.weights.length, FEATURE_NAMES.length);
});

test('features are finite whatever the candidate holds', () => {
  const place = { line: 99, character: 4 };
  const odd = {
    snapshot: { path: '', languageId: '', before: '', after: '', startLine: 0, recent: [] },
    edit: { start: place, end: place, text: '\ud800\n\n((((' },
    tokenLogprobs: [Number.NaN, Number.NEGATIVE_INFINITY],
    retrieved: Number.NaN,
  };
  const past = new Past();
  past.add({ at: Number.NaN, worth: 1, path: '', digest: 0 });
  past.add({ at: 5, worth: Number.NaN, path: '', digest: 0 });
  for (const at of [0, -5, Number.NaN, 1e300]) {
    const features = featuresOf(odd, { at, still: Number.POSITIVE_INFINITY }, past);
    assert.equal(features.length, FEATURE_NAMES.length);
    assert.ok(features.every((x) => Number.isFinite(x) && Math.abs(x) <= 8));
    const { p } = new Gate().judge(odd, { at, still: 0 });
    assert.ok(p > 0 && p < 1, `${p}`);
  }
});

test('surer suggestions are likelier to be accepted, before anything was learned', () => {
  const gate = new Gate();
  const p = [-2, -1, -0.3, -0.01].map((l) => gate.judge(candidate(l), { at: 0, still: 0 }).p);
  assert.deepEqual(
    p,
    p.toSorted((a, b) => a - b),
  );
});

test('a prior that is fixed says the same whatever came of suggestions, and tries nothing out of curiosity', () => {
  const [gate, learning] = [fixedGate(), new Gate()];
  const asked = candidate(-0.5);
  const says = (of: Gate, at: number) => of.judge(asked, { at, still: 0 });
  const before = says(gate, 0);
  for (let at = 0; at < 200; at++) for (const each of [gate, learning]) each.learn(says(each, at), 0);
  assert.ok(says(learning, 200).p < before.p / 2);
  assert.ok(Math.abs(says(gate, 200).p - before.p) < 0.02, `${says(gate, 200).p} and ${before.p}`);
  assert.ok(Math.abs(says(gate, 5_000).tried - says(gate, 5_000).p) < 1e-3);
});

/** Rewards of showing all and of showing what a gate lets through, by a developer who likes some things and not others. */
function developer(gate: Gate, likes: (kind: number) => number, signals: number, seed: number, from = 0) {
  const random = seeded(seed);
  const kinds = [
    { languageId: 'typescript', before: 'const x = ' },
    { languageId: 'markdown', before: '' },
    { languageId: 'python', before: '# a comment ' },
  ];
  const reward = (is: boolean): number => (is ? 0.75 : -0.25);
  const result = { all: 0, gated: 0, silencedAccepts: 0, silencedRejects: 0, accepts: 0, rejects: 0 };
  let at = from;
  for (let told = 0; told < signals && at < from + 5_000; at++) {
    const kind = Math.floor(random() * kinds.length);
    const { languageId, before } = kinds[kind]!;
    const judgement = gate.judge(candidate(-0.2 - 0.4 * random(), 'value', languageId, before), { at, still: 0 });
    const is = random() < likes(kind);
    result.all += reward(is);
    result[is ? 'accepts' : 'rejects']++;
    if (judgement.tried < SHOW) result[is ? 'silencedAccepts' : 'silencedRejects']++;
    else {
      result.gated += reward(is);
      gate.learn(judgement, is ? 1 : 0);
      told++;
    }
  }
  return { ...result, at };
}

test('fifty signals tell it what one developer takes: more reward than showing all, few accepts silenced', () => {
  for (const seed of [1, 2, 3]) {
    const likes = (kind: number): number => [0.6, 0.03, 0.03][kind]!;
    const gate = new Gate();
    const { at } = developer(gate, likes, 50, seed);
    const after = developer(gate, likes, 100, seed + 10, at);
    assert.ok(after.gated > after.all, `${after.gated} against ${after.all}`);
    const [accepts, rejects] = [after.silencedAccepts / after.accepts, after.silencedRejects / after.rejects];
    assert.ok(rejects > 0.4 && accepts < rejects / 2, `silences ${accepts} of accepts, ${rejects} of rejects`);
  }
});

test('one that was silenced altogether shows again after a while', () => {
  const gate = new Gate();
  const sure = candidate(-0.05);
  let at = 0;
  for (; at < 100; at++) gate.learn(gate.judge(sure, { at, still: 0 }), 0);
  const then = (later: number) => gate.judge(sure, { at: at + later, still: 0 });
  assert.ok(then(1).tried < SHOW);
  assert.ok(then(20_000).tried >= SHOW);
  assert.ok(then(20_000).p > then(1).p, 'and thinks better of it');
});

test('leaning on Tab does bounded harm: garbage that was accepted five hundred times is refused after fifty rejects', () => {
  const gate = new Gate();
  const garbage = candidate(-3, '((((((', 'markdown', '');
  let at = 0;
  for (; at < 500; at++) gate.learn(gate.judge(garbage, { at, still: 0 }), 1);
  for (let n = 0; n < 50; n++, at++) gate.learn(gate.judge(garbage, { at, still: 0 }), 0);
  assert.ok(gate.judge(garbage, { at, still: 0 }).p < SHOW);
});

test('told the same in the same order it is the same, and its judgements survive JSON', () => {
  const [one, two] = [new Gate(), new Gate()];
  for (let at = 0; at < 60; at++) {
    const judgement = one.judge(candidate(-(at % 7) / 3), { at, still: at % 3 });
    one.learn(judgement, at % 2);
    two.learn(JSON.parse(JSON.stringify(judgement)), at % 2);
  }
  assert.deepEqual(two.weights, one.weights);
  const [a, b] = [one, two].map((g) => g.judge(candidate(-0.5), { at: 60, still: 0 }));
  assert.deepEqual(a, b);
});

test('a judgement of other features teaches nothing of them', () => {
  const gate = new Gate();
  const before = gate.weights;
  const judgement = gate.judge(candidate(-0.5), { at: 1, still: 0 });
  gate.imagine({ ...judgement, version: judgement.version + 1 }, 1);
  gate.imagine({ ...judgement, features: [...judgement.features, 1] }, 1);
  assert.deepEqual(gate.weights, before);
});

test('asks without typing are counted from the last change on', () => {
  const still = new Still();
  const recent = (added: string) => [{ path: 'a', line: 0, removed: '', added }];
  const next = (path: string, added: string) => still.next({ path, recent: recent(added) });
  assert.deepEqual(
    [next('a', 'x'), next('a', 'x'), next('a', 'x'), next('a', 'xy'), next('b', 'xy'), next('b', 'xy')],
    [0, 1, 2, 0, 0, 1],
  );
});

test('what was judged before there were some features teaches as one that says 0 of them', () => {
  const gates = [new Gate(), new Gate()] as const;
  const judgement = gates[0].judge(candidate(-0.2), { at: 0, still: 0 });
  const since = FEATURE_NAMES.indexOf('does an edit again');
  assert.deepEqual(judgement.features.slice(since), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  gates[0].learn(judgement, 1);
  gates[1].learn({ ...judgement, features: judgement.features.slice(0, since) }, 1);
  assert.deepEqual(gates[1].weights, gates[0].weights);
  const repeated = { ...candidate(-0.2), repeats: 2 };
  assert.deepEqual(featuresOf(repeated, { at: 0, still: 0 }, new Past()).slice(since), [
    ...[1, 2, -0.08],
    ...[0, 0, 0, 0],
    ...[-0.1, 0, 0.3662],
  ]);
});

test('how sure the model was stands once more where an edit takes something away, and where it does an edit again', () => {
  const { snapshot, edit, ...rest } = candidate(-0.9);
  const features = (start: number, text: string, repeats?: number): Record<string, number> => {
    const changed = { ...edit, start: { line: 0, character: start }, text };
    const told = { snapshot, edit: changed, ...rest, ...(repeats === undefined ? {} : { repeats }) };
    const values = featuresOf(told, { at: 0, still: 0 }, new Past());
    return Object.fromEntries(FEATURE_NAMES.map((name, i) => [name, values[i]!]));
  };
  const end = snapshot.before.length;
  for (const name of ['least log-probability', 'unsure tokens', 'tokens']) {
    const [adds, takes, repeats] = [features(end, 'value'), features(6, 'y = '), features(end, 'value', 2)];
    const of = (f: Record<string, number>): number[] => [f[name]!, f[`${name}, taking away`]!, f[`${name}, again`]!];
    const sure = adds[name]!;
    assert.notEqual(sure, 0);
    assert.deepEqual([adds, takes, repeats].map(of), [
      [sure, 0, 0],
      [sure, sure, 0],
      [sure, 0, sure],
    ]);
    assert.deepEqual(
      [adds, takes, repeats].map((f) => f['takes away']),
      [0, 1, 0],
    );
  }
});
