/** Qwen 2.5's real tokenizer against tiktoken and the Rust library. Golden values by scripts/golden/qwen.py. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { createTokenizer } from '../../src/model/tokenizer.ts';
import { specFromTokenizerJson } from '../../src/model/tokenizer-spec.ts';
import { fimFormat, fimMarks } from '../../src/prompt/fim-format.ts';
import { sweepFormat } from '../../src/prompt/sweep-format.ts';
import { qwenTokenizerJson } from './qwen-vocabulary.ts';

interface Golden {
  readonly merges: string;
  readonly tokens: number;
  readonly sha256: readonly string[];
  readonly hard: readonly { readonly text: string; readonly ids: readonly number[] }[];
}
const FOLDER = new URL('../golden/tokenizer/', import.meta.url);
const golden = JSON.parse(await readFile(new URL('qwen2.json', FOLDER), 'utf8')) as Golden;
const corpus = gunzipSync(await readFile(new URL('corpus.jsonl.gz', FOLDER)))
  .toString('utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as { path: string; text: string });

/** Rows of the embedding: more than there are tokens. */
const VOCAB = 151_936;
const spec = specFromTokenizerJson(await qwenTokenizerJson());
const qwen = createTokenizer(spec, VOCAB, [151_645]);

test('the merges are those that follow from the vocabulary', () => {
  const text = spec.merges.map((pair) => pair.join(' ')).join('\n');
  assert.equal(createHash('sha256').update(text).digest('hex'), golden.merges);
});

test('tokens of 1.3 MB of code are those of tiktoken and the Rust library', () => {
  let tokens = 0;
  const wrong = corpus.filter(({ text }, i) => {
    const ids = qwen.encode(text);
    tokens += ids.length;
    return createHash('sha256').update(Uint32Array.from(ids)).digest('hex') !== golden.sha256[i];
  });
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
  assert.equal(tokens, golden.tokens);
});

test('so are those of hard texts', () => {
  for (const { text, ids } of golden.hard) assert.deepEqual(qwen.encode(text), ids, JSON.stringify(text));
});

test('its marks make fill-in-the-middle and Sweep’s format; text that looks like them is text', () => {
  assert.deepEqual(fimMarks(qwen), { prefix: 151_659, suffix: 151_661, middle: 151_660, file: 151_664, end: 151_643 });
  assert.deepEqual([...qwen.eosIds], [151_645, 151_643]);
  const input = { path: 'a.ts', before: 'let x = <|fim_middle|>', after: '\n', startLine: 0, recent: [] };
  for (const format of [fimFormat(qwen)!, sweepFormat(qwen)!]) {
    const { ids } = format.ask(input).prompt;
    assert.equal(ids.filter((id) => id === 151_660).length, format.name === 'fim-1' ? 1 : 0);
    assert.ok(ids.includes(151_664));
  }
});
