/** What the user named as a source: a replay file, or a git directory. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { type GitOptions, headOf, readGit } from './git.ts';
import { type History, ReplayError } from './history.ts';
import { readReplay } from './read.ts';

/**
 * @param options for a git directory
 * @throws ReplayError that says what is wrong with it
 */
export function openSource(path: string, options: GitOptions = {}): History {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new ReplayError(`${path} does not exist.`);
  return found.isDirectory() ? readGit(path, options) : readReplay(path);
}

/** Changes when the history, or what is taken of it, does; hex. For a source that could be opened. */
export function fingerprintOf(path: string, options: GitOptions = {}): string {
  const content = statSync(path).isDirectory()
    ? headOf(path, options.git) + JSON.stringify({ ...options, git: '' })
    : readFileSync(path);
  return createHash('sha256').update(content).digest('hex');
}
