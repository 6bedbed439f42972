/**
 * A document and a cursor that tell what happens to them as VS Code does: a change event, then the selection event.
 *
 * It holds the text, so that a case reads as what a person does, and offsets cannot be wrong by hand.
 */

import type { SelectionKind } from '../../src/signals/ghost.ts';
import { advance, type EditorEvent, INITIAL, type Known, type LifecycleState } from '../../src/signals/lifecycle.ts';
import type { Outcome, TypedInstead } from '../../src/signals/signal.ts';
import type { AcceptedEdit } from '../../src/signals/survival.ts';

export class FakeEditor {
  now = 1_000;
  state: LifecycleState = INITIAL;
  readonly known: Known[] = [];
  text: string;
  cursor: number;
  version = 1;
  document = 'file:///a.ts';
  readonly eol: '\n' | '\r\n';

  /** The cursor stands where the text has `|`. */
  constructor(text: string, eol: '\n' | '\r\n' = '\n') {
    this.cursor = text.indexOf('|');
    this.text = text.replace('|', '');
    this.eol = eol;
    this.send({ type: 'selected', at: this.now, ...this.#at(), kind: 'mouse' });
  }

  send(event: EditorEvent): void {
    const { state, known } = advance(this.state, event);
    this.state = state;
    this.known.push(...known);
  }

  wait(ms: number): this {
    this.now += ms;
    return this;
  }

  tick(): this {
    this.send({ type: 'tick', at: this.now });
    return this;
  }

  /**
   * @param others texts that are returned with it, by id
   * @param typed what of it stands before the cursor already
   */
  offer(
    id: string,
    text: string,
    replaceAfter = 0,
    others: Readonly<Record<string, string>> = {},
    type: 'offered' | 'cycled' = 'offered',
    typed = '',
  ): this {
    this.send({
      type,
      alternatives: Object.entries(others).map(([id, text]) => ({ id, text, replaceAfter: 0 })),
      at: this.now,
      id,
      text,
      replaceAfter,
      typed,
      document: this.document,
      version: this.version,
      offset: this.cursor,
      before: this.text.slice(Math.max(0, this.cursor - 40), this.cursor),
      after: this.text.slice(this.cursor, this.cursor + 40),
      eol: this.eol,
    });
    return this;
  }

  /** Replaces text and puts the cursor, as one edit. */
  edit(
    offset: number,
    removed: number,
    text: string,
    {
      kind = 'keyboard' as SelectionKind,
      cause = 'other' as 'other' | 'undo' | 'redo',
      cursor = offset + text.length,
    } = {},
  ): this {
    this.text = this.text.slice(0, offset) + text + this.text.slice(offset + removed);
    this.version++;
    const { document, version } = this;
    this.send({ type: 'changed', at: this.now, document, version, changes: [{ offset, removed, text }], cause });
    this.cursor = cursor;
    this.send({ type: 'selected', at: this.now, ...this.#at(), kind });
    return this;
  }

  /** Types by hand, 80 ms a key. */
  type(text: string): this {
    for (const c of text) this.wait(80).edit(this.cursor, 0, c === '\n' ? this.eol : c);
    return this;
  }

  backspace(times = 1): this {
    for (let i = 0; i < times; i++) this.wait(80).edit(this.cursor - 1, 1, '');
    return this;
  }

  /** Accept by word or line: a pure insertion, after which VS Code gives no selection kind. */
  acceptPart(text: string): this {
    return this.edit(this.cursor, 0, text, { kind: 'none' });
  }

  /** Tab: the change, the selection, then our command. */
  accept(id: string, rest: string, removed = 0): this {
    this.edit(this.cursor, removed, rest, { kind: 'none' });
    this.send({ type: 'accept-command', at: this.now, id });
    return this;
  }

  escape(): this {
    this.send({ type: 'escape', at: this.now });
    return this;
  }

  moveTo(offset: number, kind: SelectionKind = 'mouse'): this {
    this.cursor = offset;
    this.send({ type: 'selected', at: this.now, ...this.#at(), kind });
    return this;
  }

  close(): this {
    this.send({ type: 'closing', at: this.now });
    return this;
  }

  get outcomes(): Outcome[] {
    return this.known.filter((k) => k.type === 'outcome');
  }

  get typedInstead(): TypedInstead[] {
    return this.known.filter((k) => k.type === 'typed-instead');
  }

  get acceptedEdits(): AcceptedEdit[] {
    return this.known.filter((k) => k.type === 'accepted-edit').map((k) => k.edit);
  }

  /** Outcomes as `id kind/reason observed|inferred accepted/typed`. */
  get fates(): string[] {
    return this.outcomes.map(
      (o) =>
        `${o.suggestionId} ${o.kind}/${o.reason} ${o.observed ? 'observed' : 'inferred'} ${o.acceptedChars}/${o.typedChars ?? 0}`,
    );
  }

  #at(): { document: string; offset: number; empty: boolean } {
    return { document: this.document, offset: this.cursor, empty: true };
  }
}
