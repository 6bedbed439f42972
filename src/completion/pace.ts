/**
 * How long to wait after a keystroke before a suggestion is worked out.
 *
 * A question is wasted if the next key comes before its answer. So it is asked as soon as the answer will more likely
 * than not be there in time: after the shortest wait w with P(gap > w + latency | gap > w) of at least one half, where
 * the gaps are those between the user's latest keys and the latency is what this machine took lately. On a fast machine,
 * or for a slow typist, that is at once; on a slow one it is where a pause has begun.
 */

/** What is known of the typing and of the machine; all in milliseconds, newest last. */
export interface Pace {
  readonly gaps: readonly number[];
  readonly latencies: readonly number[];
  /** When the last key was pressed, epoch milliseconds, or null. */
  readonly lastKey: number | null;
}

/** Bounds of the wait, in milliseconds. */
export const WAIT = { least: 20, most: 600 } as const;

/** How many gaps and latencies are remembered. */
const REMEMBERED = { gaps: 64, latencies: 16 } as const;

/** A longer gap is a pause like any other. */
const PAUSE_MS = 5_000;

/** A shorter one is no typing: a paste, a key held down, an edit at several cursors. */
const LEAST_GAP_MS = 10;

/**
 * What is assumed before anything is known: somebody who types code at some five keys a second, with pauses, and a
 * laptop's CPU. What is measured pushes it out.
 */
export const UNKNOWN_PACE: Pace = {
  gaps: [80, 100, 110, 120, 130, 140, 150, 160, 180, 200, 220, 260, 320, 450, 1_200, 3_000],
  latencies: [250, 250, 250, 250],
  lastKey: null,
};

/** A key was pressed that changed a text. */
export function keyPressed(pace: Pace, at: number): Pace {
  const gap = pace.lastKey === null ? 0 : at - pace.lastKey;
  if (gap < LEAST_GAP_MS) return { ...pace, lastKey: at };
  return { ...pace, lastKey: at, gaps: [...pace.gaps, Math.min(gap, PAUSE_MS)].slice(-REMEMBERED.gaps) };
}

/** An answer took so long from its question, in milliseconds. */
export function answered(pace: Pace, ms: number): Pace {
  return { ...pace, latencies: [...pace.latencies, ms].slice(-REMEMBERED.latencies) };
}

/** The wait after a keystroke, in milliseconds, from WAIT.least to WAIT.most. */
export function waitAfterKey({ gaps, latencies }: Pace): number {
  const latency = median(latencies);
  const longer = (ms: number): number => gaps.filter((gap) => gap > ms).length;
  const waits = [0, ...gaps.filter((gap) => gap < WAIT.most)].sort((a, b) => a - b);
  const wait = waits.find((w) => longer(w) > 0 && 2 * longer(w + latency) >= longer(w)) ?? WAIT.most;
  return Math.max(WAIT.least, wait);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
