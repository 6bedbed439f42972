/** `npm run tune` as a process, on a small model and a small history. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeTinyModel } from '../model/tiny.ts';
import { SAMPLE } from '../replay/sources.ts';

const dir = mkdtempSync(join(tmpdir(), 'knack-tune-'));
const script = join(import.meta.dirname, '..', '..', 'scripts', 'tune.ts');
const STEPS = 8;

before(() => {
  writeTinyModel(join(dir, 'tiny'), 1, true);
  writeTinyModel(join(dir, 'without'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

function tune(name: string, ...more: string[]): { child: ChildProcess; output: () => string; done: Promise<number> } {
  const size = ['--rank', '2', '--length', '128', '--steps', String(STEPS), '--save-every', '2', '--threads', '1'];
  const own = ['--model', join(dir, 'tiny'), '--name', name, ...size];
  const child = spawn(process.execPath, [script, SAMPLE, ...own, ...more], {
    env: { ...process.env, KNACK_CACHE_DIR: join(dir, 'cache') },
  });
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (text) => (output += text));
  return { child, output: () => output, done: once(child, 'close').then(([code]) => code as number) };
}

const folder = (name: string): string => join(dir, 'cache', 'tune', name);
const file = (name: string, of: string): Buffer =>
  readFileSync(join(folder(name), `step-${String(STEPS).padStart(6, '0')}`, of));
const losses = (name: string): number[] =>
  readFileSync(join(folder(name), 'curve.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .flatMap((line) => (JSON.parse(line) as { loss?: number }).loss ?? []);

test('a run in one go', async () => {
  const { output, done } = tune('whole', '--tune', SAMPLE, '--out', join(dir, 'out'));
  assert.equal(await done, 0, output());
  assert.equal(losses('whole').length, STEPS);
  assert.match(output(), /on the tune split \d.* nats a token; 32 asks, exact: far \d/);
  assert.deepEqual(readdirSync(folder('whole')).sort(), ['curve.jsonl', 'step-000006', 'step-000008']);
  assert.ok(existsSync(join(dir, 'out', 'adapter_model.safetensors')));
});

test('one that was ended, then killed, goes on to the same weights and moments, to the bit', async () => {
  assert.equal(await tune('parts', '--stop-at', '2').done, 0);
  const killed = tune('parts');
  while (!existsSync(join(folder('parts'), 'step-000004'))) await new Promise((resolve) => setTimeout(resolve, 20));
  killed.child.kill('SIGKILL');
  await killed.done;
  const last = tune('parts');
  assert.equal(await last.done, 0, last.output());
  assert.match(last.output(), /Goes on from step [46]\./);
  for (const each of ['adapter_model.safetensors', 'optimizer.safetensors', 'state.json']) {
    assert.ok(file('parts', each).equals(file('whole', each)), each);
  }
});

test("one that begins from another's weights, past the rows that it has seen, meets the same loss", async () => {
  const [rows, from] = ['12', join(folder('whole'), 'step-000006')];
  const { output, done } = tune('from', '--from', from, '--skip', rows, '--stop-at', '1');
  assert.equal(await done, 0, output());
  assert.deepEqual(losses('from'), [losses('whole')[6]]);
});

test('what cannot be is said in words', async () => {
  for (const [args, words] of [
    [['--model', join(dir, 'without')], /no tokens for the marks/],
    [['--steps', 'many'], /--steps is a number/],
    [['--nonsense'], /Usage/],
  ] as const) {
    const { output, done } = tune('bad', ...args);
    assert.equal(await done, 1);
    assert.match(output(), words);
  }
});
