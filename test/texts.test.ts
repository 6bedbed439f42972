/** Whatever Knack says can be translated, and German is whole. `node scripts/texts.ts de` prints what it lacks. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { ROOT } from '../scripts/paths.ts';
import { bundleOf, textsOf } from '../scripts/texts.ts';

const read = (path: string): Record<string, string> => JSON.parse(readFileSync(path, 'utf8'));
const placeholders = (text: string): string[] => (text.match(/\{\d+\}/g) ?? []).sort();

describe('at run time', () => {
  const { keys, computed, bare } = textsOf();

  test('every text that the user reads goes through l10n', () => assert.deepEqual(bare, []));
  test('every text is there to be found: a literal', () => assert.deepEqual(computed, []));
  test('the search finds texts', () => assert.ok(keys.size > 100 && keys.has('Ready.')));

  for (const file of globSync('l10n/bundle.l10n.*.json', { cwd: ROOT })) {
    const language = /l10n\.(.+)\.json$/.exec(basename(file))![1]!;
    const bundle = read(bundleOf(language));
    test(`${language}: each text is translated, and nothing else`, () => {
      const lacking = [...keys].filter((key) => !bundle[key]);
      assert.deepEqual(lacking, [], `run "node scripts/texts.ts ${language}"`);
      assert.deepEqual(
        Object.keys(bundle).filter((key) => !keys.has(key)),
        [],
      );
    });
    test(`${language}: with the same placeholders`, () => {
      for (const [key, text] of Object.entries(bundle)) assert.deepEqual(placeholders(text), placeholders(key), key);
    });
  }
});

describe('in the manifest', () => {
  const manifest = readFileSync(join(ROOT, 'package.json'), 'utf8');
  const used = [...manifest.matchAll(/"%([^%"]+)%"/g)].map((match) => match[1]!);

  test('titles and descriptions are keys', () => {
    const plain = manifest.matchAll(/"(title|description|markdownDescription|altText)": "(?!%)([^"]*)"/g);
    assert.deepEqual(
      Array.from(plain, (match) => match[2]),
      [],
    );
  });

  test('each command of the manifest is one that the extension registers', () => {
    const commands = [...manifest.matchAll(/"command": "(knack\.[^"]+)"/g)].map((match) => match[1]!);
    const files = globSync('src/{extension,editor/*}.ts', { cwd: ROOT });
    const sources = files.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('');
    assert.ok(commands.length > 15);
    assert.deepEqual(
      commands.filter((id) => !sources.includes(`'${id}':`)),
      [],
    );
  });

  test('the pages and pictures of the walkthrough are there, in each language', () => {
    const texts = globSync('package.nls*.json', { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), 'utf8'));
    const named = [manifest, ...texts].flatMap((text) => text.match(/"media\/[^"]+"/g) ?? []);
    assert.ok(named.length > 5);
    assert.deepEqual(
      named.map((path) => JSON.parse(path)).filter((path) => !existsSync(join(ROOT, path))),
      [],
    );
  });

  for (const file of globSync('package.nls*.json', { cwd: ROOT })) {
    test(`${file}: each key, and nothing else`, () => {
      const texts = read(join(ROOT, file));
      assert.deepEqual(
        [...new Set(used)].filter((key) => !texts[key]),
        [],
      );
      assert.deepEqual(
        Object.keys(texts).filter((key) => !used.includes(key)),
        [],
      );
    });
  }
});
