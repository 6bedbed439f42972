/**
 * One side of `npm run bench -- train`, in a process of its own: our training step, or its matrix products alone.
 * Arguments: the workload as JSON, `step` or `products`, threads, a folder for a random base's weights.
 * Says what it is as a line of JSON. Each line of its input is a turn: one step that does not count and as many more as
 * the line says. Answers with their times, the peak resident memory so far, and how the wait before the turn passed.
 */
import { existsSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createSession, float32, int64, type Tensor } from '../../src/engine/runtime.ts';
import { StatefulSession } from '../../src/engine/stateful.ts';
import { elements } from '../../src/graph/tensor.ts';
import { expectedTensors } from '../../src/model/layout.ts';
import { initialLora } from '../../src/model/lora.ts';
import { mapped, type Weights } from '../../src/model/network.ts';
import type { WeightsEntry } from '../../src/model/weights.ts';
import { stepScalars } from '../../src/trainer/optimizer.ts';
import { seeded } from '../../src/trainer/random.ts';
import { adapterOf, ceilingOf, productsOf, stepOf, type Workload } from './workload.ts';

const SCHEDULE = { lr: 1e-4, maxNorm: 1, normLimit: 1e6 };
const random = seeded(1);

const [json, what, threads, folder] = process.argv.slice(2) as [string, string, string, string];
const workload = JSON.parse(json) as Workload;
const weights = workload.lora ? await baseWeights() : new Map();
const run = what === 'step' ? await stepper(weights) : await multiplier(weights);
for (let i = 0; i < 2; i++) await run();
const products = productsOf(stepOf(workload, weights));
say({ flops: products.reduce((sum, each) => sum + each.flops, 0), products: products.length });

let rest = { at: performance.now(), cpu: process.cpuUsage() };
for await (const line of createInterface({ input: process.stdin })) {
  const waited = { ms: performance.now() - rest.at, cpuMs: milliseconds(process.cpuUsage(rest.cpu)) };
  const started = performance.now();
  await run();
  const firstMs = performance.now() - started;
  const ms: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < Number(line); i++) {
    const begin = performance.now();
    await run();
    ms.push(performance.now() - begin);
  }
  const cpuMs = milliseconds(process.cpuUsage(before)) / ms.length;
  // Kilobytes on every platform.
  say({ ms, firstMs, cpuMs, peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024), waited });
  rest = { at: performance.now(), cpu: process.cpuUsage() };
}
process.exit(0);

function milliseconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000;
}

function say(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function stepper(base: Weights): Promise<() => Promise<void>> {
  const { config, shape, lora } = workload;
  const { batch, time, rows } = shape;
  const state: Record<string, Tensor> = {};
  const put = (name: string, dims: readonly number[], values: Float32Array): void => {
    state[name] = float32(dims, values);
    for (const part of ['mean', 'square']) state[`${name}.${part}`] = float32(dims, new Float32Array(values.length));
  };
  if (lora) {
    const vector = initialLora(config, adapterOf(workload), random);
    put('lora', [vector.length], vector);
  } else {
    for (const [name, dims] of expectedTensors(config)) put(name, dims, weightOf(dims));
  }
  const options = { threads: Number(threads), folder, prepack: false };
  const session = await StatefulSession.create(stepOf(workload, base), state, options);
  const token = (): number => Math.floor(random() * config.vocab);
  const ids = int64([batch, time], Array.from({ length: batch * time }, token));
  const labels = int64([rows], Array.from({ length: rows }, token));
  const weight = float32([rows], new Float32Array(rows).fill(1 / rows));
  const each = rows / batch;
  const positions = Array.from({ length: rows }, (_, i) => Math.floor(i / each) * time + time - each + (i % each));
  let step = 0;
  return async () => {
    const scalars = Object.entries(stepScalars(++step, SCHEDULE));
    const out = await session.run(
      {
        ...{ ids, labels, weight },
        ...(lora ? { rows: int64([rows], positions) } : {}),
        ...Object.fromEntries(scalars.map(([name, value]) => [name, float32([], [value])])),
      },
      ['loss', 'norm', 'applied'],
    );
    if (out.applied!.data[0] !== 1) throw new Error(`step ${step} was not applied: norm ${out.norm!.data[0]}`);
  };
}

async function multiplier(base: Weights): Promise<() => Promise<void>> {
  const graph = ceilingOf(productsOf(stepOf(workload, base)));
  // Nothing optimised: products of one shape have the same inputs, and the runtime would merge them.
  const session = await createSession(graph, { threads: Number(threads), optimize: 'disabled' });
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name, shape }) => [name, float32(shape as number[], weightOf(shape as number[]))]),
  );
  return async () => {
    await session.run(feeds);
  };
}

/** Norms' weights are 1, and matrices uniform with a deviation of 0.02. */
function weightOf(shape: readonly number[]): Float32Array {
  const values = new Float32Array(elements(shape));
  if (shape.length === 1) return values.fill(1);
  for (let i = 0; i < values.length; i++) values[i] = (random() - 0.5) * 0.07;
  return values;
}

/** A base of random weights as a file to map, written once for all processes of a measurement. */
async function baseWeights(): Promise<Weights> {
  const path = join(folder, 'weights.bin');
  const tensors = new Map<string, WeightsEntry>();
  let offset = 0;
  for (const [name, shape] of expectedTensors(workload.config)) {
    const length = 4 * elements(shape);
    tensors.set(name, { shape, offset, length });
    offset += Math.ceil(length / 4096) * 4096;
  }
  if (!existsSync(path)) {
    const file = await open(`${path}.part`, 'w');
    for (const entry of tensors.values()) {
      // A row at a time: the peak of memory that is reported is the step's.
      const width = entry.shape.at(-1)!;
      const row = weightOf(entry.shape.length === 1 ? [width] : [64, width]);
      for (let at = 0; at < entry.length; at += row.byteLength) {
        await file.write(row, 0, Math.min(row.byteLength, entry.length - at), entry.offset + at);
      }
    }
    await file.close();
    await rename(`${path}.part`, path);
  }
  return mapped({ path, tensors });
}
