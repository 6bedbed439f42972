/** What memory a model needs, said before any of it is loaded. */
import { totalmem } from 'node:os';
import { ModelError } from '../errors.ts';
import type { Shape } from './catalogue.ts';

/**
 * Bytes of a weight where Knack suggests with it: 8 bit, in the runtime's own layout, and its scale. What it was made
 * from, in fp32, is mapped from a file while it is made, and its pages may be given back.
 */
const WEIGHT_BYTES = 1.05;
/** Positions that the cache holds: a prompt, a suggestion and some room. */
const POSITIONS = 640;
/** Node, ONNX Runtime, tokenizer, database and what the heap keeps: what an engine takes with a model of no size. */
const ENGINE_BYTES = 260e6;

/** Weights of a network, its embedding among them. */
export function parametersOf(shape: Shape): number {
  const { layers, hidden, heads, kvHeads, headDim, intermediate, vocab, tiedHead } = shape;
  const attention = 2 * hidden * heads * headDim + 2 * hidden * kvHeads * headDim;
  return vocab * hidden * (tiedHead ? 1 : 2) + layers * (attention + 3 * hidden * intermediate);
}

/** Bytes that suggesting with it needs: its weights, its key-value cache, one pass' activations and the engine. */
export function servingMemory(shape: Shape): number {
  const { layers, hidden, kvHeads, headDim, intermediate, vocab } = shape;
  const cache = 2 * layers * kvHeads * headDim * POSITIONS * 4;
  const pass = 128 * (4 * hidden + 3 * intermediate) * 4 + 2 * vocab * 4;
  return parametersOf(shape) * WEIGHT_BYTES + cache + pass + ENGINE_BYTES;
}

/** The same for a model of which only the number of weights is known. */
export function memoryOf(parameters: number): number {
  return parameters * WEIGHT_BYTES * 1.05 + ENGINE_BYTES;
}

/** Bytes of memory that this machine has, or that this process may use of it. */
export function machineMemory(): number {
  // 0 or 2^64 - 1 where nothing constrains it.
  const allowed = process.constrainedMemory();
  return allowed > 0 && allowed < totalmem() ? allowed : totalmem();
}

/**
 * Throws ModelError 'memory' for a model that this machine cannot hold. Weights are mapped and could be paged, but a
 * suggestion that waits for the disk is none.
 */
export function checkMemory(name: string, shape: Shape, machine: number = machineMemory()): void {
  const needed = servingMemory(shape);
  if (needed <= machine) return;
  throw new ModelError(
    'memory',
    `${name} needs ${gigabytes(needed)} of memory to suggest with, and this machine has ${gigabytes(machine)}. Choose a smaller model (Knack: Choose Model).`,
  );
}

export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
