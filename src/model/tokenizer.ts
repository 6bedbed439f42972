/**
 * Text to tokens and back. The one tokenizer of serving, training and replay.
 *
 * Merging is @huggingface/tokenizers'; what is ours is that user text never becomes a control token, that any input
 * takes time in proportion to its length, and that single tokens are known as bytes.
 */
import { Tokenizer as BpeTokenizer } from '@huggingface/tokenizers';
import { ModelError } from './errors.ts';
import type { TokenizerSpec } from './tokenizer-spec.ts';

export interface Tokenizer {
  readonly vocabSize: number;
  /** Tokens that end a text; the first is the model's own choice. */
  readonly eosIds: readonly number[];
  /**
   * Token ids of a text. Text that looks like a control token is ordinary text; lone surrogates become U+FFFD.
   * Time is linear: the text is merged in stretches of at most MOST_STRETCH characters (see `stretches`).
   */
  encode(text: string): number[];
  /** The text of tokens; bytes that are not UTF-8 become U+FFFD. Throws RangeError for an id outside the vocabulary. */
  decode(ids: readonly number[]): string;
  /** The bytes that one token stands for: a token may end within a character. */
  bytes(id: number): Uint8Array;
  /** Id of a control token such as `<|endoftext|>`, or undefined if this model has none of that name. */
  special(name: string): number | undefined;
  /** Whether a token stands for no ordinary text: such a one never stands in an edit. */
  isControl(id: number): boolean;
}

/** What we use of the library, whose own declarations do not resolve under Node's module rules. */
interface Library {
  readonly normalizer: ((text: string) => string) | null;
  readonly pre_tokenizer: ((text: string) => string[]) | null;
  readonly model: {
    max_length_to_cache: number;
    readonly tokens_to_ids: ReadonlyMap<string, number>;
    encode(pieces: string[]): string[];
  } | null;
}

/** Control tokens that end a text in the models we read, whatever their files name as the end (as in llama.cpp). */
const ENDS = ['<|endoftext|>', '<|im_end|>', '<|eot_id|>', '<|end_of_text|>'];
const MOST_STRETCH = 4096;
const MOST_CACHED_PIECES = 1 << 15;
const MOST_CACHED_PIECE = 256;

/**
 * Builds the tokenizer. `vocabSize` is the number of rows of the model's embedding; throws ModelError 'tokenizer' if the
 * tokenizer has more tokens than that, which is then the tokenizer of another model.
 */
export function createTokenizer(spec: TokenizerSpec, vocabSize: number, eosIds: readonly number[]): Tokenizer {
  if (spec.tokens.length > vocabSize || eosIds.some((id) => id >= vocabSize)) {
    throw new ModelError(
      'tokenizer',
      `The tokenizer has ${spec.tokens.length} tokens, the model only ${vocabSize}: it is the tokenizer of another model. Put the model’s own tokenizer.json beside it.`,
    );
  }
  const library: Library = new BpeTokenizer(
    {
      version: '1.0',
      normalizer: spec.normalizer,
      pre_tokenizer: spec.preTokenizer,
      post_processor: null,
      decoder: null,
      // Added tokens are kept from the library, so that it cannot find them in a user's text.
      added_tokens: [],
      model: {
        type: 'BPE',
        vocab: Object.fromEntries(
          spec.tokens.flatMap((text, id) => (text === '' || spec.added.has(text) ? [] : [[text, id]])),
        ),
        merges: spec.merges,
        ignore_merges: spec.ignoreMerges,
        unk_token: null,
      },
    },
    {},
  );
  const { normalizer, pre_tokenizer: preTokenizer, model } = library;
  if (preTokenizer === null || model === null) throw new TypeError('the library built no BPE');
  // The library's own cache takes 40 µs a look-up once it is full (its Map keeps the deleted entries at its head).
  model.max_length_to_cache = 0;
  const known = new Map<string, readonly number[]>();
  const merge = (piece: string): readonly number[] => {
    const found = known.get(piece);
    if (found !== undefined) return found;
    const ids = model.encode([piece]).map((token) => model.tokens_to_ids.get(token)!);
    if (piece.length <= MOST_CACHED_PIECE) {
      if (known.size >= MOST_CACHED_PIECES) known.clear();
      known.set(piece, ids);
    }
    return ids;
  };

  const controls = new Set(spec.added.values());
  const spelled = spellings(spec.tokens, controls);
  const bytesOf = (id: number): Uint8Array => {
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
      throw new RangeError(`There is no token ${id}; the vocabulary has ${vocabSize}`);
    }
    // Rows of the embedding beyond the tokenizer's last token are padding.
    return spelled(id);
  };
  const ends = ENDS.flatMap((name) => spec.added.get(name) ?? []);

  return {
    vocabSize,
    eosIds: [...new Set([...eosIds, ...ends])],
    encode(text) {
      const ids: number[] = [];
      for (const stretch of stretches(text.toWellFormed())) {
        for (const piece of preTokenizer(normalizer === null ? stretch : normalizer(stretch))) {
          for (const id of merge(piece)) ids.push(id);
        }
      }
      return ids;
    },
    decode(ids) {
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(ids.map(bytesOf)));
    },
    bytes: bytesOf,
    special(name) {
      return spec.added.get(name);
    },
    isControl(id) {
      return controls.has(id);
    },
  };
}

