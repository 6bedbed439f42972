/**
 * ONNX Runtime behind our own values: the only file that imports it. A graph goes in, tensors come out.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { encode } from '../graph/encode.ts';
import type { Graph, NamedValue } from '../graph/graph.ts';
import { DTYPES, type DType, type ElementArray, elementArray, elements, isExternal } from '../graph/tensor.ts';
import { markUsed } from '../model/prune.ts';
import type { Device } from './device.ts';

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
  /**
   * Whether what a run needs for a moment is taken from an arena, which keeps it for the next one: false unless told. It
   * grows by powers of two up to what the largest run needs twice over, and gives that back when a run asks for it.
   */
  readonly arena?: boolean;
  readonly optimize?: 'disabled' | 'basic' | 'extended' | 'all';
  /** The CPU unless told. A node that the device has no kernel for runs on the CPU. */
  readonly device?: Device;
  /** Beginning of the path of a profile, which `endProfile` has the runtime write. */
  readonly profile?: string;
}

export interface Session {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /**
   * Runs the graph; asks for all outputs unless told which. Throws for a missing, unknown or ill-shaped feed. The
   * thread is blocked meanwhile.
   *
   * @param options `shrink`: the arena's memory goes back to the system afterwards
   */
  run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
    options?: { readonly shrink?: boolean },
  ): Promise<Record<string, Tensor>>;
  /** Frees the runtime's memory, which the garbage collector does not. */
  release(): Promise<void>;
}

/**
 * A tensor that lies in a device's memory: an input of later runs, on the same device. Its elements can only be had
 * through a graph that gives them out to the host. Must be disposed, while a session on its device is open.
 */
export class DeviceTensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly #tensor: ort.Tensor;

  constructor(tensor: ort.Tensor) {
    this.dtype = tensor.type as DType;
    this.dims = tensor.dims;
    this.#tensor = tensor;
    buffers.set(this, tensor);
  }

  dispose(): void {
    this.#tensor.dispose();
  }
}

const buffers = new WeakMap<DeviceTensor, ort.Tensor>();

/** Copies between host and device, as far as inputs and outputs are concerned. */
export interface Transfers {
  readonly tensors: number;
  readonly bytes: number;
}

/** A session some of whose outputs may stay on the device. */
export interface DeviceSession {
  /**
   * As `Session.run`, but device tensors may be fed, and the outputs that the session was told to keep on the device
   * come as such.
   *
   * @param into outputs that are written into these tensors, which may be fed as well where `mayOverwrite` says so; they
   * are not among the results. If the run throws, what they hold is undefined.
   */
  run(
    feeds: Readonly<Record<string, Tensor | DeviceTensor>>,
    fetches: readonly string[],
    into?: Readonly<Record<string, Tensor>>,
  ): Promise<{ readonly host: Record<string, Tensor>; readonly resident: Record<string, DeviceTensor> }>;
  /** All copies so far; none on the CPU. */
  readonly transfers: Transfers;
  endProfile(): void;
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
  return wrap(graph, await open(graph, options, []));
}

/**
 * A session on a device that keeps outputs there. Only WebGPU can: elsewhere `resident` is ignored, and the outputs
 * come to the host.
 *
 * @param resident names of outputs
 */
export async function createDeviceSession(
  graph: Graph,
  options: SessionOptions,
  resident: readonly string[],
): Promise<DeviceSession> {
  const { device = 'cpu' } = options;
  const kept = device === 'webgpu' ? resident : [];
  return wrapDevice(graph, await open(graph, options, kept), device, kept);
}

async function open(graph: Graph, options: SessionOptions, resident: readonly string[]): Promise<ort.InferenceSession> {
  const external = graph.initializers.some((each) => isExternal(each.data));
  const bytes = encode(graph);
  const settings: ort.InferenceSession.SessionOptions = {
    executionProviders: [provider(options.device ?? 'cpu')],
    executionMode: 'sequential',
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.optimize ?? 'all',
    enableMemPattern: false,
    // Electron traps on very large allocations, as an arena makes for training.
    enableCpuMemArena: options.arena === true,
    logSeverityLevel: 3,
    ...(resident.length > 0
      ? { preferredOutputLocation: Object.fromEntries(resident.map((name) => [name, 'gpu-buffer' as const])) }
      : {}),
    ...(options.profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profile }),
    extra: {
      // Where a graph transposes before a product, that is faster than the product's own way (graph/gradients.ts).
      optimization: { disable_specified_optimizers: 'GemmTransposeFusion' },
      session: {
        // Threads stay awake between the operators of a run and sleep soon after it: idle, a session costs nothing. Where
        // they sleep at once, the system may run them all on the core that wakes them, for a whole run.
        intra_op: { allow_spinning: '1', spin_duration_us: '100' },
        disable_prepacking: options.prepack === false ? '1' : '0',
        // Weights stay as long as the session: they would keep the arena from giving anything back.
        ...(options.arena === true && { use_device_allocator_for_initializers: '1' }),
      },
    },
  };
  if (!external) return ort.InferenceSession.create(bytes, settings);
  if (options.folder === undefined) throw new TypeError(`graph ${graph.name} has external weights: pass their folder`);
  const path = await place(bytes, graph.name, options.folder);
  return ort.InferenceSession.create(path, settings);
}

const SHRINK: ort.InferenceSession.RunOptions = {
  extra: { memory: { enable_memory_arena_shrinkage: 'cpu:0' } },
};

