/** Arrival asks of histories, and what the base should answer: where 8 bit is held against fp32. */
import { hash } from '../../src/completion/text.ts';
import type { Base } from '../../src/engine/base.ts';
import { snapshotOf } from '../../src/replay/complete.ts';
import { played } from '../../src/replay/run.ts';
import { openSource } from '../../src/replay/source.ts';
import type { Ask } from '../../src/replay/typist.ts';

export interface Arrival {
  /** Index of its history. */
  readonly source: number;
  readonly ask: Ask;
}

/** So many asks of each history, by the hash of their ids: the same in every run, and more are these and others. */
export function arrivalsOf(paths: readonly string[], each: number): Arrival[] {
  return paths.flatMap((path, source) => {
    const span = { limit: null, since: null, signals: null, every: 1 };
    const least: { readonly order: number; readonly ask: Ask }[] = [];
    for (const event of played(openSource(path), span, 0)) {
      if (event.kind !== 'ask' || event.ask.point !== 'arrival') continue;
      least.push({ order: hash(event.ask.id), ask: event.ask });
      // Asks hold their documents: those that fall out are let go of.
      if (least.length >= 2 * each + 64) least.sort((a, b) => a.order - b.order).splice(each);
    }
    least.sort((a, b) => a.order - b.order);
    return least.slice(0, each).map(({ ask }) => ({ source, ask }));
  });
}

/** Prompts of asks with their right answers behind, as ids, at most `most`: what the base was tuned to say. */
export function rightAnswers({ format }: Base, arrivals: readonly Arrival[], most: number): number[][] {
  const texts: number[][] = [];
  for (const { ask } of arrivals) {
    const [snapshot, edit] = [snapshotOf(ask.question), ask.typed()];
    const asked = snapshot && format.ask(snapshot);
    const target = edit && asked?.target(edit, true);
    if (asked && target && texts.length < most) texts.push([...asked.prompt.ids, ...target]);
  }
  return texts;
}
