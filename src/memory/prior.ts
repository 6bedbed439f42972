/**
 * How far each kind of match is believed at first (trust.ts): fitted to what is typed in a history of the tune split,
 * with a base that writes edits, and smoothed by hand towards less where there were few matches (docs/log.md).
 */
import type { Place } from './trust.ts';

/** By length of the match, from LENGTHS of trust.ts on: where what was found goes on in several ways, and where in one. */
type Share = readonly [several: number, one: number];

export const PRIOR: Readonly<Record<Place, readonly Share[]>> = {
  edit: [
    [0.02, 0.02],
    [0.03, 0.05],
    [0.06, 0.11],
    [0.05, 0.2],
    [0.05, 0.3],
    [0.05, 0.45],
    [0.05, 0.5],
  ],
  nearby: [
    [0.05, 0.12],
    [0.06, 0.08],
    [0.06, 0.15],
    [0.08, 0.2],
    [0.1, 0.26],
    [0.1, 0.44],
    [0.1, 0.7],
  ],
};
