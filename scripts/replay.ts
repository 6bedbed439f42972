/**
 * `npm run replay -- SOURCE… [options]`: how much suggestions would have helped in real histories (docs/replay.md).
 * Prints a table; `--out` writes the whole report as JSON. A run that was killed goes on where it was.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build as bundle } from 'esbuild';
import { defaultCacheDir } from '../src/model/cache.ts';
import { ARMS, armKinds, REFERENCE } from '../src/replay/arms.ts';
import { CANARY_ASKS } from '../src/replay/canary.ts';
import { ReplayError } from '../src/replay/history.ts';
import { htmlPage } from '../src/replay/page.ts';
import { notes, table } from '../src/replay/report.ts';
import { runSession, type Settings, type Source, type Watcher } from '../src/replay/session.ts';
import { fingerprintOf, openSource } from '../src/replay/source.ts';
import { TASTES, tasteOf } from '../src/replay/taste.ts';
import { GRAMMARS, ROOT, SHIPPED_ADAPTER } from './paths.ts';
import { main, UserError } from './progress.ts';

/** Arms without `--arms`. */
const USUAL_ARMS = 'frozen,zeroshot,copy';

const USAGE = `Usage: npm run replay -- SOURCE… [--arms ${ARMS.map((a) => a.name).join(',')}] [--limit N] [--since DATE] [--signals N]
       [--seed S] [--workers N] [--sequence] [--idle N] [--canary SOURCE [--canary-asks N]] [--every K] [--refuses ${TASTES.map((t) => t.name).join('|')}] [--adapter DIR] [--threshold X] [--out report.json] [--html report.html]
A SOURCE is a git directory (work tree or bare) or a replay file (.jsonl.gz).`;

/** Ordinary code that training mixes in. */
const CODE = join(ROOT, 'media', 'code');

/** Single asks on a page, about. */
const MOMENTS = 1500;

/** How often the time left is told, and from how much of the past it is worked out, in milliseconds. */
const TELL_EVERY = 5_000;
const RATE_OVER = 60_000;

export interface Options extends Pick<Settings, 'arms' | 'span' | 'seed' | 'workers' | 'sequence' | 'idle' | 'taste'> {
  readonly sources: readonly string[];
  readonly canary: string | null;
  readonly canaryAsks: number;
  /** Folder of an adapter that `frozen` serves with instead of the shipped one. */
  readonly adapter: string | null;
  readonly out: string | null;
  readonly html: string | null;
}

/** @throws UserError that names the option */
export function parseOptions(args: readonly string[]): Options {
  try {
    const text = { type: 'string' } as const;
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        arms: text,
        limit: text,
        since: text,
        signals: text,
        seed: text,
        workers: text,
        out: text,
        html: text,
        every: text,
        refuses: text,
        idle: text,
        canary: text,
        'canary-asks': text,
        adapter: text,
        threshold: text,
        sequence: { type: 'boolean' },
      },
    });
    if (positionals.length === 0) throw new UserError('No source was given.');
    return {
      sources: positionals,
      arms: armKinds((values.arms ?? USUAL_ARMS).split(','), threshold(values.threshold)),
      span: {
        limit: values.limit === undefined ? null : whole('limit', values.limit, 1),
        since: values.since === undefined ? null : seconds(values.since),
        signals: values.signals === undefined ? null : whole('signals', values.signals, 1),
        every: whole('every', values.every ?? '1', 1),
      },
      seed: whole('seed', values.seed ?? '0', 0),
      workers: values.workers === undefined ? Math.min(2, availableParallelism()) : whole('workers', values.workers, 1),
      sequence: values.sequence ?? false,
      idle: whole('idle', values.idle ?? '64', 1),
      taste: values.refuses === undefined ? null : tasteOf(values.refuses),
      canary: values.canary ?? null,
      canaryAsks: whole('canary-asks', values['canary-asks'] ?? `${CANARY_ASKS}`, 1),
      adapter: values.adapter ?? null,
      out: values.out ?? null,
      html: values.html ?? null,
    };
  } catch (error) {
    const isOurs = error instanceof UserError || error instanceof ReplayError || error instanceof TypeError;
    throw isOurs ? new UserError(`${(error as Error).message}\n${USAGE}`) : error;
  }
}

/** @throws UserError that names the option */
export function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new UserError(`--${name} is a whole number of at least ${least}, not "${text}".`);
}

function threshold(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  throw new UserError(`--threshold is a number such as -0.3, not "${text}".`);
}

/** Epoch seconds of what `--since` says. @throws UserError */
export function seconds(text: string): number {
  const time = /^\d{4}-\d{2}(-\d{2})?/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time / 1000;
  throw new UserError(`--since is a date such as 2025-06-01, not "${text}".`);
}

export function open(source: string): Source {
  const history = openSource(source);
  return { source, history, fingerprint: fingerprintOf(source) };
}

/**
 * A digest of all that answers depend on beside the model: the code that reads histories, asks and answers, with the
 * packages in it, and the versions of the native ones. What else the checkout holds may change, and comments too.
 */
