import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advance, type EditorEvent, INITIAL, REASONS, SEEN_MS, SETTLE_MS } from '../../src/signals/lifecycle.ts';
import type { Outcome, TypedInstead } from '../../src/signals/signal.ts';
import { FakeEditor } from './editor.ts';

const SEEN = SEEN_MS + 100;

/** A function body with the cursor in it, and a suggestion that has been visible for long enough. */
function seen(suggestion = 'return a + b;', text = 'f(a, b) {\n  |\n}\n', replaceAfter = 0): FakeEditor {
  return new FakeEditor(text).offer('s', suggestion, replaceAfter).wait(SEEN);
}

test('Tab: accepted, observed, all of it', () => {
  const e = seen().accept('s', 'return a + b;').close();
  assert.deepEqual(e.fates, ['s accepted/command observed 13/0']);
  assert.deepEqual(e.acceptedEdits, [
    {
      suggestionId: 's',
      document: 'file:///a.ts',
      at: 1_000 + SEEN,
      text: 'return a + b;',
      now: { offset: 12, text: 'return a + b;' },
    },
  ]);
});

test('Tab before the eye could follow is an accept all the same', () => {
  const e = new FakeEditor('|').offer('s', 'foo').wait(50).accept('s', 'foo').close();
  assert.deepEqual(e.fates, ['s accepted/command observed 3/0']);
});

test('the accept command may come after the next suggestion', () => {
  const e = seen();
  e.edit(e.cursor, 0, 'return a + b;', { kind: 'none' }).wait(30).offer('next', 'x');
  e.send({ type: 'accept-command', at: e.now, id: 's' });
  assert.deepEqual(e.fates, ['s accepted/command observed 13/0']);
});

test('Tab on a suggestion that replaces the rest of its line', () => {
  const e = seen('foo(a, b)', 'x = |)\n', 1).accept('s', 'foo(a, b)', 1).close();
  assert.deepEqual(e.fates, ['s accepted/command observed 9/0']);
  assert.equal(e.text, 'x = foo(a, b)\n');
});

test('Tab after typing along: what was typed by hand is told apart', () => {
  const e = seen().type('ret').accept('s', 'urn a + b;').close();
  assert.deepEqual(e.fates, ['s accepted/command observed 13/3']);
});

test('Tab after typing along, where VS Code replaces what was typed by the whole text', () => {
  const e = seen().type('ret');
  e.edit(12, 3, 'return a + b;', { kind: 'none' });
  e.send({ type: 'accept-command', at: e.now, id: 's' });
  assert.deepEqual(e.fates, ['s accepted/command observed 13/3']);
});

test('first returned when part of it had been typed: that part counts as typed', () => {
  const first = (eol: '\n' | '\r\n' = '\n') => {
    const [text, typed] = eol === '\n' ? ['f(a) {\n  ret|\n}\n', 'ret'] : ['f(a) {\r\n  ret|\r\n}\r\n', '{\n  ret'];
    return new FakeEditor(text, eol).offer('s', 'urn a + b;', 0, {}, 'offered', typed).wait(SEEN);
  };
  assert.deepEqual(first().accept('s', 'urn a + b;').close().fates, ['s accepted/command observed 13/3']);
  assert.deepEqual(first('\r\n').accept('s', 'urn a + b;').close().fates, ['s accepted/command observed 17/7']);
  assert.deepEqual(first().type('urx').tick().close().fates, ['s rejected/typed-other inferred 0/5']);
  const back = first().backspace(2).accept('s', 'eturn a + b;').close();
  assert.deepEqual(back.fates, ['s accepted/command observed 13/1']);
});

test('typing along leaves it standing', () => {
  const e = seen().type('return a');
  assert.deepEqual(e.fates, []);
  assert.deepEqual(e.close().fates, ['s ignored/window-closed inferred 0/8']);
});

test('typed along and taken back: it still stands', () => {
  const e = seen().type('retu').backspace(2).accept('s', 'turn a + b;').close();
  assert.deepEqual(e.fates, ['s accepted/command observed 13/2']);
});

