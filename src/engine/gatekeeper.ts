/**
 * The gate in the engine: says of each suggestion how likely it is to be accepted, and learns from what is stored.
 *
 * What it knows is a function of the stored judgements and nothing else: it is built from them at start, follows what
 * any window adds, and is built again when something was deleted. Without a database it judges by its prior.
 */
import { type Eagerness, LEAST_LIKELY } from '../completion/eagerness.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import { rememberedShare, type Suggestion } from '../completion/suggestion.ts';
import type { Moment } from '../gate/features.ts';
import { Gate, type Judgement } from '../gate/gate.ts';
import { Still } from '../gate/still.ts';
import type { Store, ToldRow } from '../signals/store.ts';

export type GateStore = Pick<Store, 'addJudgement' | 'toldJudgements' | 'toldMark' | 'lastAsk'>;

export class Gatekeeper {
  readonly #store: GateStore | null;
  readonly #still = new Still();
  #gate = new Gate();
  /** Signals learned from, the newest one of them, and the store's mark at that time. */
  #signals = 0;
  #told = 0;
  #mark = '';
  #asks: number;
  /** Asks at the newest suggestion that was let through in this window. */
  #shown: number | undefined;

  /** @throws StoreError */
  constructor(store: GateStore | null) {
    this.#store = store;
    this.#asks = store?.lastAsk() ?? 0;
    this.follow();
  }

  /** How many signals it has learned from. */
  get signals(): number {
    return this.#signals;
  }

  /** Kinds of suggestions that are taken seldom. */
  get seldom(): Gate['seldom'] {
    return this.#gate.seldom;
  }

  get weights(): Gate['weights'] {
    return this.#gate.weights;
  }

  /** A suggestion is asked for: counted, whatever comes of it. */
  asked(snapshot: Snapshot): Moment {
    return { at: ++this.#asks, still: this.#still.next(snapshot), shown: this.#shown };
  }

  /**
   * Judges what is about to be answered.
   *
   * @param eagerness what is unlikelier is taken down as held back
   * @returns the suggestion with its likelihood, and what keeps the judgement: to be called once the answer is out
   */
  judge(
    snapshot: Snapshot,
    suggestion: Suggestion,
    moment: Moment,
    eagerness: Eagerness,
  ): { judged: Suggestion; keep: () => void } {
    const { id } = suggestion;
    const candidate = { ...suggestion, snapshot, retrieved: rememberedShare(suggestion) };
    const judgement = this.#gate.judge(candidate, moment);
    const { at: ask, languageId: language, tried, ...rest } = judgement;
    const held = tried < LEAST_LIKELY[eagerness];
    if (!held) this.#shown = ask;
    const row = { ...rest, suggestionId: id, at: Date.now(), ask, language, held };
    return { judged: { ...suggestion, likely: judgement.p, tried }, keep: () => this.#store?.addJudgement(row) };
  }

  /** Learns what has become known since, in this window or another. @throws StoreError */
  follow(): void {
    if (this.#store === null) return;
    this.#asks = Math.max(this.#asks, this.#store.lastAsk());
    const mark = this.#store.toldMark();
    if (mark === this.#mark) return;
    const added = this.#store.toldJudgements(this.#told);
    // Nothing was deleted, and no outcome was replaced, if what was known and what was added make up all there is.
    const isMore = this.#signals + added.length === Number(mark.split(' ')[0]);
    if (!isMore) {
      this.#gate = new Gate();
      this.#signals = 0;
      this.#told = 0;
    }
    for (const row of isMore ? added : this.#store.toldJudgements(0)) this.#learn(row);
    this.#mark = mark;
  }

  #learn({ ask, language: languageId, worth, told, ...row }: ToldRow): void {
    const judgement: Judgement = { ...row, at: ask, languageId, tried: row.p };
    this.#gate.learn(judgement, worth);
    this.#signals++;
    this.#told = told;
  }
}
