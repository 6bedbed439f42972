/** What the user named as a source: a replay file, or a git directory. */
import { statSync } from 'node:fs';
import { readGit } from './git.ts';
import { type History, ReplayError } from './history.ts';
import { readReplay } from './read.ts';

/** @throws ReplayError that says what is wrong with it */
export function openSource(path: string): History {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new ReplayError(`${path} does not exist.`);
  return found.isDirectory() ? readGit(path) : readReplay(path);
}