test('typed along with a bracket that VS Code closes by itself', () => {
  const e = seen('foo(a)', '|\n').type('foo');
  e.edit(e.cursor, 0, '()', { cursor: e.cursor + 1 });
  assert.deepEqual(e.fates, []);
  e.type('a');
  e.edit(e.cursor, 1, ')'); // typed over
  assert.deepEqual(e.wait(SETTLE_MS).tick().fates, ['s accepted/typed-through inferred 6/6']);
});

test('IntelliSense replaces the word by a longer part of the suggestion: still standing', () => {
  const e = seen('sole.log(x)', 'con|\n');
  e.edit(0, 3, 'console', { kind: 'none' });
  assert.deepEqual(e.fates, []);
  assert.deepEqual(e.accept('s', '.log(x)').fates, ['s accepted/command observed 11/4']);
});

test('IntelliSense wins with another word', () => {
  const e = seen('sole.log(x)', 'con|\n');
  e.edit(0, 3, 'constructor', { kind: 'none' });
  assert.deepEqual(e.close().fates, ['s rejected/typed-other inferred 0/0']);
  assert.deepEqual(
    e.typedInstead.map((t) => t.text),
    ['structor'],
    'what follows the text that the prompt ended with',
  );
});

test('IntelliSense rewrites the word before: rejected, but nothing was typed instead of it', () => {
  const e = seen('sole.log(x)', 'con|\n');
  e.edit(0, 3, 'print', { kind: 'none' });
  assert.deepEqual(e.close().fates, ['s rejected/typed-other inferred 0/0']);
  assert.deepEqual(e.typedInstead, []);
});

test('typed through to its end: accepted, inferred, nothing saved', () => {
  const e = seen('x;').type('x;');
  assert.deepEqual(e.fates, [], 'waits for a command that may still come');
  assert.deepEqual(e.wait(SETTLE_MS).tick().fates, ['s accepted/typed-through inferred 2/2']);
});

test('typed through before it could be seen: never seen', () => {
  const e = new FakeEditor('|').offer('s', ')').type(')').close();
  assert.deepEqual(e.fates, ['s never-seen/typed-through inferred 0/1']);
  assert.deepEqual(e.acceptedEdits, []);
});

test('accepted by word, then moved away: partly accepted', () => {
  const e = seen().acceptPart('return ').acceptPart('a ').wait(500).moveTo(0).close();
  assert.deepEqual(e.fates, ['s partly-accepted/moved-away inferred 9/0']);
  assert.deepEqual(
    e.acceptedEdits.map((a) => [a.text, a.now.text]),
    [['return a ', 'return a ']],
  );
});

test('accepted by word, then typed on along: both count as standing', () => {
  const e = seen().acceptPart('return ').type('a ').moveTo(0).close();
  assert.deepEqual(e.fates, ['s partly-accepted/moved-away inferred 9/2']);
});

test('accepted by word, then typed something else', () => {
  const e = seen().acceptPart('return ').type('x').wait(20).moveTo(0).close();
  assert.deepEqual(e.fates, ['s partly-accepted/typed-other inferred 7/0']);
  assert.deepEqual(
    e.typedInstead.map((t) => t.text),
    ['return x'],
  );
});

test('accepted by line until nothing is left', () => {
  const e = seen('a;\nb;', '|\n').acceptPart('a;\n').acceptPart('b;').wait(SETTLE_MS).tick();
  assert.deepEqual(e.fates, ['s accepted/by-parts inferred 5/0']);
});

test('a word accepted and undone: it stands again, whole', () => {
  const e = seen().acceptPart('return ');
  e.edit(12, 7, '', { cause: 'undo', kind: 'none' });
  assert.deepEqual(e.close().fates, ['s ignored/window-closed inferred 0/0']);
});

test('Esc: rejected, observed, even if it was quick', () => {
  assert.deepEqual(seen().escape().close().fates, ['s rejected/escape observed 0/0']);
  const quick = new FakeEditor('|').offer('s', 'foo').wait(60).escape().close();
  assert.deepEqual(quick.fates, ['s rejected/escape observed 0/0']);
});

