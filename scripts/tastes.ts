/**
 * `npm run gate:tastes -- SOURCE… [options of npm run replay]`: what the gate learns of developers who refuse some of
 * what is right (replay/taste.ts). Of each taste: the gate as it ships, which no signal moves; the gate that learns; and
 * for comparison the former told of the taste beforehand, which is the most that there is to learn. By how many signals
 * the learning one has had. `--spread X`: variances of the prior times X.
 */

import { FITTED } from '../src/gate/fitted.ts';
import { BOUNDS, fixedGate, Gate, SHOW } from '../src/gate/gate.ts';
import { priorOf } from '../src/gate/prior.ts';
import type { ArmKind } from '../src/replay/arms.ts';
import { armKinds } from '../src/replay/arms.ts';
import { percent } from '../src/replay/figures.ts';
import { Learned } from '../src/replay/learned.ts';
import type { ArmRuns } from '../src/replay/report.ts';
import { runSession, type Watcher } from '../src/replay/session.ts';
import { TASTES } from '../src/replay/taste.ts';
import { type Answered, type Step, walk } from '../src/replay/walk.ts';
import { main } from './progress.ts';
import { open, parseOptions, settingsOf, watcher } from './replay.ts';

/** Signals of the learning gate at which a new stretch of asks begins. */
const STRETCHES = [0, 50, 150];

const REWARD = { accepted: 0.75, partly: 0.25, rejected: -0.25, silent: 0, covered: 0 } as const;

const SILENT: Pick<Watcher, 'begin' | 'progress'> = { begin() {}, progress() {} };

/** Sums of rewards over a stretch of asks. */
interface Stretch {
  asks: number;
  prior: number;
  gate: number;
  told: number;
}

async function run(): Promise<undefined> {
  const args = process.argv.slice(2);
  const at = args.indexOf('--spread');
  const spread = at < 0 ? 1 : Number(args.splice(at, 2)[1]);
  const options = parseOptions(args);
  const settings = await settingsOf({ ...options, html: null });
  const sources = options.sources.map(open);
  const [prior, gate] = armKinds(['prior', 'gate']) as [ArmKind, ArmKind];
  const learning = priorOf(FITTED, spread);
  const arms: ArmKind[] = [
    { ...prior, start: async () => new Learned(null, fixedGate()) },
    { ...gate, start: async () => new Learned(null, new Gate(learning, BOUNDS)) },
  ];
  const heads = ['all', ...STRETCHES.map((from) => `from ${from} signals`)].map((h) => `${h}: prior, gate, told`);
  console.log(`who refuses   right, refused   ${heads.map((h) => h.padStart(38)).join('')}`);
  for (const taste of [null, ...TASTES]) {
    const stretches = STRETCHES.map((): Stretch => ({ asks: 0, prior: 0, gate: 0, told: 0 }));
    let [right, refused] = [0, 0];
    for (const source of sources) {
      let runs: readonly ArmRuns[] = [];
      await runSession(
        [source],
        { ...settings, arms, taste },
        {
          ...(taste === null ? watcher() : SILENT),
          end: (_, r) => void (runs = r),
        },
      );
      const [asPrior, asGate] = runs.map((r) => r.runs[0]!.asks) as [readonly Answered[], readonly Answered[]];
      for (const { outcome, confidence, isRefused } of asPrior) {
        if (outcome !== 'right' || confidence === null) continue;
        right++;
        if (isRefused) refused++;
      }
      addUp(stretches, asPrior, asGate);
    }
    const all = stretches.reduce((a, b) => ({
      asks: a.asks + b.asks,
      prior: a.prior + b.prior,
      gate: a.gate + b.gate,
      told: a.told + b.told,
    }));
    const cells = [all, ...stretches].map((s) => {
      const per = (sum: number): string => (s.asks === 0 ? '-' : ((100 * sum) / s.asks).toFixed(2));
      return `${s.asks} asks: ${per(s.prior)}, ${per(s.gate)}, ${per(s.told)}`.padStart(38);
    });
    console.log(`${(taste?.name ?? 'nothing').padEnd(14)}${percent(refused / right).padStart(14)}   ${cells.join('')}`);
  }
}

function addUp(stretches: readonly Stretch[], asPrior: readonly Answered[], asGate: readonly Answered[]): void {
  const told = asPrior.map((a): Answered => (a.isRefused ? { ...a, confidence: null } : a));
  const [p, g, t] = [asPrior, asGate, told].map((asks) => [...walk(asks, SHOW)]) as [Step[], Step[], Step[]];
  let signals = 0;
  for (const [n, { fate }] of g.entries()) {
    const stretch = stretches[STRETCHES.findLastIndex((from) => signals >= from)]!;
    stretch.asks++;
    stretch.gate += REWARD[fate];
    stretch.prior += REWARD[p[n]!.fate];
    stretch.told += REWARD[t[n]!.fate];
    if (fate !== 'silent' && fate !== 'covered') signals++;
  }
}

if (import.meta.main) await main(run);
