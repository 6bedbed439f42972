/**
 * A small learner for tests: it remembers what was typed instead, by the line of the cursor, and puts it there again
 * once it has trained on it. What it does not know it guesses, wrongly and surely, so that there is something to learn.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Effort, Learner, Lesson } from '../../src/replay/arm.ts';
import type { ArmKind } from '../../src/replay/arms.ts';
import { editorLines, type Question } from '../../src/replay/typist.ts';

export class Repeater implements Learner {
  /** Line of the cursor -> what was typed there, and how far from the line's start; trained and not yet. */
  #known: Record<string, { character: number; text: string }> = {};
  readonly #heard: [line: string, typed: { character: number; text: string }][] = [];
  trainings = 0;
  readonly lessons: Lesson[] = [];

  answer(question: Question): Answer {
    const { line } = question.cursor;
    const { character, text } = this.#known[lineOf(question)] ?? { character: 0, text: '?' };
    return { edit: { start: { line, character }, end: { line, character }, text }, confidence: 1 };
  }

  learn(lesson: Lesson): void {
    this.lessons.push(lesson);
    const { question, typed } = lesson;
    if (typed === null || typed.start.line !== question.cursor.line || typed.end.line !== typed.start.line) return;
    if (typed.end.character !== typed.start.character) return;
    this.#heard.push([lineOf(question), { character: typed.start.character, text: typed.text }]);
  }

  async train(): Promise<Effort> {
    this.trainings++;
    this.#known = { ...this.#known, ...Object.fromEntries(this.#heard) };
    return { tokens: this.#heard.length, steps: 1, seconds: 0, promoted: 1 };
  }

  async save(dir: string): Promise<void> {
    writeFileSync(join(dir, 'known.json'), JSON.stringify(this.#known));
  }

  async restore(dir: string): Promise<void> {
    this.#known = JSON.parse(readFileSync(join(dir, 'known.json'), 'utf8'));
  }
}

function lineOf({ document, cursor }: Question): string {
  return editorLines(document)[cursor.line]!;
}

export const REPEATER: ArmKind = {
  name: 'repeater',
  threshold: 0.5,
  hasModel: false,
  learns: { typing: false },
  checkpoint: () => 'repeater',
  start: async () => new Repeater(),
};
