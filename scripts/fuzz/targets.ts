/**
 * What damaged input is given to. Each target resolves with how it was taken: read after all, or refused with which kind
 * of error; anything else (another error, an endless loop, too much memory) is a finding.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rangeInWindow } from '../../src/completion/edit.ts';
import { WINDOW } from '../../src/completion/snapshot.ts';
import { loadBase } from '../../src/engine/base.ts';
import { BASE } from '../../src/engine/checkpoint.ts';
import { Server } from '../../src/engine/serve.ts';
import { readAdapter } from '../../src/model/adapter.ts';
import { parseConfig } from '../../src/model/config.ts';
import { ModelError } from '../../src/model/errors.ts';
import { PROMPT_TOKENS } from '../../src/model/prompt.ts';
import { openModel } from '../../src/model/source.ts';
import { createTokenizer } from '../../src/model/tokenizer.ts';
import { fimFormat } from '../../src/prompt/fim-format.ts';
import type { EditFormat, PromptInput } from '../../src/prompt/format.ts';
import { logFormat } from '../../src/prompt/log-format.ts';
import { prefixFormat } from '../../src/prompt/prefix-format.ts';
import { sweepFormat } from '../../src/prompt/sweep-format.ts';
import { zetaFormat } from '../../src/prompt/zeta-format.ts';
import { loraFor } from '../../src/trainer/plan.ts';
import { defaultModel } from '../../test/model/model-files.ts';
import { writeTinyModel } from '../../test/model/tiny.ts';
import { ROOT } from '../paths.ts';
import { anyText, damagedBytes, damagedJson, jsonBytes, pick } from './mutate.ts';

export interface Target {
  /** @returns 'read', or a kind of error */
  run(random: () => number): Promise<string>;
  close?(): Promise<void>;
}

export const KINDS = ['gguf', 'safetensors', 'config', 'tokenizer', 'adapter', 'prompt', 'engine'] as const;
export type Kind = (typeof KINDS)[number];

/** Of 100 runs, how many a kind gets: an engine's answer takes as long as ten files. */
export const SHARES: Readonly<Record<Kind, number>> = {
  gguf: 30,
  safetensors: 16,
  config: 12,
  tokenizer: 12,
  adapter: 12,
  prompt: 14,
  engine: 4,
};

const GOLDEN = join(ROOT, 'test', 'golden');

/** @param folder an empty folder for damaged files */
export function openTarget(kind: Kind, folder: string): Promise<Target> {
  const make = { gguf, safetensors, config, tokenizer, adapter, prompt, engine } as const;
  return make[kind](folder);
}

/** Refusals are ModelErrors that say what to do. */
async function taken(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'read';
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    if (error.message.length < 30 || error.message.length > 4000)
      throw new Error(`a message of ${error.message.length} characters`, { cause: error });
    return error.kind;
  }
}

/** Opens a model and reads all that it claims to have. */
async function readWhole(path: string, folder: string): Promise<void> {
  // No place for remembered hashes: each file is another one.
  const model = await openModel(path, { cacheDir: join(folder, 'none', '\0') });
  const tokenizer = createTokenizer(model.tokenizerSpec, model.config.vocab, model.config.eosIds);
  const ids = tokenizer.encode('const x = "ü👍";\n\tthe end');
  tokenizer.decode(ids);
  for (const tensor of model.tensors.values()) for await (const piece of tensor.pieces()) void piece;
}

async function gguf(folder: string): Promise<Target> {
  const names = (await readdir(join(GOLDEN, 'families'))).filter((name) => name.endsWith('.gguf'));
  const files = (await Promise.all(names.map((name) => readFile(join(GOLDEN, 'families', name))))).filter(
    ({ length }) => length < 120_000,
  );
  const path = join(folder, 'm.gguf');
  return {
    async run(random) {
      // Keys and tensors' places take the first 8 KB of these.
      await writeFile(path, damagedBytes(pick(random, files), 9000, random));
      return taken(() => readWhole(path, folder));
    },
  };
}

/** A copy of a small model's folder, with damage to one of its files. */
async function modelFolder(
  folder: string,
  damage: (files: Readonly<Record<string, Buffer>>, random: () => number) => Record<string, Uint8Array>,
): Promise<Target> {
  const path = join(folder, 'model');
  await mkdir(path, { recursive: true });
  const names = ['config.json', 'tokenizer.json', 'model.safetensors'];
  const files = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(GOLDEN, 'quant/qwen2', name))] as const)),
  );
  for (const name of names) await writeFile(join(path, name), files[name]!);
  return {
    async run(random) {
      for (const [name, bytes] of Object.entries(damage(files, random))) await writeFile(join(path, name), bytes);
      return taken(() => readWhole(path, folder));
    },
  };
}

/** Half of the time the header as a value, half as bytes. */
function damagedSafetensors(file: Buffer, random: () => number): Uint8Array {
  const length = Number(file.readBigUInt64LE());
  if (random() < 0.5) return damagedBytes(file, 8 + length, random);
  const header = jsonBytes(damagedJson(JSON.parse(file.toString('utf8', 8, 8 + length)), random), random);
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([start, header, file.subarray(8 + length)]);
}

const safetensors = (folder: string): Promise<Target> =>
  modelFolder(folder, (files, random) => ({
    'model.safetensors': damagedSafetensors(files['model.safetensors']!, random),
  }));

const damagedFile =
  (name: string) =>
  (folder: string): Promise<Target> => {
    let value: unknown;
    return modelFolder(folder, (files, random) => {
      value ??= JSON.parse(files[name]!.toString());
      return { [name]: jsonBytes(damagedJson(value, random), random) };
    });
  };
