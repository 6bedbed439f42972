import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hunksOf } from '../../src/replay/git.ts';
import { ReplayError } from '../../src/replay/history.ts';
import { fingerprintOf, openSource } from '../../src/replay/source.ts';
import { commit, folder, git, repository } from './sources.ts';

function read(path: string) {
  const history = openSource(path);
  return { commits: [...history.commits()], skipped: Object.fromEntries(history.skipped) };
}

test('a work tree and a bare clone of it give the same values, oldest first', (t) => {
  const dir = repository(t);
  const first = commit(dir, 'Add', { 'src/a.ts': 'one\ntwo\nthree\n' });
  const second = commit(dir, 'Change', { 'src/a.ts': 'zero\none\n2\nthree' });
  const bare = join(folder(t), 'copy.git');
  git(dir, 'clone', '-q', '--bare', dir, bare);

  const { commits } = read(dir);
  assert.deepEqual(commits, read(bare).commits);
  assert.deepEqual(
    commits.map((c) => c.id),
    [first, second],
  );
  assert.deepEqual(commits[1]!.files, [
    {
      path: 'src/a.ts',
      languageId: 'typescript',
      before: 'one\ntwo\nthree\n',
      after: 'zero\none\n2\nthree',
      hunks: [
        { startLine: 1, oldLines: [], newLines: ['zero'] },
        { startLine: 2, oldLines: ['two', 'three'], newLines: ['2', 'three'] },
      ],
    },
  ]);
});

test('what nobody types is left out and counted', (t) => {
  const dir = repository(t);
  commit(dir, 'Add', { 'a.py': 'x = 1\n', 'b.py': 'y = 1\n' });
  commit(dir, 'v1.2.3', { 'a.py': 'x = 2\n' });
  commit(dir, 'Reformat', { 'a.py': 'x  =  2\n' });
  commit(dir, 'Indent', { 'a.py': 'x =   2\n' });
  git(dir, 'commit', '-q', '--allow-empty', '--author=renovate[bot] <bot@renovateapp.com>', '-m', 'Update x');
  commit(dir, 'Vendor', { 'vendor/x.js': 'x\n', 'dist/x.js': 'x\n', 'x.js': '// @generated\nx\n' });
  commit(dir, 'Much', { 'long.txt': Array.from({ length: 700 }, (_, i) => `line ${i}\n`).join('') });
  commit(dir, 'Secret', { '.env': 'A=1\n' });
  git(dir, 'switch', '-q', '-c', 'side', 'HEAD~1');
  commit(dir, 'Beside', { 'side.py': 's = 1\n' });
  git(dir, 'switch', '-q', 'main');
  git(dir, 'merge', '-q', '--no-ff', '-m', 'Merge side', 'side');

  const { commits, skipped } = read(dir);
  assert.deepEqual(
    commits.map((c) => c.files.map((f) => f.path)),
    [['a.py', 'b.py'], ['side.py']],
  );
  assert.deepEqual(skipped, {
    merge: 1,
    'version bump': 1,
    'formatting sweep': 1,
    'formatting only': 1,
    bot: 1,
    vendored: 1,
    generated: 2,
    'very large change': 1,
    'file that may hold secrets': 1,
    'commit with nothing left': 4,
  });
});

test('files that are no text are counted, and the rest of their commit is replayed', (t) => {
  const dir = repository(t);
  const sub = repository(t);
  commit(sub, 'Inner', { 'inner.py': 'i\n' });
  git(dir, '-c', 'protocol.file.allow=always', 'submodule', 'add', '-q', sub, 'sub');
  symlinkSync('a.py', join(dir, 'link.py'));
  commit(dir, 'Odd files', {
    'a.py': 'a\n',
    'image.png': Uint8Array.of(0x89, 0x50, 0, 1),
    'latin.txt': Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 10),
    'new\nline.py': 'n\n',
  });
  const { commits, skipped } = read(dir);
  assert.deepEqual(
    commits.map((c) => c.files.map((f) => f.path)),
    [['.gitmodules', 'a.py']],
  );
  assert.deepEqual(skipped, {
    submodule: 1,
    'symbolic link': 1,
    'control character in a path': 1,
    'binary, not UTF-8 or huge': 2,
  });
});

