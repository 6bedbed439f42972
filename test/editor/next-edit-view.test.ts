import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEdit, type Edit, placeAt } from '../../src/completion/edit.ts';
import { drawBox } from '../../src/editor/next-edit-box.ts';
import { columnsOf } from '../../src/editor/next-edit-layout.ts';
import { type NextEditView, type Scene, viewOf } from '../../src/editor/next-edit-view.ts';
import { noise, seeded } from '../completion/text.ts';

/** A document with `|` at the cursor; what stands between `[` and `]` gives way to `text`. */
function scene(marked: string, text: string, over: Partial<Scene> = {}): Scene {
  const plain = (of: string): string => of.replace(/[[\]|]/g, '');
  const document = plain(marked);
  const at = (mark: string) => placeAt(document, plain(marked.slice(0, marked.indexOf(mark))).length);
  const lines = document.split('\n');
  return {
    edit: { start: at('['), end: at(']'), text },
    lineCount: lines.length,
    line: (n) => lines[n]!,
    cursor: at('|'),
    visible: [{ from: 0, to: lines.length - 1 }],
    tabSize: 4,
    wrapColumn: null,
    tabIsTaken: false,
    inFlow: false,
    ...over,
  };
}

/** `-` what goes, `+` the box's lines with what is new in `{}`; where the box stands. */
function drawn({ removed, box, lines }: NextEditView, { line }: Scene): string[] {
  const going = removed.map(({ start, end }) => {
    const text = [];
    for (let n = start.line; n <= end.line; n++) {
      text.push(line(n).slice(n === start.line ? start.character : 0, n === end.line ? end.character : undefined));
    }
    return `- ${text.join('⏎')}`;
  });
  const coming = (box?.lines ?? []).map(({ text, added }) => {
    let out = '';
    let at = 0;
    for (const { from, to } of added) {
      out += `${text.slice(at, from)}{${text.slice(from, to)}}`;
      at = to;
    }
    return `+ ${out}${text.slice(at)}`;
  });
  const where = box ? [`at ${box.anchor.line}:${box.anchor.character} ${box.side} ${box.shift}`] : [];
  return [`lines ${lines.from}-${lines.to}`, ...going, ...coming, ...where];
}

for (const [name, marked, text, expected] of [
  [
    'a word that gives way to another',
    'a|\nlet [old] = 1;',
    'young',
    ['lines 1-1', '- old', '+ let {young} = 1;', 'at 1:12 beside 3'],
  ],
  ['a deletion in a line has no box', 'a|\nlet b[ = 1];', '', ['lines 1-1', '-  = 1']],
  ['lines that go', 'a|\n[b\nc\n]d', '', ['lines 1-2', '- b⏎c']],
  ['lines that come in', 'a|\nb\n[]c', '  n\n  m\n', ['lines 2-1', '+ {n}', '+ {m}', 'at 1:1 beside 3']],
  [
    'lines in place of a line, of which one stays as it is',
    '|\n[f();\ng();]',
    'if (a) {\n  f();\n}\ng();',
    ['lines 1-1', '+ {if (a) {}', '+ {  }f();', '+ {}}', 'at 1:4 beside 3'],
  ],
  [
    'more than fits beside the text lies over the lines below',
    `|\n${'x'.repeat(80)}[]\nb\nc`,
    'yy',
    ['lines 1-1', `- ${'x'.repeat(80)}`, `+ {${'x'.repeat(80)}yy}`, 'at 2:0 beside 0'],
  ],
  [
    'at the end of the document, below the last line',
    `|\n  ${'x '.repeat(38)}[]`,
    'yy',
    ['lines 1-1', `+ ${'x '.repeat(38)}{yy}`, 'at 1:78 below-start 2'],
  ],
  [
    'of a long line, what is around the change, under it',
    `|\n  ${'x '.repeat(30)}[z] ${'x '.repeat(30)}\nb\nc`,
    'yy',
    ['lines 1-1', '- z', `+ …${' x'.repeat(11)} {yy}${' x'.repeat(11)} …`, 'at 1:62 below -28'],
  ],
  [
    'of a line that is scrolled sideways, to the left of the change',
    `${'x '.repeat(60)}|[z] ${'x '.repeat(30)}\nb\nc`,
    'yy',
    ['lines 0-0', '- z', `+ …${' x'.repeat(11)} {yy}${' x'.repeat(11)} …`, 'at 0:120 below -50'],
  ],
  [
    'of a line whose change is not on the screen, as far to the right as there is room',
    `|\n${'x '.repeat(60)}[z] ${'x '.repeat(30)}\nb\nc`,
    'yy',
    ['lines 1-1', '- z', `+ …${' x'.repeat(11)} {yy}${' x'.repeat(11)} …`, 'at 1:120 below -86'],
  ],
  ['tabs become columns', '|\n\tf([a]);', 'b', ['lines 1-1', '- a', '+ f({b});', 'at 1:6 beside 3']],
  ['wide characters take two columns', '|\nx = 全[角]', 'b', ['lines 1-1', '- 角', '+ x = 全{b}', 'at 1:6 beside 3']],
] as const) {
  test(`view: ${name}`, () => {
    const s = scene(marked, text);
    assert.deepEqual(drawn(viewOf(s), s), expected);
  });
}

