import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEdit, type Edit, editAtCursor } from '../../src/completion/edit.ts';
import type { PromptInput } from '../../src/prompt/format.ts';
import { logFormat } from '../../src/prompt/log-format.ts';
import { seeded } from '../../src/trainer/random.ts';
import { at, bench, written } from './shown.ts';

const edit = (line: number, removed: string, added: string) => ({ path: 'a.ts', line, removed, added });

/** What an answer makes of the text, or why it is none; each token as likely as `logprobs` says, 1 after its end. */
function after(input: PromptInput, answer: string, logprobs: readonly number[] = []): string {
  const { tokenizer, write } = bench();
  const ask = logFormat(tokenizer)!.ask(input);
  const ids = write(answer);
  const read = ask.read(written(ids, (i) => logprobs[i] ?? 0));
  if ('none' in read) return `none: ${read.none}`;
  return applyEdit(input.before + input.after, read.edit)!;
}

const typing = at('one\ncall(b|);\nthree', { recent: [edit(1, 'call(a);', 'call(b);')] });
const adding = at('one\nnew |\ntwo', { recent: [edit(0, 'one', 'one\nnew ')] });
const still = at('one\ntw|o\nthree\ntwo\n');
const LOW = Math.log(0.4);
const { write } = bench();

for (const [name, input, answer, want] of [
  ['goes on in the line, whose rest it writes anew', typing, 'b, c);[END]', 'one\ncall(b, c);\nthree'],
  ['goes on in several lines', adding, ' name\nmore[END]', 'one\nnew name\nmore\ntwo'],
  ['adds nothing here, and changes another line', typing, 'b);[END][-]\nthree[+]\nTHREE[END]', 'one\ncall(b);\nTHREE'],
  ['adds nothing, anywhere', typing, 'b);[END][NONE]', 'none: empty'],
  ['replaces a line, the nearest of its text', still, '[-]\ntwo[+]\nTWO[END]', 'one\nTWO\nthree\ntwo\n'],
  ['replaces several lines by fewer', still, '[-]\none\ntwo[+]\nboth[END]', 'both\nthree\ntwo\n'],
  ['adds lines below another', still, '[@]\nthree[+]\nfour\nfive[END]', 'one\ntwo\nthree\nfour\nfive\ntwo\n'],
  ['adds a line at the file’s beginning', still, '[@][+]\nzero[END]', 'zero\none\ntwo\nthree\ntwo\n'],
  ['deletes a line', still, '[-]\nthree[+][END]', 'one\ntwo\ntwo\n'],
  ['says that nothing will change', still, '[NONE]', 'none: empty'],
  ['changes a line that is not there', still, '[-]\nten[+]\nTEN[END]', 'none: malformed'],
  ['changes nothing', still, '[-]\ntwo[+]\ntwo[END]', 'none: empty'],
  ['is no hunk', still, 'two[END]', 'none: malformed'],
  ['breaks off before the new lines', still, '[-]\ntwo', 'none: malformed'],
  ['has another mark in it', still, '[-]\ntwo[+]\nTW[FILE]O[END]', 'none: malformed'],
  ['has another mark in the line', typing, 'b, [CURSOR]c);[END]', 'none: malformed'],
  ['takes the last edit back', typing, 'b);[END][-]\ncall(b);[+]\ncall(a);[END]', 'none: empty'],
] as const) {
  test(`an answer that ${name}`, () => assert.equal(after(input, answer), want));
}

test('text is cut before it becomes unlikely, at a word’s end where the rest can stay', () => {
  const tokens = [0, 0, 0, LOW, LOW];
  assert.equal(after(adding, ' first second third[END]', [0, LOW, LOW]), 'one\nnew first\ntwo');
  assert.equal(after(adding, ' first(second, third[END]', tokens), 'one\nnew first(second\ntwo');
  assert.equal(after(adding, ' first[END]', [0, 0]), 'one\nnew first\ntwo');
});

test('text is cut at a line’s end, and its first part stands however unlikely it is', () => {
  assert.equal(after(adding, ' a\nb\nc[END]', [0, 0, 0, 0, LOW, LOW]), 'one\nnew a\nb\ntwo');
  assert.equal(after(adding, ' a\nb[END]', [LOW, LOW, LOW]), 'one\nnew a\ntwo');
});

