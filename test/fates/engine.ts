/**
 * An engine with the real database and a model that answers by a script, for tests of what becomes of suggestions.
 *
 * It is bundled in the place of the extension's own engine. KNACK_SCRIPT names a JSON file with the answers, which is
 * read again for every question; the first answer that fits is given, or all that fit, where several are asked for.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import { type Edit, editAtCursor, placeInWindow } from '../../src/completion/edit.ts';
import type { Snapshot } from '../../src/completion/snapshot.ts';
import type { Completion, None, Suggestion } from '../../src/completion/suggestion.ts';
import * as protocol from '../../src/engine/protocol.ts';
import { databasePath } from '../../src/engine/storage.ts';
import { overviewOf } from '../../src/engine/view.ts';
import { openStore, type Store } from '../../src/signals/store.ts';

/** One answer, and where it fits. */
export interface Answer {
  /** End of the file's path. */
  readonly path?: string;
  /** What the text before the cursor ends with. */
  readonly before?: string;
  /** What the text after the cursor begins with. */
  readonly after?: string;
  /** What goes in at the cursor, and the units after it that this replaces. */
  readonly insert?: string;
  readonly replaceAfter?: number;
  /** Or: the first text of the window that is `find` gives way to `text`. Fits only while it is there. */
  readonly find?: string;
  readonly text?: string;
  readonly delayMs?: number;
  /** The engine ends so long after the answer. */
  readonly dieAfterMs?: number;
}

/** Stands for the hash of a base. */
const SCRIPTED = 'scripted';

const READY: protocol.EngineState = {
  phase: 'ready',
  message: '',
  checkpoint: 'base',
  training: { phase: 'off', message: '', newSignals: 0 },
  notices: [],
};

let store: Store | null = null;
let folder = '';
process.on('disconnect', () => {
  store?.close();
  process.exit(0);
});
const client = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
client.onRequest(protocol.Initialize, ({ storageDir, windowId }) => {
  folder = storageDir;
  ({ store } = openStore({
    path: databasePath(storageDir),
    clock: Date.now,
    onRefused: (id, why) => void client.sendNotification(protocol.Log, { level: 'error', message: `${id}: ${why}` }),
  }));
  store.activity(windowId, Date.now());
  store.closeOrphans(Date.now());
  return READY;
});
client.onRequest(protocol.Complete, async ({ snapshot }, token): Promise<Completion> => {
  const [first] = answersTo(snapshot);
  if (first === undefined) return { none: 'empty' };
  const { delayMs = 0, dieAfterMs } = first.answer;
  await sleep(delayMs);
  if (token.isCancellationRequested) return { none: 'cancelled' };
  if (dieAfterMs !== undefined) setTimeout(() => process.kill(process.pid, 'SIGKILL'), dieAfterMs);
  return suggestionOf(first.edit, delayMs);
});
client.onRequest(protocol.CompleteAll, ({ snapshot, most }): readonly Suggestion[] | None => {
  const all = answersTo(snapshot).slice(0, most);
  return all.length === 0 ? { none: 'empty' } : all.map(({ edit }) => suggestionOf(edit, 0));
});
client.onRequest(protocol.Record, ({ events }) => ({ acked: store?.record(events) ?? [] }));
client.onRequest(protocol.DeleteAll, () => store?.deleteAll());
client.onRequest(protocol.ShowOverview, () =>
  overviewOf(store!, {
    storageDir: folder,
    baseHash: SCRIPTED,
    now: Date.now(),
    gate: { signals: 0, seldom: [] },
    cacheBytesAToken: null,
    memory: { size: 0, bytes: 0 },
  }),
);
client.listen();

/** The answers of the script that fit, in its order. */
function answersTo(snapshot: Snapshot): { readonly answer: Answer; readonly edit: Edit }[] {
  const { answers } = JSON.parse(readFileSync(process.env.KNACK_SCRIPT!, 'utf8')) as { answers: Answer[] };
  return answers.flatMap((answer) => {
    const edit = editOf(answer, snapshot);
    return edit === null ? [] : [{ answer, edit }];
  });
}

function suggestionOf(edit: Edit, latencyMs: number): Suggestion {
  return {
    id: randomUUID(),
    edit,
    tokenLogprobs: [-0.5],
    checkpoint: 'base',
    promptHash: 'ab'.repeat(32),
    promptFormat: 'scripted',
    latencyMs,
  };
}

function editOf(answer: Answer, snapshot: Snapshot): Edit | null {
  const { path, before, after, insert, replaceAfter = 0, find, text } = answer;
  if (path !== undefined && !snapshot.path.endsWith(path)) return null;
  if (before !== undefined && !snapshot.before.endsWith(before)) return null;
  if (after !== undefined && !snapshot.after.startsWith(after)) return null;
  if (insert !== undefined) return editAtCursor(snapshot, insert, replaceAfter);
  const from = (snapshot.before + snapshot.after).indexOf(find!);
  if (from < 0) return null;
  return { start: placeInWindow(snapshot, from), end: placeInWindow(snapshot, from + find!.length), text: text! };
}
