/**
 * `npm run bench -- train`: our training step against its own matrix products alone and against PyTorch, eager and
 * compiled, in turn, each in a process of its own, on two threads. A turn is one step that does not count, for caches
 * and clock are the last side's at first, and several that do; in which order they come changes from round to round.
 *
 * Options: --rounds N (default 9), --threads N (2), --only lora|full12m, --grow (how a step's cost grows, without
 * PyTorch). PyTorch is looked for in KNACK_PYTHON, else in python3.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { trainerEnvironment } from '../../src/engine/environment.ts';
import { estimateBytes } from '../../src/trainer/plan.ts';
import { step, UserError } from '../progress.ts';
import { orderOf, Side, type Summary, summary } from './side.ts';
import { adapterOf, fullWorkload, loraWorkload, type Workload } from './workload.ts';

/** The steps of a turn that count take about as long as this. */
const TURN_MS = 3000;

interface Context {
  readonly threads: number;
  readonly rounds: number;
  /** For the random base. */
  readonly folder: string;
  /** A Python with PyTorch, or null. */
  readonly python: string | null;
}

/** What the last line holds for a workload; null where it could not be measured. */
interface Figures {
  readonly tokensPerSecond: number;
  readonly gflops: number;
  /** Time of the matrix products alone, by that of the step. */
  readonly ceilingShare: number;
  readonly ceilingGflops: number;
  readonly stepMs: Summary;
  /** Processor time of a step, all threads; that of the matrix products alone. */
  readonly cpuMs: number;
  readonly ceilingCpuMs: number;
  readonly peakRssMb: number;
  /** Time of the faster PyTorch by ours: above 1, we are faster. */
  readonly vsTorch: number | null;
  /** Of the faster PyTorch. */
  readonly torchPeakRssMb: number | null;
  /** Median time of each side's step after the wait, which does not count, by that of those that do. */
  readonly firstSteps: Readonly<Record<string, number>>;
  /** Most processor time that any side took while it waited for its turn, as a share of one processor. */
  readonly idleShare: number;
  readonly torch: Readonly<Record<string, TorchFigures>>;
}

interface TorchFigures {
  readonly stepMs: Summary;
  /** By ours, pair by pair. */
  readonly ratio: Summary;
  readonly cpuMs: number;
  readonly peakRssMb: number;
}

