/**
 * `npm run candidates:prior -- SOURCE… [--since DATE] [--every N] [--ridge X] [--dry]`: fits the odds that a recent edit
 * is done again (src/prompt/odds.ts) to what was done in the sources, and writes them to src/prompt/fitted-odds.ts. Of
 * each source it tells first how well odds do there that were fitted to the others (docs/edits.md). No model is asked.
 * Of several ways to make one edit the likeliest is kept, by the odds as they are: run it twice.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadBase } from '../src/engine/base.ts';
import { SHOW } from '../src/gate/gate.ts';
import { sigmoid } from '../src/gate/logistic.ts';
import { defaultCacheDir } from '../src/model/cache.ts';
import { isEdit } from '../src/prompt/answer.ts';
import { findCandidates } from '../src/prompt/candidates.ts';
import { buildLogPrompt } from '../src/prompt/log.ts';
import { situationOf } from '../src/prompt/log-format.ts';
import { marksOf } from '../src/prompt/marks.ts';
import { ODDS_FEATURES, oddsFeatures, SITUATIONS, type Situation } from '../src/prompt/odds.ts';
import { snapshotOf } from '../src/replay/complete.ts';
import { percent } from '../src/replay/figures.ts';
import { played } from '../src/replay/run.ts';
import { openSource } from '../src/replay/source.ts';
import { POINTS, type Point } from '../src/replay/typist.ts';
import { baseModel } from './base-model.ts';
import { fit } from './gate/fit.ts';
import { weightLines } from './gate/lines.ts';
import { ROOT } from './paths.ts';
import { main, UserError } from './progress.ts';
import { seconds, whole } from './replay.ts';

/** Candidates of an ask that are looked at. */
const MOST = 16;

interface Row {
  readonly x: readonly number[];
  readonly right: boolean;
}

interface Asked {
  readonly point: Point;
  readonly situation: Situation;
  readonly rows: readonly Row[];
}

type Weights = ReadonlyMap<Situation, readonly number[]>;

async function run(): Promise<undefined> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      since: { type: 'string' },
      every: { type: 'string', default: '1' },
      ridge: { type: 'string', default: '4' },
      dry: { type: 'boolean', default: false },
    },
  });
  if (positionals.length < 2) throw new UserError('At least two sources are needed: each is held out in turn.');
  const since = values.since === undefined ? null : seconds(values.since);
  const [every, ridge] = [whole('every', values.every, 1), Number(values.ridge)];
  if (!(ridge > 0)) throw new UserError(`--ridge is a number above 0, not "${values.ridge}".`);

  const base = await loadBase(await baseModel(console.error), defaultCacheDir(), () => undefined);
  const marks = marksOf(base.tokenizer);
  if (marks === null) throw new UserError('The default model has no marks for the format log-1.');
  const sources = positionals.map((path) => {
    const history = openSource(path);
    const asked: Asked[] = [];
    for (const p of played(history, { since, limit: null, signals: null, every }, 0)) {
      if (p.kind !== 'ask') continue;
      const snapshot = snapshotOf(p.ask.question);
      if (snapshot === null) continue;
      const prompt = buildLogPrompt(snapshot, marks, base.tokenizer);
      const situation = situationOf(prompt);
      const rows = findCandidates(snapshot, MOST, prompt.place, situation)
        .filter(({ edit }) => isEdit(snapshot, edit))
        .map(({ edit, facts }) => ({
          x: oddsFeatures(facts),
          right: p.ask.point !== 'rest' && p.ask.judge(edit).outcome === 'right',
        }));
      asked.push({ point: p.ask.point, situation, rows });
    }
    console.log(`${history.name}: ${asked.length} asks, ${asked.flatMap(({ rows }) => rows).length} candidates`);
    return { name: history.name, asked };
  });
  for (const [n, { name, asked }] of sources.entries()) {
    const weights = fitted(
      sources.filter((_, i) => i !== n).map((source) => source.asked),
      ridge,
    );
    console.log(`\n${name}, by what the others say:`);
    tell(asked, weights);
  }
  if (values.dry) return;
  const weights = fitted(
    sources.map(({ asked }) => asked),
    ridge,
  );
  const count = sources.reduce((sum, { asked }) => sum + asked.length, 0);
  const path = join(ROOT, 'src', 'prompt', 'fitted-odds.ts');
  writeFileSync(path, sourceOf(weights, count));
  console.log(`\n${path} was written.`);
}

/** Each ask counts alike. Penalties are of features of unit deviation. */
function fitted(sources: readonly (readonly Asked[])[], ridge: number): Weights {
  return new Map(
    SITUATIONS.map((situation) => {
      const rows = sources.flat().flatMap((asked) => (asked.situation === situation ? asked.rows : []));
      const examples = rows.map(({ x, right }) => ({ x, y: right ? 1 : 0, weight: 1 }));
      const penalties = ODDS_FEATURES.map((_, i) => {
        const mean = examples.reduce((sum, { x }) => sum + x[i]!, 0) / examples.length;
        const variance = examples.reduce((sum, { x }) => sum + (x[i]! - mean) ** 2, 0) / examples.length;
        return i === 0 ? 0.01 : Math.max(1e-3, ridge * variance);
      });
      return [situation, fit(examples, penalties)];
    }),
  );
}

/** What odds are worth where the likeliest candidate is given, and where it is shown from SHOW on. */
function tell(asked: readonly Asked[], weights: Weights): void {
  for (const point of POINTS) {
    const own = asked.filter((a) => a.point === point);
    const firsts = own.flatMap(({ situation, rows }) => {
      const p = ({ x }: Row): number =>
        sigmoid(x.reduce((sum, value, i) => sum + value * weights.get(situation)![i]!, 0));
      const ranked = rows.map((row) => ({ ...row, p: p(row) })).sort((a, b) => b.p - a.p);
      return ranked.length === 0 ? [] : [{ first: ranked[0]!, any: ranked.slice(0, 6).some((row) => row.right) }];
    });
    const now = own.filter(({ rows }) => rows[0]?.right).length;
    const right = firsts.filter(({ first }) => first.right).length;
    const six = firsts.filter(({ any }) => any).length;
    const shown = firsts.filter(({ first }) => first.p > SHOW);
    const shownRight = shown.filter(({ first }) => first.right).length;
    console.log(
      `  ${point.padEnd(8)} ${own.length} asks: the first is right at ${percent(right / own.length)} (as ordered now ${percent(now / own.length)}), one of six at ${percent(six / own.length)}; from ${SHOW} on ${shown.length} are shown, ${shownRight} right`,
    );
  }
}

function sourceOf(weights: Weights, count: number): string {
  const tables = SITUATIONS.map((situation) => {
    const values = weights.get(situation)!;
    const named = ODDS_FEATURES.map((name, i) => [name, Number(values[i]!.toFixed(3))] as const);
    return `  ${situation}: {\n${weightLines(named, '    ')}\n  },`;
  });
  return `/** What weighs how much in the odds of a candidate, by situation. Made by \`npm run candidates:prior\` of ${count} asks (docs/edits.md); not edited by hand. */
export const FITTED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
${tables.join('\n')}
};
`;
}

await main(run);
