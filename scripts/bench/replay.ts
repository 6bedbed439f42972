/**
 * `npm run bench -- replay [SOURCE] [--limit N]`: what the replay itself costs an ask, without any model. Its arm
 * answers each ask with what was typed or, every second time, with a wrong text, so that judging, syntax and figures
 * are all paid for. Beside the time stands the processor's, which other work on the machine disturbs less. The last
 * line is JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Answer } from '../../src/replay/arm.ts';
import { AnswerLog } from '../../src/replay/log.ts';
import { Moments } from '../../src/replay/moments.ts';
import { reportArms } from '../../src/replay/report.ts';
import { countAsks, replay } from '../../src/replay/run.ts';
import { openSource } from '../../src/replay/source.ts';
import { Syntax } from '../../src/replay/syntax.ts';
import type { Question } from '../../src/replay/typist.ts';
import { GRAMMARS, ROOT } from '../paths.ts';
import { UserError } from '../progress.ts';

/** What stands beside the tests: small enough for everybody. */
const SAMPLE = join(ROOT, 'test', 'replay', 'nanostores.jsonl.gz');

interface Part {
  readonly name: string;
  readonly ms: number;
  readonly cpuMs: number;
}

export async function benchReplay(options: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...options],
    allowPositionals: true,
    options: { limit: { type: 'string' } },
  });
  const limit = values.limit === undefined ? null : Number(values.limit);
  if (limit !== null && !(limit >= 1)) throw new UserError(`--limit is a whole number, not "${values.limit}".`);
  const history = openSource(positionals[0] ?? SAMPLE);
  const span = { since: null, limit, signals: null, every: 1 };
  const asks = countAsks(history, span, 0);
  const parts: Part[] = [];
  const time = async <T>(name: string, work: () => T | Promise<T>): Promise<T> => {
    const began = performance.now();
    const used = process.cpuUsage();
    const result = await work();
    const { user, system } = process.cpuUsage(used);
    parts.push({ name, ms: (performance.now() - began) / asks, cpuMs: (user + system) / 1000 / asks });
    return result;
  };
  await time('history, typist and asks', () => countAsks(history, span, 0));
  await time('all of it, every answer silent', () => run(() => null, null));
  await time('all of it, answers that insert', () => run(insert, null));
  const syntax = await Syntax.load(GRAMMARS);
  const played = await time('all of it, with syntax', () => run(insert, syntax));
  await time('figures, curves, intervals', () => reportArms([played], 0));
  for (const { name, ms, cpuMs } of parts) {
    console.log(`${name.padEnd(34)} ${ms.toFixed(3)} ms an ask (processor ${cpuMs.toFixed(3)})`);
  }
  const total = parts.at(-1)!.ms + parts.at(-2)!.ms;
  const cpuTotal = parts.at(-1)!.cpuMs + parts.at(-2)!.cpuMs;
  console.log(`a whole replay: ${total.toFixed(3)} ms an ask (processor ${cpuTotal.toFixed(3)}), of ${asks}`);
  const byName = Object.fromEntries(parts.map(({ name, ms }) => [name, ms]));
  console.log(JSON.stringify({ bench: 'replay', asks, msPerAsk: { ...byName, total }, cpuMsPerAsk: cpuTotal }));

  async function run(answer: (question: Question) => Answer | null, syntax: Syntax | null) {
    const dir = mkdtempSync(join(tmpdir(), 'knack-bench-'));
    const log = new AnswerLog(join(dir, 'answers.jsonl'));
    const kind = { name: 'insert', threshold: 0, hasModel: false, checkpoint: () => '', start: async () => arm };
    const arm = { answer };
    const { runs, times, checks } = await replay({
      history,
      span,
      seed: 0,
      running: [{ kind, arm }],
      log,
      syntax,
      taste: null,
      moments: new Moments(1000, asks),
      progress: () => undefined,
    });
    log.close();
    rmSync(dir, { recursive: true });
    const rest = { learns: false, learned: null, forgotten: null, peakMemory: 0 };
    return { name: 'insert', threshold: 0, runs, times: times[0]!, checks: checks[0]!, ...rest };
  }
}

let calls = 0;
/** A line's worth of text at the cursor, sure in varying degrees. */
function insert({ cursor }: Question): Answer {
  const text = calls++ % 2 === 0 ? 'value = compute(' : ')';
  return { edit: { start: cursor, end: cursor, text }, confidence: (calls % 97) / 97 };
}
