/** What the machine itself must have: programs that come from its package manager, not from npm. */
import { existsSync, readFileSync } from 'node:fs';
import { isInPath, run } from '../process.ts';
import { UserError } from '../progress.ts';

/** A program that is needed, the Debian package that holds it, and how to tell that it is there. */
export interface Need {
  readonly debian: string;
  readonly present: () => boolean;
}

/** A program that is found through PATH. */
export const program = (name: string, debian = name): Need => ({ debian, present: () => isInPath(name) });

/**
 * Makes sure of the programs: installs what is missing where that is allowed (root on Debian or Ubuntu), else throws
 * with the one line that the user has to run.
 * @param why completes the sentence "… is needed to …".
 */
export async function ensurePrograms(
  needs: readonly Need[],
  why: string,
  detail: (line: string) => void,
): Promise<void> {
  const packages = missing(needs);
  if (packages.length === 0) return;
  const list = packages.join(' ');
  if (process.platform === 'darwin') {
    throw new UserError(
      `${list} is needed to ${why}: run "xcode-select --install" (compilers, python3), then this again.`,
    );
  }
  if (!isDebian())
    throw new UserError(`These are needed to ${why}: ${list} (Debian's names). Install them, then run this again.`);
  if (process.getuid?.() !== 0) {
    throw new UserError(
      `Debian packages are needed to ${why}. Run this line, then the command again:\n\n    sudo apt-get update && sudo apt-get install -y ${list}\n`,
    );
  }
  detail(`installing Debian packages: ${list}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () =>
    run('apt-get', ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', ...packages], { env });
  await run('apt-get', ['update'], { env }); // if it fails, the lists that are there may still do
  const { status, output } = await install();
  const left = missing(needs);
  if (left.length === 0) return;
  throw new UserError(
    `apt-get could not install ${left.join(' ')} (exit status ${status}):\n${output.trim().split('\n').slice(-8).join('\n')}`,
  );
}

const missing = (needs: readonly Need[]) => needs.filter((need) => !need.present()).map((need) => need.debian);

/** Whether this is Debian or one of its kind, by os-release(5). */
function isDebian(): boolean {
  if (!existsSync('/etc/os-release')) return false;
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
}