test('a rename with a change is a change of the new path; a rename alone and a deletion are counted', (t) => {
  const dir = repository(t);
  const text = Array.from({ length: 20 }, (_, i) => `line ${i}\n`).join('');
  commit(dir, 'Add', { 'old.py': text, 'gone.py': 'g\n' });
  git(dir, 'mv', 'old.py', 'new.py');
  git(dir, 'rm', '-q', 'gone.py');
  commit(dir, 'Move', { 'new.py': text.replace('line 7', 'seven') });
  git(dir, 'mv', 'new.py', 'newer.py');
  commit(dir, 'Move only');
  const { commits, skipped } = read(dir);
  assert.deepEqual(
    commits[1]!.files.map((f) => [f.path, f.before === text, f.hunks.length]),
    [['new.py', true, 1]],
  );
  assert.equal(commits.length, 2);
  assert.deepEqual(skipped, { 'deleted file': 1, 'nothing but a rename or a mode': 1, 'commit with nothing left': 1 });
});

test('the last commits alone, without what the user excludes', (t) => {
  const dir = repository(t);
  for (let n = 0; n < 5; n++) commit(dir, `Change ${n}`, { 'a.py': `a = ${n}\n`, 'private/b.py': `b = ${n}\n` });
  commit(dir, 'v1.0.0');
  commit(dir, 'Private', { 'private/b.py': 'b = 9\n' });
  const history = openSource(dir, { last: 2, exclude: ['private/**'] });
  assert.deepEqual(
    [...history.commits()].map((c) => c.files.map((f) => [f.path, f.after])),
    [[['a.py', 'a = 3\n']], [['a.py', 'a = 4\n']]],
  );
  assert.equal(history.skipped.get('file that may hold secrets'), undefined);
  assert.equal(history.skipped.get('excluded file'), 6);
  assert.notEqual(fingerprintOf(dir, { last: 2 }), fingerprintOf(dir, { last: 3 }));
});

test('a history of binary files has no commits left, and says what was left out', (t) => {
  const dir = repository(t);
  for (const n of [1, 2]) commit(dir, `Picture ${n}`, { 'image.png': Uint8Array.of(0x89, 0x50, 0, n) });
  const { commits, skipped } = read(dir);
  assert.deepEqual(commits, []);
  assert.deepEqual(skipped, { 'binary, not UTF-8 or huge': 2, 'commit with nothing left': 2 });
});

test('a shallow clone begins after the commit whose parent it lacks', (t) => {
  const dir = repository(t);
  for (const n of [1, 2, 3]) commit(dir, `Change ${n}`, { 'a.py': `a = ${n}\n` });
  const shallow = join(folder(t), 'shallow');
  git(dir, 'clone', '-q', '--depth', '2', `file://${dir}`, shallow);
  const { commits, skipped } = read(shallow);
  assert.deepEqual(
    commits.map((c) => c.files[0]!.after),
    ['a = 3\n'],
  );
  assert.deepEqual(skipped, { 'cut off by a shallow clone': 1 });
});

test('an empty repository and a folder without one are errors that say so', (t) => {
  assert.throws(
    () => openSource(repository(t)),
    (e) => e instanceof ReplayError && /no commits yet/.test(e.message),
  );
  assert.throws(
    () => openSource(folder(t)),
    (e) => e instanceof ReplayError && /not a git repository/.test(e.message),
  );
});

test('hunks of texts that differ only in how the last line ends', () => {
  assert.deepEqual(hunksOf('a\nb\n', 'a\nb'), [{ startLine: 2, oldLines: ['b'], newLines: ['b'] }]);
  assert.deepEqual(hunksOf('', 'a\n'), [{ startLine: 1, oldLines: [], newLines: ['a'] }]);
  assert.deepEqual(hunksOf('a\n', ''), [{ startLine: 1, oldLines: ['a'], newLines: [] }]);
});
