/**
 * Greedy decoding over a KV cache, and scoring of a given edit, for any forward pass.
 *
 * The cache of the last request is kept: a new prompt pays only for what follows their longest common prefix.
 * Log-probabilities are those of the full softmax, also where token healing narrows the choice, so that serving,
 * scoring and training mean the same number.
 */
import type { Prompt } from './prompt.ts';
import { type Spelling, spellingOf } from './spelling.ts';

/** Prompt tokens a forward pass takes at once: a cancelled request ends within one such step. */
export const PREFILL_CHUNK = 128;
/** The same where a prompt is cut at fixed places: shorter, so that more of what another one began with is kept. */
const FIXED_CHUNK = 64;
/** Earlier prompts whose chunks are kept then, at some 20 MB each (SmolLM2 135M, 384 tokens). */
const MOST_PARKED = 4;

/** Tokens of given answers that a pass takes: the logits of all of them are held at once, and few tell much. */
const WEIGHED_AT_ONCE = 16;

/** Answers that part from one another, as ids after the same ones. */
export interface Tree {
  /** Tokens of the cache that all of them follow. */
  readonly trunk: number;
  /**
   * For each token after the trunk, those in the cache before those of the pass, which of them it follows; -1 for the
   * trunk's last. It comes at the position after that, and sees nothing beside the trunk but what it follows.
   */
  readonly parents: readonly number[];
}

export interface KvCache {
  /** Tokens held. */
  readonly length: number;
  /**
   * The cache of the first `length` tokens; this one is not to be used any more once tokens are added to that.
   *
   * @param tight how it lies in memory, and with that the last bits of sums, depends on the length alone
   */
  slice(length: number, tight?: boolean): KvCache;
  /** As a tight slice, but what is added to one changes nothing of the other. */
  copy(length: number): KvCache;
}

export interface Forward {
  readonly vocab: number;
  /**
   * @param ids (T) tokens that follow those in `cache`
   * @param rows indices into `ids` whose logits are wanted
   * @param tree where they do not follow one another
   * @returns logits (rows.length, vocab), row-major, ln Σ exp of each row where it is known, and the cache with `ids`
   * added
   */
  run(
    ids: readonly number[],
    cache: KvCache | null,
    rows: readonly number[],
    tree?: Tree,
  ): Promise<{ logits: Float32Array; totals?: Float32Array; cache: KvCache }>;
}

/** What a pass says of the token after one. */
export interface Row {
  /** (vocab) */
  readonly logits: Float32Array;
  /** ln Σ exp of them. */
  readonly total: number;
}

export interface DecodeTokenizer {
  bytes(id: number): Uint8Array;
  readonly vocabSize: number;
  readonly eosIds: readonly number[];
}

/** What was generated. All arrays have one entry a token. */
export interface Written {
  readonly ids: readonly number[];
  /** Natural-log probabilities of the full softmax. */
  readonly logprobs: readonly number[];
  /** The same among the tokens that could come there; 0 where there was no other. */
  readonly chances: readonly number[];
  /** That of the second likeliest token that could come there; -Infinity where there was none, or it was tried before. */
  readonly others: readonly number[];
  /** That of the likeliest other token that could come there, tried or not; -Infinity where there was none. */
  readonly rivals: readonly number[];
}

export interface Decoded extends Written {
  /** Text after the healed part, up to the end of its last line; LF line ends. */
  readonly text: string;
  /** What the last id, or the lack of a next one, means. */
  readonly stop: 'line' | 'over' | 'eos' | 'length' | 'cancelled';
}

/** Which tokens may come next: these alone, or all but those. */
export type Choice = { readonly only: readonly number[] } | { readonly not: readonly number[] };