test('Esc, then typed something: that is what was typed instead', () => {
  const e = seen().escape().type('throw new E();').wait(200).moveTo(0);
  assert.deepEqual(
    e.typedInstead.map((t) => t.text),
    ['throw new E();'],
  );
});

test('Esc, then nothing: nothing was typed instead', () => {
  assert.deepEqual(seen().escape().wait(60_000).tick().close().typedInstead, []);
});

test('Esc after accepting a word keeps the part', () => {
  assert.deepEqual(seen().acceptPart('return ').escape().close().fates, ['s partly-accepted/escape inferred 7/0']);
});

test('something else typed over what was seen: rejected, inferred', () => {
  const e = seen().type('throw').wait(20).moveTo(0);
  assert.deepEqual(e.fates, ['s rejected/typed-other inferred 0/0']);
  assert.deepEqual(
    e.typedInstead.map((t) => t.text),
    ['throw'],
  );
});

test('something else typed before it could be seen: never seen', () => {
  const e = new FakeEditor('|').offer('s', 'foo').type('b').close();
  assert.deepEqual(e.fates, ['s never-seen/typed-other inferred 0/0']);
  assert.deepEqual(
    e.typedInstead.map((t) => t.text),
    ['b'],
  );
});

test('typed along, then past it in another direction', () => {
  const e = seen().type('retry').wait(20).moveTo(0);
  assert.deepEqual(e.fates, ['s rejected/typed-other inferred 0/3']);
  assert.deepEqual(
    e.typedInstead.map((t) => t.text),
    ['retry'],
  );
});

test('pasted over', () => {
  const e = seen();
  e.edit(e.cursor, 0, 'some(\n  pasted,\n);').moveTo(0);
  assert.deepEqual(e.fates, ['s rejected/typed-other inferred 0/0']);
  assert.deepEqual(
    e.typedInstead.map((t) => t.text),
    ['some('],
    'as many lines as the suggestion had',
  );
});

test('what is typed instead ends with the line, with the place, or with a pause', () => {
  const byLine = seen().escape().type('one;\ntwo;').close();
  assert.deepEqual(
    byLine.typedInstead.map((t) => t.text),
    ['one;'],
  );
  const byPause = seen().escape().type('one').wait(10_000).tick();
  assert.deepEqual(
    byPause.typedInstead.map((t) => t.text),
    ['one'],
  );
  const bySwitch = seen().escape().type('one');
  bySwitch.send({ type: 'switched', at: bySwitch.now, document: 'file:///b.ts' });
  assert.deepEqual(
    bySwitch.typedInstead.map((t) => t.text),
    ['one'],
  );
});

test('what is typed instead may come from the next suggestion', () => {
  const e = seen().type('t').offer('next', 'hrow e;').wait(SEEN).accept('next', 'hrow e;').wait(20).moveTo(0).close();
  assert.deepEqual(e.fates, ['s rejected/typed-other inferred 0/0', 'next accepted/command observed 7/0']);
  assert.deepEqual(
    e.typedInstead.map((t) => [t.suggestionId, t.text]),
    [['s', 'throw e;']],
  );
});

test('backspace before it: the text it was made for is gone', () => {
  assert.deepEqual(seen().backspace().close().fates, ['s rejected/deleted inferred 0/0']);
});

test('undo of what stood before it', () => {
  const e = seen();
  e.edit(10, 2, '', { cause: 'undo', kind: 'none' });
  assert.deepEqual(e.close().fates, ['s ignored/undo inferred 0/0']);
});

test('moved away without a change: ignored, or never seen', () => {
  assert.deepEqual(seen().moveTo(0).close().fates, ['s ignored/moved-away inferred 0/0']);
  const e = new FakeEditor('ab|').offer('s', 'c').wait(100).moveTo(0).close();
  assert.deepEqual(e.fates, ['s never-seen/moved-away inferred 0/0']);
});

