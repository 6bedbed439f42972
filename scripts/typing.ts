/**
 * `npm run typing -- SOURCE [--as word|closed] [--since DATE] [--every N] [--most N] [--threads N]`: what suggestions are
 * worth as people type. A replay asks where a token has been typed whole, in an editor that types nothing by itself. Of
 * the typing asks of a source, at every Nth hunk's, those are put again
 *
 * - `word`: in the middle of the last word, some of whose letters are still to come;
 * - `closed`: with each bracket and string closed behind the cursor that is open in its line, as editors do.
 *
 * Each is judged as the replay judges the whole word, or the line without the closing marks that stay; and the gate as
 * it ships says what it would show.
 */
import { parseArgs } from 'node:util';
import type { Edit } from '../src/completion/edit.ts';
import type { Snapshot } from '../src/completion/snapshot.ts';
import { isSuggestion, type Suggestion } from '../src/completion/suggestion.ts';
import { hash } from '../src/completion/text.ts';
import { loadBase } from '../src/engine/base.ts';
import { withQuantised } from '../src/engine/quantised-base.ts';
import { Server } from '../src/engine/serve.ts';
import type { Forecast } from '../src/gate/calibration.ts';
import { Gate, SHOW, WORTH } from '../src/gate/gate.ts';
import { defaultCacheDir } from '../src/model/cache.ts';
import { CLOSER } from '../src/prompt/closers.ts';
import { MAX_NEW_TOKENS, snapshotOf } from '../src/replay/complete.ts';
import { percent } from '../src/replay/figures.ts';
import { played } from '../src/replay/run.ts';
import { openSource } from '../src/replay/source.ts';
import type { Ask } from '../src/replay/typist.ts';
import { baseModel } from './base-model.ts';
import { reliability } from './gate/reliability.ts';
import { SHIPPED_ADAPTER } from './paths.ts';
import { main, UserError } from './progress.ts';
import { seconds, whole } from './replay.ts';

/** Letters of a word that is looked at, at least. */
const WORD = 4;

/** A typing ask as it is put here. */
interface Variant {
  readonly snapshot: Snapshot;
  /** What it differs by, for people. */
  readonly about: string;
  /** An edit as one of the ask's own text; null if it says something else of what differs. */
  own(edit: Edit): Edit | null;
}

async function run(): Promise<undefined> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      as: { type: 'string', default: 'word' },
      since: { type: 'string' },
      every: { type: 'string', default: '1' },
      most: { type: 'string', default: '150' },
      threads: { type: 'string', default: '2' },
    },
  });
  const [source] = positionals;
  if (source === undefined || positionals.length > 1) throw new UserError('Name one replay file or git directory.');
  const variantOf = { word: cutWord, closed }[values.as];
  if (variantOf === undefined) throw new UserError(`--as is word or closed, not "${values.as}".`);
  const since = values.since === undefined ? null : seconds(values.since);
  const [every, most] = [whole('every', values.every, 1), whole('most', values.most, 1)];
  const threads = whole('threads', values.threads, 1);
  const cacheDir = defaultCacheDir();
  const base = await withQuantised(
    await loadBase(await baseModel(console.error), cacheDir, () => undefined, SHIPPED_ADAPTER),
    cacheDir,
    threads,
  );
  const server = await Server.start(base, null, { checkpoint: 'base', adapter: null }, threads, true);
  const count = { asks: 0, answered: 0, going: 0, right: 0, plain: 0 };
  const gate = new Gate();
  const judged: Forecast[] = [];
  for (const p of played(openSource(source), { since, limit: null, signals: null, every }, 0)) {
    if (count.asks === most) break;
    if (p.kind !== 'ask' || p.ask.point !== 'typing') continue;
    const { ask } = p;
    const asked = snapshotOf(ask.question);
    const variant = asked && variantOf(ask, asked);
    if (asked === null || variant === null) continue;
    count.asks++;
    const answer = async (snapshot: Snapshot): Promise<Suggestion | null> => {
      const completion = await server.complete(snapshot, MAX_NEW_TOKENS, () => false);
      return isSuggestion(completion) ? completion : null;
    };
    const answered = await answer(variant.snapshot);
    const edit = answered?.edit ?? null;
    const own = edit && variant.own(edit);
    // A word that is completed, and no more, is right.
    const outcome = own === null ? 'wrong' : own.text === '' ? 'right' : ask.judge(own).outcome;
    const isRight = outcome === 'right';
    if (answered !== null) {
      const { p } = gate.judge({ snapshot: variant.snapshot, ...answered }, { at: count.asks, still: 0 });
      judged.push({ p, worth: isRight ? WORTH.accepted : outcome === 'partly' ? WORTH.partly : WORTH.rejected });
    }
    if (edit !== null) count.answered++;
    if (own !== null) count.going++;
    if (isRight) count.right++;
    if (values.as === 'closed' && ask.judge((await answer(asked))?.edit ?? null).outcome === 'right') count.plain++;
    console.log(
      `${isRight ? 'right' : '-'} ${ask.id} ${JSON.stringify(variant.about)} ${JSON.stringify(edit?.text ?? null)}`,
    );
  }
  await server.release();
  const share = (n: number): string => `${n} (${percent(n / count.asks)})`;
  const told =
    values.as === 'word'
      ? `in the middle of a word: answered ${share(count.answered)}, word completed ${share(count.going)}, right ${share(count.right)}`
      : `with brackets closed: answered ${share(count.answered)}, at the cursor ${share(count.going)}, right ${share(count.right)}; without ${share(count.plain)}`;
  console.log(`${count.asks} asks ${told}.`);
  tellGate(judged, count.asks);
}

