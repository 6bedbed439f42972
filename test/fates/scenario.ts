/**
 * What a person does, and what a person who watches would say became of each suggestion.
 *
 * `expected` has a line for each suggestion, in the order in which they were shown: how it was shown; its outcome and
 * the reason; whether that was observed or inferred; how many characters were accepted, and how many of its first ones
 * were typed by hand (`12-3`); how
 * it is known that it was on the screen; whether the user went to it; what was typed instead.
 */
import type { Answer } from './engine.ts';
import type { Session } from './session.ts';

export interface Scenario {
  readonly name: string;
  /** Runs in CI too. */
  readonly lean?: true;
  /** The file, with `|` where the cursor stands. */
  readonly text: string;
  /** End of its name, which decides the language; `txt` where absent. */
  readonly extension?: string;
  readonly answers: readonly Answer[];
  readonly run: (s: Session) => Promise<void>;
  readonly expected: readonly string[];
  /** The file in the end. */
  readonly becomes?: string;
  /** Shares that stand 30 s after each accept. */
  readonly survival?: readonly number[];
}
