import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { askGit, GitIgnored } from '../../src/editor/git-ignored.ts';

describe('what git says', () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-ignored-')));
  const repo = join(dir, 'repo');
  const problems: string[] = [];
  const ask = askGit('git', (why) => problems.push(why));
  const git = (...args: string[]): void => {
    const env = { ...process.env, GIT_CONFIG_GLOBAL: join(dir, 'config'), GIT_CONFIG_NOSYSTEM: '1' };
    execFileSync('git', args, { cwd: repo, env, stdio: 'pipe' });
  };
  const write = (name: string, text = ''): string => {
    const path = join(repo, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  };

  before(() => {
    mkdirSync(repo);
    git('init', '--quiet');
    write('.gitignore', 'out/\n*.log\n!kept.log\n/tracked.txt\n');
    write('deep/.gitignore', 'local.ts\n');
    write('.git/info/exclude', 'mine.ts\n');
    write('tracked.txt');
    git('add', '--force', 'tracked.txt');
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  for (const [name, expected] of [
    ['src/a.ts', false],
    ['out/a.ts', true],
    ['out/deep/a.ts', true],
    ['a.log', true],
    ['kept.log', false],
    ['deep/local.ts', true],
    ['local.ts', false],
    ['mine.ts', true],
    ['tracked.txt', false], // a pattern names it, but git has it
    ['-q', false],
    ['Übung mit Leerzeichen.log', true],
  ] as const) {
    test(`${name}: ${expected ? 'ignored' : 'not ignored'}`, async () =>
      assert.equal(await ask(write(name)), expected));
  }

  test('a file that is not written yet', async () => {
    assert.equal(await ask(join(repo, 'new.log')), true);
    assert.equal(await ask(join(repo, 'no', 'such', 'folder.log')), null);
  });

  test('through a symbolic link: by where it lies', async () => {
    symlinkSync(join(repo, 'out'), join(dir, 'link'));
    write('out/linked.ts');
    assert.equal(await ask(join(dir, 'link', 'linked.ts')), true);
  });

  test('no repository, no git: no answer, and only the second is a problem', async () => {
    writeFileSync(join(dir, 'alone.log'), '');
    assert.equal(await ask(join(dir, 'alone.log')), null);
    assert.equal(problems.length, 0);
    assert.equal(await askGit(join(dir, 'no-git'), (why) => problems.push(why))(join(repo, 'a.log')), null);
    assert.match(problems.join(), /ENOENT/);
  });

  test('a git that fails has not said, and why is told', { skip: process.platform === 'win32' }, async () => {
    const broken = join(dir, 'broken-git');
    writeFileSync(broken, '#!/bin/sh\necho "fatal: out of sorts" >&2\nexit 128\n');
    chmodSync(broken, 0o755);
    const why: string[] = [];
    assert.equal(await askGit(broken, (w) => why.push(w))(join(repo, 'a.log')), undefined);
    assert.deepEqual(why, ['git check-ignore: fatal: out of sorts']);
  });

  test("a repository's file monitor is not run", { skip: process.platform === 'win32' }, async () => {
    const hook = join(dir, 'hook');
    writeFileSync(hook, `#!/bin/sh\ntouch ${join(dir, 'ran')}\n`);
    chmodSync(hook, 0o755);
    git('config', 'core.fsmonitor', hook);
    git('status'); // this runs it
    assert.ok(existsSync(join(dir, 'ran')), 'the hook would have been run');
    rmSync(join(dir, 'ran'));
    assert.equal(await ask(join(repo, 'a.log')), true);
    assert.equal(existsSync(join(dir, 'ran')), false);
  });
});

describe('answers are kept', () => {
  /** Answers when told to. */
  function slow() {
    const asked: { path: string; answer: (ignored: boolean | null | undefined) => void }[] = [];
    const clock = { now: 0 };
    let told = 0;
    const ignored = new GitIgnored(
      (path) => new Promise((answer) => asked.push({ path, answer })),
      () => told++,
      () => clock.now,
    );
    const answer = async (value: boolean | null | undefined): Promise<void> => {
      asked.shift()!.answer(value);
      await new Promise((resolve) => setImmediate(resolve));
    };
    return { ignored, asked, clock, answer, told: () => told };
  }

  test('not known, then known, asked once', async () => {
    const { ignored, asked, answer, told } = slow();
    assert.equal(ignored.has('/a'), undefined);
    assert.equal(ignored.has('/a'), undefined);
    assert.equal(asked.length, 1);
    await answer(true);
    assert.deepEqual([ignored.has('/a'), told(), asked.length], [true, 1, 0]);
  });

  test('where git says nothing, nothing is ignored', async () => {
    const { ignored, answer } = slow();
    ignored.has('/a');
    await answer(null);
    assert.equal(ignored.has('/a'), false);
  });

  test('an old answer holds until the new one is there', async () => {
    const { ignored, clock, asked, answer, told } = slow();
    ignored.has('/a');
    await answer(false);
    clock.now += 61_000;
    assert.equal(ignored.has('/a'), false);
    assert.equal(asked.length, 1);
    await answer(false);
    assert.equal(told(), 1, 'nothing new');
  });

  test('an answer that was under way when something changed is not believed', async () => {
    const { ignored, answer } = slow();
    ignored.has('/a');
    await answer(false);
    ignored.refresh();
    ignored.has('/a');
    ignored.refresh();
    ignored.has('/a');
    await answer(true); // the first question of the two
    assert.equal(ignored.has('/a'), false);
    await answer(true);
    assert.equal(ignored.has('/a'), true);
  });

  test('where git fails, what it said last holds; a file of which it never said is not read', async () => {
    const { ignored, clock, asked, answer, told } = slow();
    ignored.has('/a');
    ignored.has('/b');
    await answer(true);
    await answer(undefined);
    assert.deepEqual([ignored.has('/a'), ignored.has('/b'), told()], [true, undefined, 1]);
    assert.equal(asked.length, 0, 'not again right away');
    clock.now += 61_000;
    ignored.has('/a');
    ignored.has('/b');
    await answer(undefined);
    assert.equal(ignored.has('/a'), true);
    await answer(false);
    assert.equal(ignored.has('/b'), false);
  });

  test('hundreds of files at once: four gits at a time, and none before it is wanted', async () => {
    const { ignored, asked, answer, told } = slow();
    for (let n = 0; n < 300; n++) ignored.has(`/${n}`);
    assert.equal(asked.length, 4);
    for (let n = 0; n < 300; n++) await answer(n % 2 === 0);
    assert.deepEqual([asked.length, told()], [0, 300]);
    assert.deepEqual([ignored.has('/0'), ignored.has('/299')], [true, false]);
    ignored.refresh();
    assert.equal(asked.length, 0);
    assert.equal(ignored.has('/0'), true);
    assert.equal(asked.length, 1);
  });
});
