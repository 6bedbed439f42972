import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CATALOGUE, knownModel, promptStyle } from '../../../src/model/library/catalogue.ts';
import { fetchModel } from '../../../src/model/library/fetch.ts';
import { type HubFile, hubEndpoint } from '../../../src/model/library/hub.ts';
import { checkMemory, parametersOf, servingMemory } from '../../../src/model/library/memory.ts';
import { type Answer, serve, stallAt, startServer, status } from '../file-server.ts';

const scratch = await mkdtemp(join(tmpdir(), 'knack-catalogue-'));
const server = await startServer();
after(async () => {
  await server.close();
  await rm(scratch, { recursive: true, force: true });
});

test('the shapes have the parameters that the models are named for', () => {
  const millions = Object.fromEntries(CATALOGUE.map(({ id, shape }) => [id, Math.round(parametersOf(shape) / 1e6)]));
  assert.deepEqual(millions, {
    'smollm2-135m': 134,
    'smollm2-360m': 362,
    'smollm2-1.7b': 1711,
    'qwen2.5-coder-0.5b': 494,
    'qwen2.5-coder-1.5b': 1544,
    'sweep-next-edit-0.5b': 494,
    'sweep-next-edit-1.5b': 1544,
    'zeta-7b': 7615,
  });
});

test('models are known by name and shape together', () => {
  const qwen = { architecture: 'qwen2', layers: 24, hidden: 896 };
  const id = (names: string[], traits = qwen): string | undefined => knownModel(names, traits)?.id;
  assert.equal(id(['qwen2.5-coder:0.5b']), 'qwen2.5-coder-0.5b');
  assert.equal(id(['Qwen2.5 Coder 0.5B Instruct']), 'qwen2.5-coder-0.5b');
  assert.equal(id(['', 'sweepai/sweep-next-edit-0.5B/sweep-next-edit-0.5b.q8_0.gguf']), 'sweep-next-edit-0.5b');
  assert.equal(id(['qwen2.5-coder:1.5b']), undefined, 'another shape');
  assert.equal(
    id(['SmolLM2-135M-Instruct.Q4_1.gguf'], { architecture: 'llama', layers: 30, hidden: 576 }),
    'smollm2-135m',
  );
  const seven = { architecture: 'qwen2', layers: 28, hidden: 3584 };
  assert.equal(id(['zed-industries/zeta'], seven), 'zeta-7b');
  assert.equal(id(['zeta:latest'], seven), 'zeta-7b');
  assert.equal(id(['zeta-2'], seven), undefined);
  assert.equal(id(['my-model']), undefined);
  const sweep = CATALOGUE.find(({ id: name }) => name === 'sweep-next-edit-1.5b')!;
  assert.equal(knownModel(['sha256-1321'], { ...qwen, sha256: sweep.file!.sha256! }), sweep, 'by its hash alone');
});

test('the prompt style: the user’s choice, the table, the tokenizer', () => {
  const sweep = CATALOGUE.find(({ id }) => id === 'sweep-next-edit-0.5b')!;
  assert.equal(promptStyle('knack', sweep, true), 'knack');
  assert.equal(promptStyle(null, sweep, true), 'sweep');
  assert.equal(promptStyle(null, null, true), 'fim');
  assert.equal(promptStyle(null, null, false), 'knack');
});

test('a model that needs more memory than the machine has is refused with both figures', () => {
  const zeta = CATALOGUE.find(({ id }) => id === 'zeta-7b')!;
  assert.throws(() => checkMemory(zeta.title, zeta.shape, 8e9), {
    kind: 'memory',
    message: /^Zeta 7B needs \d+\.\d GB .* has 8\.0 GB/,
  });
  checkMemory('small', CATALOGUE[0]!.shape, 8e9);
  for (const { id, shape } of CATALOGUE) assert.ok(servingMemory(shape) > parametersOf(shape), id);
});

const DATA = randomBytes(200_000);
const SHA = createHash('sha256').update(DATA).digest('hex');
const file: HubFile = { repository: 'a/b c', revision: 'main', file: 'm.gguf', bytes: null, sha256: null };
const head = (headers: Record<string, string>): Answer => status(302, { location: '/elsewhere', ...headers });
const LINKED = { 'x-linked-size': String(DATA.length), 'x-linked-etag': `"${SHA}"` };
const options = { endpoint: server.url, http: { attempts: 2, pauseMs: 1, stallMs: 10_000 } };

test('a download: the hub says size and hash, then the file comes, pauses and goes on', async () => {
  const cacheDir = join(scratch, 'paused');
  const pause = new AbortController();
  server.answers = [head(LINKED), stallAt(DATA, 70_000)];
  const seen: [number, number][] = [];
  const onBytes = (done: number, total: number): void => {
    seen.push([done, total]);
    if (done >= 60_000) pause.abort();
  };
  await assert.rejects(fetchModel(file, { ...options, cacheDir, signal: pause.signal, onBytes }), {
    kind: 'cancelled',
    message: /m\.gguf was paused\. What has arrived is kept/,
  });
  assert.equal(seen.at(-1)![1], DATA.length);
  server.requests.length = 0;
  server.answers = [head(LINKED), serve(DATA)];
  const path = await fetchModel(file, { ...options, cacheDir });
  assert.deepEqual(await readFile(path), DATA);
  assert.deepEqual(server.requests[0], { path: '/a/b%20c/resolve/main/m.gguf', range: undefined });
  assert.match(server.requests[1]!.range!, /^bytes=[67]\d{4}-$/);
  // There now: only the hub is asked, and with everything pinned not even that.
  server.requests.length = 0;
  server.answers = [status(500)];
  assert.equal(await fetchModel({ ...file, bytes: DATA.length, sha256: SHA }, { ...options, cacheDir }), path);
  assert.equal(server.requests.length, 0);
});

test('what the hub says differently, or does not say, is refused before a byte comes', async () => {
  const cacheDir = join(scratch, 'refused');
  const refused = async (answer: Answer, known: HubFile, message: RegExp): Promise<void> => {
    server.answers = [answer];
    server.requests.length = 0;
    await assert.rejects(fetchModel(known, { ...options, cacheDir }), { kind: 'download', message });
    assert.equal(server.requests.length, 1);
  };
  await refused(head({}), file, /does not tell the file’s size and SHA-256/);
  await refused(head(LINKED), { ...file, bytes: 7 }, /has 200000 bytes, and 7 are expected/);
  await refused(head(LINKED), { ...file, sha256: 'f'.repeat(64) }, /has the SHA-256 .*, not ffff/);
  await refused(status(404), file, /answered 404/);
  await assert.rejects(readdir(cacheDir), { code: 'ENOENT' });
});

test('a mirror: the setting goes before HF_ENDPOINT, and must be an address', () => {
  assert.equal(hubEndpoint(null, {}), 'https://huggingface.co');
  assert.equal(hubEndpoint(null, { HF_ENDPOINT: 'https://hf-mirror.com/' }), 'https://hf-mirror.com');
  assert.equal(hubEndpoint('http://localhost:8080/hf/', { HF_ENDPOINT: 'x' }), 'http://localhost:8080/hf');
  assert.throws(() => hubEndpoint('file:///etc', {}), { message: /knack\.model\.mirror is “file:\/\/\/etc”/ });
  assert.throws(() => hubEndpoint(null, { HF_ENDPOINT: 'nonsense' }), { message: /HF_ENDPOINT/ });
});
