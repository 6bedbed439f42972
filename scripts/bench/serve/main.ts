/**
 * `npm run bench -- serve [SOURCE…] [--files N] [--only PART,…] [--each] [--grow]`: what a suggestion costs, from the
 * request to the whole answer, in the engine as it ships: its own process, the default model, an adapter of rank 8.
 * Keystrokes are cut from histories (replay files or git directories), at most N files of each. Linux. The parts:
 *
 * - `latency`: `cold` and `warm` (requests.ts says which requests they are about), `all` of them whatever they wrote;
 *   `rssMb`: resident memory after them. `--each` prints every one.
 * - `idle`: `idleCpuPercent`, of one core, right after some requests, while nothing is asked.
 * - `swap`: `swapRssMb`, the peak of resident memory while other adapters are taken up.
 * - `training`: `whileTraining`, the 95th percentile of all keystrokes while a round trains, by that before.
 * - `rest`: `reloadMs`, until a request with a prompt of a few tokens is answered by an engine that had given the model's
 *   memory back; `restingRssMb`: its memory before.
 * - `512`: `at512`, 512 tokens of code of which nothing is cached and ten tokens after them, greedily and without
 *   guesses: the decoder alone, as no prompt format of ours asks for so many with the default model.
 * - `llama`: `vsLlama` (rivals.ts).
 *
 * `--grow`, in place of all that: how it grows (grow.ts); its parts are `length`, `shape` and `windows`. The last line is
 * JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openSource } from '../../../src/replay/source.ts';
import { loraFor } from '../../../src/trainer/plan.ts';
import { baseModel } from '../../base-model.ts';
import { ROOT } from '../../paths.ts';
import { onInterrupt } from '../../process.ts';
import { step, UserError } from '../../progress.ts';
import { BenchEngine, TOKENS } from './engine.ts';
import { needLinux, percentile, round } from './figures.ts';
import { grow } from './grow.ts';
import { timeLengths } from './lengths.ts';
import { idle, latency, reload, swaps, whileTraining } from './measure.ts';
import { longestOf } from './requests.ts';
import { againstLlama } from './rivals.ts';
import { codeIds, type Step, traceOf } from './trace.ts';

/** What stands beside the tests: small enough for everybody. */
const SAMPLE = join(ROOT, 'test', 'replay', 'nanostores.jsonl.gz');
const PARTS = ['latency', 'idle', 'swap', 'training', 'rest', '512', 'llama'] as const;
const GROWTH = ['length', 'shape', 'windows'] as const;
const REST_MS = 1_000;
const MEMORY_MB = 1536;
const PROMPTS = 8;

export async function benchServe(options: readonly string[]): Promise<void> {
  needLinux();
  const { values, positionals } = parseArgs({
    args: [...options],
    allowPositionals: true,
    options: {
      files: { type: 'string', default: '8' },
      only: { type: 'string' },
      each: { type: 'boolean', default: false },
      grow: { type: 'boolean', default: false },
    },
  });
  const files = Number(values.files);
  if (!(Number.isInteger(files) && files >= 1)) throw new UserError('--files is a whole number from 1 on.');
  const known: readonly string[] = values.grow ? GROWTH : PARTS;
  const parts = values.only?.split(',') ?? known;
  if (!parts.every((part) => known.includes(part))) throw new UserError(`--only takes of ${known.join(', ')}.`);
  const sources = positionals.length > 0 ? positionals : [SAMPLE];
  const trace = sources.flatMap((source) => traceOf(openSource(source), files));
  if (trace.length === 0) throw new UserError('Those histories have no file of code that is long enough.');
  const path = await step('Model', baseModel);
  const dir = mkdtempSync(join(tmpdir(), 'knack-serve-'));
  onInterrupt(async () => rmSync(dir, { recursive: true, force: true }));
  try {
    await step('Building', () => BenchEngine.build(dir));
    const start = (restAfterMs?: number): Promise<BenchEngine> =>
      BenchEngine.start(dir, path, ({ model }) => loraFor(model.config, MEMORY_MB), restAfterMs);
    const figures = values.grow
      ? await grow(path, start, trace, parts)
      : await measure(path, start, trace, parts, values.each);
    console.log(JSON.stringify(figures));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(
  path: string,
  start: (restAfterMs?: number) => Promise<BenchEngine>,
  trace: readonly Step[],
  parts: readonly string[],
  each: boolean,
): Promise<Record<string, unknown>> {
  const figures: Record<string, unknown> = {};
  const engine = await step('Starting the engine', () => start());
  const { base } = engine;
  try {
    if (parts.includes('latency')) Object.assign(figures, await latency(engine, trace, each));
    if (parts.includes('idle')) Object.assign(figures, await idle(engine, trace));
    const shape = loraFor(base.model.config, MEMORY_MB);
    if (parts.includes('swap')) Object.assign(figures, await swaps(engine, trace, shape));
    if (parts.includes('training')) Object.assign(figures, await whileTraining(engine, trace));
  } finally {
    await engine.stop();
  }
  if (parts.includes('rest')) {
    const resting = await start(REST_MS);
    try {
      Object.assign(figures, await reload(resting));
    } finally {
      await resting.stop();
    }
  }
  if (parts.includes('512')) figures.at512 = await at512(path, codeIds(trace, base.tokenizer, 512 * PROMPTS));
  if (parts.includes('llama')) {
    const prompts = trace.map(({ snapshot }) => base.format.ask(snapshot).prompt.ids);
    const longest = longestOf(trace, prompts, PROMPTS).map((i) => prompts[i]!);
    const ratios = Object.entries(await againstLlama(path, longest));
    figures.vsLlama = Object.fromEntries(ratios.map(([name, ratio]) => [name, round(ratio, 2)]));
  }
  return figures;
}

async function at512(path: string, ids: readonly number[]): Promise<Record<string, number | null>> {
  const texts = Array.from({ length: PROMPTS }, (_, i) => ids.slice(512 * i, 512 * (i + 1)));
  const took = (await timeLengths(path, texts, TOKENS)).map((each) => each.prefillMs + (TOKENS - 1) * each.tokenMs);
  return { p50Ms: round(percentile(took, 0.5)), p95Ms: round(percentile(took, 0.95)), requests: took.length };
}
