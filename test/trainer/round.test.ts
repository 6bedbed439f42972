import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch } from '../../src/trainer/batch.ts';
import type { Example } from '../../src/trainer/examples.ts';
import { type Policy, RECIPE, type RoundInput, runRound } from '../../src/trainer/round.ts';

const V = 12;

/** A whole model small enough to write out: logits of the next token by the last one, plain gradient descent. */
function bigram(rate: number): Policy & { seen: number } {
  let table = new Float32Array(V * V);
  const softmax = (row: number): number[] => {
    const logits = [...table.subarray(row * V, (row + 1) * V)];
    const max = Math.max(...logits);
    const exps = logits.map((x) => Math.exp(x - max));
    const sum = exps.reduce((a, b) => a + b, 0);
    return exps.map((x) => x / sum);
  };
  const logprob = (e: Example): number =>
    e.ids.slice(e.targetStart).reduce((sum, id, i) => sum + Math.log(softmax(e.ids[e.targetStart + i - 1]!)[id]!), 0);
  return {
    shape: { batch: 2, time: 64, rows: 32 },
    seen: 0,
    async step(batch: Batch) {
      this.seen++;
      const before = table.slice();
      let loss = 0;
      for (const [n, row] of batch.rows.entries()) {
        const owner = batch.sequence[n]!;
        if (owner >= 2) continue;
        const from = batch.ids[row]!;
        const p = softmax(from);
        const pull = batch.weight[n]! - (batch.kto.label[owner] === -1 ? batch.kto.weight[owner]! * 0.25 : 0);
        loss -= batch.weight[n]! * Math.log(p[batch.labels[n]!]!);
        for (let k = 0; k < V; k++) table[from * V + k]! += rate * pull * ((k === batch.labels[n]! ? 1 : 0) - p[k]!);
      }
      const norm = Math.hypot(...table.map((x, i) => x - before[i]!));
      return { loss, norm, applied: true };
    },
    score: async (examples) => examples.map((e) => ({ logprob: logprob(e), tokens: e.ids.length - e.targetStart })),
    parameters: async () => table.slice(),
    restore: async (parameters) => {
      table = parameters.slice();
    },
  };
}

const example = (id: string, ids: number[], label: Example['label'] = 'pull'): Example => ({
  id,
  label,
  weight: 1,
  ids,
  targetStart: 1,
});
/** The habit to learn: after 1 comes 2, then 3. */
const habit = (n: number): Example[] => Array.from({ length: n }, (_, i) => example(`h${i}`, [1, 2, 3]));
const canary = [example('code:0', [5, 6, 7, 8, 5, 6])];
const input = (more: Partial<RoundInput>): RoundInput => ({
  examples: habit(10),
  ordinary: [example('code:1', [5, 6, 7, 8])],
  canary,
  tokenBudget: 10_000,
  seed: 1,
  shouldStop: () => false,
  onProgress: () => undefined,
  ...more,
});

test('a habit is learned and promoted', async () => {
  const result = await runRound(bigram(0.5), input({}));
  assert.ok(result!.verdict.promote, result!.verdict.reason);
  assert.ok(result!.verdict.metrics.lossAfter! < result!.verdict.metrics.lossBefore! - 0.5);
  assert.ok(result!.lossLast! < result!.lossFirst!);
});

test('where the budget ends an epoch, its loss is that of the steps that were made', async () => {
  const result = await runRound(bigram(0), input({ ordinary: [], tokenBudget: 33 }));
  const { steps, lossFirst, lossLast } = result!;
  assert.equal(steps, 6, 'an epoch of five steps and one more');
  assert.ok(Math.abs(lossFirst! - Math.log(V)) < 1e-9 && Math.abs(lossLast! - Math.log(V)) < 1e-9, `${lossLast}`);
});

test('a refused edit falls and is promoted for that', async () => {
  const refused = Array.from({ length: 10 }, (_, i) => example(`r${i}`, [1, 4], 'push'));
  const result = await runRound(bigram(0.5), input({ examples: refused }));
  assert.ok(result!.verdict.promote, result!.verdict.reason);
  assert.ok(result!.verdict.metrics.refusedChange! < -0.1);
});

test('the same seed gives the same parameters, another one others', async () => {
  const run = async (seed: number): Promise<number[]> => [
    ...(await runRound(bigram(0.5), input({ seed, examples: [...habit(5), example('x', [1, 3, 2])] })))!.parameters,
  ];
  assert.deepEqual(await run(3), await run(3));
  assert.notDeepEqual(await run(3), await run(4));
});

test('where learning would cost ordinary code too much, it goes half the way back, or is refused', async () => {
  // The habit contradicts the canary: after 5 comes 9.
  const against = Array.from({ length: 10 }, (_, i) => example(`h${i}`, [5, 9]));
  const result = await runRound(bigram(0.5), input({ examples: against, ordinary: [] }));
  assert.equal(result!.verdict.promote, false);
  assert.match(result!.verdict.reason, /Ordinary code/);
});

test('the budget bounds the tokens, whatever there is to learn', async () => {
  const result = await runRound(bigram(0.5), input({ examples: habit(500), tokenBudget: 100 }));
  assert.ok(result!.tokens <= 100 && result!.tokens > 80, `${result!.tokens} tokens`);
});

test('nothing to learn from: no step, no promotion', async () => {
  const result = await runRound(bigram(0.5), input({ examples: [] }));
  assert.deepEqual([result!.steps, result!.verdict.promote], [0, false]);
});

test('training ends when held-out signals get no better', async () => {
  const policy = bigram(0);
  const result = await runRound(policy, input({}));
  assert.equal(result!.verdict.promote, false);
  const epoch = Math.ceil((result!.steps / (RECIPE.patience + 1)) | 0);
  assert.ok(result!.steps <= epoch * (RECIPE.patience + 1) && result!.steps < RECIPE.mostEpochs * epoch);
});

test('asked to stop, it ends before the next step and gives nothing', async () => {
  const policy = bigram(0.5);
  assert.equal(await runRound(policy, input({ shouldStop: () => policy.seen >= 3 })), null);
  assert.equal(policy.seen, 3);
});
