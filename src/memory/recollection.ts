/**
 * The memory while one answer is written: at each step, what it would write next and how much that weighs; and
 * afterwards, which entries had a part in the answer.
 */
import type { Remembered, RememberedStep } from '../completion/suggestion.ts';
import type { Mixin, Odds } from '../model/decode.ts';
import type { Candidate, PromptInput } from '../prompt/format.ts';
import { again } from './again.ts';
import type { Memory } from './memory.ts';
import type { Nearby } from './nearby.ts';
import type { Recall } from './recall.ts';
import { kindOf, type Place, type Trust } from './trust.ts';

/** A weight below this is none: nothing that is seen would change. */
export const LEAST_WEIGHT = 0.01;

/** What was offered for a step, and what was chosen. */
interface Offered {
  readonly at: number;
  readonly recall: Recall;
  readonly kind: number;
  /** The memory's share of the whole distribution. */
  readonly weight: number;
  chosen: { readonly token: number; readonly share: number } | null;
}

export class Recollection implements Mixin {
  readonly #memory: Memory;
  readonly #nearby: Nearby;
  readonly #input: PromptInput;
  readonly #trust: Trust;
  /** In order of `at`. */
  readonly #offered: Offered[] = [];

  constructor(memory: Memory, nearby: Nearby, input: PromptInput, trust: Trust) {
    this.#memory = memory;
    this.#nearby = nearby;
    this.#input = input;
    this.#trust = trust;
  }

  /**
   * What was last done to a line like this one, done again; null if nothing is known of it.
   *
   * @param line of the input, as an index in its lines
   */
  again(line: number): Candidate | null {
    return again((text) => this.#memory.begunAt(text), this.#input, line);
  }

  odds(at: number, context: readonly number[], fits: (id: number) => boolean): Odds | null {
    this.#back(at);
    const edit = this.#weigh('edit', this.#memory.recall(context, fits));
    const nearby = this.#weigh('nearby', this.#nearby.recall(this.#input, context, fits));
    const best = nearby !== null && (edit === null || nearby.weight > edit.weight) ? nearby : edit;
    if (best === null || best.weight < LEAST_WEIGHT) return null;
    this.#offered.push({ at, ...best, chosen: null });
    const ratio = best.weight / (1 - best.weight);
    return best.recall.next.map(({ token, mass }) => ({ id: token, odds: mass * ratio }));
  }

  chose(at: number, token: number, logprob: number): void {
    this.#back(at + 1);
    const offered = this.#offered.at(-1);
    if (offered?.at !== at) return;
    const mass = offered.recall.next.find((n) => n.token === token)?.mass ?? 0;
    offered.chosen = { token, share: Math.min(1, (offered.weight * mass) / Math.exp(logprob)) };
  }

  /**
   * @param kept how many of the generated tokens the answer is made of
   * @param entry that did the same, if the answer comes of one: it is named first
   * @returns null if nothing was remembered
   */
  result(kept: number, entry?: string): Remembered | null {
    const steps: RememberedStep[] = [];
    const parts = new Map<string, number>();
    for (const { at, recall, kind, chosen } of this.#offered) {
      if (chosen === null || at >= kept) continue;
      const { token, share } = chosen;
      steps.push({ at, kind, share });
      for (const id of recall.next.find((n) => n.token === token)?.entries ?? []) {
        parts.set(id, (parts.get(id) ?? 0) + share);
      }
    }
    if (steps.length === 0 && entry === undefined) return null;
    const named = [...parts].sort((a, b) => b[1] - a[1]).map(([id]) => id);
    return { entries: entry === undefined ? named : [entry, ...named.filter((id) => id !== entry)], steps };
  }

  #weigh(place: Place, recall: Recall | null): Pick<Offered, 'recall' | 'kind' | 'weight'> | null {
    if (recall === null) return null;
    const kind = kindOf(place, recall.length, recall.next.length === 1);
    return { recall, kind, weight: this.#trust.share(kind) };
  }

  /** Generation goes back to a token: what was told of it and of later ones is void. */
  #back(at: number): void {
    while (this.#offered.length > 0 && this.#offered.at(-1)!.at >= at) this.#offered.pop();
  }
}