const config = damagedFile('config.json');
const tokenizer = damagedFile('tokenizer.json');

async function adapter(folder: string): Promise<Target> {
  const own = join(GOLDEN, 'peft');
  const base = {
    config: parseConfig(JSON.parse(await readFile(join(own, 'base/config.json'), 'utf8'))),
    sha256: 'any',
  };
  const settings = await readFile(join(own, 'adapter/adapter_config.json'));
  const weights = await readFile(join(own, 'adapter/adapter_model.safetensors'));
  return {
    async run(random) {
      const both = random();
      const damagedSettings =
        both < 0.6 ? jsonBytes(damagedJson(JSON.parse(settings.toString()), random), random) : settings;
      await writeFile(join(folder, 'adapter_config.json'), damagedSettings);
      const damagedWeights = both > 0.4 ? damagedSafetensors(weights, random) : weights;
      await writeFile(join(folder, 'adapter_model.safetensors'), damagedWeights);
      return taken(() => readAdapter(folder, base));
    },
  };
}

/** A snapshot as the editor could send it, of any text; its recent edits may tell of other texts than these. */
function anySnapshot(random: () => number): PromptInput & { readonly languageId: string } {
  const text = (most: number): string => anyText(most, random).toWellFormed().replaceAll('\r\n', '\n');
  const recent = Array.from({ length: Math.floor(random() * 4) }, () => ({
    path: pick(random, ['a.ts', 'b.ts', '', 'x'.repeat(300)]),
    line: Math.floor(random() * 300),
    removed: text(WINDOW.edit),
    added: text(WINDOW.edit),
  }));
  return {
    path: pick(random, ['a.ts', 'src/日本 語.py', 'x'.repeat(1000)]),
    languageId: 'typescript',
    before: text(WINDOW.before),
    after: text(WINDOW.after),
    startLine: pick(random, [0, 0, 1, 17, 100_000]),
    recent,
  };
}

function anyEdit({ before, startLine }: PromptInput, random: () => number) {
  const place = () => ({
    line: startLine + Math.floor(random() * (before.split('\n').length + 3)) - 1,
    character: Math.floor(random() * 40),
  });
  const lines = before.split('\n');
  const cursor = { line: startLine + lines.length - 1, character: lines.at(-1)!.length };
  const [a, b] = [random() < 0.5 ? cursor : place(), place()];
  return { start: a, end: random() < 0.5 ? a : b, text: anyText(400, random).toWellFormed() };
}

/** Every prompt format: prompts keep to their budget, and any ids are read as an edit or as none. */
async function prompt(): Promise<Target> {
  const { tokenizerSpec, config: shape } = await defaultModel();
  const plain = createTokenizer(tokenizerSpec, shape.vocab, shape.eosIds);
  // Marks that this model's vocabulary lacks stand beyond it.
  const marks = new Map<string, number>();
  const own = {
    ...plain,
    special: (name: string): number => {
      const id = plain.special(name) ?? marks.get(name) ?? shape.vocab + marks.size;
      marks.set(name, id);
      return id;
    },
    isControl: (id: number): boolean => id >= shape.vocab || plain.isControl(id),
    bytes: (id: number): Uint8Array => (id >= shape.vocab ? Buffer.from('<mark>') : plain.bytes(id)),
  };
  const formats = [
    prefixFormat(own),
    logFormat(own),
    fimFormat(own),
    sweepFormat(own),
    zetaFormat(own),
  ] as EditFormat[];
  return {
    async run(random) {
      const input = anySnapshot(random);
      const format = pick(random, formats);
      const ask = format.ask(input);
      const { ids, heal } = ask.prompt;
      if (ids.length === 0 && heal === '' && input.before !== '') throw new Error(`${format.name}: an empty prompt`);
      if (ids.length > PROMPT_TOKENS) throw new Error(`${format.name}: ${ids.length} ids`);
      // Any ids, or a text with a mark in it and one after it: closer to what models write.
      const written =
        random() < 0.3
          ? Array.from({ length: Math.floor(60 * random()) }, () => Math.floor(random() * (shape.vocab + marks.size)))
          : [
              ...own.encode(heal + anyText(60, random)),
              pick(random, [...marks.values()]),
              ...own.encode(anyText(60, random)),
              pick(random, [...marks.values()]),
            ];
      const logprobs = written.map(() => -random());
      const others = written.map(() => -random());
      const answer = { ids: written, logprobs, chances: logprobs, others, rivals: others };
      if (written.length > 0) ask.isOver(answer);
      ask.again?.(answer);
      const read = ask.read(answer);
      const target = ask.target(anyEdit(input, random), random() < 0.5);
      for (const { edit, target: ids } of ask.candidates?.(6) ?? []) {
        if (rangeInWindow(input, edit) === null || ids.length === 0) throw new Error(`a candidate out of the window`);
      }
      return `${'none' in read ? read.none : 'edit'}, ${target === null ? 'no target' : 'target'}`;
    },
  };
}

/** The model that serves: any snapshot is answered or declined, cancelled ones at any step. */
async function engine(folder: string): Promise<Target> {
  writeTinyModel(join(folder, 'tiny'));
  const base = await loadBase(join(folder, 'tiny'), folder, () => undefined);
  const server = await Server.start(base, loraFor(base.model.config, 512), BASE, 1);
  return {
    async run(random) {
      const snapshot = anySnapshot(random);
      let left = random() < 0.3 ? Math.floor(random() * 6) : Number.POSITIVE_INFINITY;
      const answer = await server.complete(snapshot, 8, () => left-- <= 0);
      return 'none' in answer ? answer.none : 'edit';
    },
    close: () => server.release(),
  };
}
