/**
 * `npm run tune -- [REPLAY…] [options]`: tunes the default base into a model that writes edits (docs/edits.md).
 *
 * The adapter, AdamW's moments and the place in the data lie in the cache folder; a run that was stopped, by Ctrl+C or by
 * kill -9, goes on from its last checkpoint as if it had never stopped.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadBase } from '../src/engine/base.ts';
import { SessionPolicy } from '../src/engine/policy.ts';
import { withQuantised } from '../src/engine/quantised-base.ts';
import { type Adapter, readAdapter, writeAdapter } from '../src/model/adapter.ts';
import { defaultCacheDir } from '../src/model/cache.ts';
import { initialLora, topLayers } from '../src/model/lora.ts';
import { readTrainingState } from '../src/model/training-state.ts';
import { logFormat } from '../src/prompt/log-format.ts';
import { marksOf } from '../src/prompt/marks.ts';
import { POINTS } from '../src/replay/typist.ts';
import type { Sequence } from '../src/trainer/log-sequences.ts';
import { learningRate, type Schedule } from '../src/trainer/optimizer.ts';
import { seeded } from '../src/trainer/random.ts';
import type { BatchShape } from '../src/trainer/step.ts';
import { weightedBatch } from '../src/trainer/weighted.ts';
import { baseModel } from './base-model.ts';
import { main, UserError } from './progress.ts';
import { readEdits } from './tune/commits.ts';
import { exactness, heldOutAsks } from './tune/exact.ts';
import { heldOutLoss } from './tune/loss.ts';
import { packed, sequences } from './tune/stream.ts';

const USAGE = `Usage: npm run tune -- REPLAY… [--tune REPLAY]… [--name NAME] [--model PATH] [--steps N] [--lr X] [--rank N] [--batch N] [--length N]
       [--seed S] [--threads N] [--save-every N] [--stop-at N] [--from ADAPTER] [--skip ROWS] [--out DIR]

--from begins from an adapter's weights, with fresh moments; --skip passes over the rows that it has seen.`;

/** Rows that carry loss, as a share of a batch's tokens. */
const ROWS_SHARE = 0.48;
const WARMUP_SHARE = 0.03;
/** Sequences of the tune split whose loss is looked at. */
const HELD_OUT = 24;

