import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { At } from '../../src/completion/cache.ts';
import { editAtCursor } from '../../src/completion/edit.ts';
import { Fates } from '../../src/editor/fates.ts';
import type { SignalEvent } from '../../src/signals/signal.ts';

const DOCUMENT = 'file:///a.ts';
const MINUTE = 60_000;

/**
 * A one-line document that suggestions are made for, with a clock. Typing sends what VS Code sends: the change, then
 * the selection.
 */
class Line {
  text: string;
  now = 1_000_000;
  version = 1;
  readonly signals: SignalEvent[] = [];
  readonly offered: boolean[] = [];
  readonly fates = new Fates({
    windowId: 'w',
    record: (events) => this.signals.push(...events),
    onOffered: (offered) => this.offered.push(offered),
    onNextEdit: () => {},
  });

  constructor(text: string) {
    this.text = text;
  }

  get at(): At {
    const snapshot = { path: 'a.ts', languageId: 'ts', before: this.text, after: '', startLine: 0, recent: [] };
    return { document: DOCUMENT, cursor: { line: 0, character: this.text.length }, snapshot };
  }

  /** The engine suggests; it is kept. */
  suggest(id: string, text: string): this {
    const common = { tokenLogprobs: [-1], checkpoint: 'base', promptHash: '', promptFormat: 'p' };
    this.fates.keep({
      at: this.at,
      as: 'ghost',
      suggestion: { id, edit: editAtCursor(this.at.snapshot, text, 0), latencyMs: 1, ...common },
    });
    return this;
  }

  /** VS Code asks, and gets what is kept for this place. */
  ask(): string | undefined {
    const hit = this.fates.find(this.at);
    if (!hit) {
      this.fates.apply({ type: 'withdrawn', at: this.now });
      return undefined;
    }
    const place = {
      document: DOCUMENT,
      version: this.version,
      offset: this.text.length,
      after: '',
      eol: '\n' as const,
    };
    this.fates.offer(hit, { ...place, before: this.text }, 'automatic', this.now);
    return hit.edit.text;
  }

  type(text: string, kind: 'keyboard' | 'none' = 'keyboard'): this {
    for (const piece of kind === 'keyboard' ? text : [text]) {
      const change = { offset: this.text.length, removed: 0, text: piece };
      this.text += piece;
      this.version++;
      this.change([change]);
      this.select(kind);
    }
    return this;
  }

  backspace(): this {
    this.text = this.text.slice(0, -1);
    this.version++;
    this.change([{ offset: this.text.length, removed: 1, text: '' }]);
    this.select('keyboard');
    return this;
  }

  change(changes: { offset: number; removed: number; text: string }[]): void {
    const { version, now: at } = this;
    this.fates.apply({ type: 'changed', at, document: DOCUMENT, version, changes, cause: 'other' });
  }

  select(kind: 'keyboard' | 'none'): void {
    const offset = this.text.length;
    this.fates.apply({ type: 'selected', at: this.now, document: DOCUMENT, offset, empty: true, kind });
  }

  wait(ms: number): this {
    this.now += ms;
    this.fates.apply({ type: 'tick', at: this.now });
    return this;
  }

  /** `offered one`, `accepted one command`, `survival one 30 1`. */
  get told(): string[] {
    return this.signals.map((s) => {
      if (s.type === 'offered') return `offered ${s.suggestion.id}`;
      if (s.type === 'outcome') return `${s.kind} ${s.suggestionId} ${s.reason}`;
      if (s.type === 'survival') return `survival ${s.suggestionId} ${s.afterMs / 1000} ${s.share}`;
      return s.type === 'written' ? `written ${s.editId}` : `instead ${s.suggestionId} ${s.text}`;
    });
  }
}

test('accepted with Tab: offered, accepted, survival', () => {
  const line = new Line('let x').suggest('one', ' = 1;');
  assert.equal(line.ask(), ' = 1;');
  line.wait(1000).type(' = 1;', 'none');
  line.fates.apply({ type: 'accept-command', at: line.now, id: 'one' });
  assert.deepEqual(line.told, ['offered one', 'accepted one command']);
  assert.ok(line.fates.waits);
  line
    .wait(MINUTE / 2)
    .wait(2 * MINUTE)
    .wait(10 * MINUTE);
  assert.deepEqual(line.told.slice(2), ['survival one 30 1', 'survival one 120 1', 'survival one 600 1']);
  assert.ok(!line.fates.waits);
  assert.deepEqual(line.offered, [true, false]);
});

