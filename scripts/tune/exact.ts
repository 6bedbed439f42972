/** What an adapter answers in histories that it is not trained on, as a replay judges it. */
import { applyEdit } from '../../src/completion/edit.ts';
import { hash, visible } from '../../src/completion/text.ts';
import type { Base } from '../../src/engine/base.ts';
import type { Adapter } from '../../src/model/adapter.ts';
import { Complete } from '../../src/replay/complete.ts';
import { played } from '../../src/replay/run.ts';
import { openSource } from '../../src/replay/source.ts';
import { type Ask, POINTS, type Point } from '../../src/replay/typist.ts';

/** Asks of each point and history. */
const ASKS = 8;

export interface Exactness {
  /** Share of asks answered right, shown or not. */
  readonly exact: Readonly<Record<Point, number>>;
  /** Visible characters that right answers supply, over all asks that have something to supply. */
  readonly saved: number;
  readonly asks: number;
}

/** Asks of all points, chosen by the hash of their ids: the same ones in every run. */
export function heldOutAsks(paths: readonly string[]): Ask[] {
  return paths.flatMap((path) => {
    const chosen = new Map<Point, { readonly order: number; readonly ask: Ask }[]>();
    const span = { limit: null, since: null, signals: null, every: 1 };
    for (const event of played(openSource(path), span, 0)) {
      if (event.kind !== 'ask') continue;
      const { ask } = event;
      const least = [...(chosen.get(ask.point) ?? []), { order: hash(ask.id), ask }];
      chosen.set(ask.point, least.sort((a, b) => a.order - b.order).slice(0, ASKS));
    }
    return [...chosen.values()].flat().map(({ ask }) => ask);
  });
}

/** @param base what serves: in 8 bit where it can be */
export async function exactness(base: Base, adapter: Adapter, asks: readonly Ask[]): Promise<Exactness> {
  const arm = await Complete.start(base, {}, adapter);
  const right: Record<Point, number> = { far: 0, arrival: 0, typing: 0, rest: 0 };
  let [supplied, total] = [0, 0];
  try {
    for (const ask of asks) {
      const answer = await arm.answer(ask.question);
      const fits = answer !== null && applyEdit(ask.question.document, answer.edit) !== null;
      const verdict = ask.judge(fits ? answer.edit : null);
      if (verdict.outcome === 'right') {
        right[ask.point]++;
        supplied += verdict.supplied;
      }
      total += visible(ask.typed()?.text ?? '');
    }
  } finally {
    await arm.release();
  }
  const of = (point: Point): number => asks.filter((ask) => ask.point === point).length;
  const exact = Object.fromEntries(POINTS.map((p) => [p, right[p] / Math.max(1, of(p))])) as Exactness['exact'];
  return { exact, saved: supplied / Math.max(1, total), asks: asks.length };
}
