import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { UserError } from '../../scripts/progress.ts';
import { parseOptions } from '../../scripts/replay.ts';
import { ReplayError } from '../../src/replay/history.ts';
import { AnswerLog } from '../../src/replay/log.ts';
import { writeTinyModel } from '../model/tiny.ts';
import { commit, repository, SAMPLE } from './sources.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'knack-session-'));
  writeTinyModel(join(dir, 'tiny'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in a cache of its own; `killAfter`: it is killed once so many answers are logged. */
function command(cache: string, args: readonly string[], killAfter?: number): Promise<Ended> {
  const env = { ...process.env, KNACK_CACHE_DIR: join(dir, cache), KNACK_REPLAY_MODEL: join(dir, 'tiny') };
  const script = join(import.meta.dirname, '..', '..', 'scripts', 'replay.ts');
  const child = spawn(process.execPath, [script, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  const watch = setInterval(() => {
    if (killAfter !== undefined && logged(cache).split('\n').length > killAfter) child.kill('SIGKILL');
  }, 5);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(watch);
      resolve({ code, stdout, stderr });
    });
  });
}

/** The file that answers are logged in, and what it holds. */
function logPath(cache: string): string | null {
  const folder = join(dir, cache, 'replays');
  const name = existsSync(folder) ? readdirSync(folder)[0] : undefined;
  return name === undefined ? null : join(folder, name);
}
function logged(cache: string): string {
  const path = logPath(cache);
  return path === null ? '' : readFileSync(path, 'utf8');
}

/** A report without what two runs may differ in; the checkout may move on while tests run. */
function withoutCost(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'), (key, value) =>
    key === 'cost' || key === 'commit' ? undefined : value,
  );
}

// A third of the asks: each is answered six times by a model.
const ARGS = [SAMPLE, '--limit', '2', '--every', '3', '--seed', '5'];

test('one worker or two, in one go or killed and resumed: the same report but for its cost', async () => {
  const out = (name: string) => join(dir, `${name}.json`);
  const one = await command('one', [...ARGS, '--workers', '1', '--out', out('one')]);
  assert.equal(one.code, 0, one.stderr);
  assert.match(one.stdout, /zeroshot .*\n.*copy /);
  const two = await command('two', [...ARGS, '--workers', '2', '--out', out('two')]);
  assert.equal(two.code, 0, two.stderr);

  const killed = await command('killed', [...ARGS, '--workers', '2', '--out', out('killed')], 20);
  assert.equal(killed.code, null, 'it was killed');
  assert.equal(existsSync(out('killed')), false);
  appendFileSync(logPath('killed')!, '{"id":"torn');
  const resumed = await command('killed', [...ARGS, '--workers', '2', '--out', out('killed')]);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.match(resumed.stderr, /\d+ answers from an earlier run/);

  const expected = withoutCost(out('one'));
  assert.deepEqual(withoutCost(out('two')), expected);
  assert.deepEqual(withoutCost(out('killed')), expected);
  assert.ok(!logged('killed').includes('torn'));
  const ids = logged('killed')
    .trimEnd()
    .split('\n')
    .map((l) => JSON.parse(l))
    .map(({ id, arm }) => `${arm} ${id}`);
  assert.equal(new Set(ids).size, ids.length, 'no answer was worked out twice');

  const { protocol, seed, sources, pooled } = expected as Record<string, unknown> & {
    sources: { arms: { name: string; shown: number }[] }[];
    pooled: unknown;
  };
  assert.deepEqual([protocol, seed], [1, 5]);
  assert.deepEqual(
    sources[0]!.arms.map((a) => a.name),
    ['frozen', 'zeroshot', 'copy'],
  );
  assert.deepEqual(pooled, { arms: sources[0]!.arms }, 'one source pooled is itself');
});

