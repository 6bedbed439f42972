import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { gguf } from '@huggingface/gguf';
import { createTokenizer, stretches, type Tokenizer } from '../../src/model/tokenizer.ts';
import { specFromGguf, specFromTokenizerJson } from '../../src/model/tokenizer-spec.ts';
import { defaultModelFile } from './model-files.ts';

/** Made by scripts/golden/tokenizer.py with transformers, from the same file. */
interface Golden {
  readonly documents: number;
  readonly bytes: number;
  readonly kinds: Readonly<
    Record<string, { tokens: number; sha256: string[]; hard: { text: string; ids: number[] }[] }>
  >;
}
interface Document {
  readonly path: string;
  readonly text: string;
}

const GOLDEN = new URL('../golden/tokenizer/', import.meta.url);
const golden = JSON.parse(await readFile(new URL('golden.json', GOLDEN), 'utf8')) as Golden;
const corpus = gunzipSync(await readFile(new URL('corpus.jsonl.gz', GOLDEN)))
  .toString('utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Document);
const metadata = (await gguf(await defaultModelFile(), { allowLocalFile: true })).metadata as unknown as Record<
  string,
  unknown
>;

const VOCAB = 49152;
const make = (pre: string): Tokenizer =>
  createTokenizer(specFromGguf({ ...metadata, 'tokenizer.ggml.pre': pre }), VOCAB, [2]);
const smollm = make('smollm');

const digest = (ids: readonly number[]): string => createHash('sha256').update(Uint32Array.from(ids)).digest('hex');

test('the corpus is at least 1 MB of code', () => {
  assert.equal(corpus.length, golden.documents);
  const bytes = corpus.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  assert.equal(bytes, golden.bytes);
  assert.ok(bytes >= 1e6, `${bytes} bytes`);
});

for (const [pre, expected] of Object.entries(golden.kinds)) {
  test(`${pre}: tokens of the corpus are those of transformers`, () => {
    const tokenizer = pre === 'smollm' ? smollm : make(pre);
    let tokens = 0;
    const wrong = corpus.filter(({ text }, i) => {
      const ids = tokenizer.encode(text);
      tokens += ids.length;
      return digest(ids) !== expected.sha256[i];
    });
    assert.deepEqual(
      wrong.map(({ path }) => path),
      [],
    );
    assert.equal(tokens, expected.tokens);
  });

  test(`${pre}: tokens of hard texts are those of transformers`, () => {
    const tokenizer = make(pre);
    for (const { text, ids } of expected.hard) assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
  });
}

test('decoding gives every document back', () => {
  for (const { path, text } of corpus) assert.equal(smollm.decode(smollm.encode(text)), text, path);
});

test('the bytes of single tokens join to the text, also where a token ends within a character', () => {
  const text = 'naïve 👩‍👩‍👧‍👦 日本語\u0000\r\n';
  const ids = smollm.encode(text);
  assert.ok(ids.some((id) => new TextDecoder().decode(smollm.bytes(id)).includes('\ufffd')));
  assert.equal(Buffer.concat(ids.map((id) => smollm.bytes(id))).toString('utf8'), text);
});

test('text that looks like a control token is text', () => {
  const end = smollm.special('<|endoftext|>');
  assert.equal(end, 0);
  const ids = smollm.encode('a<|endoftext|>b<|im_end|>');
  assert.ok(
    ids.every((id) => id > 16),
    `${ids}`,
  );
  assert.equal(smollm.decode(ids), 'a<|endoftext|>b<|im_end|>');
  assert.equal(smollm.decode([end]), '<|endoftext|>');
  assert.equal(smollm.special('no such token'), undefined);
});

test('the model’s own end and the usual ends of text are ends', () => {
  assert.deepEqual(smollm.eosIds, [2, 0]);
});

test('lone surrogates become replacement characters', () => {
  assert.equal(smollm.decode(smollm.encode('a\ud800b\udc00')), 'a\ufffdb\ufffd');
});

test('an id outside the vocabulary is refused', () => {
  for (const id of [-1, VOCAB, 1.5, Number.NaN]) assert.throws(() => smollm.bytes(id), RangeError);
});

test('stretches join to the text and are bounded', () => {
  const texts = [
    ...corpus.slice(0, 40).map(({ text }) => text),
    'x'.repeat(100_000),
    '👍'.repeat(9000),
    ' '.repeat(50_000),
  ];
  for (const text of texts) {
    const parts = [...stretches(text)];
    assert.equal(parts.join(''), text);
    assert.ok(parts.every((part) => part.length <= 4096 && part.isWellFormed()));
  }
});

test('cutting into stretches does not change the tokens of a long document', () => {
  // One long document out of many: its stretches begin elsewhere than those of its parts.
  const parts = corpus.slice(0, 60).map(({ text }) => `x ${text} y`);
  const together = smollm.encode(parts.join(''));
  assert.deepEqual(
    together,
    parts.flatMap((text) => smollm.encode(text)),
  );
});

test('a minified line of 5 MB without spaces is encoded whole', () => {
  const line = 'function(a,b){return a?b:"x1";};'.replaceAll(' ', '_').repeat(5e6 / 32);
  const ids = smollm.encode(line);
  assert.equal(smollm.decode(ids), line);
});

test('a tokenizer of another model is refused', () => {
  assert.throws(() => createTokenizer(specFromGguf(metadata), 32000, [2]), {
    kind: 'tokenizer',
    message: /another model/,
  });
});

test('kinds of tokenizer that are not read are refused with what to do', () => {
  const refused = (changes: Record<string, unknown>, message: RegExp) =>
    assert.throws(() => specFromGguf({ ...metadata, ...changes }), { kind: 'tokenizer', message });
  refused({ 'tokenizer.ggml.model': 'llama' }, /of the kind “llama”.*byte-level BPE/);
  refused({ 'tokenizer.ggml.model': undefined }, /has none/);
  refused({ 'tokenizer.ggml.pre': 'toString' }, /“toString”/);
  refused({ 'tokenizer.ggml.tokens': 7 }, /no list of tokens/);
  refused({ 'tokenizer.ggml.token_type': [1] }, /1 kinds for 49152 tokens/);
  refused({ 'tokenizer.ggml.merges': ['Ġ t', 'qqq zzz'] }, /damaged/);
});

test('a tokenizer.json gives the same tokens as the GGUF metadata', () => {
  const spec = specFromGguf(metadata);
  const json = {
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(spec.tokens.map((text, id) => [text, id])),
      merges: spec.merges.map(([left, right]) => `${left} ${right}`),
    },
    added_tokens: [...spec.added].map(([content, id]) => ({ id, content, special: true })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Digits', individual_digits: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    decoder: { type: 'ByteLevel' },
  };
  const tokenizer = createTokenizer(specFromTokenizerJson(JSON.parse(JSON.stringify(json))), VOCAB, [2]);
  for (const { text, ids } of golden.kinds.smollm!.hard)
    assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
  assert.equal(tokenizer.special('<|im_end|>'), 2);

  const refused = (changes: object, message: RegExp) =>
    assert.throws(() => specFromTokenizerJson({ ...json, ...changes }), { kind: 'tokenizer', message });
  refused({ model: { type: 'Unigram' } }, /“Unigram”/);
  refused({ model: { ...json.model, byte_fallback: true } }, /without byte-level/);
  refused({ model: { ...json.model, merges: Array(1e7).fill('Ġ t') } }, /has 10000000 merges/);
  refused({ pre_tokenizer: { type: 'Metaspace' } }, /Metaspace/);
  refused({ normalizer: { type: 'Lowercase' } }, /Lowercase/);
  assert.throws(() => specFromTokenizerJson(null), { kind: 'tokenizer' });
});
