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
import { encodeHeader, type PromptTokenizer, TARGET_TOKENS } from '../model/prompt.ts';
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
  /** Another example asks for the same edit: this one is for where there is room. */
  readonly isExtra?: true;
}

export interface ExampleLimits {
  readonly promptTokens: number;
  readonly targetTokens: number;
}

/**
 * Prompts to learn from are shorter than those that serve: of as many tokens a round takes twice as many signals, and
 * what it learns is worth nearly twice as much where it is asked with whole prompts (docs/log.md).
 */
export const EXAMPLE_LIMITS: ExampleLimits = { promptTokens: 192, targetTokens: TARGET_TOKENS };

/** What an outcome says of one edit: that it should become likelier, or less likely. */
export interface Teaching {
  readonly label: Example['label'];
  readonly edit: Edit;
  /** Share of a whole example, 0 to 1. */
  readonly weight: number;
  /** False where more might have followed. */
  readonly isWhole: boolean;
  /** What was typed in place of a suggestion. */
  readonly isTyped?: boolean;
}

/**
 * Examples of one signal: none, or up to three. What it was asked with does not matter: the prompt is made anew from the
 * snapshot, and an edit that the format cannot say there teaches nothing.
 */
export function examplesOf(row: StoredSignal, format: EditFormat, limits: ExampleLimits): Example[] {
  return examplesFrom(row.suggestionId, row.snapshot, teachingsOf(row), format, limits);
}

/** Examples of what is known of one place in a text. */
export function examplesFrom(
  id: string,
  snapshot: PromptInput,
  teachings: readonly Teaching[],
  format: EditFormat,
  limits: ExampleLimits,
): Example[] {
  const one = (asked: PromptInput, suffix: string, { label, edit, weight, isWhole }: Teaching): Example[] => {
    // A text with a mark where a secret was cut is not what was typed.
    if (edit.text.includes(REDACTED)) return [];
    const { prompt, target } = format.ask(asked, limits.promptTokens);
    const ids = target(edit, isWhole)?.slice(0, limits.targetTokens) ?? [];
    if (ids.length === 0) return [];
    return [{ id: id + suffix, label, weight, ids: [...prompt.ids, ...ids], targetStart: prompt.ids.length }];
  };
  return teachings.flatMap((teaching) => {
    const suffix = teaching.isTyped ? ':typed' : '';
    const made = one(snapshot, suffix, teaching);
    if (teaching.label === 'push' || snapshot.recent.length < 2) return made;
    // Where the edits before say what comes, the weights need not know it, and learn nothing: they are asked without too.
    const bare = { ...snapshot, recent: snapshot.recent.slice(-1) };
    return [...made, ...one(bare, `${suffix}:bare`, teaching).map((e) => ({ ...e, isExtra: true as const }))];
  });
}

function teachingsOf(row: StoredSignal): Teaching[] {
  const { snapshot, edit } = row;
  switch (row.outcome) {
    case 'accepted':
      return accepted(edit, row.survival ?? 1, !row.goneOn);
    case 'partly-accepted': {
      const taken = takenPart(row);
      return taken === null ? [] : partlyAccepted(taken);
    }
    case 'rejected': {
      const typed = row.typedInstead?.split('\n')[0];
      return refused(snapshot, edit, typed === undefined ? null : editAtCursor(snapshot, typed, 0), false);
    }
    default:
      return [];
  }
}

/**
 * @param survived share of it that stood at the last look, 0 to 1
 * @param isWhole false where more was put in right behind it
 */
export function accepted(edit: Edit, survived: number, isWhole: boolean): Teaching[] {
  return survived < SURVIVED ? [] : [{ label: 'pull', edit, weight: survived, isWhole }];
}

export function partlyAccepted(taken: Edit): Teaching[] {
  return [{ label: 'pull', edit: taken, weight: 0.5, isWhole: false }];
}

/**
 * @param typed what was typed in its place
 * @param isWhole false where more might have been typed
 */
export function refused(snapshot: PromptInput, edit: Edit, typed: Edit | null, isWhole: boolean): Teaching[] {
  const [was, is] = [continuation(snapshot, edit)?.text, typed && continuation(snapshot, typed)?.text];
  const both = was !== undefined && typeof is === 'string';
  return [
    // What was refused as too short, and typed all the same, was right as far as it went.
    ...(both && was !== '' && is.startsWith(was) ? [] : [{ label: 'push', edit, weight: 1, isWhole: false } as const]),
    // What is no more than the beginning of what was refused says nothing.
    ...(typed === null || (both && was.startsWith(is)) ? [] : typedInstead(typed, isWhole)),
  ];
}

export function typedInstead(typed: Edit, isWhole: boolean): Teaching[] {
  return [{ label: 'pull', edit: typed, weight: 1, isWhole, isTyped: true }];
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
