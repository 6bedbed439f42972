/** The network's forward pass on a session, as decode.ts wants it: KV cache and adapter are the session's inputs. */
import { dirname } from 'node:path';
import type { Adapter } from '../model/adapter.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Forward, KvCache, Tree } from '../model/decode.ts';
import { type LoraShape, loraSize, loraTensors, unpackLora } from '../model/lora.ts';
import { buildServeGraph, frozen, mapped, Network, serveGraph } from '../model/network.ts';
import { packedLora, packLoraMatrices, packName } from '../model/packs.ts';
import type { QuantisedWeights } from '../model/quantise.ts';
import { mappedQuantised, quantisedLinears } from '../model/quantised.ts';
import type { Base } from './base.ts';
import { type Device, DeviceError } from './device.ts';
import { causalMask, ROOM, SessionCache, treeMask } from './kv-cache.ts';
import { createSession, float32, int64, type Session, type Tensor } from './runtime.ts';

/** Tokens of a pass whose memory is kept for the next one; what a longer one needs is given back. */
const SHORT = 16;

export class SessionForward implements Forward {
  readonly threads: number;
  readonly #base: Base;
  readonly #open: () => Promise<Session>;
  #session: Session | null;
  /** Of the adapters that its session takes; null: it takes none, and a pass is a little shorter. */
  readonly shape: LoraShape | null;
  #adapter: Record<string, Tensor> = {};
  readonly #device: Device;

  private constructor(
    base: Base,
    open: () => Promise<Session>,
    session: Session,
    shape: LoraShape | null,
    threads: number,
    device: Device,
  ) {
    this.#device = device;
    this.#base = base;
    this.#open = open;
    this.#session = session;
    this.shape = shape;
    this.threads = threads;
    this.setAdapter(null);
  }

  /**
   * @param prepack as in SessionOptions: false costs time and saves memory
   * @param device one that has not all of 8 bit's operators is given a base in fp32
   */
  static async create(
    base: Base,
    shape: LoraShape | null,
    threads: number,
    prepack = true,
    device: Device = 'cpu',
  ): Promise<SessionForward> {
    const { config } = base.model;
    const { quantised } = base;
    const open = (): Promise<Session> => {
      if (!quantised) {
        const graph = buildServeGraph(config, mapped(base.weights), shape);
        return createSession(graph, { threads, folder: base.folder, prepack, arena: true, device });
      }
      const weights = mappedQuantised(quantised);
      const network = new Network(config, frozen(weights), null, quantisedLinears(config, weights, shape));
      const folder = dirname(quantised.file.path);
      return createSession(serveGraph(network), { threads, folder, prepack, arena: true, device });
    };
    return new SessionForward(base, open, await on(device, open), shape, threads, device);
  }

  get vocab(): number {
    return this.#base.model.config.vocab;
  }

  /** Whether an adapter of this shape can be an input of this session. */
  fits(shape: LoraShape): boolean {
    return JSON.stringify(shape) === JSON.stringify(this.shape);
  }

  /**
   * @param adapter of the session's shape; null: the base alone, as an adapter of zeros
   * @throws RangeError for one of another shape: it would not be what serves
   */
  setAdapter(adapter: Adapter | null): void {
    if (adapter !== null && !this.fits(adapter.shape))
      throw new RangeError('The session has no room for this adapter.');
    if (this.shape === null) return;
    const { config } = this.#base.model;
    const vector = adapter?.vector ?? new Float32Array(loraSize(config, this.shape));
    const { quantised } = this.#base;
    this.#adapter = quantised
      ? packedFeeds(config, this.shape, vector, quantised)
      : adapterFeeds(config, this.shape, vector);
  }

  async run(
    ids: readonly number[],
    cache: KvCache | null,
    rows: readonly number[],
    tree?: Tree,
  ): Promise<{ logits: Float32Array; totals: Float32Array; cache: KvCache }> {
    const past = (cache as SessionCache | null) ?? this.#empty();
    const T = ids.length;
    const { positions, mask } = tree
      ? treeMask(T, past.length, past.room, tree)
      : { positions: ids.map((_, i) => past.length + i), mask: causalMask(T, past.length, past.room) };
    const feeds: Record<string, Tensor> = {
      ids: int64([T], ids),
      positions: int64([T], positions),
      mask,
      rows: int64([rows.length], rows),
      ...past.feeds(),
      ...this.#adapter,
    };
    await this.wake();
    const shrink = ids.length > SHORT && this.#device === 'cpu';
    const out = await on(this.#device, () => this.#session!.run(feeds, undefined, { shrink }));
    const [logits, totals] = [out.logits!.data as Float32Array, out.totals!.data as Float32Array];
    return { logits, totals, cache: past.append(out, T) };
  }

  #empty(): SessionCache {
    const { layers, kvHeads, headDim } = this.#base.model.config;
    // WebGPU ends the process at a tensor without elements.
    return SessionCache.empty({ layers, kvHeads, headDim }, this.#device === 'cpu' ? 0 : ROOM);
  }

  /** Whether it holds a session, and with it the memory that a model takes. */
  get isAwake(): boolean {
    return this.#session !== null;
  }

  /** Opens the session if it was released. */
  async wake(): Promise<void> {
    this.#session ??= await on(this.#device, this.#open);
  }

  /** Frees the session's memory. The next run opens another one. */
  async release(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await session?.release();
  }
}

/** @throws DeviceError for whatever goes wrong on another device than the CPU */
async function on<T>(device: Device, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw device === 'cpu' ? error : new DeviceError(device, error as Error);
  }
}

/** The adapter's matrices as a graph's inputs under PEFT's names; they share the vector's memory. */
export function adapterFeeds(config: ModelConfig, shape: LoraShape, vector: Float32Array): Record<string, Tensor> {
  const matrices = unpackLora(config, shape, vector);
  return Object.fromEntries(loraTensors(config, shape).map((t) => [t.name, float32(t.shape, matrices.get(t.name)!)]));
}

/** The adapter's matrices as the inputs of a quantised base's graph. */
function packedFeeds(
  config: ModelConfig,
  shape: LoraShape,
  vector: Float32Array,
  { divisors }: QuantisedWeights,
): Record<string, Tensor> {
  const matrices = packLoraMatrices(
    config,
    shape,
    vector,
    (layer, pack) => divisors.get(packName(layer, pack)) ?? null,
  );
  return Object.fromEntries(
    packedLora(config, shape).flatMap(({ a, b }) =>
      [a, b].map((t) => [t.name, float32(t.shape, matrices.get(t.name)!)]),
    ),
  );
}