const NO_BYTES = new Uint8Array(0);

/** The tokens' bytes, one behind the other: an array each takes ten times the memory. None beyond the last token. */
function spellings(tokens: readonly string[], controls: ReadonlySet<number>): (id: number) => Uint8Array {
  const ends = new Uint32Array(tokens.length + 1);
  const each = tokens.map((text, id) => tokenBytes(text, controls.has(id)));
  for (const [id, { length }] of each.entries()) ends[id + 1] = ends[id]! + length;
  const all = new Uint8Array(Buffer.concat(each));
  return (id) => (id < tokens.length ? all.subarray(ends[id], ends[id + 1]) : NO_BYTES);
}

/**
 * Cuts a text into stretches of at most MOST_STRETCH characters such that their tokens, one after the other, are the
 * tokens of the whole. The patterns that we read never look back and never join across these places: before a space or
 * tab that follows anything else, before a line end that follows a letter or digit, and after a single line end that
 * stands between two other characters. A text without such a place for MOST_STRETCH characters (a minified line, a
 * data URL) is cut in the middle: its tokens may then differ from the reference's at that one place, and time and
 * memory stay bounded.
 */
export function* stretches(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    let to = Math.min(from + MOST_STRETCH, text.length);
    if (to < text.length) {
      let cut = to;
      while (cut > from && !separates(text, cut)) cut--;
      if (cut > from) to = cut;
      else if ((text.charCodeAt(to) & 0xfc00) === 0xdc00) to--; // not between the halves of a surrogate pair
    }
    yield text.slice(from, to);
    from = to;
  }
}

/** Whether tokens end at `at` in any text (see `stretches`); `at` lies within the text. */
function separates(text: string, at: number): boolean {
  const before = text[at - 1]!;
  const after = text[at]!;
  if (after === ' ' || after === '\t') return !isSpace(before);
  if (after === '\n' || after === '\r') return /[\p{L}\p{N}]/u.test(before);
  return before === '\n' && at >= 2 && !isSpace(after) && !isSpace(text[at - 2]!);
}

/** White space by either reading: JavaScript's has U+FEFF, Unicode's has U+0085. */
function isSpace(char: string): boolean {
  return /[\s\u0085]/.test(char);
}

/** GPT-2's byte alphabet: printable Latin-1 stands for itself, the 68 other bytes for U+0100 on, in order. */
const BYTE_OF_CHAR: ReadonlyMap<string, number> = (() => {
  const map = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    map.set(String.fromCharCode(printable ? byte : next++), byte);
  }
  return map;
})();

function tokenBytes(text: string, control: boolean): Uint8Array {
  if (control) return new TextEncoder().encode(text);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const byte = BYTE_OF_CHAR.get(text[i]!);
    if (byte === undefined) return new TextEncoder().encode(text);
    bytes[i] = byte;
  }
  return bytes;
}
