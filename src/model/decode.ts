/**
 * Greedy decoding over a KV cache, and scoring of a given edit, for any forward pass.
 *
 * The cache of the last request is kept: a new prompt pays only for what follows their longest common prefix.
 * Log-probabilities are those of the full softmax, also where token healing narrows the choice, so that serving,
 * scoring and training mean the same number.
 */
import type { Prompt } from './prompt.ts';

/** Prompt tokens a forward pass takes at once: a cancelled request ends within one such step. */
export const PREFILL_CHUNK = 128;

export interface KvCache {
  /** Tokens held. */
  readonly length: number;
  /** The cache of the first `length` tokens. */
  slice(length: number): KvCache;
}

export interface Forward {
  readonly vocab: number;
  /**
   * @param ids (T) tokens that follow those in `cache`
   * @param rows indices into `ids` whose logits are wanted
   * @returns logits (rows.length, vocab), row-major, and the cache with `ids` added
   */
  run(
    ids: readonly number[],
    cache: KvCache | null,
    rows: readonly number[],
  ): Promise<{ logits: Float32Array; cache: KvCache }>;
}

export interface DecodeTokenizer {
  bytes(id: number): Uint8Array;
  readonly vocabSize: number;
  readonly eosIds: readonly number[];
}

export interface Decoded {
  /** Text after the healed part, up to the end of its last line; LF line ends. */
  readonly text: string;
  /** Generated ids, the one that stopped included, and each one's natural-log probability. */
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly stop: 'line' | 'over' | 'eos' | 'length' | 'cancelled';
}

export class Decoder {
  readonly #forward: Forward;
  readonly #tokenizer: DecodeTokenizer;
  readonly #speller: Speller;
  #ids: number[] = [];
  #cache: KvCache | null = null;
  readonly #fixedCuts: boolean;
  /** Tokens of the cache that whole chunks of a prompt filled. */
  #whole = 0;

  /**
   * @param fixedCuts cut prompts at multiples of PREFILL_CHUNK whatever was asked before, so that an answer's bytes
   *   are a function of its prompt (sums in a matrix product depend on its size); the cache then serves whole chunks
   */
  constructor(forward: Forward, tokenizer: DecodeTokenizer, fixedCuts = false) {
    this.#fixedCuts = fixedCuts;
    this.#forward = forward;
    this.#tokenizer = tokenizer;
    this.#speller = new Speller(tokenizer);
  }

  /** Tokens whose keys and values are cached. */
  get cachedIds(): readonly number[] {
    return this.#ids;
  }

  /** Forgets the cache, as after new weights, and fills it again for what it held. */
  async refill(): Promise<void> {
    const ids = this.#ids;
    this.#ids = [];
    this.#cache = null;
    if (ids.length > 0) await this.#prefill(ids, () => false);
  }

