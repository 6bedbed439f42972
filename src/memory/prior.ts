/** How far each kind of match is believed at first, fitted on the tune split (docs/memory.md). */
export const PRIOR: readonly number[] = [
  0.03, 0.05, 0.02, 0.06, 0.02, 0.09, 0.02, 0.28, 0.02, 0.3, 0.05, 0.5, 0.05, 0.5, 0.03, 0.1, 0.03, 0.15, 0.05, 0.2,
  0.05, 0.3, 0.05, 0.3, 0.1, 0.5, 0.1, 0.55,
];