function provider(device: Device): ort.InferenceSession.ExecutionProviderConfig {
  // Core ML's neural engine computes in half precision.
  return device === 'coreml' ? { name: 'coreml', useCPUAndGPU: true } : device;
}

/** Writes the bytes into the folder under a name from their content, whole or not at all. */
async function place(bytes: Uint8Array, name: string, folder: string): Promise<string> {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 24);
  const path = join(folder, `${name}-${hash}.onnx`);
  const existing = await stat(path).catch(() => null);
  if (existing?.size === bytes.byteLength) {
    await markUsed(path);
    return path;
  }
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
  const signature = signatureOf(graph);
  return {
    inputs: [...signature.inputs.keys()],
    outputs: signature.outputs,
    async run(feeds, fetches = signature.outputs, { shrink = false } = {}) {
      const tensors = given(signature, feeds, fetches);
      const results = await session.run(tensors, fetches as string[], shrink ? SHRINK : {});
      return Object.fromEntries(fetches.map((name) => [name, taken(signature, name, results[name]!)]));
    },
    release: () => session.release(),
  };
}

function wrapDevice(
  graph: Graph,
  session: ort.InferenceSession,
  device: Device,
  kept: readonly string[],
): DeviceSession {
  const signature = signatureOf(graph);
  let tensors = 0;
  let bytes = 0;
  const count = (tensor: Tensor): void => {
    if (device === 'cpu') return;
    tensors++;
    bytes += tensor.data.byteLength;
  };
  return {
    async run(feeds, fetches, into = {}) {
      const written = Object.keys(into);
      const tensors = given(signature, feeds, [...fetches, ...written]);
      // The binding takes where outputs are to lie by their place among those of a run: all of them, in their order.
      const asked = kept.length > 0 ? signature.outputs : fetches;
      const places: Record<string, ort.Tensor | null> = Object.fromEntries(asked.map((name) => [name, null]));
      for (const name of written) places[name] = onnxTensor(into[name]!);
      const results = await session.run(tensors, written.length > 0 ? places : (asked as string[]));
      // The binding copies what it was given a place for all the same: freed now and not when the collector comes.
      for (const name of written) ((results[name]!.data as Float32Array).buffer as ArrayBuffer).transfer(0);
      for (const fed of Object.values(feeds)) if (!(fed instanceof DeviceTensor)) count(fed);
      const host: Record<string, Tensor> = {};
      const resident: Record<string, DeviceTensor> = {};
      for (const name of asked) {
        const result = results[name]!;
        if (result.location !== 'gpu-buffer') count((host[name] = taken(signature, name, result)));
        else if (fetches.includes(name)) resident[name] = new DeviceTensor(result);
        else result.dispose();
      }
      return { host, resident };
    },
    get transfers() {
      return { tensors, bytes };
    },
    endProfile: () => session.endProfiling(),
    release: () => session.release(),
  };
}

/** What a graph takes and gives. */
interface Signature {
  readonly graph: string;
  readonly inputs: ReadonlyMap<string, NamedValue>;
  readonly outputs: readonly string[];
}

function signatureOf(graph: Graph): Signature {
  return {
    graph: graph.name,
    inputs: new Map(graph.inputs.map((each) => [each.name, each])),
    outputs: graph.outputs.map((each) => each.name),
  };
}

/** The feeds as the runtime takes them, checked with the fetches against the graph. */
function given(
  { graph, inputs, outputs }: Signature,
  feeds: Readonly<Record<string, Tensor | DeviceTensor>>,
  fetches: readonly string[],
): Record<string, ort.Tensor> {
  const tensors: Record<string, ort.Tensor> = {};
  for (const [name, { dtype, shape }] of inputs) {
    const tensor = feeds[name];
    if (!tensor) throw new TypeError(`graph ${graph} needs the input “${name}”`);
    const count = tensor instanceof DeviceTensor ? elements(tensor.dims) : tensor.data.length;
    const fits =
      tensor.dims.length === shape.length && shape.every((dim, i) => typeof dim === 'string' || dim === tensor.dims[i]);
    if (tensor.dtype !== dtype || !fits || count !== elements(tensor.dims)) {
      throw new TypeError(
        `graph ${graph}, input “${name}”: ${tensor.dtype}[${tensor.dims.join(', ')}] of ${count} elements is not ${dtype}[${shape.join(', ')}]`,
      );
    }
    tensors[name] = tensor instanceof DeviceTensor ? buffers.get(tensor)! : onnxTensor(tensor);
  }
  for (const name of Object.keys(feeds)) {
    if (!inputs.has(name)) throw new TypeError(`graph ${graph} has no input “${name}”`);
  }
  for (const name of fetches) {
    if (!outputs.includes(name)) throw new TypeError(`graph ${graph} has no output “${name}”`);
  }
  return tensors;
}

const made = new WeakMap<Tensor, ort.Tensor>();

/** Shares the elements. Made once: an adapter and a cache are hundreds of tensors, fed at every token. */
function onnxTensor(tensor: Tensor): ort.Tensor {
  const known = made.get(tensor);
  if (known) return known;
  const { dtype, dims, data } = tensor;
  const own = new ort.Tensor(dtype as 'float32', data as Float32Array, dims as number[]);
  made.set(tensor, own);
  return own;
}

/** A result that lies on the host. */
function taken({ graph }: Signature, name: string, { type, dims, data }: ort.Tensor): Tensor {
  if (!(type in DTYPES)) throw new TypeError(`graph ${graph}, output “${name}” is of type ${type}`);
  return { dtype: type as DType, dims, data: data as ElementArray };
}