test('the offered signal tells of the place that the model was asked for', () => {
  const line = new Line('let x').suggest('one', ' = 1;');
  line.ask();
  const [offered] = line.signals;
  assert.ok(offered?.type === 'offered');
  assert.equal(offered.snapshot.before, 'let x');
  assert.equal(offered.eventId, 'one/offered');
  assert.equal(offered.windowId, 'w');
});

test('typing along: the same suggestion, one offer, what is left of it, and back again', () => {
  const line = new Line('let x').suggest('one', ' = 1;');
  line.ask();
  line.wait(1000).type(' =');
  assert.equal(line.ask(), ' 1;');
  line.backspace();
  assert.equal(line.ask(), '= 1;');
  assert.deepEqual(line.told, ['offered one']);
});

test('once its outcome is known a suggestion is not offered again', () => {
  const line = new Line('let x').suggest('one', ' = 1;');
  line.ask();
  line.wait(1000);
  line.fates.apply({ type: 'escape', at: line.now });
  assert.equal(line.ask(), undefined);
  assert.deepEqual(line.told, ['offered one', 'rejected one escape']);
});

test('a kept suggestion that was never returned serves at its own place only', () => {
  const line = new Line('let x').suggest('one', ' = 1;').type(' ');
  assert.equal(line.ask(), undefined);
  line.backspace();
  assert.equal(line.ask(), ' = 1;');
  assert.deepEqual(line.told, ['offered one']);
});

test('one that was postponed serves further on, and tells of the place that the model was asked for', () => {
  const line = new Line('let x').suggest('one', ' = 1;');
  line.fates.postpone(line.fates.find(line.at)!);
  line.type(' =');
  assert.equal(line.ask(), ' 1;');
  line.wait(1000).type(' 1;', 'none');
  line.fates.apply({ type: 'accept-command', at: line.now, id: 'one' });
  assert.deepEqual(line.told, ['offered one', 'accepted one command']);
  const [offered, accepted] = line.signals;
  assert.ok(offered?.type === 'offered' && accepted?.type === 'outcome');
  assert.equal(offered.snapshot.before, 'let x');
  assert.equal(accepted.typedChars, 2);
});

test('another one in its place supersedes it: one outcome each', () => {
  const line = new Line('let x').suggest('one', ' = 1;');
  line.ask();
  line.wait(1000).suggest('two', ' = 2;').ask();
  line.fates.apply({ type: 'closing', at: line.now });
  assert.deepEqual(line.told, [
    'offered one',
    'offered two',
    'superseded one superseded',
    'never-seen two window-closed',
  ]);
});

test('closing the window leaves nothing open: outcome, and survival as it is', () => {
  const line = new Line('let x').suggest('one', ' = 1;');
  line.ask();
  line.wait(1000).type(' = 1;', 'none');
  line.fates.apply({ type: 'accept-command', at: line.now, id: 'one' });
  line.fates.apply({ type: 'closing', at: line.now });
  assert.equal(line.told.length, 5);
  assert.ok(line.signals.every((s) => s.type !== 'survival' || !s.observed));
});

test('a change right after an accept that settled late costs the survival what it took', () => {
  const line = new Line('let x').suggest('one', ' = 1;');
  line.ask();
  line.wait(1000).type(' = 1;', 'none');
  // No command came: the accept settles with the change, which takes away half of it.
  line.now += 5000;
  line.text = 'let x =';
  line.version++;
  line.change([{ offset: 7, removed: 3, text: '' }]);
  line.wait(MINUTE);
  assert.deepEqual(line.told.slice(1), ['accepted one by-parts', 'survival one 30 0.4']);
});

test('deleting everything: no signal, and nothing is waited for', () => {
  const line = new Line('let x').suggest('one', ' = 1;');
  line.ask();
  line.fates.forget();
  assert.deepEqual(line.told, ['offered one']);
  assert.equal(line.ask(), undefined);
  assert.ok(!line.fates.waits);
  assert.deepEqual(line.offered, [true, false]);
});
