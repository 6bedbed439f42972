/**
 * Finds the models that lie on this machine already: Knack's own, and those of Ollama, LM Studio, the Hugging Face
 * cache and llama.cpp. Pure over a FilePort, bounded, and quiet about what it cannot read.
 */
import { basename, dirname, join, relative } from 'node:path';
import { type Identity, identifyFolder, identifyGguf, parse } from './identify.ts';
import type { Keeper, Place } from './places.ts';
import type { FilePort } from './port.ts';
import { Budget, type Walked, walk } from './walk.ts';

export interface FoundModel {
  /** A file, or a folder in Hugging Face's format: what `knack.model.path` takes. */
  readonly path: string;
  readonly keeper: Keeper;
  /** As its keeper calls it, such as `qwen2.5-coder:0.5b` or `sweepai/sweep-next-edit-1.5B`. */
  readonly title: string;
  readonly identity: Identity;
}

export interface Found {
  readonly models: readonly FoundModel[];
  /** What was left out and why, for the log. */
  readonly notes: readonly string[];
}

export interface FindLimits {
  /** Entries of folders, over all places. */
  readonly entries: number;
  /** Models that are looked into. */
  readonly models: number;
}

/** Some 2 s on a slow disk. */
export const LIMITS: FindLimits = { entries: 20_000, models: 200 };
/** A file smaller than this is no model that could suggest anything. */
const LEAST_BYTES = 1 << 16;
const DEPTH = 6;
const MOST_MANIFEST_BYTES = 1 << 20;

/** A candidate: its identity has not been read yet. */
interface Candidate {
  readonly path: string;
  readonly id: string;
  readonly title: string;
  readonly keeper: Keeper;
  readonly licence: string | null;
  identify(): Promise<Identity | null>;
}

export async function findModels(
  port: FilePort,
  places: readonly Place[],
  limits: FindLimits = LIMITS,
  leastBytes: number = LEAST_BYTES,
): Promise<Found> {
  const budget = new Budget(limits.entries);
  const candidates: Candidate[] = [];
  for (const place of places) {
    const found = place.keeper === 'ollama' ? await ollama(port, place, budget) : await files(port, place, budget);
    candidates.push(...found);
  }
  const models: FoundModel[] = [];
  const notes = budget.unreadable.slice(0, 20).map((folder) => `${folder} cannot be read.`);
  if (budget.exhausted) notes.push(`More than ${limits.entries} files lie where models are: not all were looked at.`);
  const seen = new Set<string>();
  let looked = 0;
  for (const { path, id, title, keeper, licence, identify } of candidates) {
    if (seen.has(id)) continue;
    seen.add(id);
    if (looked++ >= limits.models) {
      notes.push(`There are more than ${limits.models} models: the rest was not looked at.`);
      break;
    }
    try {
      const identity = await identify();
      if (identity === null || identity.bytes < leastBytes) continue;
      models.push({ path, keeper, title, identity: { ...identity, licence: identity.licence ?? licence } });
    } catch (error) {
      notes.push(`${title}: ${(error as Error).message}`);
    }
  }
  return { models, notes };
}

/** GGUF files, and folders with config.json and safetensors. */
async function files(port: FilePort, { keeper, path: root }: Place, budget: Budget): Promise<Candidate[]> {
  const found = await walk(port, root, DEPTH, budget, (name) => /\.(gguf|safetensors)$/i.test(name));
  const folders = new Map<string, Walked[]>();
  const out: Candidate[] = [];
  for (const file of found) {
    if (/\.gguf$/i.test(file.name)) {
      const { path, info } = file;
      const title = titleOf(keeper, root, path);
      out.push({
        path,
        id: info.id,
        title,
        keeper,
        licence: null,
        identify: () => identifyGguf(port, path, info.size),
      });
    } else {
      const folder = dirname(file.path);
      folders.set(folder, [...(folders.get(folder) ?? []), file]);
    }
  }
  for (const [folder, weights] of folders) {
    const parts = weights.map(({ path, info }) => ({ path, size: info.size }));
    out.push({
      path: folder,
      id: weights.map(({ info }) => info.id).join(),
      title: titleOf(keeper, root, folder),
      keeper,
      licence: null,
      identify: () => identifyFolder(port, folder, parts),
    });
  }
  return out;
}

/** The hub's cache names a folder `models--<owner>--<name>/snapshots/<revision>`; the others are as they are. */
function titleOf(keeper: Keeper, root: string, path: string): string {
  const parts = relative(root, path).split(/[\\/]/);
  if (keeper === 'hugging-face') {
    const [, owner, name] = /^models--(.+?)--(.+)$/.exec(parts[0] ?? '') ?? [];
    const file = /\.gguf$/i.test(path) ? `/${basename(path)}` : '';
    if (owner !== undefined) return `${owner}/${name}${file}`;
  }
  return keeper === 'knack' ? basename(path) : parts.join('/');
}

/** Ollama keeps manifests by name (manifests/<host>/<owner>/<model>/<tag>) and files by hash (blobs/sha256-<hex>). */
async function ollama(port: FilePort, { keeper, path: root }: Place, budget: Budget): Promise<Candidate[]> {
  const out: Candidate[] = [];
  const manifests = join(root, 'manifests');
  for (const { path, info } of await walk(port, manifests, 4, budget, () => true)) {
    if (info.size > MOST_MANIFEST_BYTES) continue;
    const layers = parse(await port.read(path, 0, info.size).catch(() => new Uint8Array()))?.layers;
    const blob = (kind: string): string | null => {
      const layer = (Array.isArray(layers) ? layers : []).find(
        (each) => (each as Record<string, unknown> | null)?.mediaType === `application/vnd.ollama.image.${kind}`,
      ) as Record<string, unknown> | undefined;
      const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(String(layer?.digest)) ?? [];
      return hex === undefined ? null : join(root, 'blobs', `sha256-${hex}`);
    };
    const model = blob('model');
    const file = model === null ? null : await port.info(model);
    if (model === null || file?.kind !== 'file') continue;
    const [host, owner, name, tag] = relative(manifests, path).split(/[\\/]/);
    const own = host === 'registry.ollama.ai' ? (owner === 'library' ? '' : `${owner}/`) : `${host}/${owner}/`;
    const title = name === undefined || tag === undefined ? basename(path) : `${own}${name}:${tag}`;
    const licence = await licenceIn(port, blob('license'));
    const identify = (): Promise<Identity> => identifyGguf(port, model, file.size);
    out.push({ path: model, id: file.id, title, keeper, licence, identify });
  }
  return out;
}

/** Ollama has a licence as its text: its first line is its name. */
async function licenceIn(port: FilePort, path: string | null): Promise<string | null> {
  const info = path === null ? null : await port.info(path);
  if (path === null || info?.kind !== 'file') return null;
  const start = await port.read(path, 0, Math.min(info.size, 1024)).catch(() => new Uint8Array());
  const lines = Buffer.from(start).toString('utf8').split('\n');
  const first = lines.map((line) => line.trim()).find((line) => line !== '');
  return first?.slice(0, 60) ?? null;
}
