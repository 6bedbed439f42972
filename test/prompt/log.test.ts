import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PromptInput } from '../../src/prompt/format.ts';
import { LOG_BUDGET } from '../../src/prompt/log.ts';
import { logFormat } from '../../src/prompt/log-format.ts';
import { at, bench } from './shown.ts';

function shown(input: PromptInput): { text: string; heal: string; isTyping: boolean; tokens: number } {
  const { tokenizer, show } = bench();
  const { prompt } = logFormat(tokenizer)!.ask(input);
  const { ids, heal } = prompt;
  return { text: show(ids), heal, isTyping: !show(ids).includes('[CURSOR]'), tokens: ids.length };
}
const edit = (line: number, removed: string, added: string, path = 'a.ts') => ({ path, line, removed, added });

test('at a place where nothing was typed: the window as it is, and the cursor’s line', () => {
  const { text, heal } = shown(at('one\ntw|o\nthree\n'));
  assert.equal(text, '[FILE]a.ts\none\ntwo\nthree\n[CURSOR]\ntwo');
  assert.equal(heal, '');
});

test('while a line is changed: the window as it was, the line that goes, the new one up to the cursor', () => {
  const input = at('one\ncall(b|);\nthree', { recent: [edit(1, 'call(a);', 'call(b);')] });
  const { text, heal } = shown(input);
  assert.equal(text, '[FILE]a.ts\none\ncall(a);\nthree[-]\ncall(a);[+]\ncall(');
  assert.equal(heal, 'b');
});

test('while a line is added: the line above says where', () => {
  const { text, heal } = shown(at('one\nnew |\ntwo', { recent: [edit(0, 'one', 'one\nnew ')] }));
  assert.equal(text, '[FILE]a.ts\none\ntwo[@]\none[+]\nnew');
  assert.equal(heal, ' ');
});

test('closing marks that the editor put behind the cursor are no part of the hunk, and do not end it', () => {
  const plain = shown(at('one\nf(a|\ntwo', { recent: [edit(0, 'one', 'one\nf(a')] }));
  const closed = shown(at('one\nf(a|)\ntwo', { recent: [edit(0, 'one', 'one\nf(a)')] }));
  assert.ok(plain.isTyping);
  assert.deepEqual(closed, plain);
  const entered = shown(at('one\nf() {\n  |\n}\ntwo', { recent: [edit(0, 'one', 'one\nf() {\n  \n}')] }));
  assert.deepEqual(entered, shown(at('one\nf() {\n  |\ntwo', { recent: [edit(0, 'one', 'one\nf() {\n  ')] })));
  assert.ok(entered.isTyping);
  const commented = shown(at('one\n/**\n * |\n */\ntwo', { recent: [edit(0, 'one', 'one\n/**\n * \n */')] }));
  assert.deepEqual(commented, shown(at('one\n/**\n * |\ntwo', { recent: [edit(0, 'one', 'one\n/**\n * ')] })));
  const changed = shown(at('one\nx + f(a|)\ntwo', { recent: [edit(1, 'x', 'x + f(a)')] }));
  assert.deepEqual(changed, shown(at('one\nx + f(a|\ntwo', { recent: [edit(1, 'x', 'x + f(a')] })));
  assert.ok(changed.isTyping);
  // A mark that stood there before was not put there now: the change ended before it.
  assert.ok(!shown(at('one\nget("a/f|")\ntwo', { recent: [edit(1, 'get("a%2Ff")', 'get("a/f")')] })).isTyping);
  // What was there before is what the hunk goes on with.
  const { text } = shown(at('call(b|);', { recent: [edit(0, 'call(a);', 'call(b);')] }));
  assert.equal(text, '[FILE]a.ts\ncall(a);[-]\ncall(a);[+]\ncall(');
  // Text that is not closing marks alone was not put there by the editor.
  assert.ok(!shown(at('one\nf(a| + b)\ntwo', { recent: [edit(0, 'one', 'one\nf(a + b)')] })).isTyping);
});

