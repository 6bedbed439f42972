/** Single asks to look at: some of a source, evenly spread, each with its surroundings, the answers and the truth. */
import { type Edit, lineAt, offsetAt } from '../completion/edit.ts';
import type { Answer } from './arm.ts';
import type { Run } from './tally.ts';
import type { Ask, Point, Verdict } from './typist.ts';
import { type Fate, walk } from './walk.ts';

/** Lines above and below the cursor's, and UTF-16 units of a text, that are kept. */
const AROUND = 7;
const LONGEST = 1_500;

/** A change of text: what stands where it begins, in words for people. */
export interface Change {
  /** 1-based. */
  readonly line: number;
  readonly removed: string;
  readonly added: string;
}

export interface MomentAnswer {
  readonly change: Change;
  readonly confidence: number;
  readonly outcome: Verdict['outcome'];
  readonly fate: Fate;
  /** Syntax errors that it brings (or, below zero, mends); null where they are not counted. */
  readonly newErrors: number | null;
}

export interface Moment {
  readonly id: string;
  readonly point: Point;
  readonly path: string;
  /** 1-based line of the cursor. */
  readonly line: number;
  /** Whole lines above; the cursor's line before and after it; whole lines below. */
  readonly above: string;
  readonly left: string;
  readonly right: string;
  readonly below: string;
  /** What was typed from here on; null at rest. */
  readonly truth: Change | null;
  /** By arm; null: silence. */
  readonly answers: readonly (MomentAnswer | null)[];
}

type Kept = Omit<Moment, 'answers'> & { readonly given: (Change | null)[]; readonly document: string };

export class Moments {
  readonly #stride: number;
  readonly #kept = new Map<number, Kept>();

  /** @param wanted how many to keep of `total` asks, about */
  constructor(wanted: number, total: number) {
    this.#stride = wanted === 0 ? 0 : Math.max(1, Math.ceil(total / wanted));
  }

  ask(index: number, { id, point, question, typed }: Ask): void {
    if (this.#stride === 0 || index % this.#stride !== 0) return;
    const { path, document, cursor } = question;
    const lines = document.split(/\r?\n/);
    const edit = typed();
    this.#kept.set(index, {
      id,
      point,
      path,
      line: cursor.line + 1,
      above: lines.slice(Math.max(0, cursor.line - AROUND), cursor.line).join('\n'),
      left: cut(lines[cursor.line]!.slice(0, cursor.character)),
      right: cut(lines[cursor.line]!.slice(cursor.character)),
      below: lines.slice(cursor.line + 1, cursor.line + 1 + AROUND).join('\n'),
      truth: edit && changeOf(document, edit),
      given: [],
      document,
    });
  }

  /** @param answer one that fits its document */
  answer(index: number, arm: number, answer: Answer | null): void {
    const kept = this.#kept.get(index);
    if (kept) kept.given[arm] = answer && changeOf(kept.document, answer.edit);
  }

  /**
   * @param runs of one source, by arm
   * @param thresholds by arm
   */
  end(runs: readonly Run[], thresholds: readonly number[]): Moment[] {
    const steps = runs.map((run, i) => new Map([...walk(run.asks, thresholds[i]!)].map((s) => [s.ask.index, s])));
    return [...this.#kept].flatMap(([index, { given, document: _, ...moment }]) => {
      // The source may have ended before.
      if (!steps[0]?.has(index)) return [];
      const answers = steps.map((byIndex, arm): MomentAnswer | null => {
        const change = given[arm];
        const { ask, fate } = byIndex.get(index)!;
        if (!change || ask.confidence === null) return null;
        const errors = ask.quality?.errors;
        const newErrors = errors ? errors.after - errors.before : null;
        return { change, confidence: ask.confidence, outcome: ask.outcome, fate, newErrors };
      });
      return [{ ...moment, answers }];
    });
  }
}

function changeOf(document: string, { start, end, text }: Edit): Change {
  const removed = document.slice(offsetAt(document, start)!, offsetAt(document, end)!).replaceAll('\r\n', '\n');
  const head = (lineAt(document, start.line) ?? '').slice(0, start.character);
  // Of a change inside a line the line's beginning is shown too, so that it can be found.
  const tail = (lineAt(document, end.line) ?? '').slice(end.character);
  return { line: start.line + 1, removed: cut(head + removed + tail), added: cut(head + text + tail) };
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)} …`;
}
