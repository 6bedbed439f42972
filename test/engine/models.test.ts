/** Models to choose from, their speed, and downloads, through the engine's process. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { estimate, keystrokes, measure, Speeds } from '../../src/engine/speed.ts';
import { serve, stallAt, startServer, status } from '../model/file-server.ts';
import { writeHollow } from '../model/hollow.ts';
import { type Bench, makeBench, openWindow } from './real-engine.ts';

let bench: Bench;
const home = mkdtempSync(join(tmpdir(), 'knack-home-'));
const kept = { HOME: process.env.HOME, USERPROFILE: process.env.USERPROFILE, HF_HOME: process.env.HF_HOME };
before(async () => {
  bench = await makeBench();
  Object.assign(process.env, { HOME: home, USERPROFILE: home, HF_HOME: join(home, 'hf') });
});
after(() => {
  for (const [name, value] of Object.entries(kept)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  bench.dispose();
  rmSync(home, { recursive: true, force: true });
});

test('the list: what lies here, what serves, what could be fetched; and the speed once measured', async (t) => {
  const other = join(home, 'hf', 'hub', 'models--someone--qwen', 'snapshots', 'aaaa');
  mkdirSync(other, { recursive: true });
  // One that Knack cannot run, large enough to be a model.
  for (const [name, text] of [
    ['config.json', '{"model_type":"gemma3_text"}'],
    ['model.safetensors', `\x02\0\0\0\0\0\0\0{}${' '.repeat(2 << 20)}`],
  ] as const)
    writeFileSync(join(other, name), text);
  const w = openWindow(t, bench);
  await w.ready();
  const { models, memoryBytes } = await w.client.models();
  assert.ok(memoryBytes > 1e8);
  const serving = models.filter(({ serves }) => serves);
  assert.deepEqual(
    serving.map(({ path, title }) => [path, title]),
    [[bench.model, 'tiny']],
  );
  assert.equal(serving[0]!.speed, null);
  assert.match(models.find(({ title }) => title === 'someone/qwen')!.refusal!, /family “gemma3_text”/);
  const toFetch = models.filter(({ path }) => path === null);
  assert.ok(toFetch.length >= 5);
  for (const { licence, memoryBytes: needed } of toFetch) assert.ok(licence === 'Apache-2.0' && needed! > 2e8);

  await w.client.measureSpeed();
  const measured = (await w.client.models()).models;
  const own = measured.find(({ serves }) => serves)!;
  assert.ok(own.speed!.isMeasured && own.speed!.p50Ms > 0);
  const larger = measured.find(({ id }) => id === 'qwen2.5-coder-0.5b')!;
  assert.ok(!larger.speed!.isMeasured && larger.speed!.p50Ms > own.speed!.p50Ms);
});

test('a download from a mirror: progress, pause, going on; an unknown one is refused', async (t) => {
  const data = randomBytes(400_000);
  const sha256 = createHash('sha256').update(data).digest('hex');
  const server = await startServer();
  t.after(() => server.close());
  const w = openWindow(t, bench);
  await w.ready();
  w.client.configure({ ...w.params.settings, mirror: server.url }, true, null);
  const linked = status(302, { location: '/x', 'x-linked-size': '400000', 'x-linked-etag': `"${sha256}"` });

  server.answers = [linked, stallAt(data, 150_000)];
  const pause = new AbortController();
  const seen: number[] = [];
  await assert.rejects(
    w.client.fetchModel('smollm2-360m', pause.signal, (done, total) => {
      seen.push(done / total);
      pause.abort();
    }),
    /paused\. What has arrived is kept/,
  );
  assert.ok(seen.length > 0);
  server.answers = [linked, serve(data)];
  const path = await w.client.fetchModel('smollm2-360m', new AbortController().signal, (done) => seen.push(done));
  assert.deepEqual(readFileSync(path), data);
  assert.equal(seen.at(-1), data.length);
  await assert.rejects(
    w.client.fetchModel('no-such', pause.signal, () => undefined),
    /no model “no-such”/,
  );
});

test('a model that needs more memory than there is: said before it is loaded', async (t) => {
  const huge = join(bench.dir, 'huge');
  mkdirSync(huge, { recursive: true });
  const tiny = (name: string): Buffer => readFileSync(join(bench.model, name));
  const config = JSON.parse(tiny('config.json').toString()) as Record<string, number>;
  // A header alone: 300 layers of width 16,384 whose tensors lie in a file with holes.
  const shape = {
    ...config,
    num_hidden_layers: 300,
    hidden_size: 16_384,
    intermediate_size: 65_536,
    num_attention_heads: 128,
    num_key_value_heads: 8,
  };
  writeFileSync(join(huge, 'config.json'), JSON.stringify(shape));
  writeFileSync(join(huge, 'tokenizer.json'), tiny('tokenizer.json'));
  writeHollow(join(huge, 'model.safetensors'), shape);
  const w = openWindow(t, bench, { modelPath: huge });
  await w.until('refused', () => w.state.phase === 'failed');
  assert.match(w.state.message, /huge needs \d+\.\d GB of memory .* this machine has .*Choose a smaller model/);
});

test('measuring: warm requests, in order, and stopped at once when somebody types', async () => {
  let now = 0;
  const asked: string[] = [];
  const times = await measure(
    async ({ before }) => {
      asked.push(before);
      now += asked.length === 1 ? 500 : 100 + asked.length;
    },
    () => false,
    () => now,
  );
  assert.equal(asked.length, keystrokes().length);
  assert.ok(asked.length >= 16);
  assert.equal(times!.coldMs, 500);
  assert.ok(times!.p50Ms > 100 && times!.p50Ms < times!.p95Ms);
  let left = 3;
  assert.equal(
    await measure(
      async () => undefined,
      () => left-- === 0,
    ),
    null,
  );
});

test('figures are kept by machine and model, and a damaged file is no error', async () => {
  const folder = bench.folder();
  const speeds = new Speeds(folder, 'this');
  assert.deepEqual(await speeds.read(), []);
  const figure = { path: '/a', parameters: 1e8, coldMs: 300, p50Ms: 80, p95Ms: 120 };
  await new Speeds(folder, 'other').add(figure);
  await speeds.add({ ...figure, p50Ms: 90 });
  await speeds.add({ ...figure, p50Ms: 70 });
  assert.deepEqual(await speeds.read(), [{ ...figure, p50Ms: 70, machine: 'this' }]);
  assert.equal(estimate((await speeds.read())[0]!, 5e8), 350);
  writeFileSync(join(folder, 'speeds.json'), '[{"path":7},');
  assert.deepEqual(await speeds.read(), []);
});
