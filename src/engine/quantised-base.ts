/** The base in 8 bit: calibrated, written once, and used only where it says what the fp32 base says. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { integerMatmul } from '../graph/build.ts';
import { makeGraph } from '../graph/graph.ts';
import { constant, input } from '../graph/value.ts';
import { buildCalibrationGraph } from '../model/calibration.ts';
import { replaceFile } from '../model/file.ts';
import { topLayers } from '../model/lora.ts';
import { mapped } from '../model/network.ts';
import { type Activations, findQuantised, type QuantisedWeights, quantiseBase } from '../model/quantise.ts';
import type { Base } from './base.ts';
import { CALIBRATION_TEXT } from './calibration-text.ts';
import { type Agreement, compare } from './fidelity.ts';
import { SessionForward } from './forward.ts';
import { createSession, int64 } from './runtime.ts';

/** Tokens of a text that are run at once. */
const TIME = 128;
/**
 * Most nats by which the 8-bit base's next token may differ from the fp32 base's (Kullback-Leibler, on average). With
 * SmolLM2-135M 0.02 nats go with a log-loss within half a per cent; at 0.07 it is 2 % (docs/log.md).
 */
export const MOST_DIVERGENCE = 0.04;
/** The agreement, beside the file that was judged. */
const VERDICT = 'agreement.json';

/**
 * The base with its 8-bit file, made if it is not there (some ten seconds, once for each base), or as it is where that
 * file's predictions are too far from its own.
 *
 * @param onProgress 0 to 1, only if it is made
 * @param onRefused told why fp32 serves
 * @throws ModelError if the cache folder cannot take the file
 */
export async function withQuantised(
  base: Base,
  cacheDir: string,
  threads: number,
  onProgress?: (share: number) => void,
  onRefused?: (why: string) => void,
): Promise<Base> {
  const served = { ...base, quantised: await quantise(base, cacheDir, threads, onProgress) };
  return chosen(base, served, await judge(base, served, threads), onRefused);
}

/** The same where all of it was done before, else null: runs nothing of the base, so that it takes no memory. */
export async function readyQuantised(
  base: Base,
  cacheDir: string,
  onRefused?: (why: string) => void,
): Promise<Base | null> {
  const { config, sha256 } = base.model;
  const quantised = await findQuantised({ config, sha256, cacheDir, most: await mostOf() });
  const agreement = quantised && (await knownVerdict(quantised));
  return agreement && chosen(base, { ...base, quantised }, agreement, onRefused);
}

function chosen(base: Base, served: Base, { divergence }: Agreement, onRefused?: (why: string) => void): Base {
  if (divergence <= MOST_DIVERGENCE) return served;
  onRefused?.(
    `In 8 bit, ${base.model.describe} would say ${divergence.toFixed(3)} nats other than in fp32, which serves.`,
  );
  return base;
}

/** Returns the base's 8-bit file, making it if it is not there, whatever it says. */
export async function quantise(
  base: Base,
  cacheDir: string,
  threads: number,
  onProgress?: (share: number) => void,
): Promise<QuantisedWeights> {
  return quantiseBase({
    config: base.model.config,
    sha256: base.model.sha256,
    weights: base.weights,
    cacheDir,
    most: await mostOf(),
    activations: () => measureActivations(base, threads),
    ...(onProgress ? { onProgress } : {}),
  });
}

/** Largest absolute value of a weight that this machine multiplies exactly. */
async function mostOf(): Promise<127 | 63> {
  return (await productsAreExact()) ? 127 : 63;
}

function verdictPath({ file }: QuantisedWeights): string {
  return join(dirname(file.path), VERDICT);
}

async function knownVerdict(quantised: QuantisedWeights): Promise<Agreement | null> {
  const known = await readFile(verdictPath(quantised), 'utf8').then(
    (text) => JSON.parse(text) as Partial<Agreement>,
    () => null,
  );
  return typeof known?.divergence === 'number' ? (known as Agreement) : null;
}

/** How far the two agree on the calibration text: measured once, then read. */
async function judge(base: Base, served: Base & { quantised: QuantisedWeights }, threads: number): Promise<Agreement> {
  const known = await knownVerdict(served.quantised);
  if (known !== null) return known;
  const agreement = await agreementOf(base, served, threads, pieces(base));
  await replaceFile(verdictPath(served.quantised), JSON.stringify(agreement));
  return agreement;
}

/** How far a base says what another says, over texts as token ids. */
export async function agreementOf(
  expected: Base,
  got: Base,
  threads: number,
  texts: Iterable<readonly number[]>,
): Promise<Agreement> {
  const shape = topLayers(expected.model.config, 1, 1, 1);
  const forwards: SessionForward[] = [];
  try {
    // Weights of the fp32 base that are not copied are pages of its file, which the system may take back.
    for (const base of [expected, got]) {
      forwards.push(await SessionForward.create(base, shape, threads, base.quantised !== undefined));
    }
    return await compare(forwards[0]!, forwards[1]!, texts);
  } finally {
    for (const forward of forwards) await forward.release();
  }
}

/** How large activations get: of each channel, the largest of each piece of the calibration text, averaged over pieces. */
export async function measureActivations(base: Base, threads: number): Promise<Activations> {
  const graph = buildCalibrationGraph(base.model.config, mapped(base.weights), TIME);
  const session = await createSession(graph, { threads, folder: base.folder, prepack: false });
  try {
    const all = pieces(base);
    const mean = new Map<string, Float32Array>();
    for (const ids of all) {
      for (const [name, tensor] of Object.entries(await session.run({ ids: int64([TIME], ids) }))) {
        const values = tensor.data as Float32Array;
        const sum = mean.get(name) ?? new Float32Array(values.length);
        mean.set(
          name,
          sum.map((x, i) => x + values[i]! / all.length),
        );
      }
    }
    return mean;
  } finally {
    await session.release();
  }
}

/** The calibration text as TIME token ids a piece, each begun as prompts are: what stands first is what heads rest on. */
export function pieces({ tokenizer, model }: Base): number[][] {
  const first = tokenizer.special('<filename>') ?? model.config.bosId;
  const head = first === null ? [] : [first];
  const size = TIME - head.length;
  return CALIBRATION_TEXT.flatMap(({ path, text }) => {
    const ids = tokenizer.encode(`${path}\n${text}`);
    while (ids.length < size) ids.push(...ids);
    const count = Math.floor(ids.length / size);
    return Array.from({ length: count }, (_, i) => [...head, ...ids.slice(i * size, (i + 1) * size)]);
  });
}

/**
 * Whether this machine multiplies unsigned by signed bytes exactly. Processors with AVX2 or AVX-512 but without VNNI add
 * two products in 16 bits, which overflow, unless weights keep to 7 bits.
 */
export async function productsAreExact(): Promise<boolean> {
  const [m, k, n] = [2, 64, 32];
  const b = constant({ dtype: 'int8', shape: [k, n], data: new Int8Array(k * n).fill(127) });
  const scale = constant({ dtype: 'float32', shape: [n], data: new Float32Array(n).fill(1) });
  const graph = makeGraph('products', { y: integerMatmul(input('x', 'uint8', [m, k]), b, scale) });
  const session = await createSession(graph, { threads: 1 });
  try {
    const { y } = await session.run({ x: { dtype: 'uint8', dims: [m, k], data: new Uint8Array(m * k).fill(255) } });
    return [...(y!.data as Float32Array)].every((value) => value === (255 - 128) * 127 * k);
  } finally {
    await session.release();
  }
}