test('the file, the focus, the window go away', () => {
  const gone: [EditorEvent['type'], (e: FakeEditor) => EditorEvent, string][] = [
    ['switched', (e) => ({ type: 'switched', at: e.now, document: null }), 'switched-file'],
    ['document-closed', (e) => ({ type: 'document-closed', at: e.now, document: e.document }), 'document-closed'],
    ['focus-lost', (e) => ({ type: 'focus-lost', at: e.now }), 'focus-lost'],
    ['closing', (e) => ({ type: 'closing', at: e.now }), 'window-closed'],
  ];
  for (const [name, event, reason] of gone) {
    const e = seen();
    e.send(event(e));
    assert.deepEqual(e.fates, [`s ignored/${reason} inferred 0/0`], name);
  }
});

test('superseded by another suggestion, or withdrawn', () => {
  assert.deepEqual(seen().offer('t', 'x').close().fates, [
    's superseded/superseded inferred 0/0',
    't never-seen/window-closed inferred 0/0',
  ]);
  const e = seen();
  e.send({ type: 'withdrawn', at: e.now });
  assert.deepEqual(e.fates, ['s superseded/withdrawn inferred 0/0']);
  const quick = new FakeEditor('|').offer('s', 'foo').wait(40).offer('t', 'bar');
  assert.deepEqual(quick.fates, ['s never-seen/superseded inferred 0/0']);
});

test('the same suggestion offered again still stands', () => {
  const e = seen().type('ret').offer('s', 'return a + b;');
  assert.deepEqual(e.fates, []);
  assert.deepEqual(e.accept('s', 'urn a + b;').fates, ['s accepted/command observed 13/3']);
});

test('cancelled: never seen, observed', () => {
  const e = seen();
  e.send({ type: 'cancelled', at: e.now, id: 's' });
  assert.deepEqual(e.fates, ['s never-seen/cancelled observed 0/0']);
});

test('returned for a version or a cursor of the past: never seen', () => {
  const e = new FakeEditor('ab|');
  const version = e.version;
  e.type('c');
  const late = { replaceAfter: 0, document: e.document, before: '', after: '', eol: '\n' } as const;
  e.send({ type: 'offered', at: e.now, id: 'old', text: 'x', version, offset: 2, ...late });
  e.send({ type: 'offered', at: e.now, id: 'far', text: 'x', version: e.version, offset: 1, ...late });
  assert.deepEqual(e.fates, ['old never-seen/stale inferred 0/0', 'far never-seen/stale inferred 0/0']);
});

test('undo right after the accept: still accepted; survival is told the text is gone', () => {
  const e = seen('foo').accept('s', 'foo');
  e.edit(12, 3, '', { cause: 'undo', kind: 'none' });
  assert.deepEqual(e.close().fates, ['s accepted/command observed 3/0']);
});

test('undone before the command came: accepted, with nothing of it standing', () => {
  const e = seen('foo');
  e.edit(12, 0, 'foo', { kind: 'none' }).edit(12, 3, '', { cause: 'undo', kind: 'none' });
  e.send({ type: 'accept-command', at: e.now, id: 's' });
  assert.deepEqual(
    e.acceptedEdits.map((a) => [a.text, a.now.text]),
    [['foo', '']],
  );
});

test('edits elsewhere and in other documents do not touch it', () => {
  const e = seen();
  e.edit(0, 1, 'function g', { cursor: e.cursor + 9 });
  const other = { document: 'output', version: 9, changes: [{ offset: 0, removed: 0, text: 'log\n' }] } as const;
  e.send({ type: 'changed', at: e.now, ...other, cause: 'other' });
  assert.deepEqual(e.accept('s', 'return a + b;').fates, ['s accepted/command observed 13/0']);
  assert.equal(e.acceptedEdits[0]!.now.offset, 21);
});

test('CRLF: offsets count both units, what is told has LF', () => {
  const e = new FakeEditor('{\r\n|\r\n}', '\r\n').offer('s', 'a;\nb;').wait(SEEN);
  e.accept('s', 'a;\r\nb;').close();
  assert.deepEqual(e.fates, ['s accepted/command observed 5/0']);
  const typed = new FakeEditor('|', '\r\n').offer('s', 'a;\nb;').wait(SEEN).type('x\ny').close();
  assert.deepEqual(
    typed.typedInstead.map((t) => t.text),
    ['x\ny'],
  );
});

