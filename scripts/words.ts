/**
 * `npm run words -- SOURCE [--since DATE] [--every N] [--most N] [--threads N]`: what suggestions are worth in the middle
 * of a word. A replay asks where a token has been typed whole; a person who types pauses anywhere. So of the typing asks
 * of a source, at every Nth hunk's, the last word is taken back by some of its letters, and what is suggested there is
 * judged as the replay judges it.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Edit } from '../src/completion/edit.ts';
import type { Snapshot } from '../src/completion/snapshot.ts';
import { isSuggestion } from '../src/completion/suggestion.ts';
import { hash } from '../src/completion/text.ts';
import { loadBase } from '../src/engine/base.ts';
import { withQuantised } from '../src/engine/quantised-base.ts';
import { Server } from '../src/engine/serve.ts';
import { defaultCacheDir } from '../src/model/cache.ts';
import { snapshotOf } from '../src/replay/complete.ts';
import { percent } from '../src/replay/figures.ts';
import { played } from '../src/replay/run.ts';
import { openSource } from '../src/replay/source.ts';
import type { Ask } from '../src/replay/typist.ts';
import { baseModel } from './base-model.ts';
import { ROOT } from './paths.ts';
import { main, UserError } from './progress.ts';
import { seconds, whole } from './replay.ts';

const MAX_NEW_TOKENS = 48;
/** Letters of a word that is looked at, at least. */
const WORD = 4;

/** A typing ask whose last word lacks its end. */
interface Cut {
  readonly ask: Ask;
  readonly snapshot: Snapshot;
  /** The letters that are still to come. */
  readonly missing: string;
}

async function run(): Promise<undefined> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      since: { type: 'string' },
      every: { type: 'string', default: '1' },
      most: { type: 'string', default: '200' },
      threads: { type: 'string', default: '2' },
    },
  });
  const [source] = positionals;
  if (source === undefined || positionals.length > 1) throw new UserError('Name one replay file or git directory.');
  const since = values.since === undefined ? null : seconds(values.since);
  const [every, most] = [whole('every', values.every, 1), whole('most', values.most, 1)];
  const threads = whole('threads', values.threads, 1);
  const cacheDir = defaultCacheDir();
  const base = await withQuantised(
    await loadBase(await baseModel(console.error), cacheDir, () => undefined, join(ROOT, 'media', 'model')),
    cacheDir,
    threads,
  );
  const server = await Server.start(base, null, { checkpoint: 'base', adapter: null }, threads, true);
  const count = { asks: 0, answered: 0, completed: 0, right: 0 };
  let logprob = 0;
  for (const p of played(openSource(source), { since, limit: null, signals: null, every }, 0)) {
    if (count.asks === most) break;
    const cut = p.kind === 'ask' && p.ask.point === 'typing' ? cutOf(p.ask) : null;
    if (cut === null) continue;
    count.asks++;
    const completion = await server.complete(cut.snapshot, MAX_NEW_TOKENS, () => false);
    const rest = isSuggestion(completion) ? restOf(completion.edit, cut) : null;
    if (isSuggestion(completion)) count.answered++;
    if (rest !== null) count.completed++;
    const isRight = rest !== null && (rest.text === '' || cut.ask.judge(rest).outcome === 'right');
    if (isRight) count.right++;
    const typed = cut.ask.typed();
    const { line, character } = cut.ask.question.cursor;
    if (typed?.start.line === line && typed.start.character === character) {
      const { start, end } = cutPlaces(typed, cut);
      const target = { start, end, text: cut.missing + typed.text };
      logprob += await server.score(cut.snapshot, target).then(
        (score) => score.logprob,
        () => 0,
      );
    }
    console.log(
      `${isRight ? 'right' : '-'} ${cut.ask.id} ${JSON.stringify(cut.missing)} ${JSON.stringify(rest?.text ?? null)}`,
    );
  }
  await server.release();
  const share = (n: number): string => `${n} (${percent(n / count.asks)})`;
  console.log(
    `${count.asks} asks in the middle of a word: answered ${share(count.answered)}, word completed ${share(count.completed)}, right ${share(count.right)}; what was typed to the hunk's end: ${(logprob / count.asks).toFixed(2)} nats.`,
  );
}

/** null where no word stands before the cursor, or its end cannot be taken back from the newest edit. */
function cutOf(ask: Ask): Cut | null {
  const snapshot = snapshotOf(ask.question);
  const word = /[A-Za-z]+$/.exec(snapshot?.before ?? '')?.[0] ?? '';
  const edit = snapshot?.recent.at(-1);
  if (snapshot === null || edit === undefined || word.length < WORD || /^\w/.test(snapshot.after)) return null;
  const missing = word.slice(1 + (hash(ask.id) % (word.length - 1)));
  const head = snapshot.before.slice(snapshot.before.lastIndexOf('\n') + 1);
  const row = snapshot.startLine + snapshot.before.split('\n').length - 1 - edit.line;
  const lines = edit.added.split('\n');
  if (edit.path !== snapshot.path || !lines[row]?.startsWith(head)) return null;
  lines[row] = head.slice(0, head.length - missing.length) + lines[row].slice(head.length);
  return {
    ask,
    missing,
    snapshot: {
      ...snapshot,
      before: snapshot.before.slice(0, snapshot.before.length - missing.length),
      recent: [...snapshot.recent.slice(0, -1), { ...edit, added: lines.join('\n') }],
    },
  };
}

/** An edit at the cut as one where the word is whole; null if it does not begin with the word's end. */
function restOf({ start, end, text }: Edit, { ask, missing }: Cut): Edit | null {
  const { cursor } = ask.question;
  const isHere = start.line === cursor.line && start.character === cursor.character - missing.length;
  if (!isHere || !text.startsWith(missing)) return null;
  const endCharacter = end.line === cursor.line ? end.character + missing.length : end.character;
  return { start: cursor, end: { line: end.line, character: endCharacter }, text: text.slice(missing.length) };
}

function cutPlaces({ start, end }: Edit, { ask, missing }: Cut): Pick<Edit, 'start' | 'end'> {
  const { cursor } = ask.question;
  const moved = (place: Edit['start']): Edit['start'] =>
    place.line === cursor.line ? { line: place.line, character: place.character - missing.length } : place;
  return { start: moved(start), end: moved(end) };
}

await main(run);
