/**
 * `npm run memory:prior -- SOURCE… [--adapter DIR] [--limit N] [--every K] [--rows FILE]`: how far the memory is to be
 * believed at first, fitted to what is typed in the sources (of the tune split alone). At every K-th ask what was then
 * typed is scored by the model, and looked up token by token in the edits before it and in the text around the cursor.
 * The weights of the mixture follow by expectation-maximisation; of each source it is told what weights fitted to the
 * others bring there, or, with one source, what its second half gains by weights fitted to its first; and what those
 * that ship bring. The model is the one that ships, or, with `--adapter`, the base with that adapter.
 *
 * It writes nothing but `--rows`, from which a run that was stopped goes on: src/memory/prior.ts is made by hand.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadBase } from '../src/engine/base.ts';
import { SessionForward } from '../src/engine/forward.ts';
import { withQuantised } from '../src/engine/quantised-base.ts';
import { changeBetween } from '../src/memory/entry.ts';
import { Memory } from '../src/memory/memory.ts';
import { Nearby } from '../src/memory/nearby.ts';
import { PRIOR } from '../src/memory/prior.ts';
import type { Recall } from '../src/memory/recall.ts';
import { LEAST_WEIGHT } from '../src/memory/recollection.ts';
import { KINDS, kindOf, type Place } from '../src/memory/trust.ts';
import { readAdapter } from '../src/model/adapter.ts';
import { defaultCacheDir } from '../src/model/cache.ts';
import { Decoder, MIXIN_CONTEXT } from '../src/model/decode.ts';
import { logFormat } from '../src/prompt/log-format.ts';
import { snapshotOf } from '../src/replay/complete.ts';
import { played } from '../src/replay/run.ts';
import { openSource } from '../src/replay/source.ts';
import { baseModel } from './base-model.ts';
import { SHIPPED_ADAPTER } from './paths.ts';
import { main, UserError } from './progress.ts';

/** Tokens of what was typed that are looked at. */
const TOKENS = 48;
const ROUNDS = 60;
/** By kind: what ships. */
const SHIPPED = [...PRIOR.edit, ...PRIOR.nearby].flat();
/** Matches of a kind that count as seen before, with a weight of none. */
const SHRINK = 10;

/** What a match says of a token that was typed. */
interface Match {
  readonly kind: number;
  /** Its mass for that token. */
  readonly mass: number;
}

/** A token that was typed: the model's probability, and the matches. */
interface Token {
  readonly p: number;
  readonly matches: readonly Match[];
}

interface Row {
  readonly source: string;
  readonly id: string;
  readonly tokens: readonly Token[];
}

async function run(): Promise<undefined> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      adapter: { type: 'string', default: SHIPPED_ADAPTER },
      limit: { type: 'string', default: '250' },
      every: { type: 'string', default: '40' },
      rows: { type: 'string' },
    },
  });
  if (positionals.length === 0) throw new UserError('Name replay files or git directories of the tune split.');
  const look = await lookOf(values.adapter);
  const kept = values.rows && existsSync(values.rows) ? readFileSync(values.rows, 'utf8').trimEnd().split('\n') : [];
  const rows = kept.map((line) => JSON.parse(line) as Row);
  for (const source of positionals) {
    const known = new Set(rows.filter((row) => row.source === source).map((row) => row.id));
    for await (const row of look(source, Number(values.limit), Number(values.every), known)) {
      rows.push(row);
      if (values.rows) appendFileSync(values.rows, `${JSON.stringify(row)}\n`);
      if (rows.length % 50 === 0) console.error(`${source}: ${rows.length} asks`);
    }
  }
  const of = (source: string): Row[] => rows.filter((row) => row.source === source);
  for (const source of positionals) {
    const own = of(source);
    const half = Math.floor(own.length / 2);
    const [fitTo, told] =
      positionals.length > 1 ? [rows.filter((r) => !own.includes(r)), own] : [own.slice(0, half), own.slice(half)];
    const { before, after, edits } = gain(told, weights(fitTo));
    const share = (x: number): string => `${(100 * (x / before - 1)).toFixed(1)} %`;
    console.log(
      `${source}: ${told.length} asks, ${before.toFixed(3)} nats a token; with the memory ${after.toFixed(3)} (${share(after)}), with remembered edits alone ${share(edits)}; with what ships ${share(gain(told, SHIPPED).after)}`,
    );
  }
  const all = weights(rows);
  console.log('place   tokens  several  one');
  for (let kind = 0; kind < KINDS; kind += 2) {
    console.log(
      `${kind < KINDS / 2 ? 'edit  ' : 'nearby'}  ${(kind / 2) % (KINDS / 4)}  ${all[kind]!.toFixed(3)}  ${all[kind + 1]!.toFixed(3)}`,
    );
  }
}

