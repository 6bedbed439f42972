/**
 * `npm run check:quantised [-- REPLAY…] [--tokens N] [--texts N]`: the default model in 8 bit, as it serves, against
 * itself in fp32, over real code: texts of replay files (gzip'd JSONL), or of media/code/canary.jsonl. Fails where the
 * log-loss is more than 1 % worse. Its last line is JSON.
 *
 * `… -- REPLAY… --asks N [--texts N] [--minutes N] [--log FILE]`: the same over what the tuned base is made for, the prompts of N
 * asks on arrival of each replay with their right answers; then both answer all of those asks. Fails where 8 bit is right less
 * often by more than half a point, beyond chance. With a log it can be stopped, also after so many minutes, and go on.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { hash } from '../src/completion/text.ts';
import { type Base, loadBase } from '../src/engine/base.ts';
import { agreementOf, MOST_DIVERGENCE, quantise } from '../src/engine/quantised-base.ts';
import { defaultCacheDir } from '../src/model/cache.ts';
import { baseModel } from './base-model.ts';
import { ROOT, SHIPPED_ADAPTER } from './paths.ts';
import { main, UserError } from './progress.ts';
import { type Arrival, arrivalsOf, rightAnswers } from './quantised/asks.ts';
import { type Exactness, exactnessOf, pairsOf } from './quantised/exact.ts';

const THREADS = Math.min(4, availableParallelism());
/** Most by which the log-loss may be worse. */
const MOST_LOSS = 0.01;
/** Most by which answers may be right less often. */
const MOST_EXACTNESS = 0.005;

interface Text {
  readonly path: string;
  readonly text: string;
}

await main(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tokens: { type: 'string', default: '256' },
      texts: { type: 'string', default: '24' },
      asks: { type: 'string' },
      log: { type: 'string' },
      minutes: { type: 'string', default: 'Infinity' },
    },
  });
  const asks = Number(values.asks ?? 0);
  if (!(Number.isInteger(asks) && asks >= 0)) throw new UserError('--asks is a whole number.');
  if (asks > 0 && positionals.length === 0) throw new UserError('--asks needs replays.');
  const [tokens, count] = [Number(values.tokens), Number(values.texts)];
  if (!(tokens >= 8 && tokens <= 2048 && count >= 1)) throw new UserError('--tokens is 8 to 2048, --texts at least 1.');
  const cacheDir = defaultCacheDir();
  const base = await loadBase(await baseModel(console.error), cacheDir, () => undefined, SHIPPED_ADAPTER);
  const end = Date.now() + 60_000 * Number(values.minutes);
  const arrivals = asks > 0 ? inTurn(arrivalsOf(positionals, asks)) : [];
  const texts =
    asks > 0
      ? rightAnswers(base, arrivals, count)
      : plainTexts(base, positionals.length > 0 ? positionals.map(ofReplay) : [canary()], tokens, count);
  if (texts.length === 0) throw new UserError(asks > 0 ? 'No ask there.' : `No text there has ${tokens} tokens.`);
  const quantised = await quantise(base, cacheDir, THREADS);
  const found = await agreementOf(base, { ...base, quantised }, THREADS, texts);
  const worse = found.loss / found.expectedLoss - 1;
  console.log(
    `${base.model.describe}: ${texts.length} ${asks > 0 ? 'prompts with their right answers' : `texts of ${tokens} tokens`}`,
  );
  console.log(
    `log-loss ${found.expectedLoss.toFixed(4)} in fp32, ${found.loss.toFixed(4)} in 8 bit (${(100 * worse).toFixed(2)} %)`,
  );
  console.log(
    `likeliest tokens the same: ${(100 * found.topTokens).toFixed(1)} %; divergence ${found.divergence.toFixed(4)} nats`,
  );
  const told = { texts: texts.length, ...(asks > 0 ? {} : { tokens }), worse, ...found };
  const exactness =
    asks > 0 ? await compareAnswers(base, { ...base, quantised }, arrivals, values.log ?? null, end) : null;
  console.log(JSON.stringify({ ...told, ...exactness }));
  if (exactness !== null && (exactness.difference.high ?? 0) < -MOST_EXACTNESS) {
    throw new UserError(`In 8 bit it is right less often by more than ${100 * MOST_EXACTNESS} points: serve fp32.`);
  }
  if (worse > MOST_LOSS || found.divergence > MOST_DIVERGENCE) {
    throw new UserError(`In 8 bit it is more than ${100 * MOST_LOSS} % or ${MOST_DIVERGENCE} nats off: serve fp32.`);
  }
});

async function compareAnswers(
  base: Base,
  served: Base,
  arrivals: readonly Arrival[],
  log: string | null,
  end: number,
): Promise<Exactness> {
  const pairs = await pairsOf(base, served, THREADS, arrivals, log, () => Date.now() > end);
  const found = exactnessOf(pairs);
  const { exact, expectedExact, same, difference } = found;
  const percent = (share: number | null): string => (share === null ? '?' : (100 * share).toFixed(2));
  console.log(
    `${pairs.length} asks on arrival: right ${percent(expectedExact)} % in fp32, ${percent(exact)} % in 8 bit; ` +
      `${percent(difference.value)} points [${percent(difference.low)}, ${percent(difference.high)}]; the same edit ${percent(same)} %`,
  );
  return found;
}

/** By the hash of their ids, so that the first ones are of all histories. */
function inTurn(arrivals: readonly Arrival[]): Arrival[] {
  return arrivals.toSorted((a, b) => hash(a.ask.id) - hash(b.ask.id));
}

function plainTexts(base: Base, sources: readonly (readonly Text[])[], tokens: number, count: number): number[][] {
  const { tokenizer } = base;
  const head = tokenizer.special('<filename>');
  const texts: number[][] = [];
  for (const source of sources) {
    let taken = 0;
    for (const { path, text } of source) {
      if (taken >= count) break;
      const ids = [...(head === undefined ? [] : [head]), ...tokenizer.encode(`${path}\n${text}`)].slice(0, tokens);
      if (ids.length < tokens) continue;
      texts.push(ids);
      taken++;
    }
  }
  return texts;
}

/** Texts of ordinary code that ship with Knack and that calibration does not see. */
function canary(): Text[] {
  const lines = readFileSync(join(ROOT, 'media', 'code', 'canary.jsonl'), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Text);
}

/** A piece of the longest file of every seventh commit. */
function ofReplay(path: string): Text[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n');
  return lines.flatMap((line, i) => {
    if (line === '' || i % 7 > 0) return [];
    const { files } = JSON.parse(line) as { files: { path: string; before?: string }[] };
    const [longest] = files.toSorted((a, b) => (b.before?.length ?? 0) - (a.before?.length ?? 0));
    const text = longest?.before ?? '';
    const from = text.indexOf('\n', (i * 7919) % Math.max(1, text.length - 3000)) + 1;
    return longest === undefined || text === '' ? [] : [{ path: longest.path, text: text.slice(from, from + 3000) }];
  });
}
