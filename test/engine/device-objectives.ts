/**
 * A process that runs one step with every objective, and one of full training, on a device, and prints what differs
 * from the CPU.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Device, PROVIDERS } from '../../src/engine/device.ts';
import { fallbacks, hostCopies, nodeRuns } from '../../src/engine/profile.ts';
import { createDeviceSession, type Tensor } from '../../src/engine/runtime.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { type ElementArray, elementArray } from '../../src/graph/tensor.ts';
import { distillation } from '../../src/trainer/distillation.ts';
import { crossEntropy, kto } from '../../src/trainer/objective.ts';
import { stepScalars } from '../../src/trainer/optimizer.ts';
import { policyGradient } from '../../src/trainer/policy-gradient.ts';
import { seeded } from '../../src/trainer/random.ts';
import { buildFullStep, buildTrainStep } from '../../src/trainer/step.ts';
import { readGolden, relativeError } from '../model/golden.ts';

export interface Difference {
  readonly graph: string;
  /** The output that differs most, and by how much of its root mean square. */
  readonly worst: string;
  readonly relative: number;
  readonly fallbacks: readonly string[];
  readonly hostCopies: number;
}

const golden = readGolden('llama');
const { config, weights, lora } = golden;
const { batch, time, rows } = golden.numbers;
const every = [crossEntropy(), kto(batch), policyGradient(), distillation({ vocab: config.vocab, k: 4 }, 0.5)];
const GRAPHS: Readonly<Record<string, Graph>> = {
  'LoRA, all objectives, accumulated': buildTrainStep(config, weights, lora, { batch, time, rows, objectives: every, accumulate: true }), // biome-ignore format: a row
  'full training, every row': buildFullStep(config, { batch, time, rows: batch * time, everyRow: true, objectives: [crossEntropy()] }), // biome-ignore format: a row
};

/** Inputs that any graph of them can be fed with. */
function feedsOf(graph: Graph): Record<string, Tensor> {
  const random = seeded(3);
  const scalars: Record<string, number> = { ...stepScalars(1, { lr: 1e-3, maxNorm: 1, normLimit: 1e9 }), update: 1 };
  const below: Record<string, number> = { ids: config.vocab, labels: config.vocab, rows: batch * time, sequence: batch + 1 }; // biome-ignore format: a row
  const fill = (name: string, count: number): ArrayLike<number> => {
    const numbers = (make: (i: number) => number) => Array.from({ length: count }, (_, i) => make(i));
    if (weights.has(name)) return weights.get(name)!.data as Float32Array;
    if (name in scalars) return [scalars[name]!];
    if (name in below) return numbers(() => Math.floor(random() * below[name]!));
    if (name === 'teacher.ids') return numbers((i) => (i % 4) * 3 + (Math.floor(i / 4) % 3));
    if (name.endsWith('.square')) return numbers(() => 0.01);
    if (/logprobs$|\.old$|\.reference$/.test(name)) return numbers(() => -2 - random());
    return numbers(() => 0.2 * (random() - 0.4));
  };
  return Object.fromEntries(
    graph.inputs.map(({ name, dtype, shape }) => {
      const dims = shape as readonly number[];
      const values = fill(
        name,
        dims.reduce((product, dim) => product * dim, 1),
      );
      const data: ElementArray = values instanceof Float32Array ? values : elementArray(dtype, values);
      return [name, { dtype, dims, data }];
    }),
  );
}

async function compare(name: string, graph: Graph, device: Device): Promise<Difference> {
  const folder = mkdtempSync(join(tmpdir(), 'knack-profile-'));
  try {
    const feeds = feedsOf(graph);
    const outputs = graph.outputs.map((each) => each.name);
    const cpu = await createDeviceSession(graph, { threads: 2 }, []);
    const expected = (await cpu.run(feeds, outputs)).host;
    await cpu.release();
    const session = await createDeviceSession(graph, { threads: 2, device, profile: join(folder, 'step') }, []);
    const got = (await session.run(feeds, outputs)).host;
    session.endProfile();
    await session.release();
    const runs = nodeRuns(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8'));
    const errors = outputs.map((each) => {
      return relativeError(got[each]!.data as Float32Array, expected[each]!.data as Float32Array);
    });
    const relative = Math.max(...errors);
    return {
      graph: name,
      worst: outputs[errors.indexOf(relative)] ?? 'not a number',
      relative,
      fallbacks: [...fallbacks(runs, PROVIDERS[device]).keys()],
      hostCopies: hostCopies(runs),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const device = process.argv[2] as Device;
const differences: Difference[] = [];
for (const [name, graph] of Object.entries(GRAPHS)) differences.push(await compare(name, graph, device));
process.stdout.write(JSON.stringify(differences));
