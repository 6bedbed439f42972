/**
 * What tokenizer a model brings, read from its own files: GGUF metadata or a Hugging Face tokenizer.json.
 *
 * Only byte-level BPE is read (GPT-2, SmolLM2, Qwen 2, Llama 3): every text has tokens and comes back exactly.
 */
import { ModelError } from './errors.ts';

/** Values that a tokenizer is built from; nothing in it lives. */
export interface TokenizerSpec {
  /** Token texts by id, in the byte-level alphabet of GPT-2 (added tokens as they are); holes are empty strings. */
  readonly tokens: readonly string[];
  /** Pairs in the order in which they merge. */
  readonly merges: readonly (readonly [string, string])[];
  /** A piece that is itself a token is not merged step by step (Llama 3). */
  readonly ignoreMerges: boolean;
  /** Tokens that stand for no ordinary text, such as `<|endoftext|>`: text -> id. */
  readonly added: ReadonlyMap<string, number>;
  /** How text is cut before merging, as the `pre_tokenizer` of a tokenizer.json. */
  readonly preTokenizer: PreTokenizer;
  /** Unicode normalisation that the model was trained with. */
  readonly normalizer: { readonly type: 'NFC' } | null;
}

type Step =
  | {
      readonly type: 'Split';
      readonly pattern: { readonly Regex: string };
      readonly behavior: 'Isolated';
      readonly invert: false;
    }
  | {
      readonly type: 'ByteLevel';
      readonly add_prefix_space: false;
      readonly trim_offsets: true;
      readonly use_regex: false;
    };
export interface PreTokenizer {
  readonly type: 'Sequence';
  readonly pretokenizers: readonly Step[];
}

const BYTE_LEVEL: Step = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
const split = (Regex: string): Step => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false });