/** What an answer looks like. */
export interface AnswerForm {
  /** Told all that was generated after each token, marks included: whether the answer is whole. Absent: a line's end. */
  isOver?(written: Written): boolean;
  /** What may come after the ids so far, where anything else would be no answer. Absent: anything. */
  choice?(ids: readonly number[]): Choice;
  /** What may well follow the ids so far, by the answer's form: checked with them in one pass. Absent: nothing. */
  guess?(ids: readonly number[]): readonly number[];
  /** Where the whole answer is of no use: the step at which to take the second likeliest token instead. */
  again?(written: Written): number | null;
  /** Tokens that may not come after the ids so far, also where a text is being spelled. Absent: none. */
  not?(ids: readonly number[]): readonly number[];
}

/** Guesses at ids that are going to be generated: they cost little to check beside others, and never change an answer. */
export interface Drafts {
  /** What may follow these ids, nothing unless there is reason to think so. */
  after(context: readonly number[]): readonly number[];
  /** A prompt and what was generated after it. */
  wrote(ids: readonly number[]): void;
}

export class Decoder {
  readonly #forward: Forward;
  readonly #tokenizer: DecodeTokenizer;
  readonly #spelling: Spelling;
  #ids: number[] = [];
  #cache: KvCache | null = null;
  readonly #fixedCuts: boolean;
  readonly #drafts: Drafts | null;
  /** Guesses that the cache holds behind `#ids`, and what comes after each. */
  #ahead: { readonly id: number; readonly row: Row }[] = [];
  /** Tokens of the cache that whole chunks of a prompt filled; counted where cuts are fixed. */
  #whole = 0;
  /** Whole chunks of earlier prompts, the last one at the end. */
  #parked: { readonly ids: readonly number[]; readonly cache: KvCache }[] = [];
  /** What comes after the last prompt that was answered, as the model gave it, and which tokens lead nowhere there. */
  #afterPrompt: { readonly prompt: readonly number[]; readonly row: Row; readonly beyond: Beyond } | null = null;

  /**
   * @param fixedCuts cut prompts at multiples of FIXED_CHUNK whatever was asked before, so that an answer's bytes
   *   are a function of its prompt (sums in a matrix product depend on its size); the cache then serves whole chunks
   * @param drafts not with fixed cuts, as they depend on what was asked before; what a form guesses does not
   */
  constructor(forward: Forward, tokenizer: DecodeTokenizer, fixedCuts = false, drafts: Drafts | null = null) {
    this.#drafts = fixedCuts ? null : drafts;
    this.#fixedCuts = fixedCuts;
    this.#forward = forward;
    this.#tokenizer = tokenizer;
    this.#spelling = spellingOf(tokenizer);
  }

  /** Tokens whose keys and values are cached. */
  get cachedIds(): readonly number[] {
    return this.#ids;
  }

  /** Lets go of the cache. */
  forget(): void {
    this.#ids = [];
    this.#ahead = [];
    this.#cache = null;
    this.#whole = 0;
    this.#parked = [];
    this.#afterPrompt = null;
  }

  /** Forgets the cache, as after new weights, and fills it again for what it held. */
  async refill(): Promise<void> {
    const ids = this.#ids;
    this.forget();
    if (ids.length > 0) await this.#prefill(ids, () => false, []);
  }

