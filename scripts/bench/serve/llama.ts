/**
 * llama.cpp's side: arguments are the model's path, the longest prompt and answer together, then thread counts. Answers
 * as own.ts does.
 */
import { createInterface } from 'node:readline';
import { CPU, type LlamaSequence, loadLlama } from '../../llama/module.ts';
import type { Request, Took } from './own.ts';

const [path, length, ...threads] = process.argv.slice(2) as [string, string, ...string[]];
const llama = await (await loadLlama(console.error)).getLlama(CPU);
const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
const sequences = new Map<number, LlamaSequence>();
for (const count of threads.map(Number)) {
  const context = await model.createContext({ contextSize: Number(length), batchSize: Number(length), threads: count });
  sequences.set(count, context.getSequence());
}
const answer = async ({ ids, tokens, threads }: Request): Promise<Took> => {
  const sequence = sequences.get(threads)!;
  await sequence.clearHistory();
  const began = performance.now();
  const times: number[] = [];
  for await (const _ of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
    times.push(performance.now());
    if (times.length >= tokens) break;
  }
  return { prefillMs: times[0]! - began, tokenMs: (times.at(-1)! - times[0]!) / (times.length - 1) };
};
console.log('{}');
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line) as Request)));
}
process.exit(0);
