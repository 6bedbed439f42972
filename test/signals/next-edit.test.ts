import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SelectionKind } from '../../src/signals/ghost.ts';
import type { Known } from '../../src/signals/lifecycle.ts';
import { advanceNextEdit, type NextEditEvent, NO_NEXT_EDIT } from '../../src/signals/next-edit.ts';
import { seeded } from '../completion/text.ts';

const DOCUMENT = 'file:///a.ts';

/** A document whose next edit is what stands between `[` and `]`, with the cursor at `|`. */
class Page {
  now = 10_000;
  state = NO_NEXT_EDIT;
  readonly known: Known[] = [];
  text: string;
  cursor: number;
  readonly #from: number;
  readonly #to: number;
  version = 1;

  constructor(marked: string) {
    const plain = (of: string): string => of.replace(/[[\]|]/g, '');
    const at = (mark: string): number => plain(marked.slice(0, marked.indexOf(mark))).length;
    this.text = plain(marked);
    [this.cursor, this.#from, this.#to] = [at('|'), at('['), at(']')];
  }

  send(event: NextEditEvent): this {
    const { state, known } = advanceNextEdit(this.state, event);
    this.state = state;
    this.known.push(...known);
    return this;
  }

  offer(id: string, target: string, type: 'next-offered' | 'next-cycled' = 'next-offered'): this {
    const place = { offset: this.#from, text: this.text.slice(this.#from, this.#to) };
    const start = this.text.lastIndexOf('\n', this.#from - 1) + 1;
    const end = this.text.indexOf('\n', this.#to);
    const lines = { offset: start, text: this.text.slice(start, end < 0 ? undefined : end) };
    const { now: at, cursor } = this;
    return this.send({ type, at, id, document: DOCUMENT, place, target, lines, cursor });
  }

  wait(ms = 1000): this {
    this.now += ms;
    return this.send({ type: 'tick', at: this.now });
  }

  edit(offset: number, removed: number, text: string, cause: 'other' | 'undo' = 'other'): this {
    this.text = this.text.slice(0, offset) + text + this.text.slice(offset + removed);
    const changes = [{ offset, removed, text }];
    this.version++;
    this.send({ type: 'changed', at: this.now, document: DOCUMENT, version: this.version, changes, cause });
    return this.moveTo(offset + text.length, 'keyboard');
  }

  type(text: string): this {
    for (const c of text) {
      this.now += 80;
      this.edit(this.cursor, 0, c);
    }
    return this;
  }

  moveTo(offset: number, kind: SelectionKind = 'mouse'): this {
    this.cursor = offset;
    return this.send({ type: 'selected', at: this.now, document: DOCUMENT, offset, empty: true, kind });
  }

  jump(id: string): this {
    this.send({ type: 'next-jumped', at: this.now, id });
    return this.moveTo(this.state.live!.place.offset, 'none');
  }

  /** Our command: so many units of what goes give way to so many of what comes; by default all. */
  apply(id: string, replaced?: number, text?: number): this {
    const { place, target } = this.state.live!;
    const part = { replaced: replaced ?? place.text.length, text: text ?? target.length };
    this.send({ type: 'next-applying', at: this.now, id, ...part });
    this.edit(place.offset, part.replaced, target.slice(0, part.text));
    return this.send({ type: 'next-applied', at: this.now, id, done: true });
  }

  /** `id kind/reason observed|inferred accepted/typed shown jumped`, and what was typed instead. */
  get fates(): string[] {
    return this.known.flatMap((k) => {
      if (k.type === 'typed-instead') return [`${k.suggestionId} typed ${JSON.stringify(k.text)}`];
      if (k.type !== 'outcome') return [];
      const how = k.observed ? 'observed' : 'inferred';
      const jumped = k.jumped ? ' jumped' : '';
      return [
        `${k.suggestionId} ${k.kind}/${k.reason} ${how} ${k.acceptedChars}/${k.typedChars ?? 0} ${k.shown}${jumped}`,
      ];
    });
  }

  get accepted(): string[] {
    return this.known.flatMap((k) =>
      k.type === 'accepted-edit' ? [`${k.edit.text}@${k.edit.now.offset} ${k.edit.now.text}`] : [],
    );
  }
}

const seen = (marked = 'let a|\nuse([b]);\nend', target = 'a'): Page => new Page(marked).offer('s', target).wait();

const cases: [name: string, page: Page, fates: string[]][] = [
  ['applied where it is', seen('use(|[b]);').apply('s'), ['s accepted/command observed 1/0 observed']],
  ['jumped to and applied', seen().jump('s').wait().apply('s'), ['s accepted/command observed 1/0 observed jumped']],
  ['a deletion', seen('a|\n[b\n]c', '').jump('s').apply('s'), ['s accepted/command observed 0/0 observed jumped']],
  ['Esc', seen().send({ type: 'escape', at: 12_000 }), ['s rejected/escape observed 0/0 observed']],
  [
    'jumped to, then Esc',
    seen().jump('s').send({ type: 'escape', at: 12_000 }),
    ['s rejected/escape observed 0/0 observed jumped'],
  ],
  ['the cursor goes elsewhere', seen().moveTo(0), ['s ignored/moved-away inferred 0/0 observed']],
  ['jumped to, then away', seen().jump('s').moveTo(0), ['s ignored/moved-away inferred 0/0 observed jumped']],
  [
    'the cursor goes to it by hand; applied',
    seen().moveTo(7).apply('s'),
    ['s accepted/command observed 1/0 observed jumped'],
  ],
  [
    'another file',
    seen().send({ type: 'switched', at: 12_000, document: 'b' }),
    ['s ignored/switched-file inferred 0/0 observed'],
  ],
  [
    'the window loses focus',
    seen().send({ type: 'focus-lost', at: 12_000 }),
    ['s ignored/focus-lost inferred 0/0 observed'],
  ],
  [
    'a word of it, then Esc',
    seen('a|\n[]b', 'one two').jump('s').apply('s', 0, 3).send({ type: 'escape', at: 12_000 }),
    ['s partly-accepted/escape observed 3/0 observed jumped'],
  ],
  [
    'word by word to its end',
    seen('a|\n[]b', 'one two').jump('s').apply('s', 0, 3).apply('s', 0, 4),
    ['s accepted/command observed 7/0 observed jumped'],
  ],
  ['another one', seen().offer('t', 'c').wait(), ['s superseded/superseded inferred 0/0 observed']],
  [
    'gone before it could be read',
    new Page('a|\n[b]').offer('s', 'c').offer('t', 'd'),
    ['s never-seen/superseded inferred 0/0 no'],
  ],
  [
    'no answer any more',
    seen().send({ type: 'withdrawn', at: 12_000 }),
    ['s superseded/withdrawn inferred 0/0 observed'],
  ],
  ['the same one again changes nothing', seen().offer('s', 'a'), []],
  ['typing elsewhere leaves it standing', seen().type('bc'), []],
  [
    'typing elsewhere, then applied where it is now',
    seen().type('bc').jump('s').apply('s'),
    ['s accepted/command observed 1/0 observed jumped'],
  ],
  [
    'something else is typed in its place',
    seen('use(|[b]);', 'a').edit(4, 1, 'x').wait(11_000),
    ['s rejected/typed-other inferred 0/0 observed', 's typed "x"'],
  ],
  [
    'its text is deleted by hand',
    seen('use(|[b]);', 'a').edit(4, 1, '').wait(11_000),
    ['s rejected/deleted inferred 0/0 observed'],
  ],
  [
    'typed by hand what it says',
    seen('use(|[b]);', 'ab').edit(4, 1, '').type('ab').wait(11_000),
    ['s accepted/typed-through inferred 2/2 observed'],
  ],
  [
    'changed by hand and undone',
    seen('use(|[b]);', 'a').edit(4, 1, '').edit(4, 0, 'b', 'undo').wait(11_000),
    ['s ignored/undo inferred 0/0 observed'],
  ],
  [
    'VS Code refuses to apply it: it stands',
    seen('|[b]', 'a')
      .send({ type: 'next-applying', at: 11_000, id: 's', replaced: 1, text: 1 })
      .send({ type: 'next-applied', at: 11_000, id: 's', done: false }),
    [],
  ],
  [
    'the window closes',
    seen().send({ type: 'closing', at: 12_000 }),
    ['s ignored/window-closed inferred 0/0 observed'],
  ],
];
for (const [name, page, fates] of cases) test(`next edit: ${name}`, () => assert.deepEqual(page.fates, fates));

test('the cursor that our command sets is no move away from the next edit that came before its event', () => {
  const page = seen('a|\n[b]\nc').jump('s').apply('s');
  page.now += 200;
  page.offer('t', 'd').moveTo(0, 'none');
  assert.equal(page.state.live?.id, 't');
  page.wait(1_200).moveTo(1);
  assert.deepEqual(page.fates.slice(1), ['t ignored/moved-away inferred 0/0 observed']);
});

test('what was accepted is followed from where it stands', () => {
  assert.deepEqual(seen('a|\nuse([b]);', 'cde').jump('s').apply('s').accepted, ['cde@6 cde']);
  const parts = seen('a|\n[]b', 'one two').jump('s').apply('s', 0, 3).send({ type: 'escape', at: 12_000 });
  assert.deepEqual(parts.accepted, ['one@2 one']);
});

test('another one is asked for, and the first one again: each has its outcome when nobody can come back to it', () => {
  const page = seen().offer('other', 'c', 'next-cycled').wait();
  assert.deepEqual(page.fates, []);
  page.offer('s', 'a', 'next-cycled').wait().jump('s').apply('s');
  assert.deepEqual(page.fates, [
    'other superseded/cycled observed 0/0 observed',
    's accepted/command observed 1/0 observed jumped',
  ]);
  const refused = seen().offer('other', 'c', 'next-cycled').wait().send({ type: 'escape', at: 20_000 });
  assert.deepEqual(refused.fates, [
    'other rejected/escape observed 0/0 observed',
    's superseded/cycled observed 0/0 observed',
  ]);
});

test('whatever happens, each next edit gets one outcome', () => {
  const random = seeded(31);
  for (let round = 0; round < 500; round++) {
    const page = new Page('one|\ntwo [three]\nfour\n');
    const offered: string[] = [];
    for (let step = 0; step < 12; step++) {
      page.wait([10, 400, 11_000][Math.floor(random() * 3)]);
      const { live } = page.state;
      const offset = Math.floor(random() * (page.text.length + 1));
      switch (Math.floor(random() * 7)) {
        case 0:
        case 1:
          offered.push(`s${round}-${step}`);
          page.offer(
            offered.at(-1)!,
            random() < 0.3 ? '' : 'new text',
            random() < 0.5 ? 'next-offered' : 'next-cycled',
          );
          if (random() < 0.3)
            page.wait(400).offer(offered[Math.floor(random() * offered.length)]!, 'back', 'next-cycled');
          break;
        case 2:
          page.edit(offset, Math.floor(random() * 3), random() < 0.5 ? 'x' : '', random() < 0.3 ? 'undo' : 'other');
          break;
        case 3:
          page.moveTo(offset);
          break;
        case 4:
          if (live) page.jump(live.id);
          break;
        case 5:
          if (live) page.apply(live.id, 0, Math.min(2, live.target.length));
          break;
        case 6:
          if (live) page.apply(live.id);
          break;
      }
    }
    page.send({ type: 'closing', at: page.now + 1 });
    const told = page.known.flatMap((k) => (k.type === 'outcome' ? [k.suggestionId] : []));
    assert.deepEqual(told.toSorted(), offered.toSorted(), String(round));
  }
});
