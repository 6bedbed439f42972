/** Plays one source before several arms: every ask is answered by every arm, and logged. */
import { applyEdit } from '../completion/edit.ts';
import { Still } from '../gate/still.ts';
import type { Answers } from './answers.ts';
import type { Arm, Context, Learner } from './arm.ts';
import { type ArmKind, REFERENCE } from './arms.ts';
import { Course } from './course.ts';
import type { Commit, History } from './history.ts';
import type { AnswerLog, Logged } from './log.ts';
import type { Moments } from './moments.ts';
import { qualityOf } from './quality.ts';
import type { Parsed, Syntax } from './syntax.ts';
import type { Run } from './tally.ts';
import type { Taste } from './taste.ts';
import { type Ask, hunkName, type Played, Typist } from './typist.ts';
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

/**
 * An arm that runs: in this process, watching the typist; in a pool, where only the question counts; or as a learner,
 * which goes along the walk by itself.
 */
export type Running = { readonly kind: ArmKind } & (
  | { readonly arm: Arm }
  | { readonly answers: Answers; readonly width: number }
  | {
      readonly learner: Learner;
      readonly checkpoint: string;
      readonly idle: number;
      /** What it judges; null: it answers by itself. */
      readonly given: Answers | null;
    }
);

/** What training took, with the lessons that it was told. */
export type Learned = Course['effort'];

export interface SourceRun {
  /** As `running`. */
  readonly runs: readonly Run[];
  /** Milliseconds of each answer, by arm. */
  readonly times: readonly (readonly number[])[];
  /** Milliseconds that looking at each answer's syntax, reversal and deletions took, by arm. */
  readonly checks: readonly (readonly number[])[];
  /** By arm; null for one that does not learn. */
  readonly learned: readonly (Learned | null)[];
}

/** Called now and then with how many asks every arm has answered. */
export type Progress = (asks: number) => void;

/** Events that a learner may lag behind the typist: texts that wait for it are held in memory. */
const LAG = 64;

/** The commits that a span has asks in, and before them those that are only taken over. */
function* selected(history: History, { since, limit }: Span): Generator<{ commit: Commit; asks: boolean }> {
  let taken = 0;
  for (const commit of history.commits()) {
    const asks = since === null || commit.time >= since;
    if (asks && taken++ === limit) return;
    yield { commit, asks };
  }
}

