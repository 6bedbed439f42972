/**
 * ONNX Runtime behind our own values: the only file that imports it. A graph goes in, tensors come out.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { encode } from '../graph/encode.ts';
import type { Graph } from '../graph/graph.ts';
import { DTYPES, type DType, type ElementArray, elementArray, elements, isExternal } from '../graph/tensor.ts';

/** A tensor as a value: row-major elements, bool as 0 and 1, float16 as bit patterns. */
export interface Tensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: ElementArray;
}

export interface SessionOptions {
  /** Threads inside an operator. */
  readonly threads: number;
  /**
   * Folder that holds the weight files which the graph's initializers refer to. The `.onnx` is written there, under a
   * name from its content. Needed if any initializer is external.
   */
  readonly folder?: string;
  /**
   * Whether the runtime may copy weights into a layout of its own; true unless told. Measured with SmolLM2-135M's
   * weights mapped from one file: for serving the copy saves 10 % (512 tokens) to 30 % (20 tokens) of a run's CPU time
   * and costs 515 MB of private memory; for training it saves 10 % and costs 750 MB, so the trainer goes without and
   * shares the mapped file with the engine.
   */
  readonly prepack?: boolean;
  readonly optimize?: 'disabled' | 'basic' | 'extended' | 'all';
}

export interface Session {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /**
   * Runs the graph; asks for all outputs unless told which. Throws for a missing, unknown or ill-shaped feed. The
   * thread is blocked meanwhile.
   */
  run(feeds: Readonly<Record<string, Tensor>>, fetches?: readonly string[]): Promise<Record<string, Tensor>>;
  /** Frees the runtime's memory, which the garbage collector does not. */
  release(): Promise<void>;
}

/** A float32 tensor from numbers; shares the array if it is a Float32Array. */
export function float32(dims: readonly number[], values: ArrayLike<number>): Tensor {
  return { dtype: 'float32', dims, data: values instanceof Float32Array ? values : Float32Array.from(values) };
}

/** An int64 tensor from numbers. */
export function int64(dims: readonly number[], values: ArrayLike<number>): Tensor {
  return { dtype: 'int64', dims, data: elementArray('int64', values) };
}

/** Builds a session for a graph. Throws GraphError for an illegal one, and whatever the runtime has against it. */
export async function createSession(graph: Graph, options: SessionOptions): Promise<Session> {
  const external = graph.initializers.some((each) => isExternal(each.data));
  const bytes = encode(graph);
  const settings: ort.InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.optimize ?? 'all',
    enableMemPattern: false,
    // The arena grows by powers of two, and Electron traps on very large allocations. Going without costs 5 to 10 %.
    enableCpuMemArena: false,
    logSeverityLevel: 3,
    extra: {
      session: {
        // Idle threads sleep: half the CPU time at the same best time of a run.
        intra_op: { allow_spinning: '0' },
        disable_prepacking: options.prepack === false ? '1' : '0',
      },
    },
  };
  if (!external) return wrap(graph, await ort.InferenceSession.create(bytes, settings));
  if (options.folder === undefined) throw new TypeError(`graph ${graph.name} has external weights: pass their folder`);
  const path = await place(bytes, graph.name, options.folder);
  return wrap(graph, await ort.InferenceSession.create(path, settings));
}

/** Writes the bytes into the folder under a name from their content, whole or not at all. */
async function place(bytes: Uint8Array, name: string, folder: string): Promise<string> {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 24);
  const path = join(folder, `${name}-${hash}.onnx`);
  const existing = await stat(path).catch(() => null);
  if (existing?.size === bytes.byteLength) return path;
  await mkdir(folder, { recursive: true });
  const partial = `${path}.${randomUUID()}.part`;
  try {
    await writeFile(partial, bytes);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return path;
}

function wrap(graph: Graph, session: ort.InferenceSession): Session {
  const inputs = new Map(graph.inputs.map((each) => [each.name, each]));
  const outputs = graph.outputs.map((each) => each.name);
  return {
    inputs: [...inputs.keys()],
    outputs,
    async run(feeds, fetches = outputs) {
      const given: Record<string, ort.Tensor> = {};
      for (const [name, { dtype, shape }] of inputs) {
        const tensor = feeds[name];
        if (!tensor) throw new TypeError(`graph ${graph.name} needs the input “${name}”`);
        const fits =
          tensor.dims.length === shape.length &&
          shape.every((dim, i) => typeof dim === 'string' || dim === tensor.dims[i]);
        if (tensor.dtype !== dtype || !fits || tensor.data.length !== elements(tensor.dims)) {
          throw new TypeError(
            `graph ${graph.name}, input “${name}”: ${tensor.dtype}[${tensor.dims.join(', ')}] of ${tensor.data.length} elements is not ${dtype}[${shape.join(', ')}]`,
          );
        }
        given[name] = new ort.Tensor(dtype as 'float32', tensor.data as Float32Array, tensor.dims as number[]);
      }
      for (const name of Object.keys(feeds)) {
        if (!inputs.has(name)) throw new TypeError(`graph ${graph.name} has no input “${name}”`);
      }
      for (const name of fetches) {
        if (!outputs.includes(name)) throw new TypeError(`graph ${graph.name} has no output “${name}”`);
      }
      const results = await session.run(given, fetches as string[]);
      return Object.fromEntries(
        fetches.map((name) => {
          const { type, dims, data } = results[name] as ort.Tensor;
          if (!(type in DTYPES)) throw new TypeError(`graph ${graph.name}, output “${name}” is of type ${type}`);
          return [name, { dtype: type as DType, dims, data: data as ElementArray }];
        }),
      );
    },
    release: () => session.release(),
  };
}
