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
   * Where the form leaves one token to choose from, and one after that, all of them cost one forward pass.
   *
   * @param isCancelled asked between steps
   * @param form what an answer looks like, instead of a line
   */
  async generate(
    prompt: Prompt,
    maxNewTokens: number,
    isCancelled: () => boolean,
    form: AnswerForm = {},
  ): Promise<Decoded> {
    const { isOver, choice, again } = form;
    const ids: number[] = [];
    const logprobs: number[] = [];
    /** The second likeliest token of each step, and its log-probability: -Infinity where there was no other. */
    const others: Candidate[] = [];
    const healBytes = Buffer.from(prompt.heal).toString('latin1');
    const spelled = (): Buffer => Buffer.concat(ids.map((id) => this.#tokenizer.bytes(id)));
    const textOf = (): string => new TextDecoder().decode(spelled()).slice(prompt.heal.length);
    const done = (stop: Decoded['stop']): Decoded => {
      // A character whose last bytes never came is left out.
      return { text: firstLine(textOf()).replace(/\ufffd+$/, ''), ids, logprobs, stop };
    };
    const push = (id: number, logprob: number, other: Candidate): void => {
      ids.push(id);
      logprobs.push(logprob);
      others.push(other);
    };
    const stopNow = (): Decoded['stop'] | null => {
      const id = ids.at(-1)!;
      // Special tokens have no bytes: they end an answer and never stand in one.
      if (this.#tokenizer.bytes(id).length === 0 || this.#tokenizer.eosIds.includes(id)) return 'eos';
      if (isOver?.(ids, logprobs)) return 'over';
      if (isOver === undefined && spelled().length >= prompt.heal.length) {
        const text = textOf();
        if (firstLine(text) !== text) return 'line';
      }
      return ids.length >= maxNewTokens ? 'length' : null;
    };
    let returns = 0;
    let logits = await this.#prefill(prompt.ids, isCancelled);
    while (logits !== null && !isCancelled()) {
      const heal = healBytes.slice(ids.length === 0 ? 0 : spelled().length);
      const total = logSumExp(logits);
      if (heal === '') {
        const [best, other] = twoLikeliest(logits, choice?.(ids));
        push(best, logits[best]! - total, other < 0 ? NOBODY : { id: other, logprob: logits[other]! - total });
      } else {
        const best = this.#speller.best(logits, heal);
        push(best, logits[best]! - total, NOBODY);
      }
      let stop = stopNow();
      if (stop === null) {
        const forced = heal === '' ? forcedAfter(ids, choice, maxNewTokens) : [];
        const rows = await this.#appendAll([ids.at(-1)!, ...forced]);
        logits = rows.at(-1)!;
        for (const [i, id] of forced.entries()) {
          push(id, rows[i]![id]! - logSumExp(rows[i]!), NOBODY);
          stop = stopNow();
          if (stop !== null) break;
        }
      }
      if (stop === null) continue;
      const at =
        returns < MOST_RETURNS && stop === 'over'
          ? (again?.(
              ids,
              logprobs,
              others.map((o) => o.logprob),
            ) ?? null)
          : null;
      if (at === null) return done(stop);
      // The second likeliest answer: back to where it parts from this one.
      returns++;
      const { id, logprob } = others[at]!;
      ids.length = logprobs.length = others.length = at;
      push(id, logprob, NOBODY);
      this.#truncate(prompt.ids.length + at);
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

  /** As `#append`, with the logits (vocab) after each of the ids. */
  async #appendAll(ids: readonly number[]): Promise<Float32Array[]> {
    const { vocab } = this.#forward;
    const { logits, cache } = await this.#forward.run(
      ids,
      this.#cache,
      ids.map((_, i) => i),
    );
    this.#cache = cache;
    this.#ids.push(...ids);
    return ids.map((_, i) => logits.subarray(i * vocab, (i + 1) * vocab));
  }

  #truncate(length: number): void {
    if (length >= this.#ids.length) return;
    this.#ids = this.#ids.slice(0, length);
    this.#cache = this.#cache!.slice(length);
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

/** What an answer looks like. */
export interface AnswerForm {
  /** Told all that was generated after each token, marks included: whether the answer is whole. Absent: a line's end. */
  readonly isOver?: (ids: readonly number[], logprobs: readonly number[]) => boolean;
  /** What may come after the ids so far, where anything else would be no answer. */
  readonly choice?: (ids: readonly number[]) => Choice;
  /**
   * Where the whole answer is of no use: the step at which to take the second likeliest token instead.
   *
   * @param others each step's second likeliest token's log-probability
   */
  readonly again?: (ids: readonly number[], logprobs: readonly number[], others: readonly number[]) => number | null;
}

interface Candidate {
  readonly id: number;
  readonly logprob: number;
}

const NOBODY: Candidate = { id: -1, logprob: Number.NEGATIVE_INFINITY };
/** Most second attempts at one answer. */
const MOST_RETURNS = 2;

/** Ids of the likeliest and the second likeliest token that may come; -1 for the second if there is none. */
function twoLikeliest(logits: Float32Array, choice: Choice | undefined): readonly [number, number] {
  const only = choice !== undefined && 'only' in choice ? choice.only : null;
  const not: readonly number[] = choice !== undefined && 'not' in choice ? choice.not : [];
  let [best, second] = [-1, -1];
  const offer = (id: number): void => {
    const x = logits[id]!;
    if (best < 0 || x > logits[best]!) {
      if (not.includes(id)) return;
      second = best;
      best = id;
    } else if ((second < 0 || x > logits[second]!) && id !== best && !not.includes(id)) second = id;
  };
  if (only !== null) for (const id of only) offer(id);
  else for (let id = 0; id < logits.length; id++) offer(id);
  return [best, second];
}

/** The ids that must follow, as the form allows no other. */
function forcedAfter(ids: readonly number[], choice: AnswerForm['choice'], most: number): number[] {
  const forced: number[] = [];
  while (choice !== undefined && ids.length + forced.length < most) {
    const next = choice([...ids, ...forced]);
    if (!('only' in next) || next.only.length !== 1) break;
    forced.push(next.only[0]!);
  }
  return forced;
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
