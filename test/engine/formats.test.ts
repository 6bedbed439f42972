/** Other models' prompt formats through the engine's process: chosen, served, scored and learned from. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { editAtCursor } from '../../src/completion/edit.ts';
import { successors, writeTinyModel } from '../model/tiny.ts';
import { accepted, at, type Bench, makeBench, openWindow, type Window } from './real-engine.ts';

let bench: Bench;
let qwen: string;
before(async () => {
  bench = await makeBench();
  qwen = join(bench.dir, 'qwen');
  const controls = ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>', '<|file_sep|>'];
  writeTinyModel(qwen, 3, false, { family: 'qwen2', controls });
});
after(() => bench.dispose());

const format = async (w: Window, before: string, rest = '\n'): Promise<[string, string]> => {
  const { promptFormat, edit } = await w.suggestion(at(before, rest));
  return [promptFormat, edit.text];
};

test('by its tokenizer, a model is asked to fill in the middle, and learns in that format', {
  timeout: 120_000,
}, async (t) => {
  const w = openWindow(t, bench, { modelPath: qwen });
  await w.ready();
  // What follows the mark of the middle is what follows any mark.
  assert.deepEqual(await format(w, 'let u'), ['fim-1', `v${successors('v')}`]);
  const place = at('const price999 = 1;\nprint');
  const wanted = { snapshot: place, edit: editAtCursor(place, 'total();', 0) };
  const likely = (await w.client.score(wanted)).logprob;
  await w.record(accepted(12));
  w.train({ minSignals: 8, idleSeconds: 1 });
  await w.until('promoted', () => w.state.checkpoint !== 'base');
  const { logprob, checkpoint } = await w.client.score(wanted);
  assert.equal(checkpoint, w.state.checkpoint);
  assert.ok(logprob > likely + 1, `${likely} before, ${logprob} after`);
});

test('another format is a setting, and takes a new engine', async (t) => {
  const w = openWindow(t, bench, { modelPath: qwen });
  await w.ready();
  const { settings } = w.params;
  for (const [promptStyle, name] of [
    ['knack', 'prefix-1'],
    ['sweep', 'sweep-1'],
  ] as const) {
    const pid = w.client.pid;
    w.client.configure({ ...settings, promptStyle }, true, null);
    await w.until('another process', () => w.client.pid !== undefined && w.client.pid !== pid);
    await w.ready();
    // The line after the cursor's is written again, and so ends Sweep's answer.
    const [used, text] = await format(w, 'let u', `\n${`v${successors('v')}`}\n`);
    assert.equal(used, name);
    assert.equal(text, successors('u'));
  }
  w.client.configure({ ...settings, modelPath: bench.model, promptStyle: 'fim' }, true, null);
  await w.until('refused', () => w.state.phase === 'failed');
  assert.match(w.state.message, /no marks for the prompt format “fim”.*promptFormat/);
});