export async function codeDigest(entries: readonly string[]): Promise<string> {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const { outputFiles } = await bundle({
    entryPoints: entries.map((name) => join(ROOT, 'src', 'replay', `${name}.ts`)),
    absWorkingDir: ROOT,
    outdir: join(ROOT, 'dist'),
    bundle: true,
    write: false,
    minifyWhitespace: true,
    legalComments: 'none',
    platform: 'node',
    format: 'esm',
    external: Object.keys(dependencies),
    logLevel: 'silent',
  });
  const digest = createHash('sha256').update(JSON.stringify(dependencies));
  for (const { text } of outputFiles) digest.update(text);
  return digest.digest('hex');
}

/** Knack's own commit, for the report; `+` where the checkout has changes. */
function ownCommit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
  try {
    return git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--', 'src') === '' ? '' : '+');
  } catch {
    return 'unknown'; // no git, or not a checkout
  }
}

export function watcher(): Watcher {
  let past: { time: number; asks: number }[] = [];
  return {
    begin(source, asks, logged, log) {
      past = [{ time: Date.now(), asks: 0 }];
      console.error(`• ${source}: ${asks} asks${logged > 0 ? `, ${logged} answers from an earlier run` : ''} (${log})`);
    },
    progress(source, asks, total) {
      const now = Date.now();
      if (now - past.at(-1)!.time < TELL_EVERY) return;
      past = [...past.filter((p) => now - p.time < RATE_OVER), { time: now, asks }];
      const { time, asks: then } = past[0]!;
      const left = asks > then ? duration(((total - asks) * (now - time)) / (asks - then)) : 'unknown';
      console.error(`  ${source}: ${asks} of ${total} asks, ${left} left`);
    },
    end({ source, skipped, arms }) {
      const reasons = Object.entries(skipped).map(([reason, n]) => `${n} × ${reason}`);
      console.log(
        `\n${source}${reasons.length === 0 ? '' : ` (left out: ${reasons.join(', ')})`}\n${table(arms)}\n${notes(arms)}`,
      );
    },
  };
}

function duration(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  return minutes < 2
    ? `${Math.ceil(ms / 1000)} s`
    : minutes < 120
      ? `${minutes} min`
      : `${(minutes / 60).toFixed(1)} h`;
}

/** @throws UserError if the adapter's folder is not there */
export async function settingsOf({
  adapter,
  canary,
  canaryAsks,
  html,
  ...options
}: Omit<Options, 'sources' | 'out'>): Promise<Settings> {
  const cacheDir = defaultCacheDir();
  const model = process.env.KNACK_REPLAY_MODEL ?? null;
  if (adapter !== null && !existsSync(adapter)) throw new UserError(`--adapter ${adapter}: there is no such folder.`);
  // What ships was trained on the default model.
  const place = { model, cacheDir, adapter: adapter ?? (model === null ? SHIPPED_ADAPTER : null), code: CODE };
  const frozen = options.arms.find((a) => a.name === REFERENCE);
  if (frozen?.checkpoint(place) === 'base') console.error(`• ${REFERENCE}: no adapter ships, so the base serves.`);
  return {
    ...options,
    place,
    canary: canary === null ? null : { source: open(canary), asks: canaryAsks },
    grammars: GRAMMARS,
    moments: html === null ? 0 : MOMENTS,
    worker: join(ROOT, 'src', 'replay', 'worker.ts'),
    logs: join(cacheDir, 'replays'),
    code: await codeDigest(['complete', 'source', 'typist']),
    learning: await codeDigest(['worker', 'source', 'typist']),
  };
}

async function run(): Promise<undefined> {
  const { sources, canary, out, html, adapter, ...options } = parseOptions(process.argv.slice(2));
  try {
    const settings = await settingsOf({ ...options, adapter, canary, html });
    const { report, moments } = await runSession(sources.map(open), settings, watcher());
    if (sources.length > 1) console.log(`\npooled\n${table(report.pooled.arms)}\n${notes(report.pooled.arms)}`);
    if (out !== null) {
      const taste = options.taste === null ? {} : { refuses: options.taste.name };
      const head = { seed: options.seed, commit: ownCommit(), protocol: 1, options: { ...options.span, ...taste } };
      writeFileSync(out, `${JSON.stringify({ ...head, ...report }, null, 1)}\n`);
      console.log(`\nThe report is in ${out}.`);
    }
    if (html !== null) {
      const folder = join(ROOT, 'media', 'replay');
      const file = (name: string): string => readFileSync(join(folder, name), 'utf8');
      const footer = `npm run replay -- ${process.argv.slice(2).join(' ')} · Knack ${ownCommit().slice(0, 12)} · protocol 1`;
      const page = htmlPage({
        report,
        moments,
        commits: null,
        footer,
        style: file('page.css'),
        script: file('page.js'),
      });
      writeFileSync(html, page);
      console.log(`The page is in ${html}.`);
    }
  } catch (error) {
    throw error instanceof ReplayError ? new UserError(error.message) : error;
  }
}

if (import.meta.main) await main(run);