/** Scores what was typed at a source's asks. */
async function lookOf(adapterDir: string) {
  const cacheDir = defaultCacheDir();
  const plain = await loadBase(await baseModel(console.error), cacheDir, () => undefined);
  const base = await withQuantised(plain, cacheDir, 1);
  const { tokenizer } = base;
  const adapter = await readAdapter(adapterDir, base.model);
  const format = logFormat(tokenizer)!;
  const forward = await SessionForward.create(base, adapter.shape, 1);
  forward.setAdapter(adapter);
  const decoder = new Decoder(forward, tokenizer);

  return async function* look(
    source: string,
    limit: number,
    every: number,
    known: ReadonlySet<string>,
  ): AsyncGenerator<Row> {
    const memory = new Memory((change) => format.spell(change));
    const nearby = new Nearby((text) => tokenizer.encode(text));
    let asks = 0;
    for (const p of played(openSource(source), { since: null, limit, signals: null, every: 1 }, 0)) {
      if (p.kind === 'edited') {
        const { stretch, path } = p.edit;
        const change = changeBetween(p.edit);
        if (change === null) memory.forget(`${stretch}`);
        else memory.remember({ id: `${stretch}`, at: asks, path, kind: 'written', change });
      }
      if (p.kind !== 'ask' || p.ask.point === 'rest') continue;
      const { ask } = p;
      if (asks++ % every !== 0 || known.has(ask.id)) continue;
      const snapshot = snapshotOf(ask.question);
      const typed = ask.typed();
      if (snapshot === null || typed === null) continue;
      const { prompt, target } = format.ask(snapshot);
      const ids = target(typed, true)?.slice(0, TOKENS) ?? [];
      if (ids.length === 0) continue;
      const logprobs = await decoder.score(prompt, ids);
      const tokens = ids.map((id, i) => {
        const context = [...prompt.ids.slice(-MIXIN_CONTEXT), ...ids.slice(0, i)].slice(-MIXIN_CONTEXT);
        const matches: [Place, Recall | null][] = [
          ['edit', memory.recall(context)],
          ['nearby', nearby.recall(snapshot, context, () => true)],
        ];
        return {
          p: Math.exp(logprobs[i]!),
          matches: matches.flatMap(([place, recall]) =>
            recall === null
              ? []
              : {
                  kind: kindOf(place, recall.length, recall.next.length === 1),
                  mass: recall.next.find((n) => n.token === id)?.mass ?? 0,
                },
          ),
        };
      });
      // The healed token is spelled, not chosen.
      yield { source, id: ask.id, tokens: prompt.heal === '' ? tokens : tokens.slice(1) };
    }
  };
}

/** The mixture's weight of each kind of match, each fitted as if it were alone. */
function weights(rows: readonly Row[]): number[] {
  const seen: [p: number, mass: number][][] = Array.from({ length: KINDS }, () => []);
  for (const { p, matches } of rows.flatMap((row) => row.tokens))
    for (const { kind, mass } of matches) seen[kind]!.push([p, mass]);
  return seen.map((tokens) => {
    let w = 0.3;
    for (let round = 0; round < ROUNDS; round++) {
      const shares = tokens.reduce((sum, [p, mass]) => sum + (w * mass) / ((1 - w) * p + w * mass + 1e-12), 0);
      w = Math.max(1e-4, shares / (tokens.length + SHRINK));
    }
    return w;
  });
}

/** Nats a token of the model alone, of both (the match that is believed more counts), and without the text nearby. */
function gain(rows: readonly Row[], w: readonly number[]): { before: number; after: number; edits: number } {
  const tokens = rows.flatMap((row) => row.tokens);
  const nats = (matchesOf: (token: Token) => readonly Match[]): number =>
    tokens.reduce((sum, token) => {
      const best = matchesOf(token).reduce<Match | null>(
        (b, m) => (b === null || w[m.kind]! > w[b.kind]! ? m : b),
        null,
      );
      const weight = best === null || w[best.kind]! < LEAST_WEIGHT ? 0 : w[best.kind]!;
      return sum - Math.log(Math.max(1e-12, (1 - weight) * token.p + weight * (best?.mass ?? 0)));
    }, 0) / tokens.length;
  return {
    before: nats(() => []),
    after: nats((token) => token.matches),
    edits: nats((token) => token.matches.filter(({ kind }) => kind < KINDS / 2)),
  };
}

await main(run);
