/** Models that lie on the machine already: in real folders, and in hostile ones. */
import assert from 'node:assert/strict';
import { chmod, cp, link, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Found, findModels, LIMITS } from '../../../src/model/library/find.ts';
import { modelPlaces, type Place } from '../../../src/model/library/places.ts';
import { disk, type Entry, type FilePort } from '../../../src/model/library/port.ts';

const GOLDEN = fileURLToPath(new URL('../../golden/', import.meta.url));
const SMALL = join(GOLDEN, 'families/llama-k.gguf');
const scratch = await mkdtemp(join(tmpdir(), 'knack-find-'));
after(() => rm(scratch, { recursive: true, force: true }));

let count = 0;
const folder = async (): Promise<string> => {
  const path = join(scratch, `place-${count++}`);
  await mkdir(path);
  return path;
};
const put = async (path: string, contents: string | Uint8Array): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, contents);
};
const find = (places: readonly Place[], port: FilePort = disk, limits = LIMITS): Promise<Found> =>
  findModels(port, places, limits, 0);

test('Ollama: by manifest, with its name and licence', async () => {
  const path = await folder();
  const blob = (character: string): string => join(path, 'blobs', `sha256-${character.repeat(64)}`);
  await put(blob('a'), await readFile(SMALL));
  await put(blob('b'), '\n   Apache License\n Version 2.0');
  const manifest = (digest: string): string =>
    JSON.stringify({
      layers: [
        { mediaType: 'application/vnd.ollama.image.model', digest },
        { mediaType: 'application/vnd.ollama.image.license', digest: `sha256:${'b'.repeat(64)}` },
      ],
    });
  const at = join(path, 'manifests', 'registry.ollama.ai');
  await put(join(at, 'library/qwen2.5-coder/0.5b'), manifest(`sha256:${'a'.repeat(64)}`));
  await put(join(at, 'someone/other/latest'), manifest(`sha256:${'c'.repeat(64)}`));
  await put(join(at, 'library/reaching/out'), manifest('sha256:../../../etc/passwd'));
  await put(join(at, 'library/no/json'), '{');
  await put(join(at, 'library/no/layers'), '[null, {"layers": [null, 7]}]');
  const { models } = await find([{ keeper: 'ollama', path }]);
  assert.equal(models.length, 1);
  const { size } = await stat(SMALL);
  assert.deepEqual(models[0], {
    path: blob('a'),
    keeper: 'ollama',
    title: 'qwen2.5-coder:0.5b',
    identity: {
      name: 'llama-k',
      architecture: 'llama',
      parameters: 461_568,
      quantisation: models[0]!.identity.quantisation,
      licence: 'mit', // the file's own word goes before the blob's
      bytes: size,
      layers: 1,
      hidden: 256,
      vocab: 264,
      refusal: null,
    },
  });
  assert.match(models[0]!.identity.quantisation, /^Q\d_K$/);
});

test('the Hugging Face cache: snapshots of links, folders and files, each once', async () => {
  const path = await folder();
  const repository = join(path, 'models--sweepai--sweep-next-edit-1.5B');
  await put(join(repository, 'blobs/one'), await readFile(SMALL));
  for (const revision of ['aaaa', 'bbbb']) {
    await mkdir(join(repository, 'snapshots', revision), { recursive: true });
    await symlink('../../blobs/one', join(repository, 'snapshots', revision, 'sweep.gguf'));
  }
  const own = join(path, 'models--someone--tiny', 'snapshots', 'cccc');
  await cp(join(GOLDEN, 'quant/qwen2'), own, { recursive: true });
  await rm(join(own, 'model.gguf'));
  await put(join(own, 'README.md'), '---\nlibrary_name: transformers\nlicense: apache-2.0\n---\n# Tiny\n');
  const { models } = await find([{ keeper: 'hugging-face', path }]);
  assert.deepEqual(
    models.map(({ title }) => title),
    ['sweepai/sweep-next-edit-1.5B/sweep.gguf', 'someone/tiny'],
  );
  const { identity } = models[1]!;
  assert.equal(identity.architecture, 'qwen2');
  assert.equal(identity.quantisation, 'F32');
  assert.equal(identity.licence, 'apache-2.0');
  assert.equal(identity.refusal, null);
  assert.ok(identity.parameters! > 50_000);
});

