/** Damage to files and values, by a random source: the same seed does the same damage. */

type Random = () => number;
const below = (random: Random, n: number): number => Math.floor(random() * n);
export const pick = <T>(random: Random, items: readonly T[]): T => items[below(random, items.length)]!;

/** Numbers at which readers go wrong. */
const WORDS: readonly bigint[] = [
  0n,
  1n,
  2n,
  7n,
  31n,
  32n,
  255n,
  256n,
  65_535n,
  1n << 31n,
  (1n << 31n) - 1n,
  (1n << 32n) - 1n,
  1n << 32n,
  1n << 40n,
  (1n << 53n) - 1n,
  1n << 53n,
  1n << 62n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/**
 * A damaged copy: one to four of bits flipped, bytes and words overwritten, a stretch copied, cut out, put in or filled,
 * the end cut off.
 *
 * @param head damage falls on the first so many bytes four times out of five
 */
export function damagedBytes(original: Uint8Array, head: number, random: Random): Uint8Array {
  let bytes = Buffer.from(original);
  const place = (): number => below(random, Math.max(1, random() < 0.8 ? Math.min(head, bytes.length) : bytes.length));
  for (let n = 1 + below(random, 4); n > 0 && bytes.length > 0; n--) {
    const at = place();
    const length = Math.min(bytes.length - at, 1 + below(random, 1 << below(random, 10)));
    switch (below(random, 9)) {
      case 0:
        bytes[at]! ^= 1 << below(random, 8);
        break;
      case 1:
        bytes[at] = below(random, 256);
        break;
      case 2:
        if (at + 8 <= bytes.length) bytes.writeBigUInt64LE(pick(random, WORDS), at);
        break;
      case 3:
        if (at + 4 <= bytes.length) bytes.writeUInt32LE(Number(pick(random, WORDS) & 0xffffffffn), at);
        break;
      case 4:
        bytes.copy(bytes, place(), at, at + length);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 6:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(place()).subarray(0, length), bytes.subarray(at)]);
        break;
      case 7:
        bytes.fill(pick(random, [0, 32, 0x7b, 255]), at, at + length);
        break;
      default:
        bytes = bytes.subarray(0, at);
    }
  }
  return bytes;
}

const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  2,
  0.5,
  3,
  1e9,
  1e308,
  -1e308,
  2 ** 31,
  2 ** 53,
  '',
  'x',
  '🙂',
  '\ud800',
  '__proto__',
  '../../etc/passwd',
  'x'.repeat(5000),
  [],
  [[]],
  [1, 2],
  {},
  { type: 'BPE' },
];

/** A damaged copy of a JSON value: one to three places get other values, go, move or come twice. */
export function damagedJson(original: unknown, random: Random): unknown {
  const value = structuredClone(original);
  for (let n = 1 + below(random, 3); n > 0; n--) {
    const { parent, key } = anyPlace(value, random);
    if (parent === null) return pick(random, VALUES);
    const at = parent as Record<string, unknown>;
    switch (below(random, 5)) {
      case 0:
      case 1:
        set(at, key, structuredClone(pick(random, VALUES)));
        break;
      case 2:
        if (Array.isArray(parent)) parent.splice(Number(key), 1);
        else delete at[key];
        break;
      case 3: {
        const other = anyPlace(value, random);
        if (other.parent !== null && !contains(at[key], other.parent))
          set(other.parent as Record<string, unknown>, other.key, structuredClone(at[key]));
        break;
      }
      default:
        if (Array.isArray(parent)) parent.push(structuredClone(at[key]));
        else set(at, pick(random, ['', 'x', '__proto__', `${key}2`]), structuredClone(at[key]));
    }
  }
  return value;
}

/** Bytes of a JSON value, sometimes damaged as bytes too. */
export function jsonBytes(value: unknown, random: Random): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(value) ?? 'null');
  return random() < 0.1 ? damagedBytes(bytes, bytes.length, random) : bytes;
}

/** A place in a value: down from the root, and likelier near it. */
function anyPlace(value: unknown, random: Random): { parent: object | null; key: string } {
  let parent: object | null = null;
  let key = '';
  let here = value;
  while (typeof here === 'object' && here !== null) {
    const keys = Object.keys(here);
    if (keys.length === 0 || (parent !== null && random() < 0.35)) break;
    parent = here;
    key = pick(random, keys);
    here = (here as Record<string, unknown>)[key];
  }
  return { parent, key };
}

function set(at: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(at, key, { value, configurable: true, enumerable: true, writable: true });
}

function contains(value: unknown, wanted: object): boolean {
  if (value === wanted) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some((each) => contains(each, wanted));
}

const PIECES = [
  ' ', '\n', '\n\n', '\t', '  ', '\r\n', 'a', 'const ', 'foo(', ');', '{', '}', '"', "'", '`', '\\', '/', '0', '1234',
  '👩‍👩‍👧‍👦', '🏳️‍🌈', '日本', 'é', 'e\u0301', '\u202e', '\ufeff', '\0', '\u007f', '\ud83d', '\udc00', '\u2028', 'ﬁ', '<|endoftext|>',
  '<filename>', '<redacted:x>', '://', 'AKIAABCDEFGHIJKLMNOP',
]; // biome-ignore format: a list

/** Text of up to `most` characters: of all sorts, of one sort, or none. */
export function anyText(most: number, random: Random): string {
  const kind = random();
  if (kind < 0.1) return '';
  const length = Math.floor(most * random() ** 3);
  if (kind < 0.3) return pick(random, PIECES).repeat(length).slice(0, length);
  let text = '';
  while (text.length < length) text += pick(random, PIECES);
  return text.slice(0, length);
}
