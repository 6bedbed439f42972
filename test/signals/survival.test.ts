import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Survival } from '../../src/signals/signal.ts';
import { applyChange, type Change } from '../../src/signals/stretch.ts';
import {
  changed,
  closed,
  finish,
  NO_SURVIVAL,
  type SurvivalState,
  survivingShare,
  tick,
  WATCH_LIMIT,
  watch,
} from '../../src/signals/survival.ts';

/** A document with one accepted edit in it, `[` to `]`, accepted at time 0. */
class Session {
  state: SurvivalState;
  readonly seen: Survival[] = [];
  text: string;

  constructor(marked: string) {
    const offset = marked.indexOf('[');
    const text = marked.slice(offset + 1, marked.indexOf(']'));
    this.text = marked.replace('[', '').replace(']', '');
    this.state = watch(NO_SURVIVAL, { suggestionId: 's', document: 'd', at: 0, text, now: { offset, text } }).state;
  }

  /** Replaces the first occurrence of `from`. */
  replace(at: number, from: string, to: string, cause: 'undo' | 'redo' | 'other' = 'other'): this {
    const offset = this.text.indexOf(from);
    assert.ok(offset >= 0, `"${from}" is not in the document`);
    return this.change(at, [{ offset, removed: from.length, text: to }], cause);
  }

  change(at: number, changes: Change[], cause: 'undo' | 'redo' | 'other' = 'other'): this {
    for (const c of changes) this.text = this.text.slice(0, c.offset) + c.text + this.text.slice(c.offset + c.removed);
    return this.keep(changed(this.state, { at, document: 'd', changes, cause }));
  }

  keep(step: { state: SurvivalState; emit: readonly Survival[] }): this {
    this.state = step.state;
    this.seen.push(...step.emit);
    return this;
  }

  /** Shares at the three looks. */
  get shares(): number[] {
    return this.keep(tick(this.state, 600_000)).seen.map((s) => Math.round(s.share * 100) / 100);
  }
}

test('nothing happens to it: all of it stands, three times', () => {
  const s = new Session('a\n[foo(bar);]\n');
  assert.deepEqual(s.shares, [1, 1, 1]);
  assert.deepEqual(
    s.seen.map((e) => [e.eventId, e.afterMs, e.observed]),
    [
      ['s/survival-30000', 30_000, true],
      ['s/survival-120000', 120_000, true],
      ['s/survival-600000', 600_000, true],
    ],
  );
});

test('edits around it move it', () => {
  const s = new Session('one\n[foo(bar);]\ntwo\n').replace(1, 'one', 'a much longer line').replace(2, 'two', '');
  assert.deepEqual(s.shares, [1, 1, 1]);
});

test('typing on right behind it or before it is not part of it', () => {
  const s = new Session('x = [foo];')
    .replace(1, 'foo', 'foo')
    .replace(2, ';', '.bar();')
    .replace(3, 'x = ', 'x = await ');
  assert.deepEqual(s.shares, [1, 1, 1]);
});

test('what is put in right behind it says that it was a beginning', () => {
  const goneOn = (s: Session): boolean[] => {
    assert.ok(s.shares.every((share) => share === 1));
    return s.seen.map((e) => e.goneOn);
  };
  const marked = 'x = [foo];\nend\n';
  assert.deepEqual(goneOn(new Session(marked)), [false, false, false]);
  const behind = (at: number, cause?: 'undo'): Session =>
    new Session(marked).change(at, [{ offset: 7, removed: 0, text: '.bar()' }], cause);
  assert.deepEqual(goneOn(behind(1)), [true, true, true]);
  assert.deepEqual(goneOn(behind(60_000)), [false, true, true]);
  // Before it, elsewhere, and in the place of something else.
  const beside = new Session(marked).replace(1, 'x = ', 'x = await ').replace(2, ';', '.bar();').replace(3, 'end', '');
  assert.deepEqual(goneOn(beside), [false, false, false]);
  // The place moves with what is put in before.
  const moved = new Session(marked).replace(1, 'x', 'long').change(2, [{ offset: 10, removed: 0, text: '\n' }]);
  assert.deepEqual(goneOn(moved), [true, true, true]);
});

test('edited by hand: a renamed word counts by what is left of it', () => {
  const s = new Session('[const total = sum(items);]').replace(40_000, 'total', 'totalPrice');
  assert.deepEqual(s.shares, [1, 1, 1]);
  const t = new Session('[const total = sum(items);]').replace(40_000, 'items', 'rows');
  assert.deepEqual(t.shares, [1, 0.84, 0.84]);
});

test('undone: nothing of it stands; redone: all of it', () => {
  const s = new Session('a [foo(bar);] b').replace(1_000, 'foo(bar);', '', 'undo');
  assert.deepEqual(s.shares, [0, 0, 0]);
  const t = new Session('a [foo(bar);] b').replace(1_000, 'foo(bar);', '', 'undo');
  t.change(50_000, [{ offset: 2, removed: 0, text: 'foo(bar);' }], 'redo');
  assert.deepEqual(t.shares, [0, 1, 1]);
});

