/** Answered asks made by hand. */
import type { Run } from '../../src/replay/tally.ts';
import type { Answered } from '../../src/replay/walk.ts';

type Given = Partial<Answered> & Pick<Answered, 'point'>;

/** Silence at text 0 of hunk 0 in file 0 of commit 0, unless said otherwise. */
export function answered(given: readonly Given[]): Answered[] {
  return given.map((g, index) => ({
    id: `${index}`,
    index,
    commit: 0,
    file: 0,
    hunk: 0,
    text: 0,
    confidence: null,
    outcome: g.point === 'rest' ? 'right' : 'wrong',
    reach: null,
    target: null,
    supplied: 0,
    quality: null,
    ...g,
  }));
}

/** `commits` alike: of four asks, the first two answered with confidences `right` (right, 10 of 20 characters) and `wrong`. */
export function alike(commits: number, right: number, wrong: number): Run {
  const asks = Array.from({ length: commits }, (_, commit): Given[] => [
    { commit, point: 'arrival', text: 0, confidence: right, outcome: 'right', reach: 3, supplied: 10 },
    { commit, point: 'typing', text: 4, confidence: wrong, outcome: 'wrong' },
    { commit, point: 'typing', text: 5 },
    { commit, point: 'rest' },
  ]);
  const hunks = Array.from({ length: commits }, (_, commit) => ({
    commit,
    file: 0,
    hunk: 0,
    total: 20,
    index: 4 * commit,
  }));
  return { asks: answered(asks.flat()), hunks };
}