  /**
   * Generates one line of text: the rest of the cursor's line, or the next line if that one is whole; or what `form`
   * says. Where a form leaves one token to choose from, and one after that, all of them cost one forward pass.
   *
   * @param isCancelled asked between steps
   * @param mixin what beside the model knows what may come; log-probabilities are those of the mixture
   */
  async generate(
    prompt: Prompt,
    maxNewTokens: number,
    isCancelled: () => boolean,
    form: AnswerForm = {},
    mixin?: Mixin,
  ): Promise<Decoded> {
    const steps: Step[] = [];
    const ids = (): number[] => steps.map((step) => step.id);
    const written = (): Written => writtenOf(steps);
    const heal = Buffer.from(prompt.heal).toString('latin1');
    const spelled = (): Buffer => Buffer.concat(steps.map((step) => this.#tokenizer.bytes(step.id)));
    const textOf = (): string => new TextDecoder().decode(spelled()).slice(prompt.heal.length);
    const done = (stop: Decoded['stop']): Decoded => {
      this.#drafts?.wrote([...prompt.ids, ...ids()]);
      // A character whose last bytes never came is left out.
      return { text: firstLine(textOf()).replace(/\ufffd+$/, ''), ...written(), stop };
    };
    const stopNow = (): Decoded['stop'] | null => {
      const { id } = steps.at(-1)!;
      // Special tokens have no bytes: they end an answer and never stand in one.
      if (this.#tokenizer.bytes(id).length === 0 || this.#tokenizer.eosIds.includes(id)) return 'eos';
      if (form.isOver?.(written())) return 'over';
      if (form.isOver === undefined && spelled().length >= heal.length) {
        const text = textOf();
        if (firstLine(text) !== text) return 'line';
      }
      return steps.length - given >= maxNewTokens ? 'length' : null;
    };
    /** Steps without a choice: they cost next to nothing, and count as nothing. */
    let given = 0;
    let returns = 0;
    const guess = (...more: readonly number[]): readonly number[] => {
      const left = Math.max(0, maxNewTokens + given - steps.length - 1);
      const written = [...ids(), ...more];
      const own = form.guess?.(written) ?? [];
      const guessed = own.length > 0 ? own : (this.#drafts?.after([...prompt.ids, ...written]) ?? []);
      return guessed.slice(0, left);
    };
    let row = await this.#prefill(prompt.ids, isCancelled, guess());
    this.#afterPrompt = row && { prompt: prompt.ids, row: copied(row), beyond: NOTHING_SEEN };
    while (row !== null && !isCancelled()) {
      const unspelled = heal.slice(spelled().length);
      const isHealing = unspelled !== '';
      const choice = isHealing ? this.#canSpell(unspelled) : form.choice?.(ids());
      const allowed = without(choice, form.not?.(ids()) ?? []);
      if (mixin !== undefined) {
        row = mixIn(row, mixin.odds(steps.length, contextOf(prompt.ids, ids()), fitting(allowed)) ?? []);
      }
      let seen: Row | null = null;
      if (isHealing && choice !== undefined) {
        const { step, after, beyond } = await this.#spell(row, allowed, unspelled, ids(), form);
        if (steps.length === 0) this.#afterPrompt = { ...this.#afterPrompt!, beyond };
        steps.push(step);
        seen = after;
      } else {
        steps.push(stepOf(row, allowed));
      }
      mixin?.chose(steps.length - 1, steps.at(-1)!.id, steps.at(-1)!.logprob);
      for (;;) {
        let stop = stopNow();
        if (stop === null) {
          const forced = isHealing ? [] : forcedAfter(ids(), form);
          const rows: readonly Row[] =
            seen === null ? await this.#follow([steps.at(-1)!.id, ...forced], () => guess(...forced)) : [seen];
          row = rows.at(-1)!;
          for (const [i, id] of forced.entries()) {
            steps.push({ id, logprob: logprobOf(rows[i]!, id), chance: 0, other: NOBODY, rival: NOBODY.chance });
            given++;
            stop = stopNow();
            if (stop !== null) break;
          }
        }
        if (stop === null) break;
        const at = stop === 'over' && returns < MOST_RETURNS ? (form.again?.(written()) ?? null) : null;
        const other = at === null ? NOBODY : steps[at]!.other;
        if (at === null || other === NOBODY) return done(stop);
        // The second likeliest answer: back to where it parts from this one.
        returns++;
        given = steps.slice(0, at).filter((step) => step.other === NOBODY).length;
        const { chance: rival } = steps[at]!;
        steps.length = at;
        steps.push({ ...other, other: NOBODY, rival });
        mixin?.chose(at, other.id, other.logprob);
        this.#truncate(prompt.ids.length + at);
      }
    }
    return done('cancelled');
  }

  /**
   * The next token of those that spell a text. One that spells only its beginning is as likely as what it leads to: the
   * model means a line break where it writes one alone, and never goes on with the blanks that were typed after it. So
   * such a token is looked beyond before it is chosen.
   *
   * @param row what comes after the ids so far; it may have been mixed into
   * @param written the ids since the prompt
   * @returns the step; what comes after it, if that was looked at and the cache holds it; what was looked at
   */
  async #spell(
    row: Row,
    allowed: Choice | undefined,
    unspelled: string,
    written: readonly number[],
    form: AnswerForm,
  ): Promise<{ readonly step: Step; readonly after: Row | null; readonly beyond: Beyond }> {
    const here = this.#ids.length;
    const beyond = new Map<number, number>();
    let last: { readonly id: number; readonly row: Row } | null = null;
    let kept = row;
    for (;;) {
      const step = stepOf(kept, allowed, null, beyond);
      const left = unspelled.slice(this.#tokenizer.bytes(step.id).length);
      if (left === '' || beyond.has(step.id)) {
        if (last !== null && last.id !== step.id) this.#truncate(here);
        return { step, after: last?.id === step.id ? last.row : null, beyond };
      }
      // A pass may write where the last one's logits lie.
      if (kept === row) kept = copied(row);
      this.#truncate(here);
      const [after] = await this.#follow([step.id], () => []);
      last = { id: step.id, row: after! };
      const spelling = this.#canSpell(left);
      const next = spelling && without(spelling, form.not?.([...written, step.id]) ?? []);
      beyond.set(step.id, next === undefined ? NOWHERE : totalOf(after!, next) - after!.total);
    }
  }

  /**
   * Given answers, each weighed as if it had been generated. What they begin with alike is run once. A pass takes
   * WEIGHED_AT_ONCE tokens, of each answer alike; none is needed for the prompt that was answered last.
   *
   * @param mixins of each answer, as in `generate`
   * @param wanted told before each pass what was weighed of the answers so far: whether each is to be weighed further
   * @returns of each answer all of it, or what was weighed of it; null if some id could not come there, or if cancelled
   */
  async weigh(
    prompt: Prompt,
    targets: readonly (readonly number[])[],
    isCancelled: () => boolean,
    form: AnswerForm = {},
    mixins: readonly (Mixin | undefined)[] = [],
    wanted: (weighed: readonly (Written | null)[]) => readonly boolean[] = (weighed) => weighed.map(() => true),
  ): Promise<(Written | null)[]> {
    const answers = targets.map((target, i) => {
      const choices = target.length === 0 ? null : this.#choicesOf(prompt, target, form);
      return choices && new Weighed(prompt.ids, target, choices, mixins[i]);
    });
    if (answers.every((answer) => answer === null)) return targets.map(() => null);
    if (this.#afterPrompt?.prompt !== prompt.ids) {
      const row = await this.#prefill(prompt.ids, isCancelled, []);
      this.#afterPrompt = row && { prompt: prompt.ids, row, beyond: NOTHING_SEEN };
    }
    const first = this.#afterPrompt;
    if (first === null) return targets.map(() => null);
    this.#truncate(prompt.ids.length);
    for (const answer of answers) answer?.take(first.row, -1, first.beyond);
    let cache = this.#cache;
    /** All that was run, as a tree, and the place in it of an id that follows another. */
    const parents: number[] = [];
    const places = new Map<string, number>();
    for (;;) {
      const weighed = answers.map((answer) => answer?.written() ?? null);
      const goesOn = wanted(weighed);
      const open = answers.filter((answer, i) => answer !== null && !answer.isWhole && goesOn[i]) as Weighed[];
      if (open.length === 0) return weighed;
      if (isCancelled()) return answers.map((answer) => (answer?.isWhole ? answer.written() : null));
      const before = parents.length;
      const ids: number[] = [];
      const plan = (answer: Weighed, most: number): void => {
        let node = answer.node;
        for (const id of answer.rest()) {
          const key = `${node}/${id}`;
          if (!places.has(key)) {
            if (ids.length === most) return;
            places.set(key, parents.length);
            parents.push(node);
            ids.push(id);
          }
          node = places.get(key)!;
        }
      };
      for (const [i, answer] of open.entries()) plan(answer, Math.ceil((WEIGHED_AT_ONCE * (i + 1)) / open.length));
      for (const answer of open) plan(answer, WEIGHED_AT_ONCE);
      const tree = { trunk: prompt.ids.length, parents: [...parents] };
      const out = await this.#forward.run(ids, cache, [...ids.keys()], tree);
      const rows = rowsOf(out, this.#forward.vocab);
      cache = out.cache;
      for (const answer of open) {
        // Also what was run for the sake of another one.
        for (const id of answer.rest()) {
          const place = places.get(`${answer.node}/${id}`);
          if (place === undefined) break;
          answer.take(rows[place - before]!, place);
        }
      }
    }
  }

  /** The tokens that can spell a text, as latin1, or begin to; undefined if there are none. */
  #canSpell(text: string): Choice | undefined {
    const only = this.#spelling.tokens(text);
    return only.length === 0 ? undefined : { only };
  }

  /** What may come at each step of a given answer; null if one of its ids may not. */
  #choicesOf(prompt: Prompt, target: readonly number[], form: AnswerForm): (Choice | undefined)[] | null {
    const heal = Buffer.from(prompt.heal).toString('latin1');
    const choices: (Choice | undefined)[] = [];
    let spelled = 0;
    for (const [i, id] of target.entries()) {
      const ids = target.slice(0, i);
      const choice = spelled < heal.length ? this.#canSpell(heal.slice(spelled)) : form.choice?.(ids);
      const allowed = without(choice, form.not?.(ids) ?? []);
      if (!fitting(allowed)(id)) return null;
      choices.push(allowed);
      spelled += this.#tokenizer.bytes(id).length;
    }
    return choices;
  }

  /**
   * Log-probability of each of `target`'s ids after the prompt.
   *
   * @returns (target.length) natural logs
   */
  async score(prompt: Prompt, target: readonly number[]): Promise<number[]> {
    if (target.length === 0) return [];
    const first = await this.#prefill(prompt.ids, () => false, []);
    const logprobs = [logprobOf(first!, target[0]!)];
    if (target.length === 1) return logprobs;
    const rows = await this.#peek(target.slice(0, -1));
    return [...logprobs, ...rows.map((row, i) => logprobOf(row, target[i + 1]!))];
  }

  /**
   * What comes after the last prompt token, or null if cancelled.
   *
   * @param drafts guesses at what follows
   */
  async #prefill(
    prompt: readonly number[],
    isCancelled: () => boolean,
    drafts: readonly number[],
  ): Promise<Row | null> {
    this.#afterPrompt = null;
    if (this.#fixedCuts) this.#beginWhole(prompt);
    else this.#truncate(inCommon(this.#ids, prompt));
    let row: Row | null = null;
    const chunk = this.#fixedCuts ? FIXED_CHUNK : PREFILL_CHUNK;
    for (let at = this.#ids.length; at < prompt.length; at += chunk) {
      if (isCancelled()) return null;
      const end = Math.min(at + chunk, prompt.length);
      const rows = await this.#run(prompt.slice(at, end), 1, end === prompt.length ? drafts : []);
      row = rows[0]!;
      this.#whole = wholeChunks(this.#ids.length);
    }
    return row;
  }

  /** Leaves of the cache what of any of the last prompts this one begins with, in whole chunks. */
  #beginWhole(prompt: readonly number[]): void {
    if (this.#whole > 0) this.#parked.push({ ids: this.#ids.slice(0, this.#whole), cache: this.#cache! });
    if (this.#parked.length > MOST_PARKED) this.#parked.shift();
    const common = this.#parked.map(({ ids }) => wholeChunks(inCommon(ids, prompt)));
    const reuse = Math.max(0, ...common);
    this.#whole = reuse;
    this.#ids = prompt.slice(0, reuse);
    this.#ahead = [];
    this.#cache = null;
    if (reuse === 0) return;
    const at = common.lastIndexOf(reuse);
    const { ids, cache } = this.#parked[at]!;
    // What is needed whole goes on in the same memory.
    if (ids.length === reuse) this.#parked.splice(at, 1);
    this.#cache = ids.length === reuse ? cache.slice(reuse, true) : cache.copy(reuse);
  }

  /**
   * What comes after each of `ids`, which were generated: known, where they were guessed, else from one pass.
   *
   * @param guess asked, if there is a pass, for what may follow all of them
   */
  async #follow(ids: readonly number[], guess: () => readonly number[]): Promise<Row[]> {
    let n = 0;
    while (n < ids.length && this.#ahead[n]?.id === ids[n]) n++;
    const known = this.#ahead.splice(0, n).map(({ row }) => row);
    this.#ids.push(...ids.slice(0, n));
    if (n === ids.length) return known;
    this.#dropAhead();
    const rest = ids.slice(n);
    return [...known, ...(await this.#run(rest, rest.length, guess()))];
  }

  /** One pass over `ids` and guesses at what follows: what comes after each of the last `wanted` ids. */
  async #run(ids: readonly number[], wanted: number, drafts: readonly number[]): Promise<Row[]> {
    const first = ids.length - wanted;
    const asked = Array.from({ length: wanted + drafts.length }, (_, i) => first + i);
    const passed = await this.#forward.run([...ids, ...drafts], this.#cache, asked);
    const rows = rowsOf(passed, this.#forward.vocab);
    this.#cache = passed.cache;
    this.#ids.push(...ids);
    this.#ahead = drafts.map((id, i) => ({ id, row: rows[wanted + i]! }));
    return rows.slice(0, wanted);
  }

  /** What comes after each of these ids, which the cache is not to hold. */
  async #peek(ids: readonly number[]): Promise<Row[]> {
    const asked = ids.map((_, i) => i);
    return rowsOf(await this.#forward.run(ids, this.#cache, asked), this.#forward.vocab);
  }

  /** The cache without guesses. */
  #dropAhead(): void {
    if (this.#ahead.length === 0) return;
    this.#ahead = [];
    this.#cache = this.#cache!.slice(this.#ids.length, this.#fixedCuts);
  }

  /** The cache of the first `length` ids, or of all of them; without guesses. */
  #truncate(length: number): void {
    if (length >= this.#ids.length) {
      this.#dropAhead();
      return;
    }
    this.#ahead = [];
    this.#ids = this.#ids.slice(0, length);
    this.#cache = length === 0 ? null : this.#cache!.slice(length, this.#fixedCuts);
  }
}

/** Ids that both begin with; never all of a prompt: its last token is run again, as its logits are not cached. */
function inCommon(ids: readonly number[], prompt: readonly number[]): number {
  const most = Math.min(ids.length, prompt.length - 1);
  let n = 0;
  while (n < most && ids[n] === prompt[n]) n++;
  return n;
}

function wholeChunks(tokens: number): number {
  return tokens - (tokens % FIXED_CHUNK);
}

/** Everything before the first line end that follows something other than white space. */
export function firstLine(text: string): string {
  const begin = text.search(/\S/);
  const end = begin < 0 ? -1 : text.indexOf('\n', begin);
  return end < 0 ? text : text.slice(0, end);
}

/** A distribution m of the next token that is mixed into the model's p with a weight w: (1-w) p + w m. */
export interface Mixin {
  /**
   * @param at index of the token that is to be generated; what was told of this and later ones is void
   * @param context the last ids, at most MIXIN_CONTEXT
   * @param fits whether a token may come
   * @returns w m / (1-w) of the tokens whose m is not 0; null: w is 0
   */
  odds(at: number, context: readonly number[], fits: (id: number) => boolean): Odds | null;
  /** The token that was generated, and its log-probability under the mixture. */
  chose(at: number, id: number, logprob: number): void;
}

export type Odds = readonly { readonly id: number; readonly odds: number }[];

/** Ids that a Mixin is told. */
export const MIXIN_CONTEXT = 64;

function contextOf(prompt: readonly number[], written: readonly number[]): number[] {
  return [...prompt.slice(-MIXIN_CONTEXT), ...written].slice(-MIXIN_CONTEXT);
}

/** With what a Mixin says added to its logits, in place: their softmax is then the mixture. */
export function mixIn({ logits, total }: Row, added: Odds): Row {
  let more = 0;
  for (const { id, odds } of added) {
    const [model, other] = [logits[id]!, total + Math.log(odds)];
    const max = Math.max(model, other);
    logits[id] = max + Math.log(Math.exp(model - max) + Math.exp(other - max));
    more += odds;
  }
  return { logits, total: total + Math.log1p(more) };
}

function rowsOf({ logits, totals }: { logits: Float32Array; totals?: Float32Array }, vocab: number): Row[] {
  return Array.from({ length: logits.length / vocab }, (_, i) => {
    const row = logits.subarray(i * vocab, (i + 1) * vocab);
    return { logits: row, total: totals?.[i] ?? logSumExp(row) };
  });
}

function copied({ logits, total }: Row): Row {
  return { logits: logits.slice(), total };
}

function logprobOf({ logits, total }: Row, id: number): number {
  return logits[id]! - total;
}

function fitting(choice: Choice | undefined): (id: number) => boolean {
  if (choice === undefined) return () => true;
  const ids = new Set('only' in choice ? choice.only : choice.not);
  return 'only' in choice ? (id) => ids.has(id) : (id) => !ids.has(id);
}

/** A given answer while it is weighed. */
class Weighed {
  /** The token in a tree that the next ones follow. */
  node = -1;
  readonly #prompt: readonly number[];
  readonly #target: readonly number[];
  readonly #choices: readonly (Choice | undefined)[];
  readonly #mixin: Mixin | undefined;
  readonly #steps: Step[] = [];

  constructor(
    prompt: readonly number[],
    target: readonly number[],
    choices: readonly (Choice | undefined)[],
    mixin: Mixin | undefined,
  ) {
    this.#prompt = prompt;
    this.#target = target;
    this.#choices = choices;
    this.#mixin = mixin;
  }

  get isWhole(): boolean {
    return this.#steps.length === this.#target.length;
  }

  /** The ids after which it has not been seen yet what comes. */
  rest(): readonly number[] {
    return this.#target.slice(this.#steps.length - 1, -1);
  }

  written(): Written {
    return writtenOf(this.#steps);
  }

  /** @param row what comes after the ids so far */
  take(row: Row, node = -1, beyond: Beyond = NOTHING_SEEN): void {
    const i = this.#steps.length;
    this.node = node;
    this.#steps.push(stepOf(this.#mixed(row, i), this.#choices[i], this.#target[i]!, beyond));
    const { id, logprob } = this.#steps[i]!;
    this.#mixin?.chose(i, id, logprob);
  }

  #mixed(row: Row, i: number): Row {
    if (this.#mixin === undefined) return row;
    const context = contextOf(this.#prompt, this.#target.slice(0, i));
    const odds = this.#mixin.odds(i, context, fitting(this.#choices[i]));
    // Other answers read the same row.
    return odds === null ? row : mixIn(copied(row), odds);
  }
}

interface Candidate {
  readonly id: number;
  readonly logprob: number;
  readonly chance: number;
}

interface Step extends Candidate {
  /** The second likeliest, if it is still to be tried. */
  readonly other: Candidate;
  /** As Written.rivals. */
  readonly rival: number;
}

const NOBODY: Candidate = { id: -1, logprob: Number.NEGATIVE_INFINITY, chance: Number.NEGATIVE_INFINITY };
/** Most second attempts at one answer. */
const MOST_RETURNS = 2;

function writtenOf(steps: readonly Step[]): Written {
  return {
    ids: steps.map((step) => step.id),
    logprobs: steps.map((step) => step.logprob),
    chances: steps.map((step) => step.chance),
    others: steps.map((step) => step.other.chance),
    rivals: steps.map((step) => step.rival),
  };
}

/** Of tokens that were looked beyond: natural log of the share of what comes after each that may come there. */
type Beyond = ReadonlyMap<number, number>;

const NOTHING_SEEN: Beyond = new Map();
/** Of a token that nothing can follow: finite, as it may be all there is. */
const NOWHERE = -1e4;

/** ln Σ exp of the tokens that may come. @param worth a token's logit, or what stands for it */
function totalOf(
  { logits, total }: Row,
  choice: Choice | undefined,
  worth: (id: number) => number = (id) => logits[id]!,
): number {
  if (choice === undefined) return total;
  if ('only' in choice) return logSumExp(Float32Array.from(new Set(choice.only), worth));
  // What can not come takes its share of the whole with it.
  const share = choice.not.reduce((sum, id) => sum + Math.exp(logits[id]! - total), 0);
  return total + Math.log1p(-Math.min(1 - 1e-9, share));
}

/**
 * The likeliest token that may come, the first of equals, and the second likeliest; or a given one, and the likeliest
 * beside it.
 *
 * @param beyond counts for which is the likeliest, and for chances
 */
function stepOf(
  row: Row,
  choice: Choice | undefined,
  given: number | null = null,
  beyond: Beyond = NOTHING_SEEN,
): Step {
  const { logits, total: all } = row;
  const only = choice !== undefined && 'only' in choice ? choice.only : null;
  const not: readonly number[] = choice !== undefined && 'not' in choice ? choice.not : [];
  const worth = beyond.size === 0 ? (id: number) => logits[id]! : (id: number) => logits[id]! + (beyond.get(id) ?? 0);
  let [best, second] = [-1, -1];
  const offer = (id: number): void => {
    const x = worth(id);
    if (best < 0 || x > worth(best)) {
      if (not.includes(id)) return;
      second = best;
      best = id;
    } else if ((second < 0 || x > worth(second)) && id !== best && !not.includes(id)) second = id;
  };
  if (only !== null) for (const id of only) offer(id);
  else for (let id = 0; id < logits.length; id++) offer(id);
  const allowed = totalOf(row, choice, worth);
  const candidate = (id: number): Candidate => ({
    id,
    logprob: logits[id]! - all,
    chance: Math.min(0, worth(id) - allowed),
  });
  const id = given ?? best;
  const beside = id === best ? second : best;
  const other = beside < 0 ? NOBODY : candidate(beside);
  return { ...candidate(id), other, rival: other.chance };
}

/** A choice without some tokens; as it was, if nothing would be left of it. */
function without(choice: Choice | undefined, not: readonly number[]): Choice | undefined {
  if (not.length === 0) return choice;
  if (choice === undefined) return { not };
  if ('not' in choice) return { not: [...choice.not, ...not] };
  const only = choice.only.filter((id) => !not.includes(id));
  return only.length === 0 ? choice : { only };
}

/** The ids that must follow, as the form allows no other. */
function forcedAfter(ids: readonly number[], form: AnswerForm): number[] {
  const forced: number[] = [];
  while (form.choice !== undefined && forced.length < PREFILL_CHUNK - 1) {
    const next = form.choice([...ids, ...forced]);
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
