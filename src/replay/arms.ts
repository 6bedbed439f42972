/** The arms that there are: how each is started, and from which confidence on it shows what it answers. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Base } from '../engine/base.ts';
import { fixedGate, Gate, SHOW } from '../gate/gate.ts';
import { EditMemory } from '../memory/edit-memory.ts';
import { ADAPTER_WEIGHTS } from '../model/adapter.ts';
import type { Arm } from './arm.ts';
import { type Learning, startFrozen, startZeroshot } from './complete.ts';
import { Copy } from './copy.ts';
import { ReplayError } from './history.ts';
import { Learned } from './learned.ts';

/** Where models lie. */
export interface ModelPlace {
  /** As findModel's setting: null for the default model. */
  readonly model: string | null;
  readonly cacheDir: string;
  /** Folder of the adapter that `frozen` serves with; null, or no such folder: the base itself serves. */
  readonly adapter: string | null;
  /** Folder of the ordinary code that training mixes in. */
  readonly code: string;
}

export interface ArmKind {
  readonly name: string;
  /** Least confidence that is shown; docs/replay.md says how it was found on the tune split. */
  readonly threshold: number;
  /** Whether it holds a model: then it knows nothing but the question, and may answer in another process. */
  readonly hasModel: boolean;
  /** It is a Learner; `typing`: hunks without a shown suggestion teach it too. */
  readonly learns?: { readonly typing: boolean };
  /** It judges what `frozen` answers, without a model of its own; it learns at once or not at all. */
  readonly judges?: boolean;
  /** It goes along like one that learns, and what it is told changes nothing. */
  readonly isFixed?: boolean;
  /** What answers, for the log: an answer is used again only where this is the same. */
  checkpoint(place: ModelPlace): string;
  start(place: ModelPlace): Promise<Arm>;
}

/** Of a mean log-probability. `frozen` and `zeroshot` share it. */
const THRESHOLD = -0.053;

/** The gate as it ships, judging what `frozen` answers: what `gate` is more than that, it has learned. */
export const PRIOR_ARM = 'prior';

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
  {
    name: PRIOR_ARM,
    threshold: SHOW,
    hasModel: false,
    learns: { typing: false },
    judges: true,
    isFixed: true,
    checkpoint: ({ adapter }) => digestOf(adapter),
    start: async () => new Learned(null, fixedGate()),
  },
  { name: 'copy', threshold: 0.94, hasModel: false, checkpoint: () => '', start: async () => new Copy() },
];

/** What arms that learn are joined of with `+`, in the order of their names; `typing` alone is no arm. */
export const PARTS = ['gate', 'memory', 'weights', 'typing'] as const;
export type Part = (typeof PARTS)[number];

/** Parts that learn something by themselves. */
const RUNGS: readonly Part[] = ['gate', 'memory', 'weights'];

/** The arm that others are held against. */
export const REFERENCE = 'frozen';

/**
 * @param names of ARMS, or parts joined by `+`
 * @param threshold least mean log-probability that is shown, instead of the arms' own
 * @throws ReplayError that names the arms
 */
export function armKinds(names: readonly string[], threshold: number | null = null): ArmKind[] {
  const kinds = names.map((name) => {
    const kind = ARMS.find((a) => a.name === name) ?? joined(name);
    return kind.hasModel && kind.threshold === THRESHOLD && threshold !== null ? { ...kind, threshold } : kind;
  });
  return kinds.filter((kind, n) => kinds.findIndex((k) => k.name === kind.name) === n);
}

/** An arm that learns, of its parts; in whatever order they are named it is the same arm. */
function joined(name: string): ArmKind {
  const parts = name.split('+');
  const isPart = (part: string): part is Part => PARTS.some((p) => p === part);
  if (!parts.every(isPart) || new Set(parts).size < parts.length || !parts.some((p) => RUNGS.includes(p))) {
    const names = [...ARMS.map((a) => a.name), ...RUNGS].join(', ');
    throw new ReplayError(
      `There is no arm "${name}". There are: ${names}; those that learn can be joined, as in gate+typing.`,
    );
  }
  const has = (part: Part): boolean => parts.includes(part);
  const writes = has('memory') || has('weights');
  return {
    name: PARTS.filter(has).join('+'),
    // What a gate says is a probability, and showing pays from a quarter on.
    threshold: has('gate') ? SHOW : THRESHOLD,
    // Where nothing of it writes, it would write what `frozen` writes, and judges that.
    hasModel: writes,
    learns: { typing: has('typing') },
    judges: !writes,
    checkpoint: ({ adapter }) => digestOf(adapter),
    start: async ({ model, cacheDir, adapter, code }) => {
      const shipped = adapter !== null && existsSync(adapter) ? adapter : null;
      const learning: Learning = {
        ...(has('memory') && { remember: memoryFor }),
        ...(has('weights') && { rounds: { code } }),
      };
      const answering = writes ? await startFrozen(model, cacheDir, shipped, learning) : null;
      return new Learned(answering, has('gate') ? new Gate() : null);
    },
  };
}

function memoryFor({ format, tokenizer }: Base): EditMemory {
  return new EditMemory(format, (text) => tokenizer.encode(text));
}

/** `base`, or the beginning of the weights' SHA-256. */
export function digestOf(adapter: string | null): string {
  const weights = adapter === null ? null : join(adapter, ADAPTER_WEIGHTS);
  if (weights === null || !existsSync(weights)) return 'base';
  return createHash('sha256').update(readFileSync(weights)).digest('hex').slice(0, 16);
}
