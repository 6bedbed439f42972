/** Formats of other models: fill-in-the-middle, Sweep's, Zeta's. Ids are shown as text with their marks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEdit } from '../../src/completion/edit.ts';
import { PROMPT_TOKENS } from '../../src/model/prompt.ts';
import { fimFormat } from '../../src/prompt/fim-format.ts';
import type { EditFormat, PromptInput } from '../../src/prompt/format.ts';
import { formatOf } from '../../src/prompt/style.ts';
import { sweepFormat } from '../../src/prompt/sweep-format.ts';
import { zetaFormat } from '../../src/prompt/zeta-format.ts';
import { seeded } from '../../src/trainer/random.ts';
import { wordTokenizer } from '../model/words.ts';
import { at, written } from './shown.ts';

/** Qwen2.5-Coder's marks over words. */
const QWEN = ['<|endoftext|>', '<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>', '<|file_sep|>'];
const CONTROL = 1 << 20;

function qwen(marks: readonly string[] = QWEN) {
  const words = wordTokenizer();
  return {
    ...words,
    special: (name: string): number | undefined => (marks.includes(name) ? CONTROL + marks.indexOf(name) : undefined),
    isControl: (id: number): boolean => id >= CONTROL,
    bytes: (id: number): Uint8Array => (id >= CONTROL ? Buffer.from(marks[id - CONTROL]!) : words.bytes(id)),
  };
}
type Tokenizer = ReturnType<typeof qwen>;

const show = (ids: readonly number[], tokenizer: Tokenizer): string =>
  ids.map((id) => Buffer.from(tokenizer.bytes(id)).toString()).join('');

/** Ids of a text with marks in it. */
const write = (text: string, tokenizer: Tokenizer): number[] =>
  text
    .split(/(<\|(?:endoftext|fim_\w+|file_sep)\|>)/)
    .flatMap((part) => (QWEN.includes(part) ? [tokenizer.special(part)!] : tokenizer.encode(part)));

/** What an answer makes of the text; it is given token by token, and stops where the format says so. */
function answered(format: EditFormat, input: PromptInput, answer: string, tokenizer: Tokenizer): string {
  const { prompt, isOver, read } = format.ask(input);
  const ids: number[] = [];
  for (const id of write(prompt.heal + answer, tokenizer)) {
    ids.push(id);
    if (isOver(written(ids))) break;
  }
  const result = read(written(ids));
  if ('none' in result) return `none: ${result.none}`;
  assert.ok(result.kept >= 1 && result.kept <= ids.length);
  return `${ids.length < write(prompt.heal + answer, tokenizer).length ? 'stopped: ' : ''}${applyEdit(input.before + input.after, result.edit)}`;
}

const input = at('one\ncall(|);\nthree\n', {
  recent: [
    { path: 'b.ts', line: 3, removed: 'old', added: 'new thing' },
    { path: 'a.ts', line: 0, removed: 'zero', added: 'one' },
  ],
});

test('fim: recent edits of other files, the path, prefix, suffix, middle', () => {
  const tokenizer = qwen();
  assert.equal(
    show(fimFormat(tokenizer)!.ask(input).prompt.ids, tokenizer),
    '<|file_sep|>b.ts\nnew thing\n<|file_sep|>a.ts\n<|fim_prefix|>one\ncall(<|fim_suffix|>);\nthree\n<|fim_middle|>',
  );
});

for (const [name, answer, want] of [
  ['fills the gap', 'a, b<|endoftext|>', 'one\ncall(a, b);\nthree\n'],
  ['is cut at its first line’s end', 'a\nmore<|endoftext|>', 'stopped: one\ncall(a);\nthree\n'],
  ['is nothing', '<|endoftext|>', 'none: empty'],
  ['breaks off', 'a, b', 'none: malformed'],
] as const) {
  test(`fim: an answer that ${name}`, () => {
    const tokenizer = qwen();
    const result = answered(fimFormat(tokenizer)!, input, answer, tokenizer);
    assert.equal(result, want);
  });
}

test('sweep: edits as blocks, the lines before the last one, as they are, and up to the cursor as they will be', () => {
  const tokenizer = qwen();
  const { prompt } = sweepFormat(tokenizer)!.ask(input);
  assert.equal(prompt.heal, '(');
  assert.equal(
    show(prompt.ids, tokenizer),
    [
      '<|file_sep|>b.ts.diff\noriginal:\nold\nupdated:\nnew thing\n',
      '<|file_sep|>original/a.ts\nzero\ncall();\nthree\n\n',
      '<|file_sep|>current/a.ts\none\ncall();\nthree\n\n',
      '<|file_sep|>updated/a.ts\none\ncall',
    ].join(''),
  );
});

test('zeta: the instruction, edits as diffs, the excerpt with its marks, the answer up to the cursor', () => {
  const tokenizer = qwen();
  const { prompt } = zetaFormat(tokenizer).ask(input);
  const text = show(prompt.ids, tokenizer);
  assert.match(
    text,
    /^### Instruction:\nYou are a code completion assistant .* cursor location\.\n\n### User Edits:\n\nUser edited b\.ts:\n```diff\n@@ -4,1 \+4,1 @@\n-old\n\+new thing\n```\n\nUser edited a\.ts:/,
  );
  assert.ok(
    text.endsWith(
      '\n\n### User Excerpt:\n\n```a.ts\n<|start_of_file|>\n<|editable_region_start|>\none\ncall(<|user_cursor_is_here|>);\nthree\n\n<|editable_region_end|>\n```\n\n### Response:\n<|editable_region_start|>\none\ncall',
    ),
    text,
  );
});

