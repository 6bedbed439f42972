/** Whether 8 bit answers what fp32 answers, and how often each is right, ask by ask. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { applyEdit, type Edit } from '../../src/completion/edit.ts';
import type { Base } from '../../src/engine/base.ts';
import { SessionForward } from '../../src/engine/forward.ts';
import { Decoder, type Written } from '../../src/model/decode.ts';
import { Lookup } from '../../src/model/drafts.ts';
import { topLayers } from '../../src/model/lora.ts';
import { MAX_NEW_TOKENS, snapshotOf } from '../../src/replay/complete.ts';
import { type Interval, interval } from '../../src/replay/resample.ts';
import type { Arrival } from './asks.ts';

/** What both said to one ask. */
export interface Pair {
  readonly id: string;
  readonly source: number;
  readonly commit: number;
  readonly exact: boolean;
  readonly expectedExact: boolean;
  /** Whether both gave the same edit, or none. */
  readonly same: boolean;
}

/**
 * Answers asks with both, one after the other.
 *
 * @param log file that pairs are added to and that a run goes on from; null: none
 * @param shouldStop asked before each answer; what the log holds is returned all the same
 */
export async function pairsOf(
  expected: Base,
  got: Base,
  threads: number,
  arrivals: readonly Arrival[],
  log: string | null,
  shouldStop: () => boolean,
): Promise<Pair[]> {
  const known = new Map<string, Pair>();
  if (log !== null && existsSync(log)) {
    for (const line of readFileSync(log, 'utf8').split('\n')) {
      if (line === '') continue;
      const pair = JSON.parse(line) as Pair;
      known.set(`${pair.source} ${pair.id}`, pair);
    }
  }
  const sides = await Promise.all([expected, got].map((base) => Side.open(base, threads)));
  const [full, small] = sides as [Side, Side];
  try {
    const pairs: Pair[] = [];
    for (const { source, ask } of arrivals) {
      let pair = known.get(`${source} ${ask.id}`);
      if (pair === undefined) {
        if (shouldStop()) continue;
        const came = await small.answer(ask);
        // What 8 bit said is fp32's guess at what comes: checked several tokens in a pass, and no answer depends on it.
        const wanted = await full.answer(ask, came.ids);
        const isExact = ({ edit }: Answered): boolean => ask.judge(edit).outcome === 'right';
        const same = JSON.stringify(came.edit) === JSON.stringify(wanted.edit);
        pair = { id: ask.id, source, commit: ask.commit, exact: isExact(came), expectedExact: isExact(wanted), same };
        if (log !== null) appendFileSync(log, `${JSON.stringify(pair)}\n`);
      }
      pairs.push(pair);
    }
    return pairs;
  } finally {
    for (const side of sides) await side.close();
  }
}

interface Answered {
  readonly edit: Edit | null;
  /** The prompt and what was written after it. */
  readonly ids: readonly number[];
}

class Side {
  readonly #base: Base;
  readonly #forward: SessionForward;
  readonly #decoder: Decoder;
  readonly #drafts = new Lookup();

  private constructor(base: Base, forward: SessionForward) {
    this.#base = base;
    this.#forward = forward;
    this.#decoder = new Decoder(forward, base.tokenizer, false, this.#drafts);
  }

  static async open(base: Base, threads: number): Promise<Side> {
    return new Side(base, await SessionForward.create(base, topLayers(base.model.config, 1, 1, 1), threads));
  }

  /** @param guess ids that may be what it says */
  async answer({ question }: Arrival['ask'], guess?: readonly number[]): Promise<Answered> {
    const snapshot = snapshotOf(question);
    if (snapshot === null) return { edit: null, ids: [] };
    const ask = this.#base.format.ask(snapshot);
    if (guess !== undefined) this.#drafts.wrote(guess);
    const written: Written = await this.#decoder.generate(ask.prompt, MAX_NEW_TOKENS, () => false, ask);
    const answer = ask.read(written);
    const edit = 'none' in answer || applyEdit(question.document, answer.edit) === null ? null : answer.edit;
    return { edit, ids: [...ask.prompt.ids, ...written.ids] };
  }

  close(): Promise<void> {
    return this.#forward.release();
  }
}

export interface Exactness {
  readonly asks: number;
  /** Shares of asks: answered right in 8 bit, and in fp32; and with the same edit. */
  readonly exact: number;
  readonly expectedExact: number;
  readonly same: number;
  /** 8 bit less fp32, with an interval over commits. */
  readonly difference: Interval;
}

export function exactnessOf(pairs: readonly Pair[]): Exactness {
  const blocks = [...new Set(pairs.map(({ source }) => source))].map((source) => [
    ...Map.groupBy(
      pairs.filter((pair) => pair.source === source),
      ({ commit }) => commit,
    ).values(),
  ]);
  const difference = interval(
    blocks.map((all) => all.length),
    0,
    (weights) => {
      let [asks, sum] = [0, 0];
      for (const [s, all] of blocks.entries()) {
        for (const [b, block] of all.entries()) {
          const weight = weights[s]![b]!;
          asks += weight * block.length;
          for (const pair of block) sum += weight * (Number(pair.exact) - Number(pair.expectedExact));
        }
      }
      return asks === 0 ? null : sum / asks;
    },
  );
  const share = (of: (pair: Pair) => boolean): number => pairs.filter(of).length / pairs.length;
  return {
    asks: pairs.length,
    exact: share((pair) => pair.exact),
    expectedExact: share((pair) => pair.expectedExact),
    same: share((pair) => pair.same),
    difference,
  };
}
