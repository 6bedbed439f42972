/** What was done to a line like one that stands here, done again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEdit } from '../../src/completion/edit.ts';
import { again } from '../../src/memory/again.ts';
import { changeOf } from '../../src/memory/entry.ts';
import { Memory } from '../../src/memory/memory.ts';
import { Nearby } from '../../src/memory/nearby.ts';
import { PRIOR } from '../../src/memory/prior.ts';
import { Recollection } from '../../src/memory/recollection.ts';
import { Trust } from '../../src/memory/trust.ts';
import type { Change } from '../../src/prompt/hunk.ts';

let clock = 0;

/** Remembers that one text became the other. */
function did(memory: Memory, before: string, after: string): string {
  const id = `${++clock}`;
  const lines = before.split('\n');
  const end = { line: lines.length - 1, character: lines.at(-1)!.length };
  const change = changeOf(before, { start: { line: 0, character: 0 }, end, text: after })!;
  memory.remember({ id, at: clock, path: 'a.ts', kind: 'typed', change });
  return id;
}

/** Each character is a token. */
const spell = ({ hunk: { anchor, removed, added } }: Change): number[] =>
  [...[anchor, ...removed, '>', ...added].join('\n')].map((c) => c.codePointAt(0)!);

const memory = (): Memory => new Memory(spell);

/** What the text becomes by what is known of one of its lines; the window begins at line 100. */
function becomes(known: Memory, text: string, line: number): string | null {
  const input = { path: 'b.ts', before: text, after: '', startLine: 100, recent: [] };
  const found = again((of) => known.begunAt(of), input, line);
  if (found === null) return null;
  const { start, end, text: added } = found.edit;
  const here = (place: typeof start) => ({ ...place, line: place.line - 100 });
  return applyEdit(text, { start: here(start), end: here(end), text: added });
}

test('a line that was changed is changed again where it stands, however deep', () => {
  const known = memory();
  did(known, 'if (a) {\n  send(request);\n}', 'if (a) {\n  await send(request, {\n    retry: 2,\n  });\n}');
  assert.equal(becomes(known, 'x\n  send(request);\ny', 1), 'x\n  await send(request, {\n    retry: 2,\n  });\ny');
  assert.equal(becomes(known, '\t\tsend(request);', 0), '\t\tawait send(request, {\n\t\t  retry: 2,\n\t\t});');
  assert.equal(becomes(known, 'send(request);\n', 0), 'await send(request, {\n  retry: 2,\n});\n');
  assert.equal(becomes(known, '  send(requests);', 0), null);
});

test('lines that were added are added again between two such lines, once', () => {
  const known = memory();
  did(known, 'import os\nimport typing\n\nrun()', 'import os\nimport typing\nimport warnings\n\nrun()');
  assert.equal(becomes(known, 'a\nimport typing\n\nb', 1), 'a\nimport typing\nimport warnings\n\nb');
  assert.equal(becomes(known, 'import typing', 0), 'import typing\nimport warnings', 'at the end of the text');
  assert.equal(becomes(known, 'import typing\nimport warnings\n', 0), null, 'there already');
  assert.equal(becomes(known, 'import typing\nimport zlib\n', 0), null);
});

test('lines that went go again: all of them stand there, or none goes', () => {
  const known = memory();
  did(known, 'a\nfirst(line);\nsecond(line);\nb', 'a\nb');
  assert.equal(becomes(known, 'x\nfirst(line);\nsecond(line);\ny', 1), 'x\ny');
  assert.equal(becomes(known, 'x\nfirst(line);\nsecond(line);', 1), 'x');
  assert.equal(becomes(known, 'x\nfirst(line);\nthird(line);', 1), null);
  assert.equal(becomes(known, 'first(line);\n  second(line);', 0), null, 'as deep against one another as they were');
  assert.equal(becomes(known, 'x\nfirst(line);', 1), null);
});

