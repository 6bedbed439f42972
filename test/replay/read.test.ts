import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { applyHunks, blobId, ReplayError, split } from '../../src/replay/history.ts';
import { openSource } from '../../src/replay/source.ts';
import { altered, folder, SAMPLE } from './sources.ts';

const readAll = (path: string) => [...openSource(path).commits()];

test('the sample is read whole, and every hunk leads from its text before to its text after', () => {
  const commits = readAll(SAMPLE);
  assert.equal(commits.length, 14);
  assert.equal(openSource(SAMPLE).name, 'nanostores/nanostores');
  for (const { files } of commits) {
    for (const f of files) {
      assert.deepEqual(applyHunks(split(f.before).lines, f.hunks), split(f.after).lines, f.path);
      assert.notEqual(f.before, f.after);
    }
  }
});

test('a blob id is that of git', () => {
  assert.equal(blobId('hello\n'), 'ce013625030ba8dba906f756967f9e9ca394464a');
  assert.equal(blobId(''), 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391');
});

const BAD: readonly (readonly [what: string, line: number, alter: (text: string) => string, expected: RegExp])[] = [
  ['a line that is no JSON', 3, (l) => l.slice(0, -9), /line 3: no JSON/],
  ['a line that is no object', 2, () => '[1]', /line 2: the line is no object/],
  ['a field of the wrong kind', 4, (l) => l.replace(/"time":\d+/, '"time":"now"'), /line 4: "time" is no number/],
  ['another blob id', 5, (l) => l.replace(/"sha":"...../, '"sha":"00000'), /line 5: .*blob id/],
  ['a hunk elsewhere', 1, (l) => l.replace(/"start_line":\d+/, '"start_line":99999'), /line 1: .*outside of the text/],
  [
    'a hunk with a line break in a line',
    1,
    (l) => l.replace(/"new_lines":\["/, '"new_lines":["\\n'),
    /line 1: .*no list of lines/,
  ],
  ['an unknown base', 1, (l) => l.replace(/"base":"\w+"/, '"base":"other"'), /line 1: .*"base" is "other"/],
  ['a state that nobody left', 1, (l) => l.replace(/"base":"full"/, '"base":"state"'), /line 1: .*no earlier line/],
];
for (const [what, line, alter, expected] of BAD) {
  test(`${what} is an error that names the line`, (t) => {
    assert.throws(
      () => readAll(altered(t, line, alter)),
      (e) => e instanceof ReplayError && expected.test(e.message),
    );
  });
}

test('a hunk that lies about its old lines is an error that names the line', (t) => {
  const lie = altered(t, 1, (text) => {
    const line = JSON.parse(text);
    const hunk = line.files
      .flatMap((f: { hunks: { old_lines: string[] }[] }) => f.hunks)
      .find((h: { old_lines: string[] }) => h.old_lines.length > 0);
    hunk.old_lines[0] += ' ';
    return JSON.stringify(line);
  });
  assert.throws(() => readAll(lie), /line 1: .*old line is not what stands/);
});

test('what is no gzip, cut off, empty or not there is an error that names the file', (t) => {
  const dir = folder(t);
  const plain = join(dir, 'plain.jsonl.gz');
  writeFileSync(plain, '{}\n');
  const empty = join(dir, 'empty.jsonl.gz');
  writeFileSync(empty, gzipSync(''));
  const cut = altered(t, 1, (l) => l);
  truncateSync(cut, 500);
  assert.throws(() => openSource(plain), /plain\.jsonl\.gz is no replay file/);
  assert.throws(() => openSource(cut), /altered\.jsonl\.gz is no replay file/);
  assert.throws(() => openSource(empty), /empty\.jsonl\.gz holds no commits/);
  assert.throws(() => openSource(join(dir, 'nowhere')), /nowhere does not exist/);
});
