/** Models to choose from: what lies on this machine, what can be fetched, and how fast each is or would be here. */
import { homedir } from 'node:os';
import { basename } from 'node:path';
import type { Snapshot } from '../completion/snapshot.ts';
import { DEFAULT_BASE } from '../model/base.ts';
import { CATALOGUE, type KnownModel, knownModel } from '../model/library/catalogue.ts';
import { fetchModel } from '../model/library/fetch.ts';
import { type FoundModel, findModels } from '../model/library/find.ts';
import { hubEndpoint } from '../model/library/hub.ts';
import { machineMemory, memoryOf, parametersOf, servingMemory } from '../model/library/memory.ts';
import { KEEPERS, modelPlaces } from '../model/library/places.ts';
import { disk } from '../model/library/port.ts';
import type { Base } from './base.ts';
import type { ModelEntry, ModelList } from './protocol.ts';
import { estimate, measure, type Speed, Speeds } from './speed.ts';

/** A code model that answers within this is worth offering: middle of the warm requests, in milliseconds. */
export const BUDGET_MS = 200;
/** An offer leaves the machine this share of its memory. */
const LEFT = 0.5;

export interface Serving {
  readonly base: Base;
  /** The model's file or folder. */
  readonly path: string;
  readonly complete: (snapshot: Snapshot) => Promise<unknown>;
}

export class Models {
  readonly #cacheDir: string;
  readonly #mirror: () => string | null;
  readonly #serving: () => Serving | null;
  readonly #speeds: Speeds;

  constructor(cacheDir: string, mirror: () => string | null, serving: () => Serving | null) {
    this.#cacheDir = cacheDir;
    this.#mirror = mirror;
    this.#serving = serving;
    this.#speeds = new Speeds(cacheDir);
  }

  /** What is there, then what could be fetched; each by size. */
  async list(): Promise<ModelList> {
    const places = modelPlaces(this.#cacheDir, process.env, process.platform, homedir());
    const [{ models, notes }, speeds] = await Promise.all([findModels(disk, places), this.#speeds.read()]);
    const path = this.#serving()?.path ?? null;
    const found = models.map((model) => foundEntry(model, speeds, path));
    // A model of the user's that lies elsewhere serves all the same.
    if (path !== null && !found.some((entry) => entry.serves)) found.push(this.#servingEntry(path, speeds));
    const there = new Set(models.map((model) => knownOf(model)?.id));
    const toFetch = CATALOGUE.filter(({ id, file }) => file !== null && !there.has(id)).map((known) =>
      fetchEntry(known, speeds),
    );
    const bySize = (a: ModelEntry, b: ModelEntry): number => (a.parameters ?? 0) - (b.parameters ?? 0);
    return { models: [...found.sort(bySize), ...toFetch.sort(bySize)], memoryBytes: machineMemory(), notes };
  }

  /** Downloads a model of the catalogue; its path. @throws ModelError; 'cancelled' keeps what has arrived */
  async fetch(id: string, signal: AbortSignal, onBytes: (done: number, total: number) => void): Promise<string> {
    const file = CATALOGUE.find((known) => known.id === id)?.file;
    if (!file) throw new RangeError(`There is no model “${id}” to download.`);
    const endpoint = hubEndpoint(this.#mirror(), process.env);
    return fetchModel(file, { cacheDir: this.#cacheDir, endpoint, signal, onBytes });
  }

  /** Whether the model that serves has not been measured on this machine. */
  async isUnmeasured(): Promise<boolean> {
    const serving = this.#serving();
    return serving !== null && !(await this.#speeds.read()).some(({ path }) => path === serving.path);
  }

  /** Measures the model that serves; false if it was stopped before the end. */
  async measure(shouldStop: () => boolean): Promise<boolean> {
    const serving = this.#serving();
    const times = serving === null ? null : await measure(serving.complete, shouldStop);
    if (serving === null || times === null) return false;
    await this.#speeds.add({ path: serving.path, parameters: parametersOf(serving.base.model.config), ...times });
    return true;
  }

  /**
   * The largest code model that would answer within the budget here and leave half of the memory; null if there is
   * none, if it cannot be told yet, or if the user has chosen a model already.
   */
  async offer(): Promise<ModelEntry | null> {
    const serving = this.#serving();
    if (serving === null || basename(serving.path) !== DEFAULT_BASE.file) return null;
    const { models, memoryBytes } = await this.list();
    const fits = models.filter(
      ({ forCode, speed, memoryBytes: needed, refusal }) =>
        forCode &&
        refusal === null &&
        speed !== null &&
        speed.p50Ms <= BUDGET_MS &&
        needed !== null &&
        needed <= memoryBytes * LEFT,
    );
    return fits.sort((a, b) => b.parameters! - a.parameters!)[0] ?? null;
  }

  #servingEntry(path: string, speeds: readonly Speed[]): ModelEntry {
    const { model } = this.#serving()!.base;
    const parameters = parametersOf(model.config);
    return {
      id: null,
      path,
      isDefault: false,
      title: basename(path),
      keeper: null,
      parameters,
      quantisation: null,
      licence: null,
      bytes: null,
      memoryBytes: servingMemory(model.config),
      speed: speedOf(speeds, path, parameters),
      forCode: false,
      serves: true,
      refusal: null,
    };
  }
}

function knownOf({ title, path, identity }: FoundModel): KnownModel | null {
  return knownModel([title, identity.name, basename(path)], identity);
}

function foundEntry(model: FoundModel, speeds: readonly Speed[], serving: string | null): ModelEntry {
  const { path, keeper, title, identity } = model;
  const known = knownOf(model);
  const { parameters, quantisation, licence, bytes, refusal } = identity;
  return {
    id: known?.id ?? null,
    path,
    isDefault: keeper === 'knack' && basename(path) === DEFAULT_BASE.file,
    title: known?.title ?? title,
    keeper: known === null ? KEEPERS[keeper] : `${KEEPERS[keeper]}: ${title}`,
    parameters,
    quantisation,
    licence: licence ?? known?.licence ?? null,
    bytes,
    memoryBytes: known === null ? (parameters === null ? null : memoryOf(parameters)) : servingMemory(known.shape),
    speed: speedOf(speeds, path, parameters),
    forCode: known?.forCode ?? false,
    serves: path === serving,
    refusal,
  };
}

function fetchEntry(known: KnownModel, speeds: readonly Speed[]): ModelEntry {
  const parameters = parametersOf(known.shape);
  return {
    id: known.id,
    path: null,
    isDefault: false,
    title: known.title,
    keeper: null,
    parameters,
    quantisation: null,
    licence: known.licence,
    bytes: known.file?.bytes ?? null,
    memoryBytes: servingMemory(known.shape),
    speed: speedOf(speeds, null, parameters),
    forCode: known.forCode,
    serves: false,
    refusal: null,
  };
}

/** Measured, or from the figures of the model nearest in size. */
function speedOf(speeds: readonly Speed[], path: string | null, parameters: number | null): ModelEntry['speed'] {
  const own = speeds.find((speed) => speed.path === path);
  if (own !== undefined) return { p50Ms: own.p50Ms, isMeasured: true };
  if (parameters === null || speeds.length === 0) return null;
  const distance = (speed: Speed): number => Math.abs(Math.log(speed.parameters / parameters));
  const nearest = speeds.reduce((a, b) => (distance(b) < distance(a) ? b : a));
  return { p50Ms: estimate(nearest, parameters), isMeasured: false };
}