/** What the gate would show, and whether it is right about how likely each is to be accepted. */
function tellGate(judged: readonly Forecast[], asks: number): void {
  const shown = judged.filter(({ p }) => p >= SHOW);
  const worthOf = (some: readonly Forecast[]): number => some.reduce((sum, { worth }) => sum + worth, 0);
  const reward = worthOf(shown) - SHOW * shown.length;
  console.log(
    `The gate shows ${shown.length} of ${judged.length}, ${percent(worthOf(shown) / shown.length)} of them accepted, a reward of ${((100 * reward) / asks).toFixed(2)} per 100 asks; all that would have been accepted were ${percent(worthOf(judged) / judged.length)}.\n${reliability(judged)}`,
  );
}

/** The cursor's line up to the cursor; null unless the newest edit, which is being made, holds it. */
function typedHead({ before, recent, path, startLine }: Snapshot): { head: string; row: number } | null {
  const edit = recent.at(-1);
  const head = before.slice(before.lastIndexOf('\n') + 1);
  if (edit === undefined || edit.path !== path) return null;
  const row = startLine + before.split('\n').length - 1 - edit.line;
  return edit.added.split('\n')[row]?.startsWith(head) ? { head, row } : null;
}

/** The newest edit with another text in place of its line that the cursor is in. */
function withLine({ recent }: Snapshot, row: number, line: string): Snapshot['recent'] {
  const edit = recent.at(-1)!;
  return [...recent.slice(0, -1), { ...edit, added: edit.added.split('\n').with(row, line).join('\n') }];
}

function cutWord({ id, question: { cursor } }: Ask, snapshot: Snapshot): Variant | null {
  const { before, after } = snapshot;
  const word = /[A-Za-z]+$/.exec(before)?.[0] ?? '';
  const typed = typedHead(snapshot);
  if (typed === null || word.length < WORD || /^\w/.test(after)) return null;
  const { head, row } = typed;
  const missing = word.slice(1 + (hash(id) % (word.length - 1)));
  const line = snapshot.recent.at(-1)!.added.split('\n')[row]!;
  const left = head.slice(0, head.length - missing.length);
  return {
    about: missing,
    snapshot: {
      ...snapshot,
      before: before.slice(0, before.length - missing.length),
      recent: withLine(snapshot, row, left + line.slice(head.length)),
    },
    own: ({ start, end, text }) => {
      const isHere = start.line === cursor.line && start.character === cursor.character - missing.length;
      if (!isHere || !text.startsWith(missing)) return null;
      const character = end.line === cursor.line ? end.character + missing.length : end.character;
      return { start: cursor, end: { line: end.line, character }, text: text.slice(missing.length) };
    },
  };
}

function closed({ question: { cursor } }: Ask, snapshot: Snapshot): Variant | null {
  const typed = typedHead(snapshot);
  if (typed === null || !/^(\n|$)/.test(snapshot.after)) return null;
  const { head, row } = typed;
  const marks = closersOf(head);
  if (marks === '') return null;
  return {
    about: marks,
    snapshot: { ...snapshot, after: marks + snapshot.after, recent: withLine(snapshot, row, head + marks) },
    own: ({ start, end, text }) => {
      const isHere = start.line === cursor.line && start.character === cursor.character;
      const brought = end.line === cursor.line ? end.character - cursor.character : marks.length + 1;
      return isHere && brought <= marks.length ? { start: cursor, end: cursor, text } : null;
    },
  };
}

/** What an editor would have closed behind a line's beginning. */
function closersOf(head: string): string {
  const open: string[] = [];
  for (const mark of head) {
    const last = open.at(-1) ?? '';
    if (/['"`]/.test(last)) {
      if (mark === last) open.pop();
    } else if (/['"`]/.test(mark)) open.push(mark);
    else if (CLOSER[mark] !== undefined) open.push(CLOSER[mark]);
    else if (mark === last) open.pop();
  }
  return open.reverse().join('');
}

await main(run);
