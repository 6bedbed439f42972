/**
 * `npm run fuzz -- [--runs N] [--seed S] [--kind K] [--from RUN]`: damaged models, tokenizers, adapters and requests,
 * given to what reads them. Each kind runs in a process of its own with a small heap; one that dies or hangs is a
 * finding with its run's number, by which `--kind K --seed S --from RUN --runs 1` repeats it alone. The last line is JSON.
 */
import { fork } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LIMITS, type Outcome } from './fuzz/run.ts';
import { KINDS, type Kind, SHARES } from './fuzz/targets.ts';
import { main, step, UserError } from './progress.ts';

const HEAP_MB = 512;
const PROGRAM = join(import.meta.dirname, 'fuzz', 'run.ts');

/** A process for some runs; if it dies or stands still, what it did last is the finding, and another goes on after it. */
async function inProcesses(kind: Kind, seed: number, from: number, to: number, folder: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let next = from; next < to; ) {
    const progress = join(folder, kind);
    const child = fork(PROGRAM, [kind, String(seed), String(next), String(to), progress], {
      execArgv: [`--max-old-space-size=${HEAP_MB}`],
    });
    const at = async (): Promise<string> => readFile(progress, 'utf8').catch(() => '');
    let last = '';
    let hung = false;
    const watch = setInterval(async () => {
      const now = await at();
      if (now !== '' && now === last) hung = child.kill('SIGKILL');
      last = now;
    }, 6 * LIMITS.runMs);
    const outcome = await new Promise<Outcome | null>((resolve) => {
      child.once('message', (message) => resolve(message as Outcome));
      child.once('exit', () => resolve(null));
    });
    clearInterval(watch);
    if (outcome !== null) {
      outcomes.push(outcome);
      break;
    }
    const run = Number((await at()) || next);
    const how = hung ? 'hung' : `died (${child.signalCode ?? child.exitCode})`;
    outcomes.push({
      counts: {},
      findings: [`${kind}, seed ${seed}, run ${run}: the process ${how}`],
      slowestMs: 0,
      residentMb: 0,
    });
    if (outcomes.length > 5) break;
    next = run + 1;
  }
  return outcomes;
}

await main(async () => {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      kind: { type: 'string' },
      from: { type: 'string', default: '0' },
    },
  });
  const [runs, seed, from] = [values.runs, values.seed, values.from].map(Number) as [number, number, number];
  if (![runs, seed, from].every((n) => Number.isSafeInteger(n) && n >= 0))
    throw new UserError('--runs, --seed and --from are whole numbers.');
  if (values.kind !== undefined && !KINDS.includes(values.kind as Kind))
    throw new UserError(`--kind is one of ${KINDS.join(', ')}.`);
  const kinds = values.kind === undefined ? KINDS : [values.kind as Kind];
  const folder = await mkdtemp(join(tmpdir(), 'knack-fuzz-'));
  const totals: Record<
    string,
    { runs: number; counts: Record<string, number>; slowestMs: number; residentMb: number }
  > = {};
  const findings: string[] = [];
  try {
    for (const kind of kinds) {
      const share = values.kind === undefined ? Math.ceil((runs * SHARES[kind]) / 100) : runs;
      const outcomes = await step(`${kind}: ${share} runs`, () => inProcesses(kind, seed, from, from + share, folder));
      const counts: Record<string, number> = {};
      for (const outcome of outcomes) {
        for (const [way, n] of Object.entries(outcome.counts)) counts[way] = (counts[way] ?? 0) + n;
        findings.push(...outcome.findings);
      }
      const most = (of: 'slowestMs' | 'residentMb'): number => Math.max(...outcomes.map((outcome) => outcome[of]));
      totals[kind] = { runs: share, counts, slowestMs: most('slowestMs'), residentMb: most('residentMb') };
      const ways = Object.entries(counts).sort((a, b) => b[1] - a[1]);
      console.log(
        `    ${ways.map(([way, n]) => `${way} ${n}`).join(', ')}; slowest ${most('slowestMs')} ms; ${most('residentMb')} MB`,
      );
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  for (const finding of findings) console.log(`\n${finding}`);
  const all = Object.values(totals).reduce((sum, { runs: n }) => sum + n, 0);
  console.log(JSON.stringify({ runs: all, seed, findings: findings.length, kinds: totals }));
  return findings.length === 0 ? 0 : 1;
});
