/** The arms that there are: how each is started, and from which confidence on it shows what it answers. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADAPTER_WEIGHTS } from '../model/adapter.ts';
import type { Arm } from './arm.ts';
import { startFrozen, startZeroshot } from './complete.ts';
import { Copy } from './copy.ts';
import { ReplayError } from './history.ts';

/** Where models lie. */
export interface ModelPlace {
  /** As findModel's setting: null for the default model. */
  readonly model: string | null;
  readonly cacheDir: string;
  /** Folder of the adapter that `frozen` serves with; null, or no such folder: the base itself serves. */
  readonly adapter: string | null;
}

export interface ArmKind {
  readonly name: string;
  /** Least confidence that is shown; docs/replay.md says how it was found on the tune split. */
  readonly threshold: number;
  /** Whether it holds a model: then it knows nothing but the question, and may answer in another process. */
  readonly hasModel: boolean;
  /** It is a Learner; `typing`: hunks without a shown suggestion teach it too. */
  readonly learns?: { readonly typing: boolean };
  /** What answers, for the log: an answer is used again only where this is the same. */
  checkpoint(place: ModelPlace): string;
  start(place: ModelPlace): Promise<Arm>;
}

/** Of a mean log-probability. `frozen` and `zeroshot` share it. */
const THRESHOLD = -0.3;

export const ARMS: readonly ArmKind[] = [
  {
    name: 'frozen',
    threshold: THRESHOLD,
    hasModel: true,
    checkpoint: ({ adapter }) => digestOf(adapter),
    start: ({ model, cacheDir, adapter }) =>
      startFrozen(model, cacheDir, adapter !== null && existsSync(adapter) ? adapter : null),
  },
  {
    name: 'zeroshot',
    threshold: THRESHOLD,
    hasModel: true,
    checkpoint: () => 'base',
    start: ({ model, cacheDir }) => startZeroshot(model, cacheDir),
  },
  { name: 'copy', threshold: 0.94, hasModel: false, checkpoint: () => '', start: async () => new Copy() },
];

/** The arm that others are held against. */
export const REFERENCE = 'frozen';

/**
 * @param threshold of the arms with a model, instead of their own
 * @throws ReplayError that names the arms
 */
export function armKinds(names: readonly string[], threshold: number | null = null): ArmKind[] {
  return [...new Set(names)].map((name) => {
    const kind = ARMS.find((a) => a.name === name);
    if (!kind) throw new ReplayError(`There is no arm "${name}". There are: ${ARMS.map((a) => a.name).join(', ')}.`);
    return kind.hasModel && threshold !== null ? { ...kind, threshold } : kind;
  });
}

/** `base`, or the beginning of the weights' SHA-256. */
export function digestOf(adapter: string | null): string {
  const weights = adapter === null ? null : join(adapter, ADAPTER_WEIGHTS);
  if (weights === null || !existsSync(weights)) return 'base';
  return createHash('sha256').update(readFileSync(weights)).digest('hex').slice(0, 16);
}