test('view: where lines wrap, the box lies under the line on the screen in which the change is', () => {
  const s = scene(`|\n${'word '.repeat(40)}[20]${' word'.repeat(9)}\nb`, '19', { wrapColumn: 80 });
  const lines = [
    'lines 1-1',
    '- 20',
    `+ …rd${' word'.repeat(4)} {19}${' word'.repeat(4)} wo…`,
    'at 1:200 below-start 0',
  ];
  assert.deepEqual(drawn(viewOf(s), s), lines);
  const short = scene('|\nlet [old] = 1;\nb', 'young', { wrapColumn: 80 });
  assert.equal(drawn(viewOf(short), short).at(-1), 'at 1:12 beside 3', 'a line that does not wrap, as ever');
  const { box } = viewOf(scene(`|\n[]b`, `${'word '.repeat(40)}\n`, { wrapColumn: 60 }));
  assert.equal(box!.lines[0]!.text.length, 60);
});

for (const [name, columns, over, form, character] of [
  ['in full', 40, {}, 'full', 40],
  ['in short beside a long line', 60, {}, 'short', 60],
  ['over the line above a longer one', 70, {}, 'above-start', 35],
  [
    'over the line below, where sticky scroll may cover that above',
    70,
    { visible: [{ from: 1, to: 2 }] },
    'below-start',
    35,
  ],
  ['beside a line that does not wrap', 40, { wrapColumn: 50 }, 'full', 40],
  ['over the line above one that wraps', 60, { wrapColumn: 50 }, 'above-start', 30],
] as const) {
  test(`the form of the hint: ${name}`, () => {
    const half = 'x'.repeat(columns / 2);
    const { hint } = viewOf(scene(`a\n${half}|${half}\n[b]`, 'c', over));
    assert.deepEqual([hint.form, hint.at], [form, { line: 1, character }]);
  });
}

const long = Array.from({ length: 40 }, (_, i) => `line ${i}`);
const far = (from: number, to: number): string =>
  long.map((l, i) => l + (i === from ? '|' : '') + (i === to ? '[]' : '')).join('\n');
