/** Figures of what can be said of answers without knowing what was typed. Shares are null where there is nothing to count. */
import { type Run, ratio } from './tally.ts';
import { type Answered, walk } from './walk.ts';

/** From this share on a change that goes back counts as undoing. */
const UNDOES = 0.5;

export interface QualityFigures {
  readonly answers: number;
  /** Answers in files that a grammar reads. */
  readonly checked: number;
  /** Of those: files that parse without an error, before the answer and after it. */
  readonly parsedBefore: number | null;
  readonly parses: number | null;
  /** Answers after which there are more syntax errors than before; of all, and by what they were worth. */
  readonly newErrors: number | null;
  readonly newErrorsByOutcome: {
    readonly right: number | null;
    readonly partly: number | null;
    readonly wrong: number | null;
  };
  /** Mean share of an answer's change that goes back to the text before the last stretch of editing. */
  readonly reversal: number | null;
  /** Answers of which at least half does. */
  readonly undoes: number | null;
  /** Answers that take away lines without others in their place, and visible characters that an answer deletes. */
  readonly removesLines: number | null;
  readonly removed: number | null;
}

export function qualityFigures(
  runs: readonly Run[],
  threshold: number,
): { readonly given: QualityFigures; readonly shown: QualityFigures } {
  const shown: Answered[] = [];
  for (const run of runs) {
    for (const { ask, fate } of walk(run.asks, threshold)) if (fate !== 'silent' && fate !== 'covered') shown.push(ask);
  }
  return { given: figures(runs.flatMap((r) => r.asks)), shown: figures(shown) };
}

function figures(asks: readonly Answered[]): QualityFigures {
  const answers = asks.flatMap(({ quality, outcome }) => (quality === null ? [] : [{ ...quality, outcome }]));
  const checked = answers.flatMap(({ errors, outcome }) => (errors === null ? [] : [{ ...errors, outcome }]));
  const broken = (among: typeof checked): number | null => share(among, ({ before, after }) => after > before);
  const of = (outcome: Answered['outcome']) => broken(checked.filter((c) => c.outcome === outcome));
  const mean = (value: (answer: (typeof answers)[number]) => number): number | null =>
    ratio(
      answers.reduce((sum, a) => sum + value(a), 0),
      answers.length,
    );
  return {
    answers: answers.length,
    checked: checked.length,
    parsedBefore: share(checked, (c) => c.before === 0),
    parses: share(checked, (c) => c.after === 0),
    newErrors: broken(checked),
    newErrorsByOutcome: { right: of('right'), partly: of('partly'), wrong: of('wrong') },
    reversal: mean((a) => a.reversal),
    undoes: share(answers, (a) => a.reversal >= UNDOES),
    removesLines: share(answers, (a) => a.removedLines > 0),
    removed: mean((a) => a.removed),
  };
}

function share<T>(all: readonly T[], holds: (one: T) => boolean): number | null {
  return ratio(all.filter(holds).length, all.length);
}