test('its end deleted and put back by undo', () => {
  const s = new Session('[foo(bar);]\n').replace(1_000, '(bar);', '');
  s.change(2_000, [{ offset: 3, removed: 0, text: '(bar);' }], 'undo');
  assert.deepEqual(s.shares, [1, 1, 1]);
});

test('a look is taken before the change that came after it', () => {
  const s = new Session('[foo(bar);]').replace(30_001, 'foo(bar);', '');
  assert.deepEqual(s.shares, [1, 0, 0]);
});

test('a deletion that reaches over its edge takes the part inside', () => {
  const s = new Session('if (a) {\n[foo(bar);]\n}').replace(1, '{\nfoo', '');
  assert.deepEqual(s.shares, [0.67, 0.67, 0.67]);
});

test('the whole document is replaced, as by a formatter: it is found again', () => {
  const s = new Session('function f() {\n[return 1;]\n}');
  s.change(1, [{ offset: 0, removed: s.text.length, text: 'function f() {\n  return 1;\n}\n' }]);
  assert.deepEqual(s.shares, [1, 1, 1]);
});

test('replaced by something else altogether', () => {
  const s = new Session('a\n[foo(bar);]\nb').replace(1, 'foo(bar);', 'throw new Error()');
  assert.deepEqual(s.shares, [0.22, 0.22, 0.22], 'the two brackets');
});

test('the document closes: later looks say that they are not observed', () => {
  const s = new Session('[foo]').keep({ state: NO_SURVIVAL, emit: [] });
  const t = new Session('[foo]');
  assert.deepEqual(s.shares, []);
  t.keep(closed(t.state, 'd', 40_000));
  assert.deepEqual(t.shares, [1, 1, 1]);
  assert.deepEqual(
    t.seen.map((e) => e.observed),
    [true, false, false],
  );
});

test('the window closes: what is left is told at once, not observed', () => {
  const s = new Session('[foo]').replace(1, 'foo', 'f');
  s.keep(finish(s.state, 31_000));
  assert.deepEqual(
    s.seen.map((e) => [e.afterMs, e.observed, e.at]),
    [
      [30_000, true, 31_000],
      [120_000, false, 31_000],
      [600_000, false, 31_000],
    ],
  );
  assert.deepEqual(s.state, NO_SURVIVAL);
});

test('a clock that jumps: forward all looks fall due, backward none', () => {
  assert.deepEqual(tick(new Session('[foo]').state, 1e12).emit.length, 3);
  assert.deepEqual(tick(new Session('[foo]').state, -1e12).emit.length, 0);
});

test('the number of watched edits is bounded, and none goes untold', () => {
  let state = NO_SURVIVAL;
  let told = 0;
  for (let i = 0; i < WATCH_LIMIT + 10; i++) {
    const edit = { suggestionId: `${i}`, document: 'd', at: 0, text: 'x', now: { offset: i, text: 'x' } };
    const step = watch(state, edit);
    state = step.state;
    told += step.emit.length;
  }
  assert.equal(state.watched.length, WATCH_LIMIT);
  assert.equal(told, 30);
});

test('a share counts words, not the letters that unrelated words happen to share', () => {
  const cases: [string, string, number][] = [
    ['abc', 'abc', 1],
    ['abc', 'x abc y', 1],
    ['abc', '', 0],
    ['return alpha;', 'return beta;', 9 / 13],
    ['a b c d', 'd c b a', 3 / 7],
    ['  foo();\n', '\tfoo();\n', 7 / 9],
  ];
  for (const [original, current, share] of cases) {
    assert.equal(survivingShare(original, current).toFixed(3), share.toFixed(3), `${original} -> ${current}`);
  }
});

test('texts that have nothing in common are compared in bounded steps', () => {
  const words = (n: number, w: string): string => Array.from({ length: n }, (_, i) => `${w}${i}`).join(' ');
  assert.ok(survivingShare(words(2_000, 'a'), words(2_000, 'b')) < 0.6);
});

test('a stretch agrees with the document after any change', () => {
  let seed = 7;
  const below = (n: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (seed >> 8) % n;
  };
  for (let run = 0; run < 2_000; run++) {
    let text = 'abcdefghijklmnopqrstuvwxyz';
    const offset = below(20);
    let s = { offset, text: text.slice(offset, offset + 1 + below(6)) };
    for (let i = 0; i < 12 && s.text !== ''; i++) {
      const at = below(text.length + 1);
      const c = { offset: at, removed: Math.min(below(4), text.length - at), text: ['', 'X', 'YZ'][below(3)]! };
      text = text.slice(0, at) + c.text + text.slice(at + c.removed);
      s = applyChange(s, c, i % 2 ? 'in' : 'out');
      assert.equal(text.slice(s.offset, s.offset + s.text.length), s.text, `run ${run}`);
    }
  }
});
