/** Sources for tests: a small replay file of a real repository, altered copies of it, and git repositories made here. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';

/** 14 commits of nanostores/nanostores (MIT, licence beside it). */
export const SAMPLE = join(import.meta.dirname, 'nanostores.jsonl.gz');

export function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'knack-replay-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A copy of the sample with one of its lines (1-based) altered. */
export function altered(t: TestContext, line: number, alter: (text: string) => string): string {
  const lines = gunzipSync(readFileSync(SAMPLE)).toString('utf8').trimEnd().split('\n');
  lines[line - 1] = alter(lines[line - 1]!);
  const path = join(folder(t), 'altered.jsonl.gz');
  writeFileSync(path, gzipSync(`${lines.join('\n')}\n`));
  return path;
}

export function git(dir: string, ...args: string[]): string {
  const who = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false'];
  const env = { ...process.env, GIT_COMMITTER_DATE: '2025-07-01T12:00:00Z', GIT_AUTHOR_DATE: '2025-07-01T12:00:00Z' };
  return execFileSync('git', ['-C', dir, ...who, ...args], {
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export function repository(t: TestContext): string {
  const dir = folder(t);
  git(dir, 'init', '-q', '-b', 'main');
  return dir;
}

export function write(dir: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
}

export function commit(
  dir: string,
  subject: string,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): string {
  write(dir, files);
  git(dir, 'add', '-A');
  git(dir, 'commit', '-q', '--allow-empty', '-m', subject);
  return git(dir, 'rev-parse', 'HEAD').trim();
}
