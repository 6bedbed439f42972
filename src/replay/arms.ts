/** The arms that there are: how each is started, and from which confidence on it shows what it answers. */
import type { Arm } from './arm.ts';
import { startZeroshot } from './complete.ts';
import { Copy } from './copy.ts';
import { ReplayError } from './history.ts';

/** Where models lie. */
export interface ModelPlace {
  /** As findModel's setting: null for the default model. */
  readonly model: string | null;
  readonly cacheDir: string;
}

export interface ArmKind {
  readonly name: string;
  /** What answers, for the log: an answer is used again only where this is the same. */
  readonly checkpoint: string;
  /** Least confidence that is shown; docs/replay.md says how it was found on the tune split. */
  readonly threshold: number;
  /** Whether it holds a model: then it knows nothing but the question, and may answer in another process. */
  readonly hasModel: boolean;
  start(place: ModelPlace): Promise<Arm>;
}

export const ARMS: readonly ArmKind[] = [
  {
    name: 'zeroshot',
    checkpoint: 'base',
    threshold: -0.3,
    hasModel: true,
    start: ({ model, cacheDir }) => startZeroshot(model, cacheDir),
  },
  { name: 'copy', checkpoint: '', threshold: 0.94, hasModel: false, start: async () => new Copy() },
];

/** The arm that others are held against. */
export const REFERENCE = 'frozen';

/** @throws ReplayError that names the arms */
export function armKinds(names: readonly string[]): ArmKind[] {
  return [...new Set(names)].map((name) => {
    const kind = ARMS.find((a) => a.name === name);
    if (kind) return kind;
    throw new ReplayError(`There is no arm "${name}". There are: ${ARMS.map((a) => a.name).join(', ')}.`);
  });
}