test('a line typed in the midst of what went in just before is a hunk of its own, where the rest stands', () => {
  const block = 'f() {\n  if (x) {\n    \n  }\n}';
  const nested = shown(at('one\nf() {\n  if (x) {\n    |\n  }\n}\ntwo', { recent: [edit(0, 'one', `one\n${block}`)] }));
  assert.equal(nested.text, '[FILE]a.ts\none\ntwo[@]\none[+]\nf() {\n  if (x) {');
  const inside = shown(
    at('one\nf() {\n  g(a|);\n  return b;\n}\ntwo', {
      recent: [edit(0, 'one', 'one\nf() {\n  g(a);\n  return b;\n}')],
    }),
  );
  assert.equal(inside.text, '[FILE]a.ts\none\nf() {\n  return b;\n}\ntwo[@]\nf() {[+]\n  g(');
  // An old line that changes, or text behind the cursor, is no new line.
  for (const [text, removed, added] of [
    ['one\nf(|)\nx\ntwo', 'one\nf(a)', 'one\nf()\nx'],
    ['one\na| + b\nc\ntwo', 'one', 'one\na + b\nc'],
  ] as const)
    assert.ok(!shown(at(text, { recent: [edit(0, removed, added)] })).isTyping, text);
});

test('a mark is never left out to be spelled again, whatever tokens there are', () => {
  const { tokenizer, show } = bench();
  const input = at('one\nnew |\ntwo', { recent: [edit(0, 'one', 'one\nnew ')] });
  logFormat(tokenizer)!.ask(input);
  const more = tokenizer.vocabSize;
  const larger = {
    ...tokenizer,
    vocabSize: more + 1,
    bytes: (id: number) => (id === more ? Buffer.from('»\nnew x') : tokenizer.bytes(id)),
  };
  const { prompt } = logFormat(larger)!.ask(input);
  assert.match(show(prompt.ids), /\[\+\]/);
  assert.equal(prompt.heal, ' ');
});

test('a line added above the first one of its stretch', () => {
  const { text } = shown(at('one\nx|\ntwo', { recent: [edit(1, 'two', 'x\ntwo')] }));
  assert.equal(text, '[FILE]a.ts\none\ntwo[@]\none[+]\n');
});

test('a repeated character is typing all the same', () => {
  assert.ok(shown(at('f(x))|', { recent: [edit(0, 'f(x)', 'f(x))')] })).isTyping);
});

for (const [name, input] of [
  ['the cursor has gone elsewhere in the line', at('o|ne two', { recent: [edit(0, 'one', 'one two')] })],
  ['the last edit was in another file', at('one|', { recent: [edit(0, 'x', 'one', 'b.ts')] })],
  ['the last edit is not what stands there', at('one|', { recent: [edit(0, 'x', 'other')] })],
] as const) {
  test(`no typing where ${name}`, () => assert.ok(!shown(input).isTyping));
}

test('edits before: those of other files first, with their paths; those of this one after the window, undone in it', () => {
  const recent = [edit(4, 'p', 'q', 'b.ts'), edit(0, 'one', 'ONE'), edit(3, 'four', 'four\nfive')];
  const { text } = shown(at('ONE\ntwo\nth|ree\nfour\nfive', { recent }));
  assert.equal(
    text,
    '[FILE]b.ts[-]\np[+]\nq[END][FILE]a.ts\none\ntwo\nthree\nfour' +
      '[-]\none[+]\nONE[END][@]\nfour[+]\nfive[END][CURSOR]\nthree',
  );
});

test('an edit that is no longer there is not listed, and none before it', () => {
  const recent = [edit(0, 'a', 'one'), edit(1, 'b', 'gone'), edit(2, 'c', 'three')];
  const { text } = shown(at('one\ntwo\nthree\n|four', { recent }));
  assert.equal(text, '[FILE]a.ts\none\ntwo\nc\nfour[-]\nc[+]\nthree[END][CURSOR]\nfour');
});

test('a blank cursor’s line is shown with the text above it', () => {
  assert.match(shown(at('one\n\n|\ntwo')).text, /\[CURSOR\]\none\n\n$/);
});

test('a long insertion: its beginning counts as done, and the window is of the text around it', () => {
  const lines = Array.from({ length: 30 }, (_, i) => `line${i}`);
  const { text } = shown(
    at(`top\n${lines.join('\n')}|\nend`, { recent: [edit(0, 'top', `top\n${lines.join('\n')}`)] }),
  );
  assert.match(text, /\nline23\nend\[@\]\nline23\[\+\]\nline24\n(line\d\d\n){4}line$/);
});

