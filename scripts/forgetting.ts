/**
 * `npm run forgetting -- CANARY [--adapter DIR] [--asks N] [--seed S]`: of the first 3,000 asks at arrival of a history
 * that nothing was learned from, how many are answered right by the model as it ships, and with what was learned elsewhere
 * (`npm run rounds -- SOURCE… --out DIR`); as `npm run replay` has it with `--canary`, without the replay before it.
 * Without `--adapter` it makes the model's own answers alone. Answers are kept, and not made again.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { confidenceOf } from '../src/completion/eagerness.ts';
import { isSuggestion } from '../src/completion/suggestion.ts';
import { loadBase } from '../src/engine/base.ts';
import { BASE, type Loaded } from '../src/engine/checkpoint.ts';
import { withQuantised } from '../src/engine/quantised-base.ts';
import { Server } from '../src/engine/serve.ts';
import { type Adapter, readAdapter } from '../src/model/adapter.ts';
import { defaultCacheDir } from '../src/model/cache.ts';
import { Answers } from '../src/replay/answers.ts';
import { CANARY_ASKS, type Canary, exactAtArrival } from '../src/replay/canary.ts';
import { MAX_NEW_TOKENS, snapshotOf } from '../src/replay/complete.ts';
import { percent } from '../src/replay/figures.ts';
import type { Logged } from '../src/replay/log.ts';
import { AnswerLog } from '../src/replay/log.ts';
import { interval } from '../src/replay/resample.ts';
import type { Ask } from '../src/replay/typist.ts';
import { baseModel } from './base-model.ts';
import { SHIPPED_ADAPTER } from './paths.ts';
import { main, UserError } from './progress.ts';
import { codeDigest, open, whole } from './replay.ts';

/** As an arm's in a replay. */
const THREADS = 1;
const BLOCK_COMMITS = 10;

async function run(): Promise<undefined> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { adapter: text, asks: text, seed: text },
  });
  const [source, ...more] = positionals;
  if (source === undefined || more.length > 0) throw new UserError('Name one history that nothing was learned from.');
  const asks = whole('asks', values.asks ?? `${CANARY_ASKS}`, 1);
  const seed = whole('seed', values.seed ?? '0', 0);
  const base = await loadBase(await baseModel(console.error), defaultCacheDir(), () => undefined, SHIPPED_ADAPTER);
  const adapter = values.adapter === undefined ? null : await readAdapter(values.adapter, base.model);
  const quantised = await withQuantised(base, defaultCacheDir(), THREADS);
  const { history, fingerprint } = open(source);
  const code = await codeDigest(['complete', 'source', 'typist']);
  const log = new AnswerLog(
    join(defaultCacheDir(), 'replays', `${sha256(`forgetting ${fingerprint} ${seed} ${code}`)}.jsonl`),
  );
  const canary: Canary = { history, seed, asks, log };

  const right = async (loaded: Loaded, shape: Adapter['shape'] | null): Promise<Verdicts> => {
    const server = await Server.start(quantised, shape, loaded, THREADS, true);
    const verdicts: Verdicts = new Map();
    const checkpoint =
      'adapter' in loaded && loaded.adapter ? sha256(Buffer.from(loaded.adapter.vector.buffer)) : 'base';
    let put = 0;
    const answers = new Answers(log, 'canary', checkpoint, async (ask: Ask): Promise<Logged> => {
      if (put++ % 100 === 0) console.error(`  ${checkpoint.slice(0, 8)}: answer ${put}`);
      const began = performance.now();
      const snapshot = snapshotOf(ask.question);
      const completion = snapshot && (await server.complete(snapshot, MAX_NEW_TOKENS, () => false));
      const answer =
        completion && isSuggestion(completion) ? { edit: completion.edit, confidence: confidenceOf(completion) } : null;
      return { answer, ms: performance.now() - began };
    });
    await exactAtArrival(canary, answers, 1, (ask, isRight) => void verdicts.set(ask.id, [ask.commit, isRight]));
    await server.release();
    return verdicts;
  };

  const before = await right(BASE, null);
  tell('as it ships', before);
  if (adapter !== null) {
    const after = await right({ checkpoint: 'learned', adapter }, adapter.shape);
    tell('with what was learned', after);
    const ids = [...before.keys()];
    const blocks = [...new Set(ids.map((id) => block(before.get(id)!)))];
    const change = interval([blocks.length], seed, ([weights]) => {
      let [count, sum] = [0, 0];
      for (const id of ids) {
        const weight = weights![blocks.indexOf(block(before.get(id)!))]!;
        count += weight;
        sum += weight * (Number(after.get(id)![1]) - Number(before.get(id)![1]));
      }
      return count === 0 ? null : sum / count;
    });
    console.log(`change ${points(change.value)} points (${points(change.low)} to ${points(change.high)})`);
  }
  log.close();
}

type Verdicts = Map<string, readonly [commit: number, isRight: boolean]>;

const block = ([commit]: readonly [number, boolean]): number => Math.floor(commit / BLOCK_COMMITS);

function points(share: number | null): string {
  return share === null ? '–' : (100 * share).toFixed(2);
}

function tell(name: string, verdicts: Verdicts): void {
  const right = [...verdicts.values()].filter(([, isRight]) => isRight).length;
  console.log(`${name}: ${right} of ${verdicts.size} right at arrival, ${percent(right / verdicts.size)}`);
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 32);
}

await main(run);
