/** Plays one source before several arms: every ask is answered by every arm, and logged. */

import { applyEdit } from '../completion/edit.ts';
import type { Arm } from './arm.ts';
import { type ArmKind, REFERENCE } from './arms.ts';
import type { Commit, History } from './history.ts';
import type { AnswerLog, Logged } from './log.ts';
import type { Pool } from './pool.ts';
import type { Run } from './tally.ts';
import { type Ask, type Played, Typist } from './typist.ts';
import { type Answered, type HunkSize, walk } from './walk.ts';

export interface Span {
  /** Commits before (epoch seconds) are taken over without asks. */
  readonly since: number | null;
  /** Commits with asks, at most. */
  readonly limit: number | null;
  /** The source ends at the ask at which `frozen`, or else the first arm, has so many signals. */
  readonly signals: number | null;
  /** Of the asks, every so-many-th is put: quick looks, no figure of the protocol. */
  readonly every: number;
}

/** An arm that runs: in this process, watching the typist; or in a pool, where only the question counts. */
export type Running = { readonly kind: ArmKind } & (
  | { readonly arm: Arm }
  | { readonly pool: Pool; readonly checkpoint: string }
);

export interface SourceRun {
  /** As `running`. */
  readonly runs: readonly Run[];
  /** Milliseconds of each answer, by arm. */
  readonly times: readonly (readonly number[])[];
  /** Answers that the log had already. */
  readonly resumed: number;
}

/** Called now and then with how many asks every arm has answered. */
export type Progress = (asks: number) => void;

/** The commits that a span has asks in, and before them those that are only taken over. */
function* selected(history: History, { since, limit }: Span): Generator<{ commit: Commit; asks: boolean }> {
  let taken = 0;
  for (const commit of history.commits()) {
    const asks = since === null || commit.time >= since;
    if (asks && taken++ === limit) return;
    yield { commit, asks };
  }
}

function* played(history: History, span: Span, seed: number): Generator<Played | { kind: 'commit' }> {
  const typist = new Typist(seed);
  let index = 0;
  let asked = 0;
  for (const { commit, asks } of selected(history, span)) {
    for (const p of asks ? typist.play(commit, index++) : typist.pass(commit)) {
      if (p.kind !== 'ask' || asked++ % span.every === 0) yield p;
    }
    yield { kind: 'commit' };
  }
}

export function countAsks(history: History, span: Span, seed: number): number {
  let asks = 0;
  for (const p of played(history, span, seed)) if (p.kind === 'ask') asks++;
  return asks;
}

/** @param log answers of arms with a model are taken from it, and written to it */
export async function replay(
  history: History,
  span: Span,
  seed: number,
  running: readonly Running[],
  log: AnswerLog,
  progress: Progress,
): Promise<SourceRun> {
  const results = running.map(() => ({ asks: [] as Answered[], times: [] as number[] }));
  const hunks: HunkSize[] = [];
  const begins = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  const width = Math.max(1, ...running.map((r) => ('pool' in r ? r.pool.width : 1)));
  let resumed = 0;
  let failure: unknown = null;
  let index = 0;
  const counted = Math.max(
    0,
    running.findIndex((r) => r.kind.name === REFERENCE),
  );
  const signalEnd = (): number | null =>
    span.signals && nthSignal(results[counted]!.asks, running[counted]!.kind.threshold, span.signals);

  const enter = (at: number, arm: number, ask: Ask, { answer, ms }: Logged): void => {
    const { id, point, commit, file, hunk, text } = ask;
    // An edit that does not fit the document, or changes nothing, is silence.
    const fits = answer !== null && applyEdit(ask.question.document, answer.edit) !== null;
    const verdict = ask.judge(fits ? answer.edit : null);
    const confidence = fits ? answer.confidence : null;
    results[arm]!.asks[at] = { id, point, commit, file, hunk, text, index: at, confidence, ...verdict };
    results[arm]!.times[at] = ms;
  };

  for (const p of played(history, span, seed)) {
    if (p.kind === 'commit') {
      if (signalEnd() !== null) break;
      continue;
    }
    if (p.kind !== 'ask') {
      for (const r of running) if ('arm' in r) r.arm.watch?.(p);
      if (p.kind === 'left') {
        const { commit, file, hunk, total } = p;
        // A hunk of which no ask was put (`every`) counts from the next one on.
        hunks.push({ commit, file, hunk, total, index: begins.get(`${commit}/${file}/${hunk}`) ?? index });
      }
      continue;
    }
    const { ask } = p;
    const at = index++;
    const hunk = `${ask.commit}/${ask.file}/${ask.hunk}`;
    if (!begins.has(hunk)) begins.set(hunk, at);
    for (const [n, r] of running.entries()) {
      const { name } = r.kind;
      if ('arm' in r) {
        const began = performance.now();
        const answer = await r.arm.answer(ask.question);
        enter(at, n, ask, { answer, ms: performance.now() - began });
        continue;
      }
      const { checkpoint } = r;
      const found = log.find(ask.id, name, checkpoint);
      if (found) {
        resumed++;
        enter(at, n, ask, found);
        continue;
      }
      const work = r.pool
        .answer(ask.question)
        .then((logged) => {
          log.add(ask.id, name, checkpoint, logged);
          enter(at, n, ask, logged);
        })
        .catch((error) => {
          failure ??= error;
        })
        .finally(() => underWay.delete(work));
      underWay.add(work);
    }
    while (underWay.size >= width) await Promise.race(underWay);
    if (failure !== null) throw failure;
    progress(index - underWay.size);
  }
  await Promise.all(underWay);
  if (failure !== null) throw failure;

  const until = signalEnd() ?? index - 1;
  progress(until + 1);
  return {
    runs: results.map((r) => ({ asks: r.asks.slice(0, until + 1), hunks: hunks.filter((h) => h.index <= until) })),
    times: results.map((r) => r.times.slice(0, until + 1)),
    resumed,
  };
}

/** Index of the ask at which an arm has its n-th signal, or null; answers may still be missing at the end. */
function nthSignal(asks: readonly Answered[], threshold: number, n: number): number | null {
  const missing = asks.findIndex((a) => !a);
  let signals = 0;
  for (const { ask, fate } of walk(missing < 0 ? asks : asks.slice(0, missing), threshold)) {
    if (fate !== 'silent' && fate !== 'covered' && ++signals === n) return ask.index;
  }
  return null;
}