test('--since takes earlier commits over without asks, --signals ends at a signal of the first arm', async () => {
  const report = async (...args: string[]) => {
    const out = join(dir, 'part.json');
    const { code, stderr } = await command('part', [SAMPLE, '--arms', 'copy', ...args, '--out', out]);
    assert.equal(code, 0, stderr);
    return JSON.parse(readFileSync(out, 'utf8')).pooled.arms[0];
  };
  const all = await report();
  const late = await report('--since', '2021-10-20');
  const sum = (a: { asks: Record<string, number> }) => Object.values(a.asks).reduce((x, y) => x + y, 0);
  assert.ok(sum(late) > 0 && sum(late) < sum(all));
  assert.equal((await report('--signals', '10')).shown, 10);
  assert.equal(sum(await report('--every', '4')), Math.ceil(sum(all) / 4));
  const sequence = join(dir, 'sequence.json');
  await command('part', [SAMPLE, SAMPLE, '--arms', 'copy', '--sequence', '--limit', '2', '--out', sequence]);
  const [first, second] = JSON.parse(readFileSync(sequence, 'utf8')).sources;
  assert.ok(second.arms[0].exact.typing > first.arms[0].exact.typing, 'the second time it has seen every line');
});

test('a history of binary files is an error that says what was left out', async (t) => {
  const source = repository(t);
  commit(source, 'Picture', { 'image.png': Uint8Array.of(0x89, 0x50, 0, 1) });
  const { code, stderr } = await command('binary', [source, '--arms', 'copy']);
  assert.equal(code, 1);
  assert.match(stderr, /has nothing to replay: left out were 1 × binary, not UTF-8 or huge/);
});

test('a source without anything to replay is an error that says so', async () => {
  const { code, stderr } = await command('none', [SAMPLE, '--arms', 'copy', '--since', '2030-01-01']);
  assert.equal(code, 1);
  assert.match(stderr, /has nothing to replay/);
});

const WRONG: readonly (readonly [args: string[], expected: RegExp])[] = [
  [[], /No source was given/],
  [['x', '--lazy', '64'], /Unknown option '--lazy'/],
  [['x', '--idle', '0'], /--idle is a whole number/],
  [['x', '--arms', 'magic'], /no arm "magic".*frozen, zeroshot, prior, copy/],
  [['x', '--threshold', 'high'], /--threshold is a number/],
  [['x', '--canary', 'y', '--canary-asks', '0'], /--canary-asks is a whole number of at least 1/],
  [['x', '--every', '0'], /--every is a whole number/],
  [['x', '--limit', '0'], /--limit is a whole number of at least 1/],
  [['x', '--seed', '1.5'], /--seed is a whole number/],
  [['x', '--since', 'yesterday'], /--since is a date/],
  [['x', '--workers'], /--workers/],
];
for (const [args, expected] of WRONG) {
  test(`options ${JSON.stringify(args)} are refused`, () => {
    assert.throws(
      () => parseOptions(args),
      (e) => e instanceof UserError && expected.test(e.message) && /Usage/.test(e.message),
    );
  });
}

test("a canary has the protocol's 3,000 asks unless it is told otherwise", () => {
  assert.equal(parseOptions(['x', '--canary', 'y']).canaryAsks, 3000);
  assert.equal(parseOptions(['x', '--canary', 'y', '--canary-asks', '400']).canaryAsks, 400);
});

test('an answer log keeps what was added, drops a torn last line and refuses a damaged one', () => {
  const path = join(dir, 'log', 'answers.jsonl');
  const answer = {
    edit: { start: { line: 0, character: 1 }, end: { line: 0, character: 1 }, text: 'é\n' },
    confidence: -0.1,
  };
  const log = new AnswerLog(path);
  log.add('a', 'arm', 'base', { answer, ms: 1 });
  log.add('b', 'arm', 'base', { answer: null, ms: 2 });
  log.close();
  appendFileSync(path, '{"id":"c","arm":');
  const again = new AnswerLog(path);
  assert.equal(again.size, 2);
  assert.deepEqual(again.find('a', 'arm', 'base'), { answer, ms: 1 });
  assert.equal(again.find('a', 'arm', 'other'), undefined);
  again.add('c', 'arm', 'base', { answer: null, ms: 3 });
  again.close();
  assert.equal(readFileSync(path, 'utf8').split('\n').length, 4);
  writeFileSync(path, `nonsense\n${readFileSync(path, 'utf8')}`);
  assert.throws(
    () => new AnswerLog(path),
    (e) => e instanceof ReplayError && /line 1/.test(e.message),
  );
});