  /**
   * Generates one line of text: the rest of the cursor's line, or the next line if that one is whole.
   *
   * @param isCancelled asked between steps
   * @param isOver instead of the line's end: told all that was generated after each token, marks included, it says
   *   whether the answer is whole
   * @param choice what may come after the ids so far, where anything else would be no answer
   */
  async generate(
    prompt: Prompt,
    maxNewTokens: number,
    isCancelled: () => boolean,
    isOver?: (ids: readonly number[], logprobs: readonly number[]) => boolean,
    choice?: (ids: readonly number[]) => Choice,
  ): Promise<Decoded> {
    const ids: number[] = [];
    const logprobs: number[] = [];
    const chunks: Uint8Array[] = [];
    let heal = Buffer.from(prompt.heal).toString('latin1');
    const done = (stop: Decoded['stop']): Decoded => {
      const text = new TextDecoder().decode(Buffer.concat(chunks)).slice(prompt.heal.length);
      // A character whose last bytes never came is left out.
      return { text: firstLine(text).replace(/\ufffd+$/, ''), ids, logprobs, stop };
    };
    let logits = await this.#prefill(prompt.ids, isCancelled);
    while (logits !== null && !isCancelled()) {
      const id = heal === '' ? likeliest(logits, choice?.(ids)) : this.#speller.best(logits, heal);
      ids.push(id);
      logprobs.push(logits[id]! - logSumExp(logits));
      const bytes = this.#tokenizer.bytes(id);
      // Special tokens have no bytes: they end an answer and never stand in one.
      if (bytes.length === 0 || this.#tokenizer.eosIds.includes(id)) return done('eos');
      chunks.push(bytes);
      heal = heal.slice(bytes.length);
      const text = new TextDecoder().decode(Buffer.concat(chunks)).slice(prompt.heal.length);
      if (isOver?.(ids, logprobs)) return done('over');
      if (isOver === undefined && heal === '' && firstLine(text) !== text) return done('line');
      if (ids.length >= maxNewTokens) return done('length');
      logits = await this.#append([id]);
    }
    return done('cancelled');
  }

  /**
   * Log-probability of each of `target`'s ids after the prompt.
   *
   * @returns (target.length) natural logs
   */
  async score(prompt: Prompt, target: readonly number[]): Promise<number[]> {
    if (target.length === 0) return [];
    const first = await this.#prefill(prompt.ids, () => false);
    const logprobs = [first![target[0]!]! - logSumExp(first!)];
    if (target.length === 1) return logprobs;
    const inputs = target.slice(0, -1);
    const { logits } = await this.#forward.run(
      inputs,
      this.#cache,
      inputs.map((_, i) => i),
    );
    for (let i = 0; i < inputs.length; i++) {
      const row = logits.subarray(i * this.#forward.vocab, (i + 1) * this.#forward.vocab);
      logprobs.push(row[target[i + 1]!]! - logSumExp(row));
    }
    return logprobs;
  }

  /** Logits (vocab) after the last prompt token, or null if cancelled. */
  async #prefill(prompt: readonly number[], isCancelled: () => boolean): Promise<Float32Array | null> {
    // The last token is always run again: its logits are not cached.
    let reuse = 0;
    const most = Math.min(this.#ids.length, prompt.length - 1);
    while (reuse < most && this.#ids[reuse] === prompt[reuse]) reuse++;
    if (this.#fixedCuts) reuse = wholeChunks(Math.min(reuse, this.#whole));
    this.#whole = Math.min(this.#whole, wholeChunks(reuse));
    this.#ids = this.#ids.slice(0, reuse);
    this.#cache = reuse === 0 ? null : this.#cache!.slice(reuse);
    let logits: Float32Array | null = null;
    for (let at = reuse; at < prompt.length; at += PREFILL_CHUNK) {
      if (isCancelled()) return null;
      logits = await this.#append(prompt.slice(at, at + PREFILL_CHUNK));
      this.#whole = wholeChunks(this.#ids.length);
    }
    return logits;
  }

  async #append(ids: readonly number[]): Promise<Float32Array> {
    const { logits, cache } = await this.#forward.run(ids, this.#cache, [ids.length - 1]);
    this.#cache = cache;
    this.#ids.push(...ids);
    return logits;
  }
}

function wholeChunks(tokens: number): number {
  return tokens - (tokens % PREFILL_CHUNK);
}

/** Everything before the first line end that follows something other than white space. */
export function firstLine(text: string): string {
  const begin = text.search(/\S/);
  const end = begin < 0 ? -1 : text.indexOf('\n', begin);
  return end < 0 ? text : text.slice(0, end);
}

/** Finds the tokens that can spell a given text: those that begin with it, and those that it begins with. */
class Speller {
  /** Tokens' bytes as latin1 text, sorted, each with its id. */
  readonly #sorted: { text: string; id: number }[] = [];
  readonly #exact = new Map<string, number>();

  constructor(tokenizer: DecodeTokenizer) {
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      const text = Buffer.from(tokenizer.bytes(id)).toString('latin1');
      if (text === '') continue;
      this.#sorted.push({ text, id });
      if (!this.#exact.has(text)) this.#exact.set(text, id);
    }
    this.#sorted.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
  }

  /** Id of the likeliest token among those that can spell `text`. */
  best(logits: Float32Array, text: string): number {
    let best = -1;
    const offer = (id: number | undefined): void => {
      if (id !== undefined && (best < 0 || logits[id]! > logits[best]!)) best = id;
    };
    for (let n = 1; n < text.length; n++) offer(this.#exact.get(text.slice(0, n)));
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]!.text < text) low = middle + 1;
      else high = middle;
    }
    for (let i = low; i < this.#sorted.length && this.#sorted[i]!.text.startsWith(text); i++)
      offer(this.#sorted[i]!.id);
    return best < 0 ? argmax(logits) : best;
  }
}

/** Which tokens may come next: these alone, or all but those. */
type Choice = { readonly only: readonly number[] } | { readonly not: readonly number[] };

/** Id of the likeliest token that may come. */
function likeliest(logits: Float32Array, choice: Choice | undefined): number {
  if (choice === undefined) return argmax(logits);
  if ('only' in choice) return choice.only.reduce((best, id) => (logits[id]! > logits[best]! ? id : best));
  let best = argmax(logits);
  if (!choice.not.includes(best)) return best;
  best = -1;
  for (let id = 0; id < logits.length; id++) {
    if ((best < 0 || logits[id]! > logits[best]!) && !choice.not.includes(id)) best = id;
  }
  return best;
}

/** Index of the largest, the first of equals. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}

/** ln Σ exp, by the largest taken out, so that nothing overflows. */
export function logSumExp(logits: Float32Array): number {
  const max = logits[argmax(logits)]!;
  let sum = 0;
  for (const x of logits) sum += Math.exp(x - max);
  return max + Math.log(sum);
}