test('where the rest of the line changes, there is no cut inside of it', () => {
  const summing = at('one\ncall(b| + a);\nthree', { recent: [edit(1, 'call(c + a);', 'call(b + a);')] });
  assert.equal(after(summing, 'b, c);[END]', [0, LOW, LOW, LOW]), 'one\ncall(b, c);\nthree');
  assert.equal(after(summing, 'b, c + a);[END]', [0, 0, 0, LOW, LOW]), 'one\ncall(b, c + a);\nthree');
});

test('closing marks, which editors put there by themselves, stay as far as the text does not bring them', () => {
  const closed = (text: string, rest: string, answer: string, tokens?: number[]): string => {
    const line = `${text}${rest}`;
    const input = at(`one\n${text}|${rest}\ntwo`, { recent: [edit(0, 'one', `one\n${line}`)] });
    return after(input, answer, tokens).split('\n').slice(1, -1).join('\n');
  };
  assert.equal(closed('if (', ')', ' (target instanceof Set) {[END]', [0, 0, LOW]), 'if (target)');
  assert.equal(closed('if (', ')', ' (target instanceof Set) {[END]'), 'if (target instanceof Set) {');
  assert.equal(closed('f(', ')', '(a, g(b) + c);\nmore();[END]', [0, 0, 0, 0, 0, 0, 0, LOW]), 'f(a, g(b))');
  assert.equal(closed('say(', "'')", "('it', [1]);[END]"), "say('it', [1]);");
  // A bracket that is left open would be closed by the wrong mark: the text is cut before it.
  assert.equal(closed('on(', ')', '(click, () => {\n  go();[END]', [0, 0, 0, 0, 0, 0, LOW]), 'on(click, () =>)');
  assert.equal(closed('on(', ')', '(() => {\n  go();\n});[END]'), 'on(() => {\n  go();\n});');
  // Where they stand in a line of their own, the text ends before them or takes their place.
  assert.equal(closed('f() {\n  ', '\n}', '\n  return x;\n}[END]', [0, 0, 0, 0, LOW]), 'f() {\n  return x;\n}');
  assert.equal(closed('f() {\n  ', '\n}', '\n  return x;\n}[END]'), 'f() {\n  return x;\n}');
  assert.equal(closed('f() {\n  ', '\n}', '\n  if (x) {[END]'), 'f() {\n  if (x) {\n}');
});

test('added lines are cut where they become unlikely, a replacement of several lines is not', () => {
  const low = [0, 0, 0, 0, 0, LOW, LOW];
  assert.equal(after(still, '[@]\nthree[+]\nfour\nfive[END]', low), 'one\ntwo\nthree\nfour\ntwo\n');
  assert.equal(after(still, '[-]\none\ntwo[+]\n1\n2[END]', [0, 0, 0, 0, 0, 0, 0, LOW, LOW]), '1\n2\nthree\ntwo\n');
});

test('a changed line is cut within what is new in it, and its old end stays', () => {
  const input = at('one\nca|ll(a);\nthree');
  const answer = '[-]\ncall(a);[+]\ncall(first + second);[END]';
  const tokens = write(answer).map((_, i) => (i < 11 ? 0 : LOW));
  assert.equal(after(input, answer, tokens), 'one\ncall(first);\nthree');
  assert.equal(after(input, answer), 'one\ncall(first + second);\nthree');
});

test('a line that says the same as the one above it ends the answer before it, however likely it is', () => {
  const { tokenizer, write } = bench();
  const over = (input: PromptInput, answer: string): boolean =>
    logFormat(tokenizer)!
      .ask(input)
      .isOver(written(write(answer), () => 0));
  const body = at('f() {\n  |\n}', { recent: [edit(0, 'f() {', 'f() {\n  ')] });
  // What was typed of the line is spelled first.
  const again = "\n  trace('f');\n  trace('f');\n";
  assert.ok(over(body, again) && !over(body, "\n  trace('f');\n  trace('g');\n"));
  assert.equal(after(body, `${again}  trace('f');[END]`), "f() {\n  trace('f');\n}");
  const begun = at('f() {\n  trace(|\n}', { recent: [edit(0, 'f() {', 'f() {\n  trace(')] });
  assert.ok(over(begun, "('f');\n  trace('f');\n"));
  assert.equal(after(begun, "('f');\n  trace('f');[END]"), "f() {\n  trace('f');\n}");
  assert.ok(over(still, '[@]\nthree[+]\nfour\nfour\n'));
  assert.equal(after(still, '[@]\nthree[+]\nfour\nfour[END]'), 'one\ntwo\nthree\nfour\ntwo\n');
  // Marks alone do come so, and where several lines give way all of it stands or nothing.
  assert.equal(after(still, '[@]\nthree[+]\n}\n}[END]'), 'one\ntwo\nthree\n}\n}\ntwo\n');
  const twice = at('a\n|a\nb');
  assert.ok(!over(twice, '[-]\na\na[+]\nc\nc\n'));
  assert.equal(after(twice, '[-]\na\na[+]\nc\nc[END]'), 'c\nc\nb');
});

