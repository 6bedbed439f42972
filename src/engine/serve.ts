/** The model that serves: one request at a time on one session, with the personal adapter as the session's inputs. */
import { randomUUID } from 'node:crypto';
import { type Edit, editAtCursor } from '../completion/edit.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import type { Completion, Effort, None, Suggestion } from '../completion/suggestion.ts';
import type { Recollection } from '../memory/recollection.ts';
import { Decoder, type Written } from '../model/decode.ts';
import { Lookup } from '../model/drafts.ts';
import type { LoraShape } from '../model/lora.ts';
import { TARGET_TOKENS } from '../model/prompt.ts';
import type { Tokenizer } from '../model/tokenizer.ts';
import type { Answer, Ask } from '../prompt/format.ts';
import { betterThan, type Repeated } from '../prompt/propose.ts';
import { several } from '../prompt/several.ts';
import type { Base } from './base.ts';
import type { Loaded } from './checkpoint.ts';
import { type Device, DeviceError } from './device.ts';
import { SessionForward } from './forward.ts';
import type { Score } from './protocol.ts';

/** How long other answers than the first may take. */
const OTHERS_MS = 1_000;
/** How long a look at candidates may take; as long as it needs, where answers must not depend on the clock. */
const CANDIDATES_MS = 400;
/** Characters after the cursor that may well be written again. */
const NEARBY = 1024;

/** A candidate that is to be given instead of the model's own answer. */
interface Better {
  /** null: there is none. */
  readonly answer: Repeated | null;
  /** What is remembered of it. */
  readonly recollection: Recollection | undefined;
  /** What own answer and candidates took together. */
  readonly effort: Effort;
}

/** Makes a forward pass; a test gives one that fails. */
export type OpenForward = typeof SessionForward.create;

/** Looks up, for one answer, what is remembered. */
export type Recollect = (snapshot: Snapshot) => Recollection;

export class Server {
  readonly #base: Base;
  readonly #tokenizer: Tokenizer;
  #forward: SessionForward;
  #decoder: Decoder;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #drafts = new Lookup();
  /** The text whose ids the drafts have: it stays while somebody types in front of it. */
  #nearby = '';

  readonly #fixedCuts: boolean;
  readonly #open: OpenForward;
  #device: Device = 'cpu';
  #loaded: Loaded;
  /** Told when the device on which it served failed, and that the CPU goes on. */
  onDeviceFailed: (error: DeviceError) => void = () => undefined;

  private constructor(base: Base, forward: SessionForward, loaded: Loaded, fixedCuts: boolean, open: OpenForward) {
    this.#fixedCuts = fixedCuts;
    this.#base = base;
    this.#tokenizer = base.tokenizer;
    this.#open = open;
    this.#loaded = loaded;
    this.#forward = forward;
    this.#decoder = new Decoder(forward, base.tokenizer, fixedCuts, this.#drafts);
  }

  /**
   * @param shape LoRA shape that the next adapters are expected to have, null if none are; another one costs a new
   *   session
   * @param fixedCuts as in Decoder: answers do not depend on what was asked before; costs some of the cache's use
   */
  static async start(
    base: Base,
    shape: LoraShape | null,
    loaded: Loaded,
    threads: number,
    fixedCuts = false,
    open: OpenForward = SessionForward.create,
  ): Promise<Server> {
    const forward = await open(base, loaded.adapter?.shape ?? shape, threads);
    forward.setAdapter(loaded.adapter);
    const server = new Server(base, forward, loaded, fixedCuts, open);
    // The first run of a session allocates: not while somebody waits for it.
    const snapshot = { path: 'a', languageId: 'plaintext', before: 'a', after: '', startLine: 0, recent: [] };
    await server.score(snapshot, editAtCursor(snapshot, 'b', 0));
    return server;
  }

  get checkpoint(): string {
    return this.#loaded.checkpoint;
  }

  /** Where it computes. */
  get device(): Device {
    return this.#device;
  }

