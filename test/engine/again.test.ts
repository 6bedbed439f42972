/** What was typed at a line, done again by the server at such a line elsewhere: with a model that finds all alike likely. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Snapshot } from '../../src/completion/snapshot.ts';
import { isSuggestion, type Suggestion } from '../../src/completion/suggestion.ts';
import type { Base } from '../../src/engine/base.ts';
import { BASE } from '../../src/engine/checkpoint.ts';
import { type OpenForward, Server } from '../../src/engine/serve.ts';
import { EditMemory } from '../../src/memory/edit-memory.ts';
import type { Forward, KvCache } from '../../src/model/decode.ts';
import { logFormat } from '../../src/prompt/log-format.ts';
import { at, bench } from '../prompt/shown.ts';

const { tokenizer } = bench();

/** More than the words of all texts here. */
const VOCAB = 1024;

/** Every token is as likely as every other. */
function indifferent(): Forward {
  const held = (length: number): KvCache => ({ length, slice: held, copy: held });
  return {
    vocab: VOCAB,
    run: async (ids, cache, rows) => ({
      logits: new Float32Array(rows.length * VOCAB),
      cache: held((cache?.length ?? 0) + ids.length),
    }),
  };
}

async function start(): Promise<{ memory: EditMemory; ask: (of: Snapshot) => Promise<Suggestion | null> }> {
  const format = logFormat(tokenizer)!;
  const session = { ...indifferent(), setAdapter: () => undefined, release: async () => undefined };
  const base = { tokenizer, format } as unknown as Base;
  const server = await Server.start(base, null, BASE, 1, true, (async () => session) as unknown as OpenForward);
  const memory = new EditMemory(format, (text) => tokenizer.encode(text));
  const ask = async (of: Snapshot) => {
    const found = await server.complete(of, 48, () => false, (snapshot) => memory.recollect(snapshot)); // biome-ignore format: one call
    return isSuggestion(found) ? found : null;
  };
  return { memory, ask };
}

/** The cursor has come to the `|` since the last edit, which was made in another line. */
const come = (text: string, path = 'a.ts'): Snapshot => ({
  languageId: 'typescript',
  ...at(text, { path, recent: [{ path, line: 0, removed: 'let b', added: 'let a' }] }),
});

const LINE = 'send(request, options);';
const edit = (from: number, length: number, text: string) => ({
  start: { line: 1, character: from },
  end: { line: 1, character: from + length },
  text,
});

test('an edit is done again at such a line, deeper, in another file, and says from where; refused, it is not', async () => {
  const { memory, ask } = await start();
  const first = come(`let a\n|${LINE}\nend`);
  const typed = edit(0, LINE.length, 'send(request);');
  memory.learn({ id: 'one', at: 1, snapshot: first, edit: typed, isAccepted: false, typed, remembered: null });

  const elsewhere = come(`let a\n  |${LINE}\nend`, 'b.ts');
  const found = (await ask(elsewhere))!;
  assert.deepEqual(found.edit, edit(0, LINE.length + 2, '  send(request);'));
  assert.equal(found.remembered!.entries[0], 'one:typed');
  assert.ok(found.repeats! > 0);
  assert.ok(found.tokenLogprobs.length > 3 && found.tokenLogprobs.every((l) => l < 0 && Number.isFinite(l)));

  const { remembered = null } = found;
  const outcome = { id: 'two', at: 2, snapshot: elsewhere, edit: found.edit, remembered };
  memory.learn({ ...outcome, isAccepted: false, typed: null });
  assert.notEqual((await ask(elsewhere))?.remembered?.entries[0], 'one:typed', 'refused');
  memory.learn({ ...outcome, id: 'three', isAccepted: true, typed: null });
  assert.equal((await ask(first))!.remembered!.entries[0], 'three', 'accepted');
});

test('without a memory, while typing and where nothing is known: as ever', async () => {
  const { memory, ask } = await start();
  const typed = edit(0, LINE.length, 'send(request);');
  memory.learn({ id: 'one', at: 1, snapshot: come(`let a\n|${LINE}\nend`), edit: typed, isAccepted: false, typed, remembered: null }); // biome-ignore format: one call
  for (const text of [`let a\n|send(request, option);\nend`, `let a|\n${LINE}\nend`]) {
    assert.equal((await ask(come(text)))?.repeats, undefined);
  }
});
