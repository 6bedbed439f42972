/** A process that trains and writes a checkpoint: `cache to steps [from]`. Batches are drawn at random. */
import { fileURLToPath } from 'node:url';
import { loadBase } from '../../src/engine/base.ts';
import { SessionPolicy } from '../../src/engine/policy.ts';
import { readAdapter, writeAdapter } from '../../src/model/adapter.ts';
import { initialLora, topLayers } from '../../src/model/lora.ts';
import { readTrainingState } from '../../src/model/training-state.ts';
import { makeBatch, shapeFor } from '../../src/trainer/batch.ts';
import type { Example } from '../../src/trainer/examples.ts';
import { seeded } from '../../src/trainer/random.ts';

const [cache, to, steps, from] = process.argv.slice(2) as [string, string, string, string | undefined];
const model = fileURLToPath(new URL('../golden/quant/llama/model.gguf', import.meta.url));
const base = await loadBase(model, cache, () => {});
const { config, sha256 } = base.model;
const fresh = topLayers(config, 2, 4, 8);
const start = from
  ? await readAdapter(from, { config, sha256 })
  : { shape: fresh, vector: initialLora(config, fresh, seeded(1)) };
const before = from ? await readTrainingState(from, config, start.shape) : null;
const random = seeded(before?.random ?? 2);

const examples = [1, 2, 3, 4, 5, 6].map((n): Example => {
  const ids = Array.from({ length: 12 }, (_, i) => (n * 7 + i * i) % config.vocab);
  return { id: `e${n}`, label: n % 3 === 0 ? 'push' : 'pull', weight: 1, ids, targetStart: 5 };
});
const shape = shapeFor(examples, 2);
const policy = new SessionPolicy(base, start, shape, {
  threads: 2,
  device: 'cpu',
  onFallback: (reason) => {
    throw new Error(reason);
  },
});
if (before) await policy.restoreState({ lora: start.vector, ...before });
for (let i = 0; i < Number(steps); i++) {
  const pick = (): Example => examples[Math.floor(random() * examples.length)]!;
  const { applied } = await policy.step(makeBatch([pick(), pick()], shape), 1e-2);
  if (!applied) throw new Error(`step ${i} was not applied`);
}
const { lora, ...moments } = await policy.state();
const training = { ...moments, random: random.state };
await writeAdapter(to, { shape: start.shape, vector: lora }, { config, baseSha256: sha256 }, training);
await policy.release();
process.exit(0);
