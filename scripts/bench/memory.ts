/**
 * `npm run bench -- memory [--edits N]`: what a memory of N edits (100,000) costs: filling it, one edit more, a look-up,
 * forgetting one, and bytes. The edits are lines of ordinary code with other names in them, so that most of what is
 * looked up stands in very many places. No model: tokens are words and operators. The last line is JSON.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tokenize } from '../../src/completion/tokens.ts';
import { Memory } from '../../src/memory/memory.ts';
import { seeded } from '../../src/trainer/random.ts';
import { ROOT } from '../paths.ts';
import { UserError } from '../progress.ts';

const LOOKUPS = 5_000;

export async function benchMemory(options: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...options], options: { edits: { type: 'string', default: '100000' } } });
  const edits = Number(values.edits);
  if (!Number.isInteger(edits) || edits < 1) throw new UserError(`--edits is a whole number, not "${values.edits}".`);

  const ids = new Map<string, number>();
  const encode = (text: string): number[] =>
    tokenize(text).map((token) => {
      const id = ids.get(token) ?? ids.size;
      ids.set(token, id);
      return id;
    });
  const random = seeded(1);
  const lines = readFileSync(join(ROOT, 'media', 'code', 'ordinary.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .flatMap((line) => (JSON.parse(line) as { text: string }).text.split('\n'))
    .filter((line) => line.trim() !== '');
  const edit = (n: number): string => {
    const from = Math.floor(random() * (lines.length - 4));
    const text = lines.slice(from, from + 1 + Math.floor(random() * 2)).join('\n');
    return `\n${text.replace(/\b[a-z]\w{3,}\b/, (name) => `${name}${n % 5_000}`)}`;
  };

  const memory = new Memory(({ hunk }) => encode(`\n${hunk.added.join('\n')}`));
  const remember = (n: number): void => {
    const hunk = { anchor: null, removed: [], added: edit(n).split('\n') };
    memory.remember({ id: `${n}`, at: n, path: 'a.ts', kind: 'typed', change: { hunk, below: null } });
  };
  const filled = timed(1, () => {
    for (let n = 0; n < edits; n++) remember(n);
  });
  const contexts = Array.from({ length: LOOKUPS }, (_, n) => {
    const whole = encode(edit(n));
    return whole.slice(0, 2 + Math.floor(random() * whole.length)).slice(-64);
  });
  let found = 0;
  for (const context of contexts) if (memory.recall(context) !== null) found++;
  // The least of three: what else runs on the machine, and the collector, would make the slowest ones.
  const three = [0, 1, 2].map(() => contexts.map((context) => timed(1, () => memory.recall(context))[0]!));
  const look = contexts.map((_, n) => Math.min(...three.map((times) => times[n]!))).sort((a, b) => a - b);
  const more = timed(1_000, (n) => remember(edits + n));
  const forget = timed(1_000, (n) => memory.forget(`${edits + n}`));

  const ms = (sorted: readonly number[], share: number): number =>
    Number(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(4));
  const result = {
    edits: memory.size,
    bytesAnEdit: Math.round(memory.bytes / memory.size),
    fillSeconds: Number((filled[0]! / 1000).toFixed(1)),
    lookup: { p50: ms(look, 0.5), p99: ms(look, 0.99), max: ms(look, 1), found: found / LOOKUPS },
    remember: { p50: ms(more, 0.5), p99: ms(more, 0.99) },
    forget: { p50: ms(forget, 0.5), p99: ms(forget, 0.99) },
  };
  console.log(
    `${result.edits} edits in ${(memory.bytes / 1e6).toFixed(0)} MB, filled in ${result.fillSeconds} s; in ms:`,
  );
  for (const [name, { p50, p99 }] of Object.entries({
    lookup: result.lookup,
    remember: result.remember,
    forget: result.forget,
  }))
    console.log(`  ${name.padEnd(9)} ${p50} (p99 ${p99})`);
  console.log(JSON.stringify(result));
}

/** Milliseconds of each of `count` steps, ascending. */
function timed(count: number, step: (n: number) => unknown): number[] {
  const times = Array.from({ length: count }, (_, n) => {
    const began = performance.now();
    step(n);
    return performance.now() - began;
  });
  return times.sort((a, b) => a - b);
}
