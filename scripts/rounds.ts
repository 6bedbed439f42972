/**
 * `npm run rounds -- SOURCE… [--since DATE] [--skip N] [--hunks N] [--rounds N] [--asks N] [--prompt TOKENS] [--tokens N]
 * [--threads N] [--answers] [--from DIR] [--out DIR]`: what rounds of learning bring on what is typed next. In a source
 * (of the tune split) the weights learn from N hunks as they were typed, as a user's would with `+typing`; then what is
 * typed at asks of the N hunks that follow is scored, teacher-forced in fp32 with whole prompts, before any round and
 * after this one; with `--answers` it is also asked for, as the editor serves it without a memory, and judged. The next
 * round goes on from there, and so does the next source, with its own hunks. `--out` writes what serves then, after each
 * source, and `--from` goes on from that (`npm run forgetting` says what it has forgotten). A replay tells what it is
 * worth; this tells within minutes which of two ways of learning is the better one.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Edit } from '../src/completion/edit.ts';
import type { Snapshot } from '../src/completion/snapshot.ts';
import { isSuggestion } from '../src/completion/suggestion.ts';
import { type Base, loadBase } from '../src/engine/base.ts';
import { BASE } from '../src/engine/checkpoint.ts';
import { learnFrom, MOST_SIGNALS } from '../src/engine/learning.ts';
import { SessionPolicy } from '../src/engine/policy.ts';
import { withQuantised } from '../src/engine/quantised-base.ts';
import { Server } from '../src/engine/serve.ts';
import { type Adapter, readAdapter, writeAdapter } from '../src/model/adapter.ts';
import { defaultCacheDir } from '../src/model/cache.ts';
import { initialLora } from '../src/model/lora.ts';
import { PROMPT_TOKENS, TARGET_TOKENS } from '../src/model/prompt.ts';
import { MAX_NEW_TOKENS, snapshotOf } from '../src/replay/complete.ts';
import { percent, plain, ranged } from '../src/replay/figures.ts';
import { interval } from '../src/replay/resample.ts';
import { played } from '../src/replay/run.ts';
import { openSource } from '../src/replay/source.ts';
import { type Ask, POINTS, type Point } from '../src/replay/typist.ts';
import { shapeFor } from '../src/trainer/batch.ts';
import { EXAMPLE_LIMITS, type Example, examplesFrom, typedInstead } from '../src/trainer/examples.ts';
import { loraFor } from '../src/trainer/plan.ts';
import { seeded } from '../src/trainer/random.ts';
import { baseModel } from './base-model.ts';
import { FirstAsks } from './first-asks.ts';
import { ROOT, SHIPPED_ADAPTER } from './paths.ts';
import { main, UserError } from './progress.ts';
import { seconds, whole } from './replay.ts';

/** As the default of knack.training.memoryMb. */
const MEMORY_MB = 1024;
const BLOCK_COMMITS = 10;
const SEED = 1;

/** A place in a text, and what was typed there to the end of the hunk. */
interface Typed {
  readonly id: string;
  readonly commit: number;
  readonly point: Point;
  /** Hunks that were left before. */
  readonly after: number;
  readonly snapshot: Snapshot;
  readonly edit: Edit;
  readonly judge: Ask['judge'];
}

