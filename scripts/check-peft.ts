/**
 * `npm run check:peft`: Knack trains an adapter on the small Llama of test/golden/peft, Python's peft loads it on the
 * same base, and the logits of both are compared (scripts/golden/adapter.py). Needs a Python with torch, transformers,
 * peft and safetensors: KNACK_PYTHON, else python3. Its last line is JSON.
 */
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { float32, int64 } from '../src/engine/runtime.ts';
import { StatefulSession } from '../src/engine/stateful.ts';
import { type Adapter, writeAdapter } from '../src/model/adapter.ts';
import { initialLora, topLayers } from '../src/model/lora.ts';
import { encodeSafetensors } from '../src/model/safetensors.ts';
import { crossEntropy } from '../src/trainer/objective.ts';
import { stepScalars } from '../src/trainer/optimizer.ts';
import { seeded } from '../src/trainer/random.ts';
import { buildTrainStep } from '../src/trainer/step.ts';
import { batch, config, ids, logitsOf, PEFT_FOLDER, time, weights } from '../test/model/peft-model.ts';
import { ROOT } from './paths.ts';
import { main, UserError } from './progress.ts';

const STEPS = 30;

/** Learns the golden sequences by heart: every token but the first of each. */
async function train(): Promise<Adapter> {
  const shape = topLayers(config, 2, 4, 6);
  const rows = batch * (time - 1);
  const positions = ids.map((_, i) => i).filter((i) => (i + 1) % time !== 0);
  const graph = buildTrainStep(config, weights, shape, { batch, time, rows, objectives: [crossEntropy()] });
  const start = initialLora(config, shape, seeded(1));
  const [dims, zeros] = [[start.length], new Float32Array(start.length)];
  const state = { lora: float32(dims, start), 'lora.mean': float32(dims, zeros), 'lora.square': float32(dims, zeros) };
  const session = await StatefulSession.create(graph, state, { threads: 2 });
  const losses: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const scalars = Object.entries(stepScalars(step, { lr: 1e-2, maxNorm: 1e3, normLimit: 1e6 }));
    const { loss } = await session.run(
      {
        ids: int64([batch, time], ids),
        rows: int64([rows], positions),
        labels: int64(
          [rows],
          positions.map((at) => ids[at + 1]!),
        ),
        weight: float32([rows], new Float32Array(rows).fill(1 / rows)),
        ...Object.fromEntries(scalars.map(([name, value]) => [name, float32([], [value])])),
      },
      ['loss'],
    );
    losses.push(loss!.data[0] as number);
  }
  const { lora } = await session.read();
  await session.release();
  console.log(`${STEPS} steps: loss ${losses[0]!.toFixed(3)} to ${losses.at(-1)!.toFixed(3)}`);
  return { shape, vector: lora!.data as Float32Array };
}

await main(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'knack-peft-'));
  try {
    const adapter = await train();
    await cp(join(PEFT_FOLDER, 'base'), join(folder, 'base'), { recursive: true });
    await writeAdapter(join(folder, 'adapter'), adapter, { config, baseSha256: 'the golden base' });
    const values = new Map([
      ['ids', { shape: [batch, time], data: Float32Array.from(ids) }],
      ['logits', { shape: [batch, time, config.vocab], data: await logitsOf(adapter) }],
    ]);
    await writeFile(join(folder, 'knack.safetensors'), encodeSafetensors(values));
    const python = process.env.KNACK_PYTHON || 'python3';
    const script = join(ROOT, 'scripts', 'golden', 'adapter.py');
    const result = spawnSync(python, [script, 'check', folder], { encoding: 'utf8' });
    if (result.error) throw new UserError(`${python} was not found: set KNACK_PYTHON to a Python that has peft.`);
    if (result.stdout === '') {
      const why = result.stderr.trim().split('\n').at(-1);
      throw new UserError(`${python} could not check it (${why}): it needs torch, transformers, peft, safetensors.`);
    }
    process.stdout.write(result.stdout);
    return result.status ?? 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