test('a change whose selection event never comes is judged by the next event', () => {
  const e = seen();
  const changes = [{ offset: e.cursor, removed: 0, text: 'x' }];
  e.send({ type: 'changed', at: e.now, document: e.document, version: 2, changes, cause: 'other' });
  assert.deepEqual(e.fates, []);
  assert.deepEqual(e.wait(100).tick().fates, ['s rejected/typed-other inferred 0/0']);
});

/** A small generator with a seed (mulberry32), so that a failure can be run again. */
function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

test('any sequence of events: one outcome for each offer, within its bounds', () => {
  const kinds = new Set<string>();
  for (let seed = 1; seed <= 3_000; seed++) {
    const below = random(seed);
    const pick = <T>(...of: T[]): T => of[below(of.length)]!;
    const texts = ['foo', 'foo(a)', 'x', 'if (a) {\n  b();\n}', 'return a + b;', ')'];
    const offers = new Map<string, string>();
    /** With others, and not known to have been shown. */
    const returned = new Map<string, string>();
    let state = INITIAL;
    let at = 1_000;
    const outcomes = new Map<string, Outcome>();
    const typed = new Map<string, TypedInstead>();
    const send = (event: EditorEvent): void => {
      const step = advance(state, event);
      state = step.state;
      for (const k of step.known) {
        if (k.type === 'alternative') {
          assert.ok(!offers.has(k.id), `seed ${seed}: ${k.id} was known already`);
          offers.set(k.id, returned.get(k.id)!);
          continue;
        }
        const id = k.type === 'accepted-edit' ? k.edit.suggestionId : k.suggestionId;
        assert.ok(offers.has(id), `seed ${seed}: ${k.type} of an unknown suggestion`);
        if (k.type === 'outcome') {
          assert.ok(!outcomes.has(id), `seed ${seed}: a second outcome of ${id}`);
          outcomes.set(id, k);
        } else if (k.type === 'typed-instead') {
          assert.ok(outcomes.has(id) && !typed.has(id), `seed ${seed}: typed instead of ${id}`);
          typed.set(id, k);
        }
      }
    };
    for (let i = 0; i < 40; i++) {
      at += pick(0, 5, 80, 400, 2_000);
      const document = pick('a', 'a', 'a', 'b');
      const offset = below(12);
      const id = pick(`${seed}-${i}`, ...offers.keys());
      switch (below(12)) {
        case 0:
        case 1:
        case 2: {
          const text = offers.get(id) ?? pick(...texts);
          offers.set(id, text);
          const [before, after] = [pick('', 'con', '  '), pick('', ')', '\n')];
          const rest = { replaceAfter: pick(0, 0, after.length), version: i, before, after, eol: pick('\n', '\r\n') };
          const alternatives = Array.from({ length: below(3) }, (_, n) => {
            const other = { id: `${seed}-${i}-${n}`, text: pick(...texts), replaceAfter: 0 };
            returned.set(other.id, other.text);
            return other;
          });
          const type = pick('offered', 'offered', 'cycled');
          send({ type, at, id, text, document, offset, alternatives, ...rest } as EditorEvent);
          break;
        }
        case 3:
        case 4:
        case 5: {
          const live = state.live;
          const rest = live?.target.slice(live.marks.length) ?? '';
          const text = pick('', 'q', ')', '()', rest, rest.slice(0, 1), rest.slice(0, 3), '\n', 'con', 'confoo');
          const place = live && below(3) > 0 ? live.place.offset + live.marks.length : offset;
          const changes = [{ offset: place, removed: pick(0, 0, 0, 1, 3), text }];
          if (below(5) === 0) changes.push({ offset: below(5), removed: 1, text: 'zz' });
          send({ type: 'changed', at, document, version: i, changes, cause: pick('other', 'other', 'undo', 'redo') });
          break;
        }
        case 6:
        case 7: {
          const caret = state.live && below(2) ? state.live.place.offset + state.live.marks.length : offset;
          const kind = pick('keyboard', 'mouse', 'command', 'none');
          send({ type: 'selected', at, document, offset: caret, empty: below(6) > 0, kind });
          break;
        }
        case 8:
          send({ type: 'accept-command', at, id });
          break;
        case 9:
          send(pick<EditorEvent>({ type: 'escape', at }, { type: 'withdrawn', at }, { type: 'focus-lost', at }));
          break;
        case 10:
          send(
            pick<EditorEvent>(
              { type: 'document-closed', at, document },
              { type: 'switched', at, document },
              { type: 'cancelled', at, id },
            ),
          );
          break;
        default:
          send({ type: 'tick', at });
      }
    }
    send({ type: 'closing', at: at + 10 });
    assert.equal(state.live, null);
    assert.deepEqual([state.settling.length, state.places.length], [0, 0]);
    for (const [id, text] of offers) {
      const o = outcomes.get(id);
      assert.ok(o, `seed ${seed}: no outcome of ${id}`);
      kinds.add(o.kind);
      assert.ok((REASONS as readonly string[]).includes(o.reason));
      const standing = o.kind === 'accepted' || o.kind === 'partly-accepted';
      assert.ok(standing ? o.acceptedChars > 0 : o.acceptedChars === 0, `seed ${seed}: ${JSON.stringify(o)}`);
      assert.ok(o.acceptedChars <= text.length && (o.typedChars ?? 0) <= text.length, `seed ${seed}`);
      if (o.kind === 'accepted') assert.equal(o.acceptedChars, text.length);
      assert.ok(!(o.kind === 'partly-accepted' && o.observed));
    }
  }
  assert.equal(kinds.size, 6, `every kind came up: ${[...kinds]}`);
});

