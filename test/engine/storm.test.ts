/** An engine that is asked too much, too often, or about strange texts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { successors } from '../model/tiny.ts';
import { at, type Bench, makeBench, openWindow } from './real-engine.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => bench.dispose());

/** Resident memory of a process; 0 where the system does not tell (all but Linux). */
function residentMegabytes(pid: number): number {
  if (process.platform !== 'linux') return 0;
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

test('asked 200 times a second, each request in place of the one before: all settle, the last is answered', async (t) => {
  const w = openWindow(t, bench);
  await w.ready();
  const pid = w.client.pid!;
  const text = 'const x = 1;\n'.repeat(100);
  const storm = async (requests: number): Promise<void> => {
    const settled: Promise<unknown>[] = [];
    let last = new AbortController();
    for (let i = 0; i < requests; i++) {
      last.abort();
      last = new AbortController();
      settled.push(w.client.complete(at(`${text}let a${i} = u`), last.signal, 30_000));
      await sleep(5);
    }
    const answers = (await Promise.all(settled)) as { none?: string; edit?: { text: string } }[];
    for (const answer of answers.slice(0, -1))
      assert.ok(answer.edit !== undefined || answer.none === 'cancelled', JSON.stringify(answer));
    assert.equal(answers.at(-1)!.edit?.text, successors('u'));
  };
  await storm(200);
  const before = residentMegabytes(pid);
  await storm(600);
  assert.equal(w.client.pid, pid, 'the same process');
  const grown = residentMegabytes(pid) - before;
  assert.ok(grown < 64, `${grown} MB more after 600 requests`);
});

test('texts of only emoji, of one line of 100,000 characters, of nothing: answered or declined, in bounded memory', async (t) => {
  const w = openWindow(t, bench);
  await w.ready();
  const pid = w.client.pid!;
  const texts: [string, string][] = [
    ['', ''],
    ['👩‍👩‍👧‍👦'.repeat(700), '👍'.repeat(500)],
    ['x'.repeat(100_000), ''],
    ['', 'y'.repeat(100_000)],
    ['a b '.repeat(25_000), 'c'],
    ['\n'.repeat(50_000), '\n'.repeat(50_000)],
    ['\0\u202e\ufeff', '\u2028'],
  ];
  // The heap levels off after some fifteen rounds.
  for (let i = 0; i < 20; i++) for (const [text, rest] of texts) await w.complete(at(text, rest));
  const before = residentMegabytes(pid);
  for (let i = 0; i < 10; i++) {
    for (const [text, rest] of texts) {
      const answer = await w.complete(at(text, rest));
      assert.ok('edit' in answer || answer.none !== 'engine-unavailable', JSON.stringify(answer));
    }
  }
  assert.equal(w.client.pid, pid);
  const grown = residentMegabytes(pid) - before;
  assert.ok(grown < 64, `${grown} MB more after 70 requests`);
  assert.equal((await w.suggestion(at('let u'))).edit.text, successors('u'));
});