test('generation ends with the hunk, with NONE, and where it has become hopeless', () => {
  const { tokenizer, write } = bench();
  const over = (input: PromptInput, answer: string, logprob = 0): boolean => {
    const ids = write(answer);
    return logFormat(tokenizer)!
      .ask(input)
      .isOver(written(ids, () => logprob));
  };
  assert.ok(over(typing, 'b, c);[END]') && over(still, '[NONE]') && over(still, '[-]\ntwo[+]\nTWO[END]'));
  assert.ok(!over(still, '[-]\ntwo[+]\nTWO') && !over(typing, 'b'));
  assert.ok(over(still, '[-]\ntwo[+]', -1));
});

test('generation ends where what follows would be cut, and nothing else comes of it', () => {
  const { tokenizer, write } = bench();
  const done = at('one\nnew|\ntwo', { recent: [edit(0, 'one', 'one\nnew')] });
  const random = seeded(5);
  const pick = (n: number): number => Math.floor(random() * n);
  const answers: readonly (readonly [PromptInput, readonly string[]])[] = [
    [adding, [' first second third[END]', ' first(second, third)\n  more();\nend[END]', ' a + b\n\nc[END]']],
    [typing, ['b, c)!;[END]', 'b, c);\nmore(d);[END]']],
    [done, [`${logFormat(tokenizer)!.ask(done).prompt.heal}[END][-]\ntwo[+]\nTWO and more\nfour[END]`]],
    [still, ['[-]\ntwo[+]\ntwo or more[END]', '[-]\ntwo[+]\n2\n3\n4[END]', '[@]\nthree[+]\nfour five\nsix[END]']],
    [still, ['[-]\none\ntwo[+]\n1 or 2\n2[END]', '[-]\nthree[+][END]']],
  ];
  const saved = answers.map(() => 0);
  for (let i = 0; i < 600; i++) {
    const [input, texts] = answers[i % answers.length]!;
    const ask = logFormat(tokenizer)!.ask(input);
    const ids = write(texts[pick(texts.length)]!);
    const chances = ids.map(() => (random() < 0.7 ? 0 : Math.log(1 - random() * 0.9)));
    const upTo = (n: number) => written(ids.slice(0, n), (k) => chances[k]!);
    const sums = ids.map((_, n) => chances.slice(0, n + 1).reduce((a, b) => a + b, 0));
    // Without a look at the cuts: to the end, or until it is hopeless.
    const hopeless = sums.findIndex((sum) => sum < Math.log(0.02));
    const before = hopeless < 0 ? ids.length : hopeless + 1;
    let n = 1;
    while (n < before && !ask.isOver(upTo(n))) n++;
    assert.ok(ask.isOver(upTo(n)));
    assert.deepEqual(ask.read(upTo(n)), ask.read(upTo(before)), `${n} of ${before}`);
    saved[i % answers.length]! += before - n;
  }
  // A replacement of several lines, and a deletion, stand whole.
  assert.ok(saved.slice(0, -1).every((tokens) => tokens > 30) && saved.at(-1) === 0, `${saved} tokens`);
});

test('new lines that are the old ones so far may go on as those', () => {
  const { tokenizer, write, show } = bench();
  const ask = logFormat(tokenizer)!.ask(still);
  const after = (answer: string): string => show(ask.guess!(write(answer)));
  assert.equal(after('[-]\none\ntwo[+]'), show(write('\none\ntwo')));
  assert.equal(after('[-]\none\ntwo[+]\none'), show(write('\ntwo')));
  assert.deepEqual(ask.guess!(write('[-]\none\ntwo[+]\nONE')), []);
  assert.deepEqual(ask.guess!(write('[-]\none\ntwo[+]\none\nTWO')), []);
  assert.deepEqual(ask.guess!(write('[-]\none\ntwo[+]\none\ntwo\nthree')), []);
  assert.deepEqual(ask.guess!(write('[@]\none[+]')), []);
  assert.deepEqual(ask.guess!(write('[-]\none')), []);
});