test('the edit that it comes from is named, before those that had a part in its words', () => {
  const known = memory();
  const id = did(known, 'call(name);', 'call(one);');
  did(known, 'x', 'call(one)');
  const input = { path: 'b.ts', before: 'call(name);', after: '', startLine: 0, recent: [] };
  const nearby = new Nearby((text) => [...text].map((c) => c.codePointAt(0)!));
  const recollection = new Recollection(known, nearby, input, new Trust([...PRIOR.edit, ...PRIOR.nearby].flat()));
  const found = recollection.again(0)!;
  assert.equal(found.entry, id);
  assert.equal(recollection.result(3), null);
  assert.deepEqual(recollection.result(3, id), { entries: [id], steps: [] });
  assert.equal(recollection.again(1), null, 'a line that is not there');
});

test('of several the newest is done that can be', () => {
  const known = memory();
  for (const name of ['one', 'two', 'three', 'two']) did(known, 'call(name);', `call(${name});`);
  assert.equal(becomes(known, 'call(name);', 0), 'call(two);');
  did(known, 'call(name);\ncall(other);', 'call(both);');
  assert.equal(becomes(known, 'call(name);', 0), 'call(two);', 'the other line does not stand here');
  assert.equal(becomes(known, 'call(name);\ncall(other);', 0), 'call(both);');
});

test('what was refused is not done again, however deep, until it is done anew; the words stay known', () => {
  const known = memory();
  did(known, 'call(name);', 'call(one);');
  did(known, '  call(name);', '  call(one);');
  did(known, 'call(name);', 'call(two);');
  const change = (before: string, after: string) =>
    changeOf(before, { start: { line: 0, character: 0 }, end: { line: 0, character: before.length }, text: after })!;
  known.refuse(change('\tcall(name);', '\tcall(one);'));
  assert.equal(becomes(known, 'call(name);', 0), 'call(two);');
  known.refuse(change('call(name);', 'call(two);'));
  assert.equal(becomes(known, 'call(name);', 0), null);
  assert.equal(known.size, 3);
  assert.notEqual(known.recall([...'call(tw'].map((c) => c.codePointAt(0)!)), null);
  did(known, 'call(name);', 'call(one);');
  assert.equal(becomes(known, 'call(name);', 0), 'call(one);');
  known.refuse(change('}', 'x'));
  for (const { id } of [...known.entries()]) known.forget(id);
  assert.deepEqual([known.size, [...known.begunAt('call(name);')]], [0, []]);
});

test('of a line that was changed in thousands of ways the newest are looked at', () => {
  const known = memory();
  for (let i = 0; i < 1000; i++) did(known, 'call(name);', `call(name, ${i});`);
  const found = [...known.begunAt('  call(name);')];
  assert.equal(found.length, 64);
  assert.deepEqual(
    [found[0], found.at(-1)].map((e) => e!.change.hunk.added),
    [['call(name, 999);'], ['call(name, 936);']],
  );
});

test('a line of hardly any characters tells nothing', () => {
  const known = memory();
  did(known, 'a\n}', 'a\nb();\n}');
  did(known, '    });', '    }, 100);');
  assert.deepEqual([becomes(known, 'a', 0), becomes(known, '    });', 0)], [null, null]);
});

test('what is forgotten is not done again, and what pushes it out of the memory makes room', () => {
  const known = memory();
  const id = did(known, 'call(name);', 'call(one);');
  const other = did(known, 'call(name);', 'call(two);');
  known.forget(id);
  assert.equal(becomes(known, 'call(name);', 0), 'call(two);');
  known.forget(other);
  assert.deepEqual([becomes(known, 'call(name);', 0), [...known.begunAt('call(name);')]], [null, []]);
  const small = new Memory(spell, { entries: 2 });
  for (const name of ['one', 'two', 'three']) did(small, `call(${name});`, `call(${name}, 1);`);
  assert.equal(becomes(small, 'call(one);', 0), null);
  assert.equal(becomes(small, 'call(three);', 0), 'call(three, 1);');
});
