import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox } from '../../src/signals/outbox.ts';
import { offered, outcome, survival, typedInstead, written } from './events.ts';

const ids = (outbox: Outbox): string[] => outbox.pending().map((e) => e.eventId);

test('holds events in order until they are acknowledged', () => {
  const outbox = new Outbox();
  for (const e of [offered('a'), outcome('a'), offered('b')]) outbox.add(e);
  assert.deepEqual(ids(outbox), ['a/offered', 'a/outcome', 'b/offered']);
  outbox.ack(['a/offered', 'nothing']);
  assert.deepEqual(ids(outbox), ['a/outcome', 'b/offered']);
  assert.deepEqual(ids(outbox), ['a/outcome', 'b/offered'], 'looking takes nothing');
});

test('the same event twice is held once', () => {
  const outbox = new Outbox();
  outbox.add(offered('a'));
  outbox.add(offered('a'));
  assert.deepEqual(ids(outbox), ['a/offered']);
});

test('over its bound it gives up what training needs least, and counts it', () => {
  const none = { offered: 0, outcome: 0, survival: 0, 'typed-instead': 0, written: 0 };
  const outbox = new Outbox({ events: 6, chars: 1e9 });
  for (const e of [
    offered('a'),
    outcome('a', { kind: 'ignored' }),
    offered('b'),
    outcome('b', { kind: 'rejected' }),
    typedInstead('b', 'x'),
    survival('b', 30_000, 1),
  ]) {
    outbox.add(e);
  }
  outbox.add(outcome('c'));
  assert.deepEqual(outbox.dropped, { ...none, survival: 1 });
  outbox.add(written('w/1', ['a'], ['b']));
  assert.ok(!ids(outbox).includes('w/1/1'), 'an edit, before what became of suggestions');
  outbox.add(outcome('d'));
  assert.ok(!ids(outbox).includes('a/offered'), 'the offer whose outcome teaches nothing');
  outbox.add(outcome('e'));
  assert.ok(!ids(outbox).includes('b/typed-instead'));
  outbox.add(outcome('f'));
  assert.ok(!ids(outbox).includes('b/offered'));
  assert.deepEqual(outbox.dropped, { ...none, offered: 2, survival: 1, 'typed-instead': 1, written: 1 });
  outbox.add(outcome('g'));
  assert.deepEqual(
    ids(outbox),
    ['b', 'c', 'd', 'e', 'f', 'g'].map((s) => `${s}/outcome`),
  );
  assert.equal(outbox.dropped.outcome, 1, 'an outcome is given up last, and never silently');
});

test('bounded by size as well; what is acknowledged makes room', () => {
  const size = JSON.stringify(offered('0')).length;
  const outbox = new Outbox({ events: 1e6, chars: size * 10 });
  for (let i = 0; i < 9; i++) outbox.add(offered(`${i}`));
  outbox.ack(ids(outbox).slice(0, 5));
  for (let i = 10; i < 15; i++) outbox.add(offered(`${i}`));
  assert.equal(outbox.dropped.offered, 0);
  for (let i = 20; i < 40; i++) outbox.add(offered(`${i}`));
  assert.ok(JSON.stringify(outbox.pending()).length <= size * 11);
  assert.deepEqual(ids(outbox).at(-1), '39/offered', 'the newest stays');
});