for (const [name, marked, over, where, tab, distance] of [
  ['on the cursor’s line', far(3, 3), {}, 'here', 'apply', 0],
  ['in view', far(3, 9), {}, 'in-view', 'jump', 6],
  ['below the screen', far(3, 30), { visible: [{ from: 0, to: 20 }] }, 'below', 'jump', 27],
  ['above the screen', far(30, 2), { visible: [{ from: 20, to: 39 }] }, 'above', 'jump', 28],
  [
    'in a fold',
    far(3, 9),
    {
      visible: [
        { from: 0, to: 7 },
        { from: 12, to: 39 },
      ],
    },
    'folded',
    'jump',
    6,
  ],
  ['at the cursor, which is scrolled away', far(3, 3), { visible: [{ from: 20, to: 39 }] }, 'above', 'jump', 0],
  ['where Tab indents', '  |\n[a]', {}, 'in-view', 'none', 1],
  ['where Tab would indent, in the flow of edits', '  |\n[a]', { inFlow: true }, 'in-view', 'jump', 1],
  ['at the start of a line with text Tab jumps', '|b\n[a]', {}, 'in-view', 'jump', 1],
  ['where Emmet has Tab', 'ul>li|\n[a]', { tabIsTaken: true }, 'in-view', 'none', 1],
] as const) {
  test(`hint: ${name}`, () => {
    const { hint, tab: action } = viewOf(scene(marked, 'new', over));
    assert.deepEqual([hint.where, action, hint.distance], [where, tab, distance]);
  });
}

test('columns: tab stops, wide characters, characters that combine', () => {
  assert.equal(columnsOf('\ta\tb', 4), 9);
  assert.equal(columnsOf('全角a', 4), 5);
  assert.equal(columnsOf('e\u0301', 4), 1);
  assert.equal(columnsOf('😀', 4), 2);
});

test('the picture is XML, whatever the text, and has a rectangle for what is new', () => {
  const s = scene('|\n[a]', `<b c="d">&\u0001</b>`);
  const { box } = viewOf(s);
  const metrics = { fontFamily: `'Fira "Code"'`, fontSize: 14, lineHeight: 19, columnWidth: 8.4 };
  const { svg, width, height } = drawBox(box!, metrics, { text: '#eee', added: '#0f0' }, [
    [{ from: 1, to: 2, colour: '#f00', italic: true }],
  ]);
  assert.match(svg, /<rect [^>]* fill="#0f0"\/>/);
  assert.match(svg, /<text [^>]* fill="#f00" font-style="italic" xml:space="preserve">b<\/text>/);
  assert.ok(svg.includes('&lt;') && svg.includes('&amp;\ufffd') && !svg.includes('\u0001'));
  assert.ok(svg.includes(`font-family="'Fira &quot;Code&quot;'"`));
  assert.deepEqual([width, height], [Math.ceil(box!.columns * 8.4) + 8, 19]);
});

test('any edit has a view: what stays, goes and comes adds up', () => {
  const random = seeded(21);
  for (let round = 0; round < 2000; round++) {
    const document = noise(random, 30).replaceAll('\r', '').toWellFormed();
    const text = noise(random, 10).replaceAll('\r', '').toWellFormed();
    const [a, b] = [random(), random()].map((r) => Math.floor(r * (document.length + 1))).sort((x, y) => x - y);
    const edit: Edit = { start: placeAt(document, a!), end: placeAt(document, b!), text };
    const after = applyEdit(document, edit);
    if (after === null) continue;
    const lines = document.split('\n');
    const s: Scene = { ...scene('|[]', ''), edit, lineCount: lines.length, line: (n) => lines[n]! };
    const { box, removed } = viewOf(s);
    assert.ok(box !== null || removed.length > 0 || after.trim() === document.trim() || text.trim() === '', document);
    for (const { start, end } of removed) {
      assert.ok(start.line < end.line || (start.line === end.line && start.character < end.character));
      assert.ok(end.character <= lines[end.line]!.length);
    }
    for (const { line, text: shown } of box?.lines ?? []) {
      if (shown.endsWith('…') || shown.includes(' ')) continue;
      assert.ok(
        after.split('\n')[line]!.replaceAll('\t', '').includes(shown.trim()),
        JSON.stringify({ document, edit }),
      );
    }
  }
});
