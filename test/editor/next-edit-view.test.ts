import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEdit, type Edit, placeAt } from '../../src/completion/edit.ts';
import { drawBox } from '../../src/editor/next-edit-box.ts';
import { columnsOf, type NextEditView, type Scene, viewOf } from '../../src/editor/next-edit-view.ts';
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
  const where = box ? [`at ${box.anchor.line}:${box.anchor.character} ${box.shift} ${box.down}`] : [];
  return [`lines ${lines.from}-${lines.to}`, ...going, ...coming, ...where];
}

for (const [name, marked, text, expected] of [
  [
    'a word that gives way to another',
    'a|\nlet [old] = 1;',
    'young',
    ['lines 1-1', '- old', '+ let {young} = 1;', 'at 1:12 3 0'],
  ],
  ['a deletion in a line has no box', 'a|\nlet b[ = 1];', '', ['lines 1-1', '-  = 1']],
  ['lines that go', 'a|\n[b\nc\n]d', '', ['lines 1-2', '- b⏎c']],
  ['lines that come in', 'a|\nb\n[]c', '  n\n  m\n', ['lines 2-1', '+ {n}', '+ {m}', 'at 1:1 3 0']],
  [
    'lines in place of a line, of which one stays as it is',
    '|\n[f();\ng();]',
    'if (a) {\n  f();\n}\ng();',
    ['lines 1-1', '+ {if (a) {}', '+ {  }f();', '+ {}}', 'at 1:4 3 0'],
  ],
  [
    'more than fits beside the text lies over the lines below',
    `|\n${'x'.repeat(80)}[]\nb\nc`,
    'yy',
    ['lines 1-1', `- ${'x'.repeat(80)}`, `+ {${'x'.repeat(80)}yy}`, 'at 2:0 0 0'],
  ],
  [
    'at the end of the document, below the last line',
    `|\n  ${'x '.repeat(40)}[]`,
    'yy',
    ['lines 1-1', `+ ${'x '.repeat(40)}{yy}`, 'at 1:82 -80 1'],
  ],
  ['tabs become columns', '|\n\tf([a]);', 'b', ['lines 1-1', '- a', '+ f({b});', 'at 1:6 3 0']],
  ['wide characters take two columns', '|\nx = 全[角]', 'b', ['lines 1-1', '- 角', '+ x = 全{b}', 'at 1:6 3 0']],
] as const) {
  test(`view: ${name}`, () => {
    const s = scene(marked, text);
    assert.deepEqual(drawn(viewOf(s), s), expected);
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