test('the target of any edit, read again, makes the same text', () => {
  const random = seeded(3);
  const pick = (n: number): number => Math.floor(random() * n);
  const words = ['one', 'two', 'call(a, b);', '', '  return x', '}'];
  const text = (n: number): string => Array.from({ length: n }, () => words[pick(words.length)]!).join('\n');
  let said = 0;
  for (let i = 0; i < 400; i++) {
    // Each line is one of its kind: of equal ones the nearest is changed.
    const document = text(2 + pick(5))
      .split('\n')
      .map((each, n) => `${each} // ${n}`)
      .join('\n');
    const cursor = pick(document.length + 1);
    const input: PromptInput = { ...at('|'), before: document.slice(0, cursor), after: document.slice(cursor) };
    const lines = document.split('\n');
    const line = pick(lines.length);
    const last = line + pick(lines.length - line);
    const change: Edit = {
      start: { line, character: pick(lines[line]!.length + 1) },
      end: { line: last, character: lines[last]!.length },
      text: text(pick(3)),
    };
    const result = applyEdit(document, change);
    const [first, second] = change.text.split('\n');
    // A line that says the one above it again is cut.
    if (result === null || first!.trim() === second?.trim()) continue;
    const { tokenizer, show } = bench();
    const ask = logFormat(tokenizer)!.ask(input);
    const ids = ask.target(change, true)!;
    const read = ask.read(written(ids));
    if ('none' in read) assert.fail(`${read.none}: ${JSON.stringify(document)} ${JSON.stringify(change)} ${show(ids)}`);
    assert.equal(applyEdit(document, read.edit), result, `${JSON.stringify(change)} ${show(ids)}`);
    said++;
  }
  assert.ok(said > 200, `${said} edits`);
});

test('where somebody types, another line’s change comes after the rest of the hunk at the cursor', () => {
  const { tokenizer, show } = bench();
  const ask = logFormat(tokenizer)!.ask(typing);
  const change: Edit = { start: { line: 2, character: 0 }, end: { line: 2, character: 5 }, text: 'THREE' };
  const ids = ask.target(change, true)!;
  assert.equal(show(ids), 'b);[END][-]\nthree[+]\nTHREE[END]');
  assert.deepEqual((ask.read(written(ids)) as { edit: Edit }).edit, change);
});

test('what goes in at the cursor ends the hunk, with what is left of its line, unless more might have followed', () => {
  const { tokenizer, show } = bench();
  const said = (input: PromptInput, text: string, isWhole: boolean): string =>
    show(
      logFormat(tokenizer)!
        .ask(input)
        .target(editAtCursor(input, text, 0), isWhole)!,
    );
  assert.equal(said(adding, 'name', true), ' name[END]');
  assert.equal(said(adding, 'name', false), ' name');
  assert.equal(said(adding, 'name\nmore', true), ' name\nmore[END]');
  assert.equal(said(typing, ', c', true), 'b, c);[END]');
  assert.equal(said(typing, ', c', false), 'b, c');
  // The line that the editor put there for a closing mark is one of the hunk's.
  const block = at('f() {\n  |\n}\nlast', { recent: [edit(0, 'last', 'f() {\n  \n}\nlast')] });
  assert.equal(said(block, 'return x;', true), '\n  return x;\n}[END]');
  assert.equal(said(block, 'return x;', false), '\n  return x;');
});

test('a candidate is an edit that the format can say, and never the last one taken back', () => {
  const { tokenizer, show } = bench();
  const recent = [edit(1, 'call(a);', 'call(b);')];
  const format = logFormat(tokenizer)!;
  const said = (input: PromptInput) => format.ask(input).candidates!(8).map(({ target }) => show(target));
  assert.deepEqual(said(at('one\ncall(b|);\ncall(a);', { recent })), ['b);[END][-]\ncall(a);[+]\ncall(b);[END]']);
  assert.deepEqual(said(at('one\ncall(b);\ncall(|a);', { recent })), ['[-]\ncall(a);[+]\ncall(b);[END]']);
  const undone = [edit(0, 'call(b);', 'call(a);'), ...recent.map((e) => ({ ...e, line: 0 }))];
  assert.deepEqual(said(at('call(|b);\none', { recent: undone })), []);
});

