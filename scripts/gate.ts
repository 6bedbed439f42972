/**
 * `npm run gate:prior -- SOURCE… [options of npm run replay]`: fits the weights that a gate begins with to what
 * `frozen` answers in the sources, and writes them to src/gate/fitted.ts. Of each source it tells first what a gate
 * does there whose prior was fitted to the others (docs/gate.md). `--dry` writes nothing; `--ridge` and `--spread` try
 * other penalties and variances; `--typing` has what was typed where nothing was shown teach the gate too.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { calibrationOf } from '../src/gate/calibration.ts';
import { FEATURE_NAMES, isOfLanguage } from '../src/gate/features.ts';
import { fixedGate, Gate } from '../src/gate/gate.ts';
import type { Prior } from '../src/gate/logistic.ts';
import { PRIOR, priorOf } from '../src/gate/prior.ts';
import { blockTallies, lift, sweep } from '../src/replay/compare.ts';
import { change, percent, plain, ranged } from '../src/replay/figures.ts';
import { acceptRate, reward, savedShare, sum } from '../src/replay/tally.ts';
import { fitSigned } from './gate/fit.ts';
import { type Judged, type JudgedSource, judge } from './gate/judged.ts';
import { weightLines } from './gate/lines.ts';
import { reliability } from './gate/reliability.ts';
import { ROOT } from './paths.ts';
import { main, UserError } from './progress.ts';
import { open, parseOptions, settingsOf, watcher } from './replay.ts';

/** Penalty of a weight's square: chosen on the tune split, each source held out in turn (docs/gate.md). */
const RIDGE = 3;
/** History's features depend on what the gate shows: fitted, it is played again, and fitted again. */
const ROUNDS = 2;

function fitted(judged: readonly Judged[][], ridge: number, without: RegExp | null): Record<string, number> {
  // Each suggestion counts alike: with each source alike, a short one's few outweigh what the others tell (docs/log.md).
  const examples = judged.flat().map(({ judgement, worth }) => ({
    x: judgement.features.map((v, i) => (without?.test(FEATURE_NAMES[i]!) ? 0 : v)),
    y: worth,
    weight: 1,
  }));
  const penalties = FEATURE_NAMES.map((name) => (name === 'always' ? 0.01 : isOfLanguage(name) ? 1e9 : ridge));
  const weights = fitSigned(examples, penalties, FEATURE_NAMES.map(signOf));
  return Object.fromEntries(
    FEATURE_NAMES.flatMap((name, i) => (isOfLanguage(name) ? [] : [[name, Number(weights[i]!.toFixed(4))]])),
  );
}

/** Surer is likelier, whatever a few examples say. */
function signOf(name: string): -1 | 0 | 1 {
  return name === 'unsure tokens' ? -1 : /probability$/.test(name) ? 1 : 0;
}

function share(of: readonly Judged[], is: (j: Judged) => boolean): number {
  return of.length === 0 ? 0 : of.filter(is).length / of.length;
}

