/**
 * The memory of a developer's edits as serving and replay use it: what is remembered, how far it is believed, and what
 * outcomes make of both.
 */
import type { Edit } from '../completion/edit.ts';
import { REDACTED } from '../completion/kept.ts';
import type { LeftEdit } from '../completion/recent.ts';
import type { Remembered } from '../completion/suggestion.ts';
import type { EditFormat, PromptInput } from '../prompt/format.ts';
import { changeBetween, changeOf, type Entry } from './entry.ts';
import { Memory } from './memory.ts';
import { Nearby } from './nearby.ts';
import { PRIOR } from './prior.ts';
import { Recollection } from './recollection.ts';
import { Trust } from './trust.ts';

/** What became of a suggestion. */
export interface Outcome {
  /** Of the suggestion. */
  readonly id: string;
  readonly at: number;
  /** What it was made for; places of both edits are the document's. */
  readonly snapshot: PromptInput;
  readonly edit: Edit;
  readonly isAccepted: boolean;
  /** Not accepted as a whole: what was written there instead, as far as it is known; else null. */
  readonly typed: Edit | null;
  readonly remembered: Remembered | null;
}

/** An edit that the developer made, suggested or not. */
export interface Written extends Omit<LeftEdit, 'stretch'> {
  readonly id: string;
  readonly at: number;
}

export class EditMemory {
  readonly #format: EditFormat;
  readonly #memory: Memory;
  readonly #nearby: Nearby;
  readonly #trust = new Trust([...PRIOR.edit, ...PRIOR.nearby].flat());

  /** @param encode text as token ids */
  constructor(format: EditFormat, encode: (text: string) => number[]) {
    this.#format = format;
    this.#memory = new Memory((change) => format.spell(change));
    this.#nearby = new Nearby(encode);
  }

  get memory(): Memory {
    return this.#memory;
  }

  /** For one answer. */
  recollect(snapshot: PromptInput): Recollection {
    return new Recollection(this.#memory, this.#nearby, snapshot, this.#trust);
  }

  /** Takes in an outcome: remembers what was written, and believes what was found more or less. */
  learn(outcome: Outcome): void {
    this.#judge(outcome);
    const { id, at, snapshot, edit, isAccepted, typed } = outcome;
    const changeBy = (by: Edit) => changeOf(snapshot.before + snapshot.after, moved(by, -snapshot.startLine));
    const refused = isAccepted ? null : changeBy(edit);
    if (refused !== null) this.#memory.refuse(refused);
    const written = isAccepted ? edit : typed;
    const change = written && changeBy(written);
    if (change === null) return;
    const kind = isAccepted ? 'accepted' : 'typed';
    this.#remember({ id: isAccepted ? id : `${id}:typed`, at, path: snapshot.path, kind, change });
  }

  /** Takes in an edit, in place of what it was when it was taken in before; one that was taken back is forgotten. */
  write({ id, at, path, ...lines }: Written): void {
    const change = changeBetween(lines);
    if (change === null) this.#memory.forget(id);
    else this.#remember({ id, at, path, kind: 'written', change });
  }

  /** Forgets what came of a suggestion, but not how far it made matches of a kind believed. */
  forget(suggestionId: string): void {
    this.#memory.forget(suggestionId);
    this.#memory.forget(`${suggestionId}:typed`);
  }

  /** What holds the mark of a secret was not written like that. */
  #remember(entry: Entry): void {
    if (!entry.change.hunk.added.some((line) => line.includes(REDACTED))) this.#memory.remember(entry);
  }

  #judge({ snapshot, edit, isAccepted, typed, remembered }: Outcome): void {
    if (remembered === null) return;
    /** The first token that was not typed: of later ones nothing is known. */
    let wrong = Number.POSITIVE_INFINITY;
    let known = Number.POSITIVE_INFINITY;
    if (!isAccepted) {
      const ask = typed && this.#format.ask(snapshot);
      const [meant, wrote] = [ask?.target(edit, true), ask?.target(typed!, false)];
      if (!meant || !wrote) return;
      wrong = 0;
      while (wrong < meant.length && meant[wrong] === wrote[wrong]) wrong++;
      // Typing that ends within what was suggested may end within a token.
      known = wrong < wrote.length ? wrong + 1 : wrong - 1;
    }
    for (const { at, kind, share } of remembered.steps) {
      if (at < known) this.#trust.learn(kind, at < wrong ? share : 0);
    }
  }
}

/** An edit whose places are so many lines further down. */
function moved({ start, end, text }: Edit, lines: number): Edit {
  const place = ({ line, character }: Edit['start']): Edit['start'] => ({ line: line + lines, character });
  return { start: place(start), end: place(end), text };
}
