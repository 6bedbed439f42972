/** Signals for tests: whole, valid, and different in what a case is about. */
import { editAtCursor } from '../../src/completion/edit.ts';
import type { Snapshot } from '../../src/completion/snapshot.ts';
import type { Offered, Outcome, Survival, TypedInstead, Written } from '../../src/signals/signal.ts';

const SNAPSHOT: Snapshot = {
  path: 'src/add.ts',
  languageId: 'typescript',
  before: 'function add(a: number, b: number) {\n  ',
  after: '\n}\n',
  startLine: 0,
  recent: [{ path: 'src/add.ts', line: 0, removed: '', added: 'function add(a: number, b: number) {\n' }],
};

/** @param text what is suggested, at the snapshot's cursor */
export function offered(id: string, over: Partial<Offered> = {}, text = 'return a + b;'): Offered {
  return {
    type: 'offered',
    eventId: `${id}/offered`,
    at: 1_000,
    windowId: 'window-1',
    suggestion: {
      id,
      edit: editAtCursor(over.snapshot ?? SNAPSHOT, text, 0),
      tokenLogprobs: [-0.25, -1.5, -0.125],
      checkpoint: 'base',
      promptHash: 'ab'.repeat(32),
      promptFormat: 'prefix-1',
      latencyMs: 84.5,
    },
    snapshot: SNAPSHOT,
    shownAs: 'ghost',
    trigger: 'automatic',
    ...over,
  };
}

export function outcome(id: string, over: Partial<Outcome> = {}): Outcome {
  return {
    type: 'outcome',
    eventId: `${id}/outcome`,
    at: 2_000,
    suggestionId: id,
    kind: 'accepted',
    observed: true,
    reason: 'command',
    shown: 'inferred',
    acceptedChars: 13,
    ...over,
  };
}

export function typedInstead(id: string, text: string): TypedInstead {
  return { type: 'typed-instead', eventId: `${id}/typed-instead`, at: 3_000, suggestionId: id, text };
}

/** An edit, told for the `n`-th time. */
export function written(
  editId: string,
  removed: readonly string[],
  added: readonly string[],
  over: Partial<Written> = {},
  n = 1,
): Written {
  const around = { path: 'src/add.ts', above: 'above', below: null };
  return { type: 'written', eventId: `${editId}/${n}`, at: 4_000, editId, ...around, removed, added, ...over };
}

export function survival(id: string, afterMs: Survival['afterMs'], share: number): Survival {
  const eventId = `${id}/survival-${afterMs}`;
  return {
    type: 'survival',
    eventId,
    at: 2_000 + afterMs,
    suggestionId: id,
    afterMs,
    share,
    goneOn: false,
    observed: true,
  };
}