/** What the gate does in some sources, in a few lines. */
function describe(title: string, sources: readonly JudgedSource[], seed: number): void {
  const judged = sources.flatMap((s) => s.judged);
  const { brier, ece } = calibrationOf(judged.map(({ judgement: { p }, worth }) => ({ p, worth })));
  const early = sources.flatMap((s) => s.judged.filter((j) => j.shown).slice(0, 50));
  const accepts = judged.filter((j) => j.worth > 0);
  const rejects = judged.filter((j) => j.worth === 0);
  console.log(`\n${title}: ${judged.length} suggestions, ${accepts.length} of them wanted at least in part`);
  const figures = (runs: JudgedSource['gate'][], threshold: number): string => {
    const total = sum(runs.flatMap((r) => blockTallies(r.runs, threshold, false)).flat());
    return `shown ${total.shown}, accept rate ${percent(acceptRate(total))}, saved ${percent(savedShare(total))}, reward ${reward(total)?.toFixed(3)} per 100 asks`;
  };
  const [frozen, gate] = [sources.map((s) => s.frozen), sources.map((s) => s.gate)];
  console.log(`  frozen  ${figures(frozen, frozen[0]!.threshold)}`);
  console.log(`  gate    ${figures(gate, gate[0]!.threshold)}`);
  const live = frozen[0]!.threshold;
  for (const half of [false, true]) {
    const mine = gate.flatMap((g) => blockTallies(g.runs, g.threshold, half));
    const found = lift(
      mine,
      sweep(
        frozen.flatMap((f) => f.runs),
        live,
        half,
      ),
      live,
      seed,
    );
    console.log(
      `  lift    ${half ? 'last half' : 'all      '}  accept rate at equal saved ${ranged(found.acceptRateAtEqualSaved, change)}, reward ${ranged(found.reward, plain)}`,
    );
  }
  console.log(
    `  silenced of wanted ${percent(share(accepts, (j) => !j.shown))}, of unwanted ${percent(share(rejects, (j) => !j.shown))}; of what frozen shows: ${percent(
      share(
        accepts.filter((j) => j.frozen),
        (j) => !j.shown,
      ),
    )} and ${percent(
      share(
        rejects.filter((j) => j.frozen),
        (j) => !j.shown,
      ),
    )}`,
  );
  const worth = early.reduce((total, j) => total + j.worth, 0) / early.length;
  console.log(
    `  Brier ${brier?.toFixed(4)}, expected calibration error ${ece?.toFixed(4)}; the first 50 shown of each source: ${percent(worth)} accepted`,
  );
}

async function run(): Promise<undefined> {
  const args = process.argv.slice(2);
  const flag = (name: string): boolean => {
    const at = args.indexOf(name);
    if (at >= 0) args.splice(at, 1);
    return at >= 0;
  };
  const value = (name: string): string | null => {
    const at = args.indexOf(name);
    return at < 0 ? null : (args.splice(at, 2)[1] ?? '');
  };
  const [dry, typing] = [flag('--dry'), flag('--typing')];
  const number = (name: string, usual: number): number => {
    const text = value(name);
    const x = text === null ? usual : Number(text);
    if (!(x > 0)) throw new UserError(`${name} is a number above 0, not "${text}".`);
    return x;
  };
  const [ridge, spread] = [number('--ridge', RIDGE), number('--spread', 1)];
  const left = value('--without');
  const without = left === null ? null : new RegExp(left);
  const options = parseOptions(args);
  const settings = await settingsOf({ ...options, html: null });
  const sources = options.sources.map(open);
  if (sources.length < 2) throw new UserError('At least two sources are needed: each is held out in turn.');

  const learning = (prior: Prior) => () => new Gate(prior);
  const all = (prior: Prior) => sources.map(() => learning(prior));
  let played = await judge(sources, settings, all(PRIOR), typing, { ...watcher(), end() {} });
  let held: Prior[] = [];
  let whole: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round++) {
    const judged = played.map((p) => [...p.judged]);
    whole = fitted(judged, ridge, without);
    held = sources.map((_, n) =>
      priorOf(
        fitted(
          judged.filter((_, i) => i !== n),
          ridge,
          without,
        ),
        spread,
      ),
    );
    if (round < ROUNDS - 1) played = await judge(sources, settings, all(priorOf(whole, spread)), typing);
  }
  const out = await judge(sources, settings, held.map(learning), typing);
  for (const source of out) describe(source.name, [source], options.seed);
  describe('pooled, each source held out', out, options.seed);
  const pooled = out.flatMap((s) => s.judged);
  console.log(`\n${reliability(pooled.map(({ judgement: { p }, worth }) => ({ p, worth })))}`);
  const still = await judge(
    sources,
    settings,
    held.map((prior) => () => fixedGate(prior)),
    false,
  );
  describe('the same priors, without learning from signals', still, options.seed);

  if (dry) return;
  const path = join(ROOT, 'src', 'gate', 'fitted.ts');
  const count = played.reduce((n, p) => n + p.judged.length, 0);
  writeFileSync(
    path,
    `/** The weights that a gate begins with, by feature. Made by \`npm run gate:prior\` of ${count} suggestions (docs/gate.md); not edited by hand. */
export const FITTED: Readonly<Record<string, number>> = {
${weightLines(Object.entries(whole), '  ')}
};
`,
  );
  console.log(`\n${path} was written.`);
}

if (import.meta.main) await main(run);