async function run(): Promise<undefined> {
  const options = parse(process.argv.slice(2));
  const cacheDir = defaultCacheDir();
  const folder = join(cacheDir, 'tune', options.name);
  const base = await loadBase(options.model ?? (await baseModel(console.log)), cacheDir, () => undefined);
  const { model, tokenizer } = base;
  const marks = marksOf(tokenizer);
  const format = logFormat(tokenizer);
  if (marks === null || format === null) throw new UserError('This base has no tokens for the marks of an edit log.');
  const shape: BatchShape = {
    batch: options.batch,
    time: options.length,
    rows: Math.ceil((options.batch * options.length * ROWS_SHARE) / 16) * 16,
  };

  const edits = options.sources.flatMap((path) => [...readEdits(path)]);
  if (edits.length === 0) throw new UserError('The sources hold no edits.');
  console.log(`${edits.length} files of commits to learn from.`);
  const streamed = { marks, length: options.length };
  const stream = packed(sequences(edits, { ...streamed, seed: options.seed }), options.length);
  const heldOut = heldOutSequences(options.tune, (own) => sequences(own, { ...streamed, seed: 1 }));

  const heldOutQuestions = heldOutAsks(options.tune);
  // As it will be served; made once, and fp32 where 8 bits say something else.
  const asked = { ...base, format };
  const served = options.tune.length === 0 ? asked : await withQuantised(asked, cacheDir, options.threads);

  mkdirSync(folder, { recursive: true });
  const found = checkpoints(folder).at(-1);
  let adapter: Adapter;
  let step = 0;
  if (found !== undefined) adapter = await readAdapter(join(folder, found), model);
  else if (options.from !== null) adapter = await readAdapter(options.from, model);
  else {
    const lora = topLayers(model.config, model.config.layers, options.rank, 2 * options.rank);
    adapter = { shape: lora, vector: initialLora(model.config, lora, seeded(options.seed)) };
  }
  const policy = new SessionPolicy(base, adapter, shape, {
    threads: options.threads,
    device: 'cpu',
    onFallback: console.error,
  });
  if (found !== undefined) {
    const state = await readTrainingState(join(folder, found), model.config, adapter.shape);
    await policy.restoreState({ lora: adapter.vector, ...state });
    step = Number(found.slice(5));
    console.log(`Goes on from step ${step}.`);
  }
  for (let i = 0; i < options.skip + step * options.batch; i++) stream.next();

  const curve = (line: unknown): void => appendFileSync(join(folder, 'curve.jsonl'), `${JSON.stringify(line)}\n`);
  const schedule: Schedule = {
    peak: options.lr,
    warmup: Math.max(1, Math.round(options.steps * WARMUP_SHARE)),
    total: options.steps,
    decay: 'cosine',
    floor: 0.05,
  };
  const save = async (): Promise<void> => {
    const state = await policy.state();
    const name = `step-${String(step).padStart(6, '0')}`;
    if (!existsSync(join(folder, name))) {
      const training = { ...state, random: (step * options.batch) >>> 0 };
      const origin = { config: model.config, baseSha256: model.sha256 };
      await writeAdapter(join(folder, name), { shape: adapter.shape, vector: state.lora }, origin, training);
    }
    for (const old of checkpoints(folder).slice(0, -2)) rmSync(join(folder, old), { recursive: true });
    if (heldOut.length === 0) return;
    const now = { shape: adapter.shape, vector: state.lora };
    const loss = await heldOutLoss(base, now, heldOut, shape, options.threads);
    const { exact, saved, asks } = await exactness(served, now, heldOutQuestions);
    curve({ step, tuneLoss: loss, exact, saved, asks });
    const shares = POINTS.map((point) => `${point} ${(100 * exact[point]).toFixed(0)} %`).join(', ');
    console.log(
      `step ${step}: on the tune split ${loss.toFixed(4)} nats a token; ${asks} asks, exact: ${shares}; saved ${(100 * saved).toFixed(1)} %`,
    );
  };

  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopped) process.exit(1);
      stopped = true;
      console.log('Stopping after this step …');
    });
  }
  const last = Math.min(options.steps, options.stopAt);
  if (step === 0) await save();
  const began = performance.now();
  const first = step;
  let tokens = 0;
  let smooth: number | null = null;
  while (step < last && !stopped) {
    const own: Sequence[] = [];
    while (own.length < options.batch) own.push(stream.next().value as Sequence);
    const batch = weightedBatch(own, shape);
    const lr = learningRate(step + 1, schedule);
    const { loss, norm, applied } = await policy.step(batch, lr);
    step++;
    tokens += batch.tokens;
    smooth = smooth === null ? loss : 0.97 * smooth + 0.03 * loss;
    const seconds = (performance.now() - began) / 1000;
    curve({ step, loss, norm, lr, tokens, seconds: Math.round(seconds), ...(applied ? {} : { applied }) });
    if (step % 10 === 0) {
      const left = ((last - step) * seconds) / (step - first) / 60;
      console.log(
        `step ${step} of ${last}: loss ${smooth.toFixed(3)}, ${(tokens / seconds).toFixed(0)} tokens/s, ${left.toFixed(0)} min left`,
      );
    }
    if (step % options.saveEvery === 0 && step < last) await save();
  }
  await save();
  if (options.out !== null) {
    const { lora: vector } = await policy.state();
    const own = { shape: adapter.shape, vector };
    await writeAdapter(options.out, own, { config: model.config, baseSha256: model.sha256 }, null, 'F16');
  }
  await policy.release();
  console.log(`The adapter is in ${join(folder, checkpoints(folder).at(-1)!)}.`);
  return undefined;
}

function heldOutSequences(paths: readonly string[], stream: (edits: ReturnType<typeof readAll>) => Iterable<Sequence>) {
  const taken: Sequence[] = [];
  for (const path of paths) {
    let n = 0;
    for (const sequence of stream(readAll(path))) {
      taken.push(sequence);
      if (++n === Math.ceil(HELD_OUT / paths.length)) break;
    }
  }
  return taken;
}

const readAll = (path: string) => [...readEdits(path)];

function checkpoints(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^step-\d{6}$/.test(name))
    .sort();
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        tune: { type: 'string', multiple: true },
        name: text,
        model: text,
        steps: text,
        lr: text,
        rank: text,
        batch: text,
        length: text,
        seed: text,
        threads: text,
        'save-every': text,
        'stop-at': text,
        from: text,
        skip: text,
        out: text,
      },
    });
    const number = (name: keyof typeof values, fallback: number, least: number): number => {
      const value = values[name] === undefined ? fallback : Number(values[name]);
      if (Number.isFinite(value) && value >= least) return value;
      throw new UserError(`--${name} is a number of at least ${least}, not "${values[name]}".`);
    };
    if (positionals.length === 0) throw new UserError('No replay file was given.');
    return {
      sources: positionals,
      tune: values.tune ?? [],
      model: values.model ?? null,
      name: values.name ?? 'log-1',
      from: values.from ?? null,
      skip: number('skip', 0, 0),
      out: values.out ?? null,
      steps: number('steps', 1000, 1),
      stopAt: number('stop-at', Number.MAX_SAFE_INTEGER, 0),
      lr: number('lr', 1e-3, 1e-9),
      rank: number('rank', 16, 1),
      batch: number('batch', 2, 1),
      length: number('length', 512, 64),
      seed: number('seed', 0, 0),
      threads: number('threads', Math.min(2, availableParallelism()), 1),
      saveEvery: number('save-every', 100, 1),
    };
  } catch (error) {
    if (error instanceof UserError || error instanceof TypeError) throw new UserError(`${error.message}\n${USAGE}`);
    throw error;
  }
}

if (import.meta.main) await main(run);
