import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { GRAMMARS } from '../../scripts/paths.ts';
import type { Lesson } from '../../src/replay/arm.ts';
import type { ArmKind } from '../../src/replay/arms.ts';
import { Copy } from '../../src/replay/copy.ts';
import { hunksOf } from '../../src/replay/git.ts';
import { type History, ReplayError } from '../../src/replay/history.ts';
import { Lessons } from '../../src/replay/lessons.ts';
import { runSession, type Session, type Settings, type Source, type Watcher } from '../../src/replay/session.ts';
import { openSource } from '../../src/replay/source.ts';
import { type Ask, Typist } from '../../src/replay/typist.ts';
import { REPEATER, Repeater } from './repeater.ts';
import { SAMPLE } from './sources.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'knack-learner-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

const QUIET: Watcher = { begin() {}, progress() {}, end() {} };

function settings(logs: string, arms: readonly ArmKind[], other: Partial<Settings> = {}): Settings {
  return {
    arms,
    span: { since: null, limit: null, signals: null, every: 1 },
    seed: 1,
    workers: 1,
    sequence: false,
    idle: 8,
    canary: null,
    taste: null,
    place: { model: null, cacheDir: dir, adapter: null, code: '' },
    grammars: GRAMMARS,
    moments: 0,
    worker: join(import.meta.dirname, 'repeater-worker.ts'),
    logs: join(dir, logs),
    code: '',
    learning: '',
    ...other,
  };
}

/** Each commit puts the same mark at the end of a line that stands in a file of its own. */
function repetitive(commits: number): Source {
  const history: History = {
    name: 'repetitive',
    skipped: new Map(),
    *commits() {
      for (let n = 0; n < commits; n++) {
        const [before, after] = [`file ${n}\ncall(x)\nend\n`, `file ${n}\ncall(x).unwrap\nend\n`];
        const path = `f${n}.rs`;
        const file = { path, languageId: 'rust', before, after, hunks: hunksOf(before, after)! };
        yield { id: `${n}`.padStart(12, '0'), time: n, files: [file] };
      }
    },
  };
  return { source: 'repetitive', history, fingerprint: `repetitive ${commits}` };
}
const sample = (): Source => ({ source: SAMPLE, history: openSource(SAMPLE), fingerprint: 'sample' });

/** A report without what two runs may differ in. */
const plain = ({ report }: Session) => JSON.parse(JSON.stringify(report, (k, v) => (k === 'cost' ? undefined : v)));

test('a fate and what was typed are told once the path has left their hunk, and not for skipped asks', () => {
  const lessons = new Lessons(0.5, false);
  const asks = new Map<unknown, Ask>();
  const left = new Set<string>();
  let told = 0;
  const check = (all: readonly Lesson[]): void => {
    for (const { question, fate, typed } of all) {
      const ask = asks.get(question)!;
      told++;
      if (ask.point === 'rest') {
        assert.deepEqual([fate, typed], ['rejected', null]);
        continue;
      }
      assert.ok(left.has(`${ask.commit}/${ask.file}/${ask.settles}`), ask.id);
      assert.equal(ask.judge(typed).outcome, 'right', 'what was typed is where the path leads');
    }
  };
  let index = 0;
  let shown = 0;
  for (const [i, commit] of [...openSource(SAMPLE).commits()].entries()) {
    for (const p of new Typist(0).play(commit, i)) {
      if (p.kind === 'left') {
        left.add(`${p.commit}/${p.file}/${p.hunk}`);
        check(lessons.left(p));
      }
      if (p.kind !== 'ask') continue;
      const { ask } = p;
      asks.set(ask.question, ask);
      const edit = { start: ask.question.cursor, end: ask.question.cursor, text: '~' };
      const isShown = index % 3 !== 0;
      if (isShown) shown++;
      const place = { ...ask, index, ...ask.judge(edit), confidence: isShown ? 1 : null, quality: null };
      check(lessons.ask(ask, place, { edit, confidence: 1 }));
      index++;
    }
  }
  assert.equal(told, shown);
});

test('of an accept the fate alone is told, asks that it covers are not', () => {
  const [commit] = [...repetitive(1).history.commits()];
  const lessons = new Lessons(0.5, false);
  const told: Lesson[] = [];
  let index = 0;
  for (const p of new Typist(1).play(commit!, 0)) {
    if (p.kind === 'left') told.push(...lessons.left(p));
    if (p.kind !== 'ask' || p.ask.point === 'rest') continue;
    const answer = { edit: p.ask.typed()!, confidence: 1 };
    told.push(
      ...lessons.ask(
        p.ask,
        { ...p.ask, index: index++, confidence: 1, quality: null, ...p.ask.judge(answer.edit) },
        answer,
      ),
    );
  }
  assert.ok(index > 1);
  assert.deepEqual(
    told.map((l) => [l.fate, l.at]),
    [['accepted', 0]],
  );
});

test('silent hunks teach arms with +typing alone, one lesson a hunk', () => {
  const [commit] = [...repetitive(1).history.commits()];
  const told = (typing: boolean): Lesson[] => {
    const lessons = new Lessons(0.5, typing);
    let index = 0;
    return [...new Typist(1).play(commit!, 0)].flatMap((p) => {
      if (p.kind === 'left') return lessons.left(p);
      if (p.kind !== 'ask') return [];
      return lessons.ask(
        p.ask,
        { ...p.ask, index: index++, confidence: null, quality: null, ...p.ask.judge(null) },
        null,
      );
    });
  };
  assert.deepEqual(told(false), []);
  assert.deepEqual(
    told(true).map(({ fate, answer, typed }) => [fate, answer, typed?.text]),
    [['silent', null, '.unwrap']],
  );
});

