import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Edit, editAtCursor } from '../../src/completion/edit.ts';
import type { StoredSignal } from '../../src/completion/kept.ts';
import { logFormat } from '../../src/prompt/log-format.ts';
import { prefixFormat } from '../../src/prompt/prefix-format.ts';
import { type Example, examplesOf, splitHeldOut } from '../../src/trainer/examples.ts';
import { wordTokenizer } from '../model/words.ts';

const limits = { promptTokens: 192, targetTokens: 16 };
const SNAPSHOT = { path: 'a.ts', before: 'function f() {\n  return', after: '\n}\n', startLine: 0, recent: [] };
const row = (more: Partial<StoredSignal>): StoredSignal => ({
  suggestionId: 's1',
  at: 0,
  snapshot: SNAPSHOT,
  edit: editAtCursor(SNAPSHOT, ' one;', 0),
  outcome: 'accepted',
  acceptedChars: 0,
  typedInstead: null,
  survival: null,
  goneOn: false,
  ...more,
});

for (const [name, signal, want] of [
  ['accepted', {}, [['pull', 1, ' return one;\n']]],
  ['accepted, most of it survived', { survival: 0.8 }, [['pull', 0.8, ' return one;\n']]],
  ['accepted, and gone on with', { goneOn: true }, [['pull', 1, ' return one;']]],
  ['accepted, then taken back', { survival: 0.1 }, []],
  ['taken in part', { outcome: 'partly-accepted', acceptedChars: 4 }, [['pull', 0.5, ' return one']]],
  ['taken in part, but nothing of it', { outcome: 'partly-accepted', acceptedChars: 0 }, []],
  ['rejected', { outcome: 'rejected' }, [['push', 1, ' return one;']]],
  [
    'rejected for something else',
    { outcome: 'rejected', typedInstead: ' two;\nmore' },
    [
      ['push', 1, ' return one;'],
      ['pull', 1, ' return two;'],
    ],
  ],
  ['rejected, then its beginning typed', { outcome: 'rejected', typedInstead: ' one' }, [['push', 1, ' return one;']]],
  [
    'rejected as too short, then typed with more',
    { outcome: 'rejected', typedInstead: ' one;/* more */' },
    [['pull', 1, ' return one;/* more */']],
  ],
  ['ignored', { outcome: 'ignored' }, []],
  ['superseded', { outcome: 'superseded' }, []],
  ['never seen', { outcome: 'never-seen' }, []],
] as const) {
  test(`a suggestion that was ${name}`, () => {
    const tokenizer = wordTokenizer();
    const made = examplesOf(row(signal), prefixFormat(tokenizer, 64), limits).map((e) => [
      e.label,
      e.weight,
      tokenizer.decode(e.ids.slice(e.targetStart)),
    ]);
    assert.deepEqual(made, want);
  });
}

test('a long edit is learned by its first tokens', () => {
  const [example] = examplesOf(
    row({ edit: editAtCursor(SNAPSHOT, ' + x'.repeat(100), 0) }),
    prefixFormat(wordTokenizer(), 64),
    limits,
  );
  assert.equal(example!.ids.length - example!.targetStart, limits.targetTokens);
});

const named = (id: string): Example => ({ id, label: 'pull', weight: 1, ids: [1, 2], targetStart: 1 });

test('about one signal in five is held out, always the same ones, with what was typed instead', () => {
  const all = Array.from({ length: 500 }, (_, i) => [named(`id-${i}`), named(`id-${i}:typed`)]).flat();
  const { train, heldOut } = splitHeldOut(all);
  assert.equal(train.length + heldOut.length, all.length);
  assert.ok(heldOut.length > 120 && heldOut.length < 280, `${heldOut.length} held out`);
  const ids = new Set(heldOut.map((e) => e.id));
  for (const e of heldOut) assert.ok(ids.has(`${e.id.replace(':typed', '')}:typed`));
  assert.deepEqual(
    splitHeldOut(all.slice(0, 100)).heldOut,
    heldOut.filter((e) => all.indexOf(e) < 100),
  );
});

