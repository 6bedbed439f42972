/**
 * From stored signals to training examples.
 *
 * What the developer kept pulls: an accepted edit, by the share of it that survived, and what was typed instead of a
 * rejected one. What the developer refused pushes. Ignored, superseded and never-seen suggestions say nothing about
 * the text, and teach nothing here.
 */
import { continuation, type Edit, editAtCursor } from '../completion/edit.ts';
import { REDACTED, type StoredSignal, SURVIVED, takenPart } from '../completion/kept.ts';
import { hash } from '../completion/text.ts';
import { encodeHeader, type PromptTokenizer } from '../model/prompt.ts';
import type { EditFormat, PromptInput } from '../prompt/format.ts';

export interface Example {
  /** Suggestion's id, with `:typed` for what was typed instead, `:bare` without the edits before; `code:n` for ordinary code. */
  readonly id: string;
  readonly label: 'pull' | 'push';
  /** Share of a whole example, 0 to 1. */
  readonly weight: number;
  /** Prompt and target, (length) token ids. */
  readonly ids: readonly number[];
  /** Index in `ids` of the first target token; at least 1. */
  readonly targetStart: number;
}

export interface ExampleLimits {
  readonly targetTokens: number;
}

/**
 * Examples of one signal: none, or up to three. What it was asked with does not matter: the prompt is made anew from the
 * snapshot, and an edit that the format cannot say there teaches nothing.
 */
export function examplesOf(row: StoredSignal, format: EditFormat, limits: ExampleLimits): Example[] {
  const one = (
    snapshot: PromptInput,
    id: string,
    label: Example['label'],
    weight: number,
    edit: Edit,
    whole: boolean,
  ): Example[] => {
    // A text with a mark where a secret was cut is not what was typed.
    if (edit.text.includes(REDACTED)) return [];
    const { prompt, target } = format.ask(snapshot);
    const ids = target(edit, whole)?.slice(0, limits.targetTokens) ?? [];
    if (ids.length === 0) return [];
    return [{ id, label, weight, ids: [...prompt.ids, ...ids], targetStart: prompt.ids.length }];
  };
  const example = (id: string, label: Example['label'], weight: number, edit: Edit, whole: boolean): Example[] => {
    const { snapshot } = row;
    const made = one(snapshot, id, label, weight, edit, whole);
    if (label === 'push' || snapshot.recent.length < 2) return made;
    // Where the edits before say what comes, the weights need not know it, and learn nothing: they are asked without too.
    return [
      ...made,
      ...one({ ...snapshot, recent: snapshot.recent.slice(-1) }, `${id}:bare`, label, weight, edit, whole),
    ];
  };
  switch (row.outcome) {
    case 'accepted': {
      const survived = row.survival ?? 1;
      return survived < SURVIVED ? [] : example(row.suggestionId, 'pull', survived, row.edit, true);
    }
    case 'partly-accepted': {
      const taken = takenPart(row);
      return taken === null ? [] : example(row.suggestionId, 'pull', 0.5, taken, false);
    }
    case 'rejected':
      return [
        // What was refused as too short, and typed all the same, was right as far as it went.
        ...(isTypedOn(row) ? [] : example(row.suggestionId, 'push', 1, row.edit, true)),
        ...typedInstead(row, (text) =>
          example(`${row.suggestionId}:typed`, 'pull', 1, editAtCursor(row.snapshot, text, 0), false),
        ),
      ];
    default:
      return [];
  }
}

/** Whether the refused text at the cursor is how what was typed instead begins. */
function isTypedOn({ snapshot, edit, typedInstead }: StoredSignal): boolean {
  const going = continuation(snapshot, edit);
  return going !== null && going.text !== '' && (typedInstead ?? '').startsWith(going.text);
}

/** What was typed pulls where it is more than the beginning of what was refused. */
function typedInstead(row: StoredSignal, make: (text: string) => Example[]): Example[] {
  const typed = row.typedInstead?.split('\n')[0] ?? '';
  return row.edit.text.startsWith(typed) ? [] : make(typed);
}

/**
 * Splits examples into those to train on and those held out to judge by: about one in five, by the hash-like id, so
 * that a signal stays on its side in every round. The newest example is always held out once there are four.
 */
export function splitHeldOut(examples: readonly Example[]): { train: Example[]; heldOut: Example[] } {
  const train: Example[] = [];
  const heldOut: Example[] = [];
  for (const e of examples) (bucket(e.id) === 0 ? heldOut : train).push(e);
  if (heldOut.length === 0 && train.length >= 4) {
    const newest = signalOf(train.at(-1)!.id);
    while (signalOf(train.at(-1)?.id ?? '') === newest) heldOut.unshift(train.pop()!);
  }
  return { train, heldOut };
}

/** The signal that an example was made of. */
function signalOf(exampleId: string): string {
  return exampleId.split(':')[0]!;
}

/** A hash of the signal's id, so that an edit and what was typed instead of it stay together; 0 to 4. */
function bucket(id: string): number {
  return hash(signalOf(id)) % 5;
}

/**
 * Ordinary code as a pull example: the first `context` tokens are given, the next `targets` carry loss.
 *
 * @returns null if the text is too short for that
 */
export function codeExample(
  id: string,
  path: string,
  text: string,
  tokenizer: PromptTokenizer,
  size: { readonly context: number; readonly targets: number },
): Example | null {
  const ids = [...encodeHeader(path, tokenizer), ...tokenizer.encode(text)].slice(0, size.context + size.targets);
  if (ids.length <= size.context) return null;
  return { id: `code:${id}`, label: 'pull', weight: 1, ids, targetStart: size.context };
}
