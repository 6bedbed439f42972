/**
 * A real Llama model for tests, small enough to be made in a moment: random weights in a Hugging Face folder.
 *
 * Its embeddings are random directions, and its head is turned so that each byte is followed by its successor: after
 * `x` it writes `y`, `z`, `;` and ends the line. So it suggests something short that a test can foretell, while all
 * that runs (tokenizer, network, cache, training) is what runs for any other model. Blocks add noise to it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ModelConfig, parseConfig } from '../../src/model/config.ts';
import { expectedTensors } from '../../src/model/layout.ts';
import { encodeSafetensors } from '../../src/model/safetensors.ts';
import { seeded } from '../../src/trainer/random.ts';

const END = '<|endoftext|>';
const FILENAME = '<filename>';

/** How sure it is of the successor: about the logit of it over all others. */
const SURE = 6;
/** Standard deviation of the blocks' weights. */
const NOISE = 0.02;

const CONFIG = {
  model_type: 'llama',
  num_hidden_layers: 2,
  hidden_size: 64,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 96,
  max_position_embeddings: 1024,
  rope_theta: 10_000,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
  bos_token_id: 256,
  eos_token_id: 256,
};

/** The marks of edit logs (prompt/marks.ts) in the byte alphabet, as merges. */
const MARKS = ['Â «', 'Â »', 'Â §', 'Â ¿', 'Â ¬', 'â Ģ', 'âĢ ł'];

/**
 * Another seed makes another model, with a hash of its own.
 *
 * @param hasMarks whether it can be tuned to write edits
 * @param other another family than Llama, and control tokens of its own
 */
export function writeTinyModel(
  folder: string,
  seed = 1,
  hasMarks = false,
  other: { readonly family?: 'llama' | 'qwen2'; readonly controls?: readonly string[] } = {},
): void {
  mkdirSync(folder, { recursive: true });
  const { json, tokens } = tokenizer(hasMarks ? MARKS : [], other.controls ?? []);
  const config = { ...CONFIG, model_type: other.family ?? CONFIG.model_type, vocab_size: tokens.length };
  const file = (name: string, value: unknown): void => writeFileSync(join(folder, name), JSON.stringify(value));
  file('config.json', config);
  file('tokenizer.json', json);
  writeFileSync(join(folder, 'model.safetensors'), encodeSafetensors(weights(parseConfig(config), tokens, seed)));
}

/** What it writes after a text that ends with `last`: the rest of the alphabet, or of the digits. */
export function successors(last: string): string {
  let text = '';
  for (let byte = successor(last.charCodeAt(0)); byte !== 0x0a; byte = successor(byte)) {
    text += String.fromCharCode(byte);
  }
  return text;
}

function successor(byte: number): number {
  const of = { z: ';', Z: ';', 9: ';', ';': '\n', ' ': 'v', '\n': 'v' }[String.fromCharCode(byte)];
  return of === undefined ? (byte + 1) % 256 : of.charCodeAt(0);
}

/** Bytes in GPT-2's alphabet, a merge or more, and two tokens that stand for no text. */
function tokenizer(more: readonly string[], controls: readonly string[]): { json: unknown; tokens: readonly string[] } {
  const tokens: string[] = [];
  let beyond = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    tokens.push(String.fromCodePoint(printable ? byte : beyond++));
  }
  const merges = ['Ġ Ġ', ...more];
  tokens.push(END, FILENAME, ...merges.map((pair) => pair.replace(' ', '')), ...controls);
  const added = [END, FILENAME, ...controls].map((content) => ({
    id: tokens.indexOf(content),
    content,
    special: true,
  }));
  const json = {
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((text, id) => [text, id])), merges },
  };
  return { json, tokens };
}

function weights(
  config: ModelConfig,
  tokens: readonly string[],
  seed: number,
): Map<string, { shape: readonly number[]; data: Float32Array }> {
  const random = seeded(seed);
  // Box and Muller's way from two even numbers to a normal one.
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const out = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, shape] of expectedTensors(config)) {
    const length = shape.reduce((product, size) => product * size, 1);
    const scale = name.endsWith('embed_tokens.weight') ? 1 : NOISE;
    const data = name.endsWith('norm.weight')
      ? new Float32Array(length).fill(1)
      : Float32Array.from({ length }, () => scale * normal());
    out.set(name, { shape, data });
  }
  const { hidden } = config;
  const embed = out.get('model.embed_tokens.weight')!.data;
  const head = out.get('lm_head.weight')!.data;
  for (const id of tokens.keys()) {
    const next = id < 256 ? successor(id) : 'v'.charCodeAt(0);
    for (let i = 0; i < hidden; i++) head[next * hidden + i]! += (SURE / hidden) * embed[id * hidden + i]!;
  }
  return out;
}