test('an arm that learns is tested first and trained after, and gets better on what repeats', async () => {
  const session = await runSession([repetitive(40)], settings('better', [REPEATER]), QUIET);
  const [arm] = session.report.pooled.arms;
  const accepted = arm!.bySignals.map((p) => p.accepted);
  assert.equal(arm!.curveIs, 'counterfactual');
  assert.equal(arm!.exact.arrival, 37 / 40, 'not right before it has trained');
  assert.ok(accepted[0]! > 0);
  const { training } = arm!.cost;
  assert.equal(training!.labels, arm!.shown);
  assert.equal(training!.steps, Math.floor(arm!.shown / 8));
  const never = await runSession([repetitive(40)], settings('never', [REPEATER], { idle: 1e6 }), QUIET);
  assert.equal(never.report.pooled.arms[0]!.accepted, 0);
});

test('a fresh arm for each source, unless in sequence', async () => {
  const twice = [repetitive(20), repetitive(21)];
  const exact = async (sequence: boolean): Promise<number> => {
    const session = await runSession(twice, settings(`sequence ${sequence}`, [REPEATER], { sequence }), QUIET);
    return session.report.sources[1]!.arms[0]!.exact.arrival!;
  };
  assert.ok((await exact(false)) < 1);
  assert.equal(await exact(true), 1, 'it knows from the first source what repeats in the second');
});

for (const where of ['answering', 'training', 'saving'] as const) {
  test(`a run that ended while ${where} goes on to the same report, and trains no more than once`, async () => {
    const source = sample();
    const span = { since: null, limit: 4, signals: null, every: 1 };
    const whole = await runSession([source], settings('whole', [REPEATER], { span }), QUIET);
    let calls = 0;
    const fail = (at: number): void => {
      if (++calls === at) throw new ReplayError('The power went.');
    };
    class Frail extends Repeater {
      override answer(question: Parameters<Repeater['answer']>[0]) {
        if (where === 'answering') fail(150);
        return super.answer(question);
      }
      override async train() {
        if (where === 'training') fail(5);
        return super.train();
      }
      override async save(path: string) {
        await super.save(path);
        if (where === 'saving') fail(5);
      }
    }
    const logs = `broken ${where}`;
    const frail = { ...REPEATER, start: async () => new Frail() };
    await assert.rejects(runSession([source], settings(logs, [frail], { span }), QUIET), /power went/);
    const again = new Repeater();
    const resumed = await runSession(
      [source],
      settings(logs, [{ ...REPEATER, start: async () => again }], { span }),
      QUIET,
    );
    assert.deepEqual(plain(resumed), plain(whole));
    const { steps } = resumed.report.pooled.arms[0]!.cost.training!;
    assert.ok(again.trainings > 0 && again.trainings < steps, `${again.trainings} of ${steps} trainings`);
    const [log] = readdirSync(join(dir, logs)).filter((n) => n.endsWith('.jsonl'));
    const lines = readFileSync(join(dir, logs, log!), 'utf8')
      .trimEnd()
      .split('\n');
    assert.equal(new Set(lines.map((l) => JSON.parse(l).id ?? JSON.parse(l).training)).size, lines.length);
  });
}

test('killed with kill -9 in the middle, a run in two processes goes on to the same report', async () => {
  const run = (logs: string, killAt: number | null): Promise<NodeJS.Signals | null> => {
    const script = join(import.meta.dirname, 'repeater-run.ts');
    const args = [script, join(dir, logs), join(dir, `${logs}.json`)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    const watch = setInterval(() => {
      const log = existsSync(join(dir, logs)) && readdirSync(join(dir, logs)).find((n) => n.endsWith('.jsonl'));
      if (!log || killAt === null) return;
      if (readFileSync(join(dir, logs, log), 'utf8').split('\n').length > killAt) child.kill('SIGKILL');
    }, 2);
    return new Promise((resolve) => {
      child.on('close', (_, signal) => {
        clearInterval(watch);
        resolve(signal);
      });
    });
  };
  assert.equal(await run('killed', 60), 'SIGKILL');
  assert.equal(await run('killed', null), null);
  assert.equal(await run('unbroken', null), null);
  const read = (name: string) =>
    JSON.parse(readFileSync(join(dir, `${name}.json`), 'utf8'), (key, value) => (key === 'cost' ? undefined : value));
  assert.deepEqual(read('killed'), read('unbroken'));
});

test('in a process of its own it answers the same', async () => {
  const here = await runSession([repetitive(30)], settings('here', [REPEATER]), QUIET);
  const there = await runSession([repetitive(30)], settings('there', [{ ...REPEATER, hasModel: true }]), QUIET);
  assert.deepEqual(plain(there), plain(here));
  assert.ok(there.report.pooled.arms[0]!.cost.peakMemory > 1e6);
});

test('forgetting: exact at arrival in a canary before and after; too short a canary and one of the sources are refused', async () => {
  const copy: ArmKind = { ...REPEATER, name: 'copy', start: async () => new Copy() };
  delete (copy as { learns?: unknown }).learns;
  const canary = { source: repetitive(30), asks: 25 };
  const session = await runSession([repetitive(40)], settings('canary', [REPEATER, copy], { canary }), QUIET);
  assert.deepEqual(session.report.pooled.arms[0]!.forgetting, { asks: 25, before: 0, after: 1 });
  assert.equal(session.report.pooled.arms[1]!.forgetting!.before, 0);
  await assert.rejects(
    runSession([repetitive(40)], settings('short', [REPEATER], { canary: { ...canary, asks: 31 } }), QUIET),
    /has 30 asks at arrival; 31 are needed/,
  );
  await assert.rejects(
    runSession([repetitive(30)], settings('same', [REPEATER], { canary }), QUIET),
    /is one of the sources/,
  );
});
