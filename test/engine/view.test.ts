/** What people are shown and may choose, over the protocol: a real engine, a tiny model, a real database. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { checkpointDir } from '../../src/engine/storage.ts';
import { accepted, at, type Bench, makeBench, openWindow } from './real-engine.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => bench.dispose());

test('the prompt that is shown is the one that the suggestion came from', async (t) => {
  const w = openWindow(t, bench);
  await w.ready();
  const snapshot = {
    ...at('let a1 = u'),
    recent: [{ path: 'src/b.ts', line: 0, removed: '', added: 'const other = 1;' }],
  };
  const suggestion = await w.suggestion(snapshot);
  const prompt = await w.client.prompt(snapshot);
  assert.equal(prompt.hash, suggestion.promptHash);
  assert.equal(prompt.format, suggestion.promptFormat);
  const text = prompt.parts.map((part) => part.text).join('');
  assert.ok(text.includes('const other = 1;') && text.includes('let a1 ='), text);
  assert.ok(prompt.parts.every((part) => part.tokens > 0));
});

test('nothing yet: an overview of zeros', async (t) => {
  const w = openWindow(t, bench);
  await w.ready();
  const { databaseBytes, folder, ...stored } = (await w.client.overview()).stored;
  assert.ok(databaseBytes > 0);
  assert.equal(folder, w.storageDir);
  const { cacheBytesAToken, ...sizes } = (await w.client.overview()).sizes;
  assert.ok(cacheBytesAToken! > 0);
  assert.deepEqual([sizes.rememberedEdits, sizes.adapterBytes, sizes.learnedSignals], [0, 0, 0]);
  assert.deepEqual(stored, { suggestions: 0, written: 0, oldestAt: null, checkpointBytes: 0 });
  await assert.rejects(w.client.goBack('nobody'), /nobody/);
});

test('after a round: what it came to, and back to the base and forth', { timeout: 120_000 }, async (t) => {
  const w = openWindow(t, bench);
  await w.ready();
  await w.record(accepted(12));
  assert.equal((await w.client.overview()).newSignals, 12);
  assert.equal((await w.client.trainNow()).started, true);
  await w.until('promoted', () => w.state.checkpoint !== 'base');
  const id = w.state.checkpoint;

  const overview = await w.client.overview();
  assert.deepEqual([overview.checkpoint, overview.newSignals], [id, 0]);
  assert.deepEqual(
    overview.checkpoints.map((c) => [c.id, c.state, c.usable]),
    [[id, 'current', true]],
  );
  assert.equal(overview.rounds[0]!.decision, 'promoted');
  assert.equal(overview.days[0]!.accepted, 12);
  assert.ok(overview.stored.checkpointBytes > 10_000);
  assert.equal(overview.sizes.rememberedEdits, 12);
  assert.equal(overview.sizes.learnedSignals, 12);
  assert.ok(overview.sizes.adapterBytes > 10_000);

  await w.client.goBack('base');
  assert.equal(w.state.checkpoint, 'base', 'it serves when the answer comes');
  assert.equal((await w.client.overview()).checkpoints[0]!.state, 'rolled-back');
  await w.client.goBack(id);
  assert.equal(w.state.checkpoint, id);

  await w.client.goBack('base');
  rmSync(checkpointDir(w.storageDir, id), { recursive: true });
  assert.equal((await w.client.overview()).checkpoints[0]!.usable, false);
  await assert.rejects(w.client.goBack(id));
  assert.equal(w.state.checkpoint, 'base');

  const deleted = await w.client.deleteSelected({ by: 'id', id: 'suggestion-0' });
  assert.deepEqual(deleted, { entries: 1, forgotten: [id] });
  assert.equal(await w.client.entry('suggestion-0'), null);
  assert.deepEqual((await w.client.overview()).checkpoints, []);
});