export async function benchTrain(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '9' },
      threads: { type: 'string', default: '2' },
      only: { type: 'string' },
      grow: { type: 'boolean', default: false },
    },
  });
  const [rounds, threads] = [Number(values.rounds), Number(values.threads)];
  if (!(rounds >= 1 && threads >= 1)) throw new UserError('--rounds and --threads are whole numbers from 1.');
  const folder = await mkdtemp(join(tmpdir(), 'knack-bench-'));
  try {
    const context = { threads, rounds, folder, python: values.grow ? null : await findPython() };
    console.log(JSON.stringify(values.grow ? await grow(context) : await compare(context, values.only)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(context: Context, only: string | undefined): Promise<Record<string, Figures | null>> {
  const { python } = context;
  console.log(python ? `PyTorch: ${python}` : 'No Python with PyTorch (KNACK_PYTHON, python3): measured without.');
  const results: Record<string, Figures | null> = { lora: null, full12m: null };
  for (const [key, workload] of Object.entries({ lora: loraWorkload(), full12m: fullWorkload() })) {
    if (only !== undefined && only !== key) continue;
    results[key] = await step(workload.name, async (detail) => {
      const figures = await measure(workload, context);
      for (const line of report(figures)) detail(line);
      return figures;
    });
  }
  return results;
}

/** The first of KNACK_PYTHON and python3 that can import torch. */
async function findPython(): Promise<string | null> {
  for (const python of [process.env.KNACK_PYTHON, 'python3']) {
    if (!python) continue;
    const found = await promisify(execFile)(python, ['-c', 'import torch']).then(
      () => true,
      () => false,
    );
    if (found) return python;
  }
  return null;
}

async function measure(workload: Workload, context: Context): Promise<Figures> {
  const { threads, rounds, folder, python } = context;
  const json = JSON.stringify(workload);
  const sides = new Map<string, Side>();
  const add = async (name: string, program: string, args: readonly string[]): Promise<void> => {
    // The allocator's settings are those of Knack's trainer, for all: a difference is not theirs.
    const side = await Side.start(program, args, trainerEnvironment(process.env));
    if (side) sides.set(name, side);
    else console.log(`    ${name}: did not run`);
  };
  try {
    const ours = join(import.meta.dirname, 'train-run.ts');
    await add('step', process.execPath, [ours, json, 'step', String(threads), folder]);
    await add('products', process.execPath, [ours, json, 'products', String(threads), folder]);
    if (python) {
      const theirs = join(import.meta.dirname, 'train_torch.py');
      await add('eager', python, [theirs, json, 'eager', String(threads)]);
      await add('compiled', python, [theirs, json, 'compiled', String(threads)]);
    }
    const own = sides.get('step');
    if (!own) throw new Error('our step did not run: the lines above say why');

    const first = summary((await own.run(2)).ms).median;
    const steps = Math.max(2, Math.round(TURN_MS / first));
    const names = [...sides.keys()];
    const times = new Map(names.map((name) => [name, [] as number[]]));
    const cpu = new Map(names.map((name) => [name, [] as number[]]));
    const waits = new Map(names.map((name) => [name, { ms: 0, cpuMs: 0 }]));
    const firsts = new Map(names.map((name) => [name, [] as number[]]));
    const peaks = new Map<string, number>();
    for (let turn = 0; turn < rounds; turn++) {
      for (const index of orderOf(names.length, turn)) {
        const name = names[index]!;
        const { ms, firstMs, cpuMs, peakRssMb, waited } = await sides.get(name)!.run(steps);
        cpu.get(name)!.push(cpuMs);
        times.get(name)!.push(summary(ms).median);
        firsts.get(name)!.push(firstMs / summary(ms).median);
        peaks.set(name, peakRssMb);
        const wait = waits.get(name)!;
        wait.ms += waited.ms;
        wait.cpuMs += waited.cpuMs;
      }
    }
    const idleShare = Math.max(...[...waits.values()].map(({ ms, cpuMs }) => cpuMs / ms));
    const firstSteps = Object.fromEntries([...firsts].map(([name, each]) => [name, round(summary(each).median, 3)]));
    const figures = figuresOf(workload, own.about.flops as number, times, cpu, peaks);
    return { ...figures, firstSteps, idleShare: round(idleShare, 4) };
  } finally {
    for (const side of sides.values()) side.end();
  }
}

/** @param times medians of each round, by side @param flops of one step's matrix products */
function figuresOf(
  { shape }: Workload,
  flops: number,
  times: ReadonlyMap<string, readonly number[]>,
  cpu: ReadonlyMap<string, readonly number[]>,
  peaks: ReadonlyMap<string, number>,
): Omit<Figures, 'firstSteps' | 'idleShare'> {
  const own = times.get('step')!;
  // By pairs: what slows the machine for a while slows both.
  const ratio = (name: string): Summary => summary(times.get(name)!.map((ms, i) => ms / own[i]!));
  const cpuMs = (name: string): number => round(summary(cpu.get(name)!).median, 0);
  const torch = Object.fromEntries(
    ['eager', 'compiled']
      .filter((name) => times.has(name))
      .map((name) => [
        name,
        { stepMs: summary(times.get(name)!), ratio: ratio(name), cpuMs: cpuMs(name), peakRssMb: peaks.get(name)! },
      ]),
  );
  const better = Object.values(torch).toSorted((a, b) => a.ratio.median - b.ratio.median)[0];
  const stepMs = summary(own);
  return {
    tokensPerSecond: round(shape.batch * shape.time * (1000 / stepMs.median), 0),
    gflops: round(flops / stepMs.median / 1e6, 1),
    ceilingShare: round(ratio('products').median, 3),
    ceilingGflops: round(flops / summary(times.get('products')!).median / 1e6, 1),
    stepMs,
    cpuMs: cpuMs('step'),
    ceilingCpuMs: cpuMs('products'),
    peakRssMb: peaks.get('step')!,
    vsTorch: better ? round(better.ratio.median, 3) : null,
    torchPeakRssMb: better ? better.peakRssMb : null,
    torch,
  };
}

function report(figures: Figures): string[] {
  const { stepMs, tokensPerSecond, gflops, ceilingShare, ceilingGflops, cpuMs, ceilingCpuMs, peakRssMb } = figures;
  const spread = ({ median, low, high }: Summary, digits: number): string =>
    `${median.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
  return [
    'medians (first to third quartile)',
    `ours: ${spread(stepMs, 0)} ms a step, ${cpuMs} ms of processor time, ${tokensPerSecond} tokens/s, ${peakRssMb} MB at most`,
    `${gflops} GFLOP/s, ${(100 * ceilingShare).toFixed(1)} % of the ${ceilingGflops} that the matrix products alone reach (${ceilingCpuMs} ms of processor time)`,
    ...Object.entries(figures.torch).map(
      ([name, { stepMs: theirs, ratio, cpuMs: processor, peakRssMb: peak }]) =>
        `PyTorch ${name}: ${spread(theirs, 0)} ms, ${spread(ratio, 2)} times ours, ${processor} ms of processor time, ${peak} MB at most`,
    ),
    `the first step after a wait takes ${Object.entries(figures.firstSteps)
      .map(([name, share]) => `${share.toFixed(2)} (${name})`)
      .join(', ')} times as long and does not count`,
    `while it waits, a side takes at most ${(100 * figures.idleShare).toFixed(1)} % of a processor`,
  ];
}

/** How the cost of a LoRA step grows with each of its sizes, the others fixed, and what memory it was planned with. */
async function grow({ threads, rounds, folder }: Context): Promise<readonly Record<string, unknown>[]> {
  const sizes = [
    ...[64, 128, 256, 512].map((time) => ({ what: 'tokens a sequence', workload: loraWorkload(4, time, 8, 10) })),
    ...[1, 2, 8].map((batch) => ({ what: 'sequences a batch', workload: loraWorkload(batch, 256, 8, 10) })),
    ...[2, 32, 128].map((rank) => ({ what: 'rank', workload: loraWorkload(4, 256, rank, 10) })),
    ...[1, 5, 20, 30].map((layers) => ({ what: 'layers trained', workload: loraWorkload(4, 256, 8, layers) })),
  ];
  console.log(
    '| varied | shape | ms a step (quartiles) | tokens/s | GFLOP a step | peak MB | estimate |\n|---|---|---|---|---|---|---|',
  );
  const rows: Record<string, unknown>[] = [];
  for (const { what, workload } of sizes) {
    const args = [join(import.meta.dirname, 'train-run.ts'), JSON.stringify(workload), 'step', String(threads), folder];
    const side = await Side.start(process.execPath, args, trainerEnvironment(process.env));
    if (!side) throw new Error(`${workload.name} did not run: the lines above say why`);
    const { ms, peakRssMb } = await side.run(rounds);
    side.end();
    const times = summary(ms);
    const tokensPerSecond = round((workload.shape.batch * workload.shape.time * 1000) / times.median, 0);
    const gflop = round((side.about.flops as number) / 1e9, 0);
    // trainer/plan.ts, by which a round is planned.
    const estimateMb = round(estimateBytes(workload.config, adapterOf(workload), workload.shape) / 2 ** 20, 0);
    const spread = `${times.median.toFixed(0)} (${times.low.toFixed(0)} to ${times.high.toFixed(0)})`;
    console.log(
      `| ${what} | ${workload.name} | ${spread} | ${tokensPerSecond} | ${gflop} | ${peakRssMb} | ${estimateMb} |`,
    );
    rows.push({ varied: what, shape: workload.name, stepMs: times, tokensPerSecond, gflop, peakRssMb, estimateMb });
  }
  return rows;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