const rewritten = at('first\ncall(|);\nsecond\nthird\nfourth\n');
for (const [name, format, end] of [
  ['sweep', (t: Tokenizer) => sweepFormat(t)!, '\n<|file_sep|>'],
  ['zeta', (t: Tokenizer) => zetaFormat(t), '\n<|editable_region_end|>'],
] as const) {
  for (const [what, answer, want] of [
    ['goes on in the line', `a);\nsecond\nthird\nfourth\n${end}`, 'stopped: first\ncall(a);\nsecond\nthird\nfourth\n'],
    [
      'adds lines',
      `a);\nmore();\nand();\nsecond\nthird${end}`,
      'stopped: first\ncall(a);\nmore();\nand();\nsecond\nthird\nfourth\n',
    ],
    ['changes another line', `);\nsecond\nTHIRD\nfourth\n${end}`, 'stopped: first\ncall();\nsecond\nTHIRD\nfourth\n'],
    ['deletes a line', `);\nthird\nfourth\n${end}`, 'stopped: first\ncall();\nthird\nfourth\n'],
    ['changes the last lines', `);\nsecond\nthird\nFOURTH\n${end}`, 'first\ncall();\nsecond\nthird\nFOURTH\n'],
    ['changes nothing', `);\nsecond\nthird\nfourth\n${end}`, 'none: empty'],
    ['breaks off within a change', 'a + b', 'none: malformed'],
  ] as const) {
    test(`${name}: an answer that ${what}`, () => {
      const tokenizer = qwen();
      assert.equal(answered(format(tokenizer), rewritten, answer, tokenizer), want);
    });
  }
}

test('what should have been written for an edit is read back as that edit', () => {
  const text = 'one\ncall(|);\nthree\nfour\nfive\n';
  const place = (line: number, character: number) => ({ line, character });
  const edits = [
    { start: place(1, 5), end: place(1, 5), text: 'a, b' },
    { start: place(1, 5), end: place(1, 5), text: 'a);\nmore(' },
    { start: place(3, 0), end: place(3, 4), text: 'FOUR' },
    { start: place(2, 0), end: place(3, 0), text: '' },
  ];
  for (const [index, make] of [sweepFormat, zetaFormat].entries()) {
    for (const edit of edits) {
      const tokenizer = qwen();
      const window = at(text);
      const { target, read, isOver } = make(tokenizer)!.ask(window);
      const ids = target(edit, true)!;
      assert.ok(isOver(written(ids)));
      const result = read(written(ids));
      assert.ok(!('none' in result), `${index}: ${JSON.stringify(edit)}: ${JSON.stringify(result)}`);
      const document = window.before + window.after;
      assert.equal(applyEdit(document, result.edit), applyEdit(document, edit));
    }
    const above = { start: place(0, 0), end: place(0, 3), text: 'ONE' };
    assert.equal(make(qwen())!.ask(at(text)).target(above, true), null);
  }
  const tokenizer = qwen();
  const fim = fimFormat(tokenizer)!.ask(at(text));
  assert.equal(show(fim.target(edits[0]!, true)!, tokenizer), 'a, b<|endoftext|>');
  assert.equal(show(fim.target(edits[0]!, false)!, tokenizer), 'a, b');
  assert.equal(fim.target(edits[2]!, true), null);
});

test('prompts keep to their budget, whatever the text', () => {
  const random = seeded(7);
  const pieces = ['x', ' y', '\n', '\n\n', '👩‍👩‍👧', '(', '"', '\t', 'word', '  ', '1', '日本', '\ud800'];
  const texts = ['', '👍'.repeat(300), 'x'.repeat(100_000), 'a b '.repeat(25_000), '\n'.repeat(5000)];
  for (let i = 0; i < 60; i++)
    texts.push(
      Array.from({ length: Math.floor(random() * 900) }, () => pieces[Math.floor(random() * pieces.length)]!).join(''),
    );
  for (const text of texts) {
    const cut = Math.floor(random() * text.length);
    const window = {
      path: 'p'.repeat(400),
      before: text.slice(0, cut),
      after: text.slice(cut),
      startLine: 5,
      recent: [],
    };
    const recent = [{ path: 'b', line: 0, removed: text.slice(0, 500), added: text.slice(100, 600) }];
    for (const make of [fimFormat, sweepFormat, zetaFormat]) {
      const tokenizer = qwen();
      const { prompt, read } = make(tokenizer)!.ask({ ...window, recent });
      assert.ok(prompt.ids.length <= PROMPT_TOKENS && prompt.ids.length > 0, `${prompt.ids.length} ids`);
      read(written([]));
      read(written(tokenizer.encode(text.slice(0, 300))));
    }
  }
});

test('a model’s format: chosen, by its name and shape, by its tokenizer', () => {
  const traits = { architecture: 'qwen2', layers: 24, hidden: 896 };
  const name = (chosen: 'knack' | 'sweep' | null, names: string[], marks = QWEN): string =>
    formatOf(chosen, names, traits, qwen(marks)).name;
  assert.equal(name(null, ['Sweep Next Edit 0.5B']), 'sweep-1');
  assert.equal(name(null, ['mine']), 'fim-1');
  assert.equal(name(null, ['mine'], []), 'prefix-1');
  assert.equal(name(null, ['Sweep Next Edit 0.5B'], []), 'prefix-1');
  assert.equal(name('knack', ['Sweep Next Edit 0.5B']), 'prefix-1');
  assert.throws(() => name('sweep', ['mine'], []), { kind: 'tokenizer', message: /promptFormat/ });
});
