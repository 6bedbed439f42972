/**
 * Keys and values of all blocks, in buffers with room for more: a pass takes them as they lie and gives back those of
 * its own tokens alone, which are written behind them.
 */
import type { KvCache, Tree } from '../model/decode.ts';
import { float32, type Tensor } from './runtime.ts';

/** Room comes in so many positions at a time; what is not filled costs a pass a little. */
export const ROOM = 128;

/** Masked-out attention scores; finite, so that a row of them is still a distribution. */
const MASKED = -1e9;

export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Tensors (1, kvHeads, room, headDim) by a graph's input names; filled up to some length, zeros behind it. */
interface Buffers {
  readonly room: number;
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/**
 * A cache as a value, but for one thing: those made of one another share buffers, and what is added to one is written
 * over what a longer one had there.
 */
export class SessionCache implements KvCache {
  readonly length: number;
  readonly #shape: KvShape;
  readonly #buffers: Buffers;

  private constructor(shape: KvShape, buffers: Buffers, length: number) {
    this.#shape = shape;
    this.#buffers = buffers;
    this.length = length;
  }

  /** @param room positions that its tensors have nevertheless */
  static empty(shape: KvShape, room = 0): SessionCache {
    return new SessionCache(shape, allocate(shape, room), 0);
  }

  /** Positions that its tensors have. */
  get room(): number {
    return this.#buffers.room;
  }

  feeds(): Readonly<Record<string, Tensor>> {
    return this.#buffers.tensors;
  }

  slice(length: number, tight = false): SessionCache {
    const buffers = tight ? this.#withRoom(length, length, true) : this.#buffers;
    return new SessionCache(this.#shape, buffers, length);
  }

  copy(length: number): SessionCache {
    return new SessionCache(this.#shape, this.#moved(roomFor(length), length), length);
  }

  /**
   * The cache with a pass' own keys and values behind it.
   *
   * @param out `new.{layer}.key|value` (1, kvHeads, count, headDim)
   */
  append(out: Readonly<Record<string, Tensor>>, count: number): SessionCache {
    const { kvHeads, headDim } = this.#shape;
    const length = this.length + count;
    const buffers = this.#withRoom(length, this.length, false);
    for (const [name, tensor] of Object.entries(buffers.tensors)) {
      const from = out[name.replace('past', 'new')]!.data as Float32Array;
      const to = tensor.data as Float32Array;
      for (let head = 0; head < kvHeads; head++) {
        const own = from.subarray(head * count * headDim, (head + 1) * count * headDim);
        to.set(own, (head * buffers.room + this.length) * headDim);
      }
    }
    return new SessionCache(this.#shape, buffers, length);
  }

  /** These buffers if they have room, or exactly as much as new ones would have; else new ones, with `kept` positions. */
  #withRoom(length: number, kept: number, exactly: boolean): Buffers {
    const room = roomFor(length);
    const isEnough = this.room === room || (!exactly && this.room > room);
    return isEnough ? this.#buffers : this.#moved(room, kept);
  }

  /** New buffers, with `kept` positions of these. */
  #moved(room: number, kept: number): Buffers {
    const old = this.#buffers;
    const made = allocate(this.#shape, room);
    const { kvHeads, headDim } = this.#shape;
    for (const [name, { data }] of Object.entries(made.tensors)) {
      const from = old.tensors[name]!.data as Float32Array;
      for (let head = 0; head < kvHeads; head++) {
        const start = head * old.room * headDim;
        (data as Float32Array).set(from.subarray(start, start + kept * headDim), head * room * headDim);
      }
    }
    return made;
  }
}

function roomFor(length: number): number {
  return ROOM * Math.ceil(length / ROOM);
}

function allocate({ layers, kvHeads, headDim }: KvShape, room: number): Buffers {
  const tensors: Record<string, Tensor> = {};
  for (let layer = 0; layer < layers; layer++) {
    for (const part of ['key', 'value']) {
      tensors[`past.${layer}.${part}`] = float32(
        [1, kvHeads, room, headDim],
        new Float32Array(kvHeads * room * headDim),
      );
    }
  }
  return { room, tensors };
}

/** (T, room+T): a row attends to the `length` that are cached, and to itself and the new ones before it. */
export function causalMask(T: number, length: number, room: number): Tensor {
  const S = room + T;
  const mask = new Float32Array(T * S);
  for (let row = 0; row < T; row++) {
    mask.fill(MASKED, row * S + length, row * S + room);
    mask.fill(MASKED, row * S + room + row + 1, (row + 1) * S);
  }
  return float32([T, S], mask);
}

/** As causalMask, where tokens do not follow one another; and where each of them stands. */
export function treeMask(
  T: number,
  length: number,
  room: number,
  { trunk, parents }: Tree,
): { readonly positions: number[]; readonly mask: Tensor } {
  const S = room + T;
  const mask = new Float32Array(T * S).fill(MASKED);
  const cached = length - trunk;
  const positions = Array.from({ length: T }, (_, row) => {
    mask.fill(0, row * S, row * S + trunk);
    let depth = 0;
    for (let node = cached + row; node >= 0; node = parents[node]!) {
      mask[row * S + (node < cached ? trunk + node : room + node - cached)] = 0;
      depth++;
    }
    return trunk + depth - 1;
  });
  return { positions, mask: float32([T, S], mask) };
}
