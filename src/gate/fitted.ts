/** The weights that a gate begins with, by feature: a guess until they are fitted (docs/gate.md). */
export const FITTED: Readonly<Record<string, number>> = {
  always: -2,
  'mean log-probability': 1,
  'mean probability': 2,
};
