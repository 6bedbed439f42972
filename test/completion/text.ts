/** Documents for tests, and a seeded generator of edits to them. */

import type { Place } from '../../src/completion/edit.ts';
import type { TextChange } from '../../src/completion/recent.ts';
import type { TextPort } from '../../src/completion/take.ts';

/** A document over a string, whose lines end as the editor's do. */
export function port(text: string, path = 'a.ts'): TextPort {
  const lines = text.split(/\r\n|\n/);
  return { path, languageId: 'typescript', lineCount: lines.length, line: (n) => lines[n]! };
}

/** Text with `|` at the cursor. */
export function marked(text: string): { doc: TextPort; cursor: Place; text: string } {
  const at = text.indexOf('|');
  const plain = text.slice(0, at) + text.slice(at + 1);
  const lines = text.slice(0, at).split(/\r\n|\n/);
  return { doc: port(plain), cursor: { line: lines.length - 1, character: lines.at(-1)!.length }, text: plain };
}

/** mulberry32: the same numbers in [0, 1) for the same seed. */
export function seeded(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

/** A string of up to `max` pieces that are likely to make trouble. */
export function noise(random: () => number, max: number): string {
  const pieces = [
    'a',
    'foo',
    ' ',
    '    ',
    '\n',
    '\r\n',
    '\r',
    '(',
    ')',
    '\ud83d',
    '\ude00',
    '😀',
    '界',
    '\t',
    ';',
    '',
    '\u2028',
  ];
  return Array.from({ length: Math.floor(random() * (max + 1)) }, () => pick(random, pieces)).join('');
}

/** The document after one replacement. */
export function applied(lines: readonly string[], { start, end, text }: TextChange): string[] {
  const head = [...lines.slice(0, start.line), lines[start.line]!.slice(0, start.character)].join('\n');
  const tail = [lines[end.line]!.slice(end.character), ...lines.slice(end.line + 1)].join('\n');
  return (head + text + tail).split(/\r\n|\r|\n/);
}
