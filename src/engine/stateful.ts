/**
 * A session of a graph that carries state from run to run: what one run gives as `x.next` the next one takes as `x`.
 * On WebGPU the state stays in the device's memory between runs, and comes to the host only when it is read. On the CPU
 * each run writes it in place where the graph allows that: a third of the memory traffic and of the memory.
 */
import { type Graph, makeGraph } from '../graph/graph.ts';
import { mayOverwrite } from '../graph/in-place.ts';
import { input } from '../graph/value.ts';
import {
  createDeviceSession,
  type DeviceSession,
  DeviceTensor,
  type SessionOptions,
  type Tensor,
  type Transfers,
} from './runtime.ts';

/** State by the names of the graph's inputs. */
export type State = Readonly<Record<string, Tensor>>;

export class StatefulSession {
  readonly #session: DeviceSession;
  readonly #options: SessionOptions;
  /** A session of Identity nodes with outputs on the host: the one way to read what lies on a device. */
  #reader: DeviceSession | null = null;
  #state: Record<string, Tensor | DeviceTensor>;
  /** Names of the state that is written in place. */
  readonly #inPlace: readonly string[];
  #stateCopies = 0;

  private constructor(session: DeviceSession, options: SessionOptions, state: State, inPlace: readonly string[]) {
    this.#session = session;
    this.#options = options;
    this.#inPlace = inPlace;
    this.#state = this.#owned(state);
  }

  /** @param state where it starts; the graph has an output `<name>.next` for each */
  static async create(graph: Graph, state: State, options: SessionOptions): Promise<StatefulSession> {
    const names = Object.keys(state);
    const resident = names.map((name) => `${name}.next`);
    const onCpu = (options.device ?? 'cpu') === 'cpu';
    const inPlace = onCpu ? names.filter((name) => mayOverwrite(graph, name, `${name}.next`)) : [];
    return new StatefulSession(await createDeviceSession(graph, options, resident), options, state, inPlace);
  }

  /** Copies between host and device for the runs and reads so far. */
  get transfers(): Transfers {
    const [run, read] = [this.#session.transfers, this.#reader?.transfers];
    return { tensors: run.tensors + (read?.tensors ?? 0), bytes: run.bytes + (read?.bytes ?? 0) };
  }

  /** Tensors of the state that have crossed between host and device: none on the CPU. */
  get stateCopies(): number {
    return this.#stateCopies;
  }

  /**
   * Runs the graph once and moves the state on. If it throws, the state is what it was, but for the CPU, where it must
   * be written anew.
   */
  async run(feeds: Readonly<Record<string, Tensor>>, fetches: readonly string[]): Promise<Record<string, Tensor>> {
    const names = Object.keys(this.#state);
    const moving = names.filter((name) => !this.#inPlace.includes(name));
    const into = Object.fromEntries(this.#inPlace.map((name) => [`${name}.next`, this.#state[name] as Tensor]));
    const fed = this.#onHost();
    const { host, resident } = await this.#session.run(
      { ...feeds, ...this.#state },
      [...fetches, ...moving.map((name) => `${name}.next`)],
      into,
    );
    const next = (name: string): Tensor | DeviceTensor =>
      resident[`${name}.next`] ?? host[`${name}.next`] ?? this.#state[name]!;
    this.#replace(Object.fromEntries(names.map((name) => [name, next(name)])));
    this.#count(fed + this.#onHost());
    return Object.fromEntries(fetches.map((name) => [name, host[name]!]));
  }

  /** The state, on the host. */
  async read(): Promise<Record<string, Tensor>> {
    const there = Object.entries(this.#state).filter(([, each]) => each instanceof DeviceTensor);
    if (there.length === 0) return this.#owned(this.#state as State);
    this.#reader ??= await createDeviceSession(
      makeGraph(
        'read',
        Object.fromEntries(there.map(([name, { dtype, dims }]) => [`${name}.read`, input(name, dtype, dims)])),
      ),
      { threads: 1, optimize: 'disabled', ...(this.#options.device ? { device: this.#options.device } : {}) },
      [],
    );
    const { host } = await this.#reader.run(
      Object.fromEntries(there),
      there.map(([name]) => `${name}.read`),
    );
    this.#count(there.length);
    return Object.fromEntries(
      Object.entries(this.#state).map(([name, each]) => [name, host[`${name}.read`] ?? (each as Tensor)]),
    );
  }

  /** Goes on from another state. */
  write(state: State): void {
    this.#replace(this.#owned(state));
  }

  endProfile(): void {
    this.#session.endProfile();
  }

  async release(): Promise<void> {
    this.#replace({});
    await this.#reader?.release();
    await this.#session.release();
  }

  /** With copies of what runs write in place. */
  #owned(state: State): Record<string, Tensor> {
    const copies = this.#inPlace.map((name) => [name, { ...state[name]!, data: state[name]!.data.slice() }]);
    return { ...state, ...Object.fromEntries(copies) };
  }

  #onHost(): number {
    return Object.values(this.#state).filter((each) => !(each instanceof DeviceTensor)).length;
  }

  #count(copies: number): void {
    if ((this.#options.device ?? 'cpu') !== 'cpu') this.#stateCopies += copies;
  }

  #replace(state: Record<string, Tensor | DeviceTensor>): void {
    for (const each of Object.values(this.#state)) if (each instanceof DeviceTensor) each.dispose();
    this.#state = state;
  }
}