  /** Goes on on another device, with the weights and the adapter that serve. Throws DeviceError, and stays where it was. */
  moveTo(device: Device): Promise<void> {
    return this.#exclusively(async () => {
      if (device !== this.#device) await this.#take(device);
    });
  }

  async #take(device: Device): Promise<void> {
    const fresh = await this.#create(this.#forward.shape, device);
    fresh.setAdapter(this.#loaded.adapter);
    try {
      // Compiles what a device compiles: not while somebody waits for it.
      if (device !== 'cpu') await fresh.run([0], null, [0]);
    } catch (error) {
      await fresh.release().catch(() => undefined);
      throw error;
    }
    this.#device = device;
    await this.#replace(fresh);
  }

  /** Devices other than the CPU have not all of 8 bit's operators. */
  #create(shape: LoraShape | null, device: Device): Promise<SessionForward> {
    const { quantised, ...full } = this.#base;
    return this.#open(device === 'cpu' ? this.#base : full, shape, this.#forward.threads, true, device);
  }

  async #replace(fresh: SessionForward): Promise<void> {
    // A device that failed may fail at that, too.
    await this.#forward.release().catch(() => undefined);
    this.#forward = fresh;
    this.#decoder = new Decoder(fresh, this.#tokenizer, this.#fixedCuts, this.#drafts);
  }

  /**
   * Suggests an edit at the snapshot's cursor. Ends between two forward passes once `isCancelled`.
   *
   * @param recollect what is remembered has a part in it; the log-probabilities are those of both together
   */
  complete(
    snapshot: Snapshot,
    maxNewTokens: number,
    isCancelled: () => boolean,
    recollect?: Recollect,
  ): Promise<Completion> {
    const began = performance.now();
    return this.#exclusively(async () => {
      if (isCancelled()) return { none: 'cancelled' };
      const { ask, recollection } = this.#begin(snapshot, recollect);
      const decoded = await this.#decoder.generate(ask.prompt, maxNewTokens, isCancelled, ask, recollection);
      if (decoded.stop === 'cancelled') return { none: 'cancelled' };
      const answer = ask.read(decoded);
      const better = await this.#better(ask, snapshot, { written: decoded, answer }, isCancelled, recollect);
      const { effort } = better;
      if (better.answer !== null)
        return this.#suggestion(ask, better.answer, better.answer.written, effort, began, better.recollection);
      if ('none' in answer) return { ...answer, effort };
      return this.#suggestion(ask, answer, decoded, effort, began, recollection);
    });
  }

  /** The same with other answers after it, at most `most` in all: different edits, or why there is none. */
  completeAll(
    snapshot: Snapshot,
    maxNewTokens: number,
    most: number,
    isCancelled: () => boolean,
    recollect?: Recollect,
  ): Promise<readonly Suggestion[] | None> {
    const began = performance.now();
    return this.#exclusively(async () => {
      if (isCancelled()) return { none: 'cancelled' };
      const { ask, recollection } = this.#begin(snapshot, recollect);
      let until = Number.POSITIVE_INFINITY;
      let first: Written | null = null;
      let better = null as Better | null;
      const isOver = (): boolean => isCancelled() || performance.now() > until;
      const answers = await several(ask, most, async (form) => {
        // What is remembered has a part in the first answer only: the others are the model's own.
        const mixin = first === null ? recollection : undefined;
        const written = await this.#decoder.generate(ask.prompt, maxNewTokens, isOver, form, mixin);
        if (first === null && written.stop !== 'cancelled')
          better = await this.#better(ask, snapshot, { written, answer: ask.read(written) }, isCancelled, recollect);
        until = Math.min(until, performance.now() + OTHERS_MS);
        first ??= written;
        return written;
      });
      if (answers === null) return { none: 'cancelled' };
      const own = answers.map((answer) => {
        const { written } = answer;
        const mixin = written === first ? recollection : undefined;
        return this.#suggestion(ask, answer, written, effortOf(written), began, mixin);
      });
      if (better !== null && better.answer !== null) {
        const { answer, effort, recollection: mixin } = better;
        own.unshift(this.#suggestion(ask, answer, answer.written, effort, began, mixin));
      }
      return own.length === 0 ? { none: 'empty' } : different(own).slice(0, most);
    });
  }

  async #better(
    ask: Ask,
    snapshot: Snapshot,
    own: { readonly written: Written; readonly answer: Answer | None },
    isCancelled: () => boolean,
    recollect: Recollect | undefined,
  ): Promise<Better> {
    const until = this.#fixedCuts ? Number.POSITIVE_INFINITY : performance.now() + CANDIDATES_MS;
    const isOver = (): boolean => isCancelled() || performance.now() > until;
    const recollections = new Map<Written, Recollection | undefined>();
    const weigh: Parameters<typeof betterThan>[2] = async (targets, wanted) => {
      const mixins = targets.map(() => recollect?.(snapshot));
      const weighed = await this.#decoder.weigh(ask.prompt, targets, isOver, ask, mixins, wanted);
      for (const [i, written] of weighed.entries()) if (written !== null) recollections.set(written, mixins[i]);
      return weighed;
    };
    const answer = await betterThan(own, ask, weigh, (line) => recollect?.(snapshot).again(line) ?? null);
    const recollection = answer === null ? undefined : recollections.get(answer.written);
    const weighed = [...recollections.keys()].reduce((sum, { ids }) => sum + ids.length, 0);
    return { answer, recollection, effort: { ...effortOf(own.written), ...(weighed > 0 && { weighed }) } };
  }

  /** The question that a snapshot is, and what there is to answer it with. */
  #begin(snapshot: Snapshot, recollect: Recollect | undefined) {
    this.#lookNear(snapshot.after.slice(0, NEARBY));
    return { ask: this.#base.format.ask(snapshot), recollection: recollect?.(snapshot) };
  }

  #suggestion(
    { prompt }: Ask,
    { edit, kept, weight, entry }: Answer & Partial<Repeated>,
    { logprobs, chances }: Written,
    effort: Effort,
    began: number,
    recollection?: Recollection,
  ): Suggestion {
    const remembered = recollection?.result(kept, entry);
    return {
      ...(remembered && { remembered }),
      id: randomUUID(),
      edit,
      tokenLogprobs: logprobs.slice(0, kept),
      tokenChances: chances.slice(0, kept),
      checkpoint: this.#loaded.checkpoint,
      promptHash: prompt.hash,
      promptFormat: this.#base.format.name,
      latencyMs: performance.now() - began,
      ...(weight !== undefined && { repeats: weight }),
      effort,
    };
  }

  /**
   * Log-probability of an edit, and of nothing more, under the weights that serve.
   *
   * @throws RangeError if the format has no way to say it
   */
  score(snapshot: Snapshot, edit: Edit): Promise<Score> {
    return this.#exclusively(async () => {
      const ask = this.#base.format.ask(snapshot);
      const target = ask.target(edit, true)?.slice(0, TARGET_TOKENS);
      if (target === undefined) throw new RangeError('The prompt has no way to say this edit.');
      const logprobs = await this.#decoder.score(ask.prompt, target);
      return {
        checkpoint: this.#loaded.checkpoint,
        logprob: logprobs.reduce((a, b) => a + b, 0),
        logprobs,
      };
    });
  }

  /**
   * Takes up other weights: between two requests, and with the last request's cache filled again, so that the next
   * one is as fast as the last. Weights of another LoRA shape get a session of their own first.
   */
  async swap(loaded: Loaded): Promise<void> {
    const { adapter } = loaded;
    const device = this.#device;
    const fits = adapter === null || this.#forward.fits(adapter.shape);
    const fresh = fits ? null : await this.#create(adapter.shape, device).catch((error) => this.#leave(error));
    await this.#exclusively(async () => {
      if (fresh !== null && device !== this.#device) {
        await fresh.release();
        throw new DeviceError(device, new Error('it was left meanwhile'));
      }
      if (fresh !== null) await this.#replace(fresh);
      this.#forward.setAdapter(adapter);
      this.#loaded = loaded;
      await this.#decoder.refill();
    });
  }

  /** Leaves a device that cannot take up other weights; whoever asked for them asks again. */
  async #leave(error: Error): Promise<never> {
    if (error instanceof DeviceError) {
      await this.moveTo('cpu');
      this.onDeviceFailed(error);
    }
    throw error;
  }

  #lookNear(text: string): void {
    if (text === this.#nearby || this.#fixedCuts) return;
    this.#nearby = text;
    this.#drafts.nearby = this.#tokenizer.encode(text);
  }

  /** Whether the model is in memory, so that the next request need not wait for it. */
  get isAwake(): boolean {
    return this.#forward.isAwake;
  }

  /** Gives the model's memory back, until it is asked or woken. */
  rest(): Promise<void> {
    return this.#exclusively(async () => {
      this.#decoder.forget();
      await this.#forward.release();
    });
  }

  wake(): Promise<void> {
    return this.#exclusively(() => this.#forward.wake());
  }

  release(): Promise<void> {
    return this.#exclusively(() => this.#forward.release());
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => this.#orOnCpu(work));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Work that a device failed at is done again, on the CPU. */
  async #orOnCpu<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DeviceError) || this.#device === 'cpu') throw error;
      await this.#take('cpu');
      this.onDeviceFailed(error);
      return work();
    }
  }
}

function effortOf({ ids, chances, others }: Written): Effort {
  const forced = ids.filter((_, i) => chances[i] === 0 && others[i] === Number.NEGATIVE_INFINITY).length;
  return { chosen: ids.length - forced, forced };
}

/** The first of each edit. */
function different(suggestions: readonly Suggestion[]): Suggestion[] {
  const keys = suggestions.map(({ edit }) => JSON.stringify(edit));
  return suggestions.filter((_, i) => keys.indexOf(keys[i]!) === i);
}
