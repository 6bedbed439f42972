import { GHOST_SCENARIOS } from './ghost.ts';
import { KEY_SCENARIOS } from './keys.ts';
import { NEXT_EDIT_SCENARIOS } from './next-edits.ts';
import { PLACE_SCENARIOS } from './places.ts';
import type { Scenario } from './scenario.ts';

/** Those that end the window's life come last. */
export const SCENARIOS: readonly Scenario[] = [
  ...GHOST_SCENARIOS,
  ...NEXT_EDIT_SCENARIOS,
  ...KEY_SCENARIOS,
  ...PLACE_SCENARIOS,
];
