import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TARGETS, vsceOptions } from '../../scripts/package.ts';
import { ROOT } from '../../scripts/paths.ts';
import { checkVsix, NEEDED, zipEntries } from '../../scripts/vsix-contents.ts';

/** A zip file's directory, with names and no content: all that is looked at. */
function zipOf(names: readonly string[]): Buffer {
  const entries = names.map((name) => {
    const header = Buffer.alloc(46);
    header.writeUInt32LE(0x02014b50, 0);
    header.writeUInt16LE(Buffer.byteLength(name), 28);
    return Buffer.concat([header, Buffer.from(name)]);
  });
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(names.length, 10);
  end.writeUInt32LE(0, 16);
  return Buffer.concat([...entries, end]);
}

const NATIVE = 'node_modules/better-sqlite3/prebuilds/linux-x64.node';

/** What is found wrong with a VSIX of these files. */
function wrong(files: readonly string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'knack-vsix-'));
  try {
    const path = join(dir, 'x.vsix');
    writeFileSync(path, zipOf(['extension.vsixmanifest', ...files.map((file) => `extension/${file}`)]));
    checkVsix(path, [NATIVE]);
    return '';
  } catch (error) {
    return (error as Error).message;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test('names are read from the directory', () => {
  assert.deepEqual(zipEntries(zipOf(['a', 'Ü/b'])), ['a', 'Ü/b']);
});

test('whole, and with its own native files only', () => assert.equal(wrong([...NEEDED, NATIVE]), ''));
test('a file that is needed', () => assert.match(wrong([...NEEDED.slice(1), NATIVE]), /package\.json is missing/));
test('the native file', () => assert.match(wrong(NEEDED), /linux-x64\.node is missing/));
test("another platform's", () =>
  assert.match(wrong([...NEEDED, NATIVE, 'node_modules/x/win32/onnxruntime.dll']), /onnxruntime\.dll is of another/));
test('sources', () => assert.match(wrong([...NEEDED, NATIVE, 'src/a.ts']), /src\/a\.ts does not belong there/));

test('the targets that are promised', () => {
  assert.deepEqual(Object.keys(TARGETS), ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64', 'win32-arm64']);
});

test('addresses: those of the publisher, in the one place for them, or none', () => {
  const own = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  assert.deepEqual(vsceOptions(own), ['--allow-missing-repository', '--no-rewrite-relative-links']);
  assert.deepEqual(vsceOptions({ ...own, repository: { url: 'https://github.com/someone/knack.git' } }), []);
  assert.throws(
    () => vsceOptions({ ...own, bugs: { url: 'https://knack.example/issues' } }),
    /knack\.example.*nowhere/,
  );
});