async function run(): Promise<undefined> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      since: { type: 'string' },
      skip: { type: 'string', default: '0' },
      hunks: { type: 'string', default: '64' },
      rounds: { type: 'string', default: '1' },
      asks: { type: 'string', default: '80' },
      prompt: { type: 'string', default: String(EXAMPLE_LIMITS.promptTokens) },
      tokens: { type: 'string', default: '20000' },
      threads: { type: 'string', default: '2' },
      answers: { type: 'boolean', default: false },
      from: { type: 'string' },
      out: { type: 'string' },
    },
  });
  if (positionals.length === 0) throw new UserError('Name a replay file or git directory.');
  const number = (name: Exclude<keyof typeof values, 'since' | 'answers' | 'from' | 'out'>): number => {
    const value = Number(values[name]);
    if (!(value >= 0)) throw new UserError(`--${name} takes a number, not ${values[name]}.`);
    return value;
  };
  const since = values.since === undefined ? null : seconds(values.since);
  const [skip, each] = [number('skip'), number('hunks')];
  const threads = number('threads');

  const base = await loadBase(await baseModel(console.error), defaultCacheDir(), () => undefined, SHIPPED_ADAPTER);
  const rounds = whole('rounds', values.rounds, 1);
  const limits = { promptTokens: number('prompt'), targetTokens: TARGET_TOKENS };
  const shape = loraFor(base.model.config, MEMORY_MB);
  const blank: Adapter = { shape, vector: initialLora(base.model.config, shape, seeded(SEED)) };
  const start = values.from === undefined ? blank : await readAdapter(values.from, base.model);
  const options = { threads, device: 'cpu' as const, onFallback: () => undefined };
  const logprobs = async (adapter: Adapter, all: readonly Example[]): Promise<number[]> => {
    const policy = new SessionPolicy(base, adapter, shapeFor(all, 1), options);
    const scores = await policy.score(all).finally(() => policy.release());
    return scores.map(({ logprob }) => logprob);
  };

  const answering = values.answers ? await Answering.start(base, shape, threads) : null;
  let serving = start;
  let canaryLoss: number | null = null;
  const rows: Row[] = [];
  for (const source of positionals) {
    console.log(`• ${source}`);
    await learn(typedIn(source, since, skip + (rounds + 1) * each));
    const { config, sha256 } = base.model;
    if (values.out === undefined) continue;
    rmSync(values.out, { recursive: true, force: true });
    await writeAdapter(values.out, serving, { config, baseSha256: sha256 });
  }
  await answering?.release();
  if (rounds * positionals.length > 1) {
    console.log(`What served after each of ${rounds * positionals.length} rounds:`);
    tell(rows);
  }

  async function learn({ hunks, asks }: ReturnType<typeof typedIn>): Promise<void> {
    for (let round = 1; round <= rounds; round++) await one(hunks, asks, round);
  }

  async function one(hunks: readonly Typed[], asks: readonly Typed[], round: number): Promise<void> {
    const until = skip + round * each;
    const examples = hunks
      .slice(Math.max(skip, until - MOST_SIGNALS), until)
      .flatMap((h) => examplesOf(h, base, limits));
    const next = asks.filter(({ after }) => after >= until && after < until + each);
    const chosen = spread(next, number('asks')).flatMap((ask) => {
      // The first example of an edit is asked with all that the prompt has.
      const [example] = examplesOf(ask, base, { promptTokens: PROMPT_TOKENS, targetTokens: TARGET_TOKENS });
      return example === undefined ? [] : { ...ask, example };
    });
    if (examples.length === 0 || chosen.length === 0) throw new UserError('The history has too few hunks.');
    const began = performance.now();
    const result = await learnFrom(base, serving, examples, {
      ...options,
      code: join(ROOT, 'media', 'code'),
      memoryMb: MEMORY_MB,
      batchShare: 1,
      tokenBudget: number('tokens'),
      seed: round,
      canaryLoss,
      shouldStop: () => false,
      onPlan: (plan) => console.log(`Round ${round}: ${plan}`),
      onProgress: () => undefined,
    });
    const seconds = (performance.now() - began) / 1000;
    const { verdict, parameters, steps, tokens, lossFirst, lossLast } = result!;
    if (verdict.promote) serving = { shape, vector: parameters };
    canaryLoss = verdict.promote ? result!.canaryLoss : result!.canaryLossBefore;
    console.log(
      `${steps} steps, ${tokens} tokens, ${seconds.toFixed()} s; loss of the first epoch ${lossFirst?.toFixed(3)}, of the last ${lossLast?.toFixed(3)}.`,
    );
    console.log(verdict.reason);
    const all = chosen.map(({ example }) => example);
    const before = await logprobs(start, all);
    const wasRight = await answering?.right(chosen, null);
    const isRight = await answering?.right(chosen, { shape, vector: parameters });
    const rowsOf = (after: readonly number[], right = isRight): Row[] =>
      chosen.map(({ point, commit, example }, i) => ({
        ...(wasRight && right && { right: [wasRight[i]!, right[i]!] as const }),
        point,
        block: Math.floor(commit / BLOCK_COMMITS),
        tokens: example.ids.length - example.targetStart,
        before: before[i]!,
        after: after[i]!,
      }));
    const made = rowsOf(await logprobs({ shape, vector: parameters }, all));
    tell(made);
    if (verdict.promote) rows.push(...made);
    else rows.push(...rowsOf(await logprobs(serving, all), await answering?.right(chosen, serving)));
  }
}