test('a prompt never exceeds its budget, and stays within time for any text', () => {
  const long = Array.from(
    { length: 900 },
    (_, i) => `const value${i} = compute(${i}, other${i}); // ${'x '.repeat(i % 40)}`,
  );
  const recent = Array.from({ length: 8 }, (_, i) =>
    edit(
      i * 3,
      'a '.repeat(300),
      long
        .slice(i, i + 3)
        .join('\n')
        .slice(0, 1024),
      `f${i % 3}.ts`,
    ),
  );
  for (const text of [long.join('\n'), 'x + '.repeat(2000), '\n'.repeat(3000), '']) {
    for (const place of [0, Math.floor(text.length / 2), text.length]) {
      const input = { ...at('|'), before: text.slice(0, place), after: text.slice(place), recent };
      assert.ok(shown(input).tokens <= LOG_BUDGET.prompt);
      const { ids } = logFormat(bench().tokenizer)!.ask(input, 192).prompt;
      assert.ok(ids.length <= 192, `${ids.length} ids where 192 may be`);
    }
  }
});

test('a shorter prompt shows less of everything, and ends as the whole one does', () => {
  const { tokenizer } = bench();
  const lines = Array.from({ length: 80 }, (_, i) => `const value${i} = other${i}(value${i + 1});`);
  const input = {
    ...at('|'),
    before: lines.slice(0, 40).join('\n'),
    after: `\n${lines.slice(40).join('\n')}`,
    recent: [edit(20, 'old', lines[20]!), edit(30, 'old', lines[30]!)],
  };
  const { ask } = logFormat(tokenizer)!;
  const [whole, short] = [ask(input).prompt.ids, ask(input, 192).prompt.ids];
  assert.ok(
    short.length > 96 && short.length <= 192 && short.length < whole.length,
    `${short.length}, ${whole.length}`,
  );
  const lastEdit = short.lastIndexOf(tokenizer.encode('«')[0]!);
  assert.deepEqual(short.slice(lastEdit), whole.slice(whole.length - (short.length - lastEdit)));
});

test('the window stays while a line is typed, so that what was computed for it serves', () => {
  const lines = Array.from({ length: 80 }, (_, i) => `const value${i} = ${i};`);
  const windows = new Set<string>();
  const typed = 'const more = value1 + value2;';
  for (let n = 1; n <= typed.length; n++) {
    const before = [...lines.slice(0, 41), typed.slice(0, n)].join('\n');
    const after = `\n${lines.slice(41).join('\n')}`;
    const recent = [edit(40, lines[40]!, `${lines[40]}\n${typed.slice(0, n)}`)];
    windows.add(shown({ ...at('|'), before, after, recent }).text.split('[@]')[0]!);
  }
  assert.equal(windows.size, 1);
});

test('the end of a long hunk that is shown stays at most keystrokes, so that what was computed for it serves', () => {
  const removed = Array.from({ length: 12 }, (_, i) => `line${i}(${'a, '.repeat(12)});`).join('\n');
  const format = logFormat(bench().tokenizer)!;
  const words = Array.from({ length: 24 }, (_, i) => `word${i} `);
  const ids = words.map((_, n) => {
    const typed = words.slice(0, n + 1).join('');
    const input = at(`top\n${typed}|\nend`, { recent: [edit(1, removed, typed)] });
    assert.ok(shown(input).isTyping);
    return format.ask(input).prompt.ids;
  });
  const moved = ids.slice(1).filter((now, i) => {
    const before = ids[i]!;
    const alike = now.findIndex((id, at) => id !== before[at]);
    return alike >= 0 && alike < before.length - 4;
  });
  assert.ok(ids.every((each) => each.length <= LOG_BUDGET.prompt));
  assert.ok(moved.length <= 3, `the beginning moved at ${moved.length} of ${words.length} keystrokes`);
});

test('a vocabulary without the marks has no such format', () => {
  assert.equal(logFormat({ ...bench().tokenizer, special: () => undefined }), null);
});