test('LM Studio and llama.cpp: files by their path; what Knack cannot run is said so', async () => {
  const path = await folder();
  await put(join(path, 'lmstudio-community/Qwen2.5-Coder-0.5B-GGUF/model.gguf'), await readFile(SMALL));
  const bytes = await readFile(SMALL);
  const mamba = Buffer.from(bytes);
  mamba.write('mamba', mamba.indexOf('llama', mamba.indexOf('general.architecture')));
  await put(join(path, 'other/mamba.gguf'), mamba);
  await put(join(path, 'other/broken.gguf'), bytes.subarray(0, 500));
  await put(join(path, 'other/text.gguf'), 'hello');
  const { models, notes } = await find([{ keeper: 'lm-studio', path }]);
  assert.deepEqual(
    models.map(({ title, identity }) => [title, identity.refusal]),
    [
      ['other/mamba.gguf', 'it is of the family “mamba”; Knack runs Llama and Qwen 2'],
      ['lmstudio-community/Qwen2.5-Coder-0.5B-GGUF/model.gguf', null],
    ],
  );
  assert.ok(notes.some((note) => /broken\.gguf.*incomplete/.test(note)));
  assert.ok(notes.some((note) => /text\.gguf.*not a GGUF file/.test(note)));
});

test('links in circles end, and what cannot be read is noted', async () => {
  const path = await folder();
  await put(join(path, 'a/b/model.gguf'), await readFile(SMALL));
  await symlink('..', join(path, 'a/b/up'));
  await symlink(path, join(path, 'a/top'));
  await symlink('nowhere', join(path, 'a/dangling.gguf'));
  await symlink('itself.gguf', join(path, 'a/itself.gguf'));
  await mkdir(join(path, 'closed'));
  await chmod(join(path, 'closed'), 0);
  // Root may read everything, so the port says it for the folder.
  const port: FilePort = {
    ...disk,
    list: async (at, most) => (at.endsWith('closed') ? null : disk.list(at, most)),
  };
  const { models, notes } = await find([{ keeper: 'lm-studio', path }], port);
  assert.equal(models.length, 1);
  assert.deepEqual(notes, [`${join(path, 'closed')} cannot be read.`]);
  await chmod(join(path, 'closed'), 0o700);
});

/** A file system without end: every folder has 100,000 entries, half of them folders. */
function endless(): FilePort & { asked: number; listed: number } {
  const port = {
    asked: 0,
    listed: 0,
    async list(_: string, most: number): Promise<Entry[]> {
      const length = Math.min(most, 100_000);
      port.listed += length;
      return Array.from({ length }, (_, i) => ({ name: `e${i}.gguf`, kind: i % 2 === 0 ? 'folder' : 'file' }));
    },
    async info(path: string) {
      port.asked++;
      const kind = /\.gguf$/.test(path) && port.asked % 2 === 0 ? ('file' as const) : ('folder' as const);
      return { kind, size: 2 ** 40, id: path };
    },
    async read(): Promise<Uint8Array> {
      throw new Error('too slow');
    },
  };
  return port;
}

test('folders of 100,000 entries without end are left after the limit', async () => {
  const port = endless();
  const { models, notes } = await find([{ keeper: 'hugging-face', path: '/x' }], port);
  assert.deepEqual(models, []);
  assert.equal(port.listed, LIMITS.entries);
  assert.ok(port.asked <= 2 * LIMITS.entries, `${port.asked} files looked at`);
  assert.ok(notes.some((note) => /not all were looked at/.test(note)));
  assert.ok(notes.length < LIMITS.models + 10);
});

test('a real folder of more files than the limit is left after it', async () => {
  const path = await folder();
  // One file under many names: quick to make.
  await writeFile(join(path, 'one'), '');
  await Promise.all(Array.from({ length: 3000 }, (_, i) => link(join(path, 'one'), join(path, `f${i}.bin`))));
  const { models, notes } = await find([{ keeper: 'llama.cpp', path }], disk, { entries: 2000, models: 10 });
  assert.deepEqual(models, []);
  assert.match(notes.join(), /^More than 2000 files/);
});

test('each program’s own rules say where to look', () => {
  const at = (env: Record<string, string>, platform: NodeJS.Platform, home: string): string[] =>
    modelPlaces('/cache', env, platform, home).map(({ keeper, path }) => `${keeper} ${path}`);
  assert.deepEqual(at({}, 'linux', '/home/me'), [
    'knack /cache/models',
    'ollama /home/me/.ollama/models',
    'ollama /usr/share/ollama/.ollama/models',
    'lm-studio /home/me/.lmstudio/models',
    'lm-studio /home/me/.cache/lm-studio/models',
    'hugging-face /home/me/.cache/huggingface/hub',
    'llama.cpp /home/me/.cache/llama.cpp',
  ]);
  const own = at({ OLLAMA_MODELS: '/o', HF_HOME: '/h', LLAMA_CACHE: '/l' }, 'linux', '/home/me');
  for (const line of ['ollama /o', 'hugging-face /h/hub', 'llama.cpp /l']) assert.ok(own.includes(line), line);
  assert.ok(at({ HF_HUB_CACHE: '/hub', HF_HOME: '/h' }, 'linux', '/home/me').includes('hugging-face /hub'));
  assert.ok(at({}, 'win32', 'C:\\Users\\me').includes('ollama C:\\Users\\me\\.ollama\\models'));
  assert.ok(at({}, 'darwin', '/Users/me').includes('llama.cpp /Users/me/Library/Caches/llama.cpp'));
});