/** GPT-2's pattern (encoder.py), which ByteLevel applies by default. */
const GPT2 = split(String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`);
/** Digits(individual_digits): Rust's char::is_numeric is the general category N. */
const EACH_DIGIT = split(String.raw`\p{N}`);
const WORDS = (numbers: string) =>
  split(
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|` +
      numbers +
      String.raw`| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  );

/** `tokenizer.ggml.pre` -> the cuts of the original tokenizer. */
const GGUF_KINDS: Readonly<Record<string, { steps: readonly Step[]; normalizer?: 'NFC'; ignoreMerges?: true }>> = {
  default: { steps: [GPT2] },
  'gpt-2': { steps: [GPT2] },
  smollm: { steps: [EACH_DIGIT, GPT2] },
  starcoder: { steps: [EACH_DIGIT, GPT2] },
  qwen2: { steps: [WORDS(String.raw`\p{N}`)], normalizer: 'NFC' },
  'llama-bpe': { steps: [WORDS(String.raw`\p{N}{1,3}`)], ignoreMerges: true },
};

/** Kinds of token in `tokenizer.ggml.token_type` (llama.cpp's llama_token_type) that ordinary text never becomes. */
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;

/** More merges than any vocabulary of a million tokens has: a damaged or hostile file. */
const MOST_MERGES = 1 << 21;

/** Builds the spec from GGUF metadata. Throws ModelError 'tokenizer' for a kind that Knack does not read. */
export function specFromGguf(metadata: Readonly<Record<string, unknown>>): TokenizerSpec {
  const model = metadata['tokenizer.ggml.model'];
  if (model !== 'gpt2') {
    throw wrong(model === undefined ? 'has none in it' : `is of the kind “${String(model)}”`);
  }
  const pre = metadata['tokenizer.ggml.pre'] ?? 'default';
  const kind = Object.hasOwn(GGUF_KINDS, String(pre)) ? GGUF_KINDS[String(pre)]! : null;
  if (kind === null) throw wrong(`cuts text the way of “${String(pre)}”`);

  const tokens = strings(metadata['tokenizer.ggml.tokens'], 'tokens');
  const types = metadata['tokenizer.ggml.token_type'] ?? [];
  if (!Array.isArray(types) || (types.length !== 0 && types.length !== tokens.length)) {
    throw wrong(`gives ${Array.isArray(types) ? types.length : 'no'} kinds for ${tokens.length} tokens`);
  }
  const added = new Map<string, number>();
  types.forEach((type, id) => {
    if (type === CONTROL || type === USER_DEFINED || type === UNUSED) added.set(tokens[id]!, id);
  });
  return checked({
    tokens,
    merges: pairs(strings(metadata['tokenizer.ggml.merges'], 'merges')),
    ignoreMerges: kind.ignoreMerges ?? false,
    added,
    preTokenizer: { type: 'Sequence', pretokenizers: [...kind.steps, BYTE_LEVEL] },
    normalizer: kind.normalizer === undefined ? null : { type: kind.normalizer },
  });
}

/** Builds the spec from a parsed tokenizer.json. Throws ModelError 'tokenizer' for a kind that Knack does not read. */
export function specFromTokenizerJson(json: unknown): TokenizerSpec {
  const root = object(json);
  const model = object(root.model);
  // Old files leave the type out.
  if ((model.type ?? 'BPE') !== 'BPE') throw wrong(`is of the kind “${String(model.type)}”`);
  if (model.byte_fallback === true || model.end_of_word_suffix || model.continuing_subword_prefix) {
    throw wrong('is a BPE without byte-level alphabet');
  }
  const tokens: string[] = [];
  for (const [text, id] of Object.entries(object(model.vocab))) tokens[tokenId(id, text)] = text;
  const added = new Map<string, number>();
  for (const entry of Array.isArray(root.added_tokens) ? root.added_tokens : []) {
    const { content, id } = object(entry);
    if (typeof content !== 'string') throw wrong('has an added token without text');
    added.set(content, tokenId(id, content));
    tokens[tokenId(id, content)] = content;
  }
  for (let id = 0; id < tokens.length; id++) tokens[id] ??= '';
  const merges = Array.isArray(model.merges) ? model.merges : [];
  // Before anything is made of each of them.
  if (merges.length > MOST_MERGES) throw wrong(`has ${merges.length} merges, which no model has`);
  return checked({
    tokens,
    merges: Array.isArray(merges[0]) ? merges.map(pair) : pairs(strings(merges, 'merges')),
    ignoreMerges: model.ignore_merges === true,
    added,
    preTokenizer: { type: 'Sequence', pretokenizers: preTokenizerSteps(root.pre_tokenizer) },
    normalizer: normalizerOf(root.normalizer),
  });
}

/**
 * The steps of a tokenizer.json in the two forms that we run. Digits and ByteLevel's own pattern are spelled as Split:
 * the JavaScript library's versions of them differ from the original in what counts as a digit or a space.
 */
function preTokenizerSteps(json: unknown): Step[] {
  const entry = object(json);
  const steps =
    entry.type === 'Sequence' && Array.isArray(entry.pretokenizers) ? entry.pretokenizers.map(object) : [entry];
  const out = steps.flatMap((step): Step[] => {
    switch (step.type) {
      case 'Digits':
        return [step.individual_digits === true ? EACH_DIGIT : split(String.raw`\p{N}+`)];
      case 'Split': {
        const regex = object(step.pattern).Regex;
        if (typeof regex !== 'string' || step.behavior !== 'Isolated' || step.invert === true) break;
        return [split(regex)];
      }
      case 'ByteLevel':
        if (step.add_prefix_space === true) break;
        return step.use_regex === false ? [BYTE_LEVEL] : [GPT2, BYTE_LEVEL];
    }
    throw wrong(`cuts text in a way that Knack does not know (${JSON.stringify(step).slice(0, 120)})`);
  });
  if (out.at(-1) !== BYTE_LEVEL) throw wrong('is a BPE without byte-level alphabet');
  return out;
}

function normalizerOf(json: unknown): { type: 'NFC' } | null {
  if (json == null) return null;
  const { type, normalizers } = object(json);
  if (type === 'NFC') return { type };
  if (type === 'Sequence' && Array.isArray(normalizers) && normalizers.length === 0) return null;
  throw wrong(`normalises text in a way that Knack does not know (${String(type)})`);
}

/** Every merge must join two tokens into a third, or the file is not whole. */
function checked(spec: TokenizerSpec): TokenizerSpec {
  const known = new Set(spec.tokens);
  for (const [left, right] of spec.merges) {
    if (!known.has(left) || !known.has(right) || !known.has(left + right)) {
      throw new ModelError(
        'tokenizer',
        `The model’s tokenizer is damaged: it merges “${left}” and “${right}”, which its vocabulary does not have. Download the model again.`,
      );
    }
  }
  return spec;
}

function wrong(what: string): ModelError {
  return new ModelError(
    'tokenizer',
    `The model’s tokenizer ${what}. Knack reads byte-level BPE tokenizers (those of SmolLM2, GPT-2, Llama 3 and Qwen 2): choose such a model.`,
  );
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('is not laid out as expected');
  return value as Record<string, unknown>;
}

function strings(value: unknown, what: string): string[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every((item) => typeof item === 'string'))
    throw wrong(`has no list of ${what}`);
  return value;
}

function tokenId(value: unknown, token: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= 1 << 20)
    throw wrong(`gives “${token}” the number ${String(value)}`);
  return value;
}

/** "Ġ t" -> ["Ġ", "t"]: the byte-level alphabet has no space, so the one there is separates. */
function pairs(merges: readonly string[]): (readonly [string, string])[] {
  return merges.map((merge) => pair(merge.split(' ')));
}

function pair(parts: unknown): readonly [string, string] {
  if (!Array.isArray(parts) || parts.length !== 2 || typeof parts[0] !== 'string' || typeof parts[1] !== 'string') {
    throw wrong(`has the merge ${JSON.stringify(parts)}`);
  }
  return [parts[0], parts[1]];
}
