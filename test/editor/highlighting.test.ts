import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bundleInto } from '../../scripts/build.ts';
import type { GrammarFile } from '../../src/editor/grammars.ts';
import { Highlighting } from '../../src/editor/highlighting.ts';

const dir = mkdtempSync(join(tmpdir(), 'knack-highlighting-'));
const script = join(dir, 'grammars.cjs');
const theme = {
  settings: [
    { settings: { foreground: '#111111' } },
    { scope: 'keyword', settings: { foreground: '#222222', fontStyle: 'bold' } },
    { scope: 'comment', settings: { foreground: '#333333', fontStyle: 'italic' } },
  ],
};
const grammar: GrammarFile = {
  path: 'toy.tmLanguage.json',
  text: JSON.stringify({
    scopeName: 'source.toy',
    patterns: [
      { match: '\\b(if|else)\\b', name: 'keyword.toy' },
      { begin: '/\\*', end: '\\*/', name: 'comment.toy' },
    ],
  }),
};
const open: Highlighting[] = [];
function highlighting(path = script, find: (scope: string) => Promise<GrammarFile | null> = async () => grammar) {
  const made = new Highlighting(path, theme, find);
  open.push(made);
  return made;
}

before(() => bundleInto('src/editor/grammar-thread.ts', script));
after(() => {
  for (const each of open) each.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('lines get the theme’s colours, also for what the lines above leave open', async () => {
  const asked: string[] = [];
  const h = highlighting(script, async (scope) => {
    asked.push(scope);
    return scope === 'source.toy' ? grammar : null;
  });
  const [first, second, other] = await Promise.all([
    h.colour('source.toy', [], ['a if b']),
    h.colour('source.toy', ['/* if'], ['else */ else']),
    h.colour('source.other', [], ['if']),
  ]);
  assert.deepEqual(first, [
    [
      { from: 0, to: 2, colour: '#111111' },
      { from: 2, to: 4, colour: '#222222', bold: true },
      { from: 4, to: 6, colour: '#111111' },
    ],
  ]);
  assert.deepEqual(
    second?.[0]?.map(({ from, to, colour }) => [from, to, colour]),
    [
      [0, 7, '#333333'],
      [7, 8, '#111111'],
      [8, 12, '#222222'],
    ],
  );
  assert.equal(other, null);
  assert.deepEqual(asked, ['source.toy', 'source.other']);
});

test('no thread, no colours: where it is missing, dies, cannot read the grammar, or was stopped', async () => {
  assert.equal(await highlighting(join(dir, 'missing.cjs')).colour('source.toy', [], ['if']), null);
  const dying = join(dir, 'dying.cjs');
  writeFileSync(dying, 'process.exit(3);');
  const h = highlighting(dying);
  assert.equal(await h.colour('source.toy', [], ['if']), null);
  assert.equal(await h.colour('source.toy', [], ['if']), null);
  const unreadable = highlighting(script, () => Promise.reject(new Error('gone')));
  assert.equal(await unreadable.colour('source.toy', [], ['if']), null);
  const damaged = highlighting(script, async () => ({ path: 'toy.tmLanguage.json', text: '{' }));
  assert.equal(await damaged.colour('source.toy', [], ['if']), null);
  const stopped = highlighting();
  const waiting = stopped.colour('source.toy', [], ['if']);
  stopped.stop();
  assert.equal(await waiting, null);
});