test('with four examples one is held out in any case; with one none is', () => {
  const train = (n: number): number[] =>
    Array.from(
      { length: 50 },
      (_, seed) => splitHeldOut(Array.from({ length: n }, (_, i) => named(`${seed}/${i}`))).heldOut.length,
    );
  assert.ok(train(4).every((n) => n >= 1));
  assert.ok(train(0).every((n) => n === 0));
});

test('with a format that can say it, an edit away from the cursor teaches; with one that cannot, nothing', () => {
  const tokenizer = wordTokenizer();
  const away: Edit = { start: { line: 0, character: 9 }, end: { line: 0, character: 10 }, text: 'g' };
  const made = examplesOf(row({ edit: away }), logFormat(tokenizer)!, limits);
  assert.deepEqual(
    made.map((e) => tokenizer.decode(e.ids.slice(e.targetStart))),
    ['«\nfunction f() {»\nfunction g() {†'],
  );
  assert.deepEqual(examplesOf(row({ edit: away }), prefixFormat(tokenizer, 64), limits), []);
});

test('an accepted edit is learned with its end, one that was gone on with without', () => {
  const tokenizer = wordTokenizer();
  const recent = [{ path: 'a.ts', line: 1, removed: '  done', added: '  return' }];
  const targets = (more: Partial<StoredSignal>): string[] =>
    examplesOf(row({ snapshot: { ...SNAPSHOT, recent }, ...more }), logFormat(tokenizer)!, limits).map((e) =>
      tokenizer.decode(e.ids.slice(e.targetStart)),
    );
  assert.deepEqual(targets({}), [' return one;†']);
  assert.deepEqual(targets({ goneOn: true }), [' return one;']);
});

test('what was typed instead goes on with the edit under way', () => {
  const tokenizer = wordTokenizer();
  const recent = [{ path: 'a.ts', line: 1, removed: '  done', added: '  return' }];
  const signal = { outcome: 'rejected', typedInstead: ' two;\nmore', snapshot: { ...SNAPSHOT, recent } } as const;
  const made = examplesOf(row(signal), logFormat(tokenizer)!, limits);
  assert.deepEqual(
    made.map((e) => [e.label, tokenizer.decode(e.ids.slice(e.targetStart))]),
    [
      ['push', ' return one;'],
      ['pull', ' return two;'],
    ],
  );
  assert.match(tokenizer.decode(made[0]!.ids), /«\n {2}done»\n/);
});

test('an edit that the ones before tell of is asked for without them too, and stays on one side', () => {
  const tokenizer = wordTokenizer();
  const before = { path: 'a.ts', line: 4, removed: 'before', added: 'afterwards' };
  const recent = [before, { path: 'a.ts', line: 1, removed: '  done', added: '  return' }];
  const made = examplesOf(
    row({ snapshot: { ...SNAPSHOT, after: '\n}\n\nafterwards', recent } }),
    logFormat(tokenizer)!,
    limits,
  );
  const prompts = made.map((e) => tokenizer.decode(e.ids.slice(0, e.targetStart)));
  assert.deepEqual(
    made.map((e) => [e.id, e.label, tokenizer.decode(e.ids.slice(e.targetStart))]),
    [
      ['s1', 'pull', ' return one;†'],
      ['s1:bare', 'pull', ' return one;†'],
    ],
  );
  assert.deepEqual(
    prompts.map((p) => p.includes('«\nbefore»\nafterwards†')),
    [true, false],
  );
  const all = Array.from({ length: 40 }, (_, i) => made.map((e) => ({ ...e, id: e.id.replace('s1', `s${i}`) }))).flat();
  const held = new Set(splitHeldOut(all).heldOut.map((e) => e.id.split(':')[0]));
  assert.ok(splitHeldOut(all).train.every((e) => !held.has(e.id.split(':')[0])));
});