/** The first hunks of a source as they were typed, and what was typed at each ask among them. */
function typedIn(source: string, since: number | null, most: number): { hunks: Typed[]; asks: Typed[] } {
  const hunks: Typed[] = [];
  const asks: Typed[] = [];
  const typedAt = (ask: Ask): Typed[] => {
    const [snapshot, edit] = [snapshotOf(ask.question), ask.typed()];
    if (snapshot === null || edit === null) return [];
    const { id, commit, point } = ask;
    return [{ id, commit, point, after: hunks.length, snapshot, edit, judge: (given) => ask.judge(given) }];
  };
  const firstAsks = new FirstAsks();
  for (const p of played(openSource(source), { since, limit: null, signals: null, every: 1 }, 0)) {
    if (hunks.length === most) break;
    if (p.kind === 'left') {
      const { first } = firstAsks.left(p);
      if (first !== null) hunks.push(...typedAt(first));
    }
    if (p.kind !== 'ask' || p.ask.point === 'rest') continue;
    firstAsks.put(p.ask);
    asks.push(...typedAt(p.ask));
  }
  return { hunks, asks };
}

function examplesOf({ id, snapshot, edit }: Typed, { format }: Base, limits: typeof EXAMPLE_LIMITS): Example[] {
  return examplesFrom(id, snapshot, typedInstead(edit, true), format, limits);
}

/** The model as it serves. */
class Answering {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(base: Base, shape: Adapter['shape'], threads: number): Promise<Answering> {
    const quantised = await withQuantised(base, defaultCacheDir(), threads);
    return new Answering(await Server.start(quantised, shape, BASE, threads, true));
  }

  /** Whether what is answered is right, of each. */
  async right(asks: readonly Typed[], adapter: Adapter | null): Promise<boolean[]> {
    await this.#server.swap(adapter === null ? BASE : { checkpoint: 'learned', adapter });
    const right: boolean[] = [];
    for (const { snapshot, judge } of asks) {
      const completion = await this.#server.complete(snapshot, MAX_NEW_TOKENS, () => false);
      right.push(isSuggestion(completion) && judge(completion.edit).outcome === 'right');
    }
    return right;
  }

  release(): Promise<void> {
    return this.#server.release();
  }
}

/** At most `most` of them, evenly. */
function spread<T>(all: readonly T[], most: number): T[] {
  const step = Math.max(1, all.length / most);
  return Array.from({ length: Math.min(all.length, most) }, (_, i) => all[Math.floor(i * step)]!);
}

interface Row {
  readonly point: Point;
  readonly block: number;
  readonly tokens: number;
  readonly before: number;
  readonly after: number;
  /** Whether the answer was right before, and is after. */
  readonly right?: readonly [boolean, boolean];
}

function tell(rows: readonly Row[]): void {
  for (const point of [...POINTS, null]) {
    const own = rows.filter((row) => point === null || row.point === point);
    if (own.length > 0) console.log(`${(point ?? 'all').padEnd(8)} ${told(own)}`);
  }
}

function told(rows: readonly Row[]): string {
  const blocks = [...new Set(rows.map(({ block }) => block))];
  const sum = (value: (row: Row) => number): number => rows.reduce((total, row) => total + value(row), 0);
  const gain = interval([blocks.length], SEED, ([weights]) => {
    const weightOf = (row: Row): number => weights![blocks.indexOf(row.block)]!;
    const count = sum(weightOf);
    return count === 0 ? null : sum((row) => weightOf(row) * (row.after - row.before)) / count;
  });
  const tokens = sum((row) => row.tokens);
  const [before, after] = [-sum((row) => row.before) / tokens, -sum((row) => row.after) / tokens];
  const better = sum((row) => (row.after > row.before ? 1 : 0)) / rows.length;
  const answered = rows.flatMap(({ right }) => (right === undefined ? [] : [right]));
  const count = (is: (right: readonly [boolean, boolean]) => boolean): number => answered.filter(is).length;
  const right = `; ${count(([was]) => was)} right before, ${count(([, is]) => is)} after (${count(([was, is]) => is && !was)} new, ${count(([was, is]) => was && !is)} lost)`;
  return `${rows.length} asks: ${before.toFixed(3)} -> ${after.toFixed(3)} nats a token (${percent(after / before - 1)}), an answer ${ranged(gain, plain)} nats likelier, ${percent(better)} of them likelier${answered.length > 0 ? right : ''}`;
}

await main(run);
