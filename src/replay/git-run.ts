/** Runs git's plumbing, whatever the user's own settings are. */
import { spawnSync } from 'node:child_process';
import { ReplayError } from './history.ts';

export interface Repository {
  /** A folder in it, or a bare one. */
  readonly dir: string;
  /** Path of git. */
  readonly program: string;
}

/** Most bytes that git may answer to one question. */
const MAX_ANSWER = 1 << 30;

/** @throws ReplayError with what git says */
export function git(repository: Repository, args: readonly string[], stdin = ''): Buffer {
  const { status, stdout, stderr, error } = run(repository, args, stdin);
  if (error) throw new ReplayError(`git could not be run: ${error.message}.`);
  if (status !== 0)
    throw new ReplayError(`"git ${args[0]}" failed in ${repository.dir}: ${stderr.toString('utf8').trim()}`);
  return stdout;
}

/** Without judging how it ended. */
export function run({ dir, program }: Repository, args: readonly string[], stdin = '') {
  // The user's git settings, environment and replacement objects must not change what is read.
  const env: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C', GIT_NO_REPLACE_OBJECTS: '1', GIT_OPTIONAL_LOCKS: '0' };
  for (const name of ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_OBJECT_DIRECTORY']) delete env[name];
  const settings = [
    '-c',
    'diff.renames=true',
    '-c',
    'diff.renameLimit=1000',
    '-c',
    'core.quotePath=false',
    '-c',
    'log.showSignature=false',
  ];
  return spawnSync(program, ['-C', dir, ...settings, ...args], { input: stdin, env, maxBuffer: MAX_ANSWER });
}