/** Two suggestions for one place; the second takes the first one's place after so long. */
function cycled(): FakeEditor {
  const e = new FakeEditor('x = |').offer('a', 'total;', 0, { b: 'sum();' }).wait(SEEN);
  return e.offer('b', 'sum();', 0, { a: 'total;' }, 'cycled').wait(SEEN);
}

test('another suggestion is asked for and taken: the first one is superseded, the second accepted', () => {
  const e = cycled().accept('b', 'sum();').close();
  assert.deepEqual(e.fates, ['a superseded/cycled inferred 0/0', 'b accepted/command observed 6/0']);
});

test('and back again: the first one has no outcome until it is taken', () => {
  const e = cycled().offer('a', 'total;', 0, { b: 'sum();' }, 'cycled').wait(SEEN);
  assert.deepEqual(e.fates, []);
  e.accept('a', 'total;').close();
  assert.deepEqual(e.fates, ['b superseded/cycled inferred 0/0', 'a accepted/command observed 6/0']);
});

test('Esc with several returned: the last one known to be shown is refused, inferred', () => {
  assert.deepEqual(cycled().escape().fates, ['b rejected/escape inferred 0/0', 'a superseded/cycled inferred 0/0']);
});

test('one that VS Code went on to without telling, taken whole or by a word', () => {
  const offered = () => new FakeEditor('x = |').offer('a', 'total;', 0, { b: 'sum();' }).wait(SEEN);
  const whole = offered().accept('b', 'sum();').close();
  assert.deepEqual(whole.fates, ['a superseded/cycled inferred 0/0', 'b accepted/command observed 6/0']);
  const alternatives = whole.known.filter((k) => k.type === 'alternative').map((k) => k.id);
  assert.deepEqual(alternatives, ['b']);
  const part = offered().acceptPart('sum').wait(SEEN).escape();
  assert.deepEqual(part.fates, ['a superseded/cycled inferred 0/0', 'b partly-accepted/escape inferred 3/0']);
  assert.deepEqual(part.typedInstead, []);
});

test('one unit of an alternative, typed by hand, refuses the one that stands', () => {
  const e = new FakeEditor('x = |').offer('a', 'total;', 0, { b: 'sum();' }).wait(SEEN).type('s').close();
  assert.deepEqual(e.fates, ['a rejected/typed-other inferred 0/0']);
});
