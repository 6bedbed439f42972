import assert from 'node:assert/strict';
import { mkdtemp, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkFreeSpace, defaultCacheDir } from '../../src/model/cache.ts';
import { type Model, openModel } from '../../src/model/source.ts';
import { prepareWeights, type WeightsBlob } from '../../src/model/weights.ts';

const GOLDEN = fileURLToPath(new URL('../golden/quant/llama/model.gguf', import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), 'knack-weights-'));
after(() => rm(scratch, { recursive: true, force: true }));

let count = 0;
const cache = (): string => join(scratch, `cache-${count++}`);
const model = (): Promise<Model> => openModel(GOLDEN, { cacheDir: join(scratch, 'hashes') });

async function check(blob: WeightsBlob): Promise<void> {
  const bytes = await readFile(blob.path);
  for (const [name, tensor] of (await model()).tensors) {
    const { shape, offset, length } = blob.tensors.get(name)!;
    assert.deepEqual(shape, tensor.shape);
    assert.equal(offset % 4096, 0, name);
    assert.deepEqual(
      new Float32Array(bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + length)),
      await tensor.read(),
      name,
    );
  }
}

test('every tensor lies in the file, aligned, with its values', async () => {
  const progress: number[] = [];
  const blob = await prepareWeights(await model(), cache(), (done) => progress.push(done));
  await check(blob);
  assert.equal(progress.at(-1), 1);
  assert.deepEqual(
    progress,
    progress.toSorted((a, b) => a - b),
  );
});

test('the second time the file is used as it is', async () => {
  const dir = cache();
  const first = await prepareWeights(await model(), dir);
  const { mtimeMs, ino } = await stat(first.path);
  const second = await prepareWeights(await model(), dir, () => assert.fail('written again'));
  assert.deepEqual(second, first);
  assert.deepEqual(await stat(second.path).then((info) => [info.mtimeMs, info.ino]), [mtimeMs, ino]);
});

test('a damaged, truncated or foreign file is written again', async () => {
  const damage: ((path: string) => Promise<void>)[] = [
    async (path) => {
      const file = await open(path, 'r+');
      await file.write(Buffer.from([1, 2, 3]), 0, 3, 5000);
      await file.close();
    },
    async (path) => writeFile(path, (await readFile(path)).subarray(0, -4096)),
    (path) => rm(path),
    (path) => writeFile(join(dirname(path), 'manifest.json'), '{"layout":'),
    (path) => writeFile(join(dirname(path), 'manifest.json'), 'null'),
    async (path) => {
      const at = join(dirname(path), 'manifest.json');
      await writeFile(at, (await readFile(at, 'utf8')).replace('"offset":4096', '"offset":8192'));
    },
  ];
  for (const spoil of damage) {
    const dir = cache();
    await spoil((await prepareWeights(await model(), dir)).path);
    await check(await prepareWeights(await model(), dir));
    assert.deepEqual((await readdir(join(dir, 'derived'))).length, 1);
  }
});

test('several at once end with one good folder', async () => {
  const dir = cache();
  const blobs = await Promise.all(Array.from({ length: 6 }, async () => prepareWeights(await model(), dir)));
  for (const blob of blobs) await check(blob);
  assert.equal((await readdir(join(dir, 'derived'))).length, 1);
});

test('a cancelled preparation leaves nothing, an old left-over is removed, a new one is not', async () => {
  const dir = cache();
  const abort = new AbortController();
  abort.abort(new Error('enough'));
  await assert.rejects(prepareWeights(await model(), dir, undefined, abort.signal), /enough/);
  assert.deepEqual(await readdir(join(dir, 'derived')), []);
  for (const [name, at] of [
    ['1-old.tmp', 1e9],
    ['1-new.tmp', Date.now() / 1000],
  ] as const) {
    await writeFile(join(dir, 'derived', name), '');
    await utimes(join(dir, 'derived', name), at, at);
  }
  await prepareWeights(await model(), dir);
  const names = await readdir(join(dir, 'derived'));
  assert.deepEqual([names.includes('1-old.tmp'), names.includes('1-new.tmp')], [false, true]);
});

test('a disk without room is said so before anything is written', async () => {
  await assert.rejects(checkFreeSpace(scratch, 2 ** 60, 'Preparing the model'), {
    kind: 'disk',
    message: /needs .* MB in .* are free.*KNACK_CACHE_DIR/,
  });
});

test('a folder that cannot be one is said so', async () => {
  const file = join(scratch, 'a-file');
  await writeFile(file, '');
  await assert.rejects(prepareWeights(await model(), file), { name: 'ModelError' });
});

test('the cache folder follows the platform and KNACK_CACHE_DIR', () => {
  assert.equal(defaultCacheDir({}, 'linux', '/home/a'), '/home/a/.cache/knack');
  assert.equal(defaultCacheDir({ XDG_CACHE_HOME: '/x' }, 'linux', '/home/a'), '/x/knack');
  assert.equal(defaultCacheDir({ XDG_CACHE_HOME: 'x' }, 'linux', '/home/a'), '/home/a/.cache/knack');
  assert.equal(defaultCacheDir({}, 'darwin', '/Users/a'), '/Users/a/Library/Caches/knack');
  assert.equal(defaultCacheDir({ LOCALAPPDATA: 'C:\\L' }, 'win32', 'C:\\a'), 'C:\\L\\knack\\cache');
  assert.equal(defaultCacheDir({ KNACK_CACHE_DIR: '/k' }, 'darwin', '/Users/a'), '/k');
});
