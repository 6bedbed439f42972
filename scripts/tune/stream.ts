/** The endless, seeded stream of sequences that a tuning run draws from; its place in it is a number. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hash } from '../../src/completion/text.ts';
import type { Marks } from '../../src/prompt/marks.ts';
import { type FileEdits, logSequences, type Sequence, textSequence } from '../../src/trainer/log-sequences.ts';
import { seeded, shuffled } from '../../src/trainer/random.ts';
import { ROOT } from '../paths.ts';

/** Most sequences of one file of a commit: a rewritten file shall not outweigh a hundred small edits. */
const MOST_OF_A_FILE = 4;
/** One sequence in so many is ordinary text, against forgetting. */
const ORDINARY_EVERY = 12;
const SHORTEST_TEXT = 20;

export interface StreamOptions {
  readonly marks: Marks;
  /** Most ids of a sequence. */
  readonly length: number;
  readonly seed: number;
}

/** Sequences among which those are looked for that fill a row of a batch together. */
const POOL = 24;

/**
 * Rows of a batch: sequences one after the other, as many as there is room for. What stands before is of no use to what
 * follows and does it no harm: a prompt may begin with edits of other files as well.
 */
export function* packed(stream: Iterator<Sequence>, length: number): Generator<Sequence> {
  const pool: Sequence[] = [];
  for (;;) {
    while (pool.length < POOL) {
      const { value, done } = stream.next();
      if (done) break;
      pool.push(value);
    }
    if (pool.length === 0) return;
    // The oldest always goes first, so that none waits for ever.
    let row = pool.shift()!;
    for (;;) {
      const room = length - row.ids.length;
      const fitting = pool.filter((s) => s.ids.length <= room);
      if (fitting.length === 0) break;
      const next = fitting.reduce((best, s) => (s.ids.length > best.ids.length ? s : best));
      pool.splice(pool.indexOf(next), 1);
      row = { ids: [...row.ids, ...next.ids], weights: [...row.weights, ...next.weights] };
    }
    yield row;
  }
}

/** Each file's edits once in an epoch, in an order of its own. */
export function* sequences(edits: readonly FileEdits[], options: StreamOptions): Generator<Sequence> {
  const { marks, length, seed } = options;
  const texts = ordinaryTexts();
  let drawn = 0;
  for (let epoch = 0; ; epoch++) {
    const random = seeded(hash(`${seed}\0${epoch}`));
    for (const [n, file] of shuffled(edits, random).entries()) {
      const own = seeded(hash(`${seed}\0${epoch}\0${n}`));
      for (const sequence of logSequences(file, marks, length, MOST_OF_A_FILE, own)) {
        yield sequence;
        if (++drawn % ORDINARY_EVERY !== 0) continue;
        const long = file.before.length > SHORTEST_TEXT;
        const { path, lines } = long
          ? { path: file.path, lines: file.before }
          : texts[Math.floor(own() * texts.length)]!;
        const from = Math.floor(own() * Math.max(1, lines.length - SHORTEST_TEXT));
        yield textSequence(path, lines.slice(from, from + 100), marks, length);
      }
    }
  }
}

/** The ordinary code that ships with Knack and that no canary holds. */
function ordinaryTexts(): { readonly path: string; readonly lines: readonly string[] }[] {
  const lines = readFileSync(join(ROOT, 'media', 'code', 'ordinary.jsonl'), 'utf8').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const { path, text } = JSON.parse(line) as { path: string; text: string };
      return { path, lines: text.split('\n') };
    });
}