export function* played(history: History, span: Span, seed: number): Generator<Played | { kind: 'commit' }> {
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

export interface Replay {
  readonly history: History;
  readonly span: Span;
  readonly seed: number;
  readonly running: readonly Running[];
  /** Answers of arms with a model are taken from it, and written to it. */
  readonly log: AnswerLog;
  /** null: syntax is not looked at. */
  readonly syntax: Syntax | null;
  readonly moments: Moments;
  /** null: whatever is right is accepted. */
  readonly taste: Taste | null;
  readonly progress: Progress;
}

export async function replay(options: Replay): Promise<SourceRun> {
  const { history, span, seed, running, log, syntax, moments, taste, progress } = options;
  const results = running.map(() => ({ asks: [] as Answered[], times: [] as number[], checks: [] as number[] }));
  /** Documents of asks that not all arms have answered. */
  const parsed = new Map<number, { readonly document: Parsed | null; arms: number }>();
  const hunks: HunkSize[] = [];
  const begins = new Map<string, number>();
  const width = Math.max(1, ...running.map((r) => ('width' in r ? r.width : 1)));
  const still = new Still();
  let index = 0;

  const enter = (arm: number, at: number, ask: Ask, { answer, ms }: Logged): Answered => {
    const { id, point, commit, file, hunk, text } = ask;
    // An edit that does not fit the document, or changes nothing, is silence.
    const after = answer && applyEdit(ask.question.document, answer.edit);
    const fitting = after === null ? null : answer;
    const began = performance.now();
    const place = parsed.get(at)!;
    const quality = after === null ? null : qualityOf(ask.question, answer!.edit, after, place.document);
    if (--place.arms === 0) {
      place.document?.release();
      parsed.delete(at);
    }
    if (quality !== null) results[arm]!.checks.push(performance.now() - began);
    const confidence = fitting?.confidence ?? null;
    const verdict = ask.judge(fitting?.edit ?? null);
    const isRefused = fitting !== null && taste?.refuses(ask.question, fitting.edit) === true;
    const answered = { id, point, commit, file, hunk, text, index: at, confidence, quality, isRefused, ...verdict };
    results[arm]!.asks[at] = answered;
    results[arm]!.times[at] = ms;
    moments.answer(at, arm, fitting);
    return answered;
  };

  const underWay = new UnderWay();
  const courses = running.map((r, n) =>
    'learner' in r
      ? new Course(r.kind, r.learner, { log, ...r }, (at, ask, logged) => enter(n, at, ask, logged))
      : null,
  );
  /** What each learner has still to do, as one promise, and how much that is. */
  const queues = running.map(() => ({ tail: Promise.resolve(), length: 0 }));
  const tellLearners = (p: Played, context: Context): void => {
    for (const [n, course] of courses.entries()) {
      if (course === null) continue;
      const queue = queues[n]!;
      queue.length++;
      queue.tail = queue.tail.then(() => course.play(p, context)).finally(() => queue.length--);
      queue.tail.catch((error) => underWay.fail(error));
    }
  };

  const counted = Math.max(
    0,
    running.findIndex((r) => r.kind.name === REFERENCE),
  );
  const signalEnd = (): number | null =>
    span.signals && nthSignal(results[counted]!.asks, running[counted]!.kind.threshold, span.signals);

  for (const p of played(history, span, seed)) {
    if (p.kind === 'commit') {
      if (signalEnd() !== null) break;
      continue;
    }
    if (p.kind === 'ask') {
      const { path, languageId, document } = p.ask.question;
      parsed.set(index, { document: syntax?.at(path, languageId, document) ?? null, arms: running.length });
      moments.ask(index, p.ask);
    }
    const context: Context = { at: index, still: p.kind === 'ask' ? still.next(p.ask.question) : 0 };
    tellLearners(p, context);
    if (p.kind !== 'ask') {
      for (const r of running) if ('arm' in r) await r.arm.watch?.(p);
      if (p.kind === 'left') {
        const { commit, file, hunk, total } = p;
        // A hunk of which no ask was put (`every`) counts from the next one on.
        hunks.push({ commit, file, hunk, total, index: begins.get(hunkName(p)) ?? index });
      }
    } else {
      const { ask } = p;
      const at = index++;
      const hunk = hunkName(ask);
      if (!begins.has(hunk)) begins.set(hunk, at);
      for (const [n, r] of running.entries()) {
        if ('arm' in r) {
          const began = performance.now();
          const answer = await r.arm.answer(ask.question, context);
          enter(n, at, ask, { answer, ms: performance.now() - began });
        } else if ('answers' in r) {
          const found = r.answers.logged(ask);
          if (found) enter(n, at, ask, found);
          else underWay.add(r.answers.of(ask).then((logged) => void enter(n, at, ask, logged)));
        }
      }
      await underWay.fewerThan(width);
      progress(Math.max(0, index - Math.max(underWay.size, ...queues.map((q) => q.length))));
    }
    for (const queue of queues) if (queue.length > LAG) await Promise.race([queue.tail, underWay.failed]);
  }
  await underWay.fewerThan(1);
  for (const queue of queues) await queue.tail;

  const until = signalEnd() ?? index - 1;
  progress(until + 1);
  return {
    runs: results.map((r) => ({ asks: r.asks.slice(0, until + 1), hunks: hunks.filter((h) => h.index <= until) })),
    times: results.map((r) => r.times.slice(0, until + 1)),
    checks: results.map((r) => r.checks),
    learned: courses.map((c) => c?.effort ?? null),
  };
}

/** Work that was begun and not awaited; its first failure ends the run. */
class UnderWay {
  readonly #work = new Set<Promise<void>>();
  readonly failed: Promise<never>;
  fail: (error: unknown) => void;

  constructor() {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.failed = promise;
    this.fail = reject;
  }

  get size(): number {
    return this.#work.size;
  }

  add(work: Promise<void>): void {
    const entry = work.catch(this.fail).finally(() => this.#work.delete(entry));
    this.#work.add(entry);
  }

  /** @throws the first failure */
  async fewerThan(n: number): Promise<void> {
    while (this.#work.size >= n) await Promise.race([...this.#work, this.failed]);
    await Promise.race([this.failed, Promise.resolve()]);
  }
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