test('what is known of a line is asked for where the cursor has come to one, and never what takes the last edit back', () => {
  const { tokenizer } = bench();
  const format = logFormat(tokenizer)!;
  const asked: number[] = [];
  const repeated = (text: string, more: Partial<PromptInput>, to: string) => {
    const known = (line: number) => {
      asked.push(line);
      const end = { line, character: text.replace('|', '').split('\n')[line]!.length };
      return { edit: { start: { line, character: 0 }, end, text: to }, weight: 5 };
    };
    return format.ask(at(text, more)).repeated!(known);
  };
  const last = { path: 'a.ts', line: 2, removed: 'c', added: 'd' };
  const found = repeated('a\nlet |b\nd', { recent: [last] }, 'let c')!;
  assert.deepEqual([found.edit.text, found.weight, found.done, asked], ['let c', 5, 0, [1]]);
  assert.deepEqual(found.target, format.ask(at('a\nlet |b\nd', { recent: [last] })).target(found.edit, true));
  assert.equal(repeated('a\nlet b\n|d', { recent: [last] }, 'c'), null, 'just after an edit of that line');
  const typing = { path: 'a.ts', line: 1, removed: 'let ', added: 'let b' };
  asked.length = 0;
  assert.equal(repeated('a\nlet b|\nd', { recent: [typing] }, 'let c'), null, 'while typing');
  assert.deepEqual(asked, []);
  assert.equal(repeated('|a\nlet b\nd', { recent: [last] }, 'a'), null, 'no change');
});

test('the form of an answer leaves only what can become one', () => {
  const { tokenizer, write, marks, show } = bench();
  const next = (input: PromptInput, answer: string): string => {
    const choice = logFormat(tokenizer)!.ask(input).choice!(write(answer));
    if ('only' in choice) return show(choice.only);
    return `text${show([marks.removed, marks.anchor, marks.added, marks.end, marks.none].filter((id) => !choice.not.includes(id)))}`;
  };
  assert.equal(next(still, ''), '[-][@][NONE]');
  // The cursor has gone there: its own line.
  assert.equal(next(still, '[-]'), '\n');
  assert.equal(next(still, '[-]\n'), 'two');
  assert.equal(next(still, '[-]\ntwo'), '[+]\n', 'and those below');
  assert.equal(next(still, '[@]\n'), 'two');
  // The last edit was made there: any line.
  const done = at('one\ntw|o\nthree\ntwo\n', { recent: [edit(0, 'zero\none\ntwo', 'one\ntwo')] });
  assert.equal(next(done, '[-]\n'), 'onetwothree[+]', 'a line that stands, the blank one among them');
  assert.equal(next(done, '[-]\nthree'), '[+]\n', 'one line, or the next one too');
  assert.equal(next(done, '[-]\ntwo\n'), 'three[+]', 'what stands below either of the two');
  assert.equal(next(done, '[@]'), '\n[+]');
  assert.equal(next(done, '[@]\nthree'), '[+]', 'one line alone says where');
  assert.equal(next(still, '[-]\ntwo[+]\nTWO'), 'text[END]');
  assert.equal(next(typing, 'b'), 'text[END]');
  assert.equal(next(typing, 'b);[END]'), '[-][@][NONE]');
  assert.equal(next(typing, 'b);[END][@]\none'), '[+]');
});

test('where an answer changes nothing, the likeliest other one is asked for', () => {
  const { tokenizer, write } = bench();
  const ask = logFormat(tokenizer)!.ask(still);
  const again = (answer: string, others: Readonly<Record<number, number>>): number | null => {
    const ids = write(answer);
    const low = ids.map((_, i) => others[i] ?? Number.NEGATIVE_INFINITY);
    return ask.again!({ ...written(ids, () => -0.1), others: low });
  };
  assert.equal(again('[NONE]', { 0: -2 }), 0);
  assert.equal(again('[-]\ntwo[+]\ntwo[END]', { 0: -3, 5: -1, 6: -2 }), 5);
  assert.equal(again('[-]\ntwo[+]\ntwo[END]', { 1: -1.1, 6: -1 }), 1, 'what comes before counts too');
  assert.equal(again('[-]\ntwo[+]\nTWO[END]', { 5: -1 }), null, 'it is an edit');
  assert.equal(again('[NONE]', { 0: -9 }), null, 'hopeless');
});
