/** A tokenizer for tests: GPT-2's pre-tokenizer with a token for each piece and each mark (prompt/marks.ts), ids in order of first sight. */
const PIECES = /[«§»†¿¬]|'s|'t| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}«§»†¿¬]+|\s+(?!\S)|\s+/gu;
const CONTROLS: readonly string[] = ['<end>', '<filename>'];
export function wordTokenizer(): {
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
  bytes(id: number): Uint8Array;
  special(name: string): number | undefined;
  isControl(id: number): boolean;
  readonly vocabSize: number;
  readonly eosIds: readonly number[];
} {
  const pieces = [...CONTROLS];
  const ids = new Map<string, number>();
  const id = (piece: string): number => {
    if (!ids.has(piece)) ids.set(piece, pieces.push(piece) - 1);
    return ids.get(piece)!;
  };
  return {
    encode: (text) => Array.from(text.matchAll(PIECES), ([piece]) => id(piece)),
    decode: (all) => all.map((i) => (i < CONTROLS.length ? '' : pieces[i]!)).join(''),
    bytes: (i) => Buffer.from(i < CONTROLS.length ? '' : pieces[i]!),
    special: (name) => (CONTROLS.includes(name) ? CONTROLS.indexOf(name) : undefined),
    isControl: (i) => i < CONTROLS.length,
    get vocabSize() {
      return pieces.length;
    },
    eosIds: [0],
  };
}
