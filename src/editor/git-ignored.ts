/**
 * Whether git ignores a file: asked of git itself, so that it is right with nested `.gitignore` files, excludes of the
 * repository and of the user, submodules and files that are tracked all the same. Works without VS Code's git extension
 * and on the remote side, wherever there is a git. Answers are kept until something that they rest on changes.
 */
import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What git says: ignored or not; null if there is no git, or no repository that it would answer for. */
export type AskGit = (path: string) => Promise<boolean | null>;

/** An answer that is older is asked for again; the old one holds until the new one is there. */
const FRESH_MS = 60_000;

/** Files whose answers are kept. */
const KEPT = 1_000;

const GIT_TIMEOUT_MS = 5_000;

export class GitIgnored {
  readonly #ask: AskGit;
  readonly #onAnswer: () => void;
  readonly #clock: () => number;
  /** By path, least recently asked first. */
  readonly #answers = new Map<string, { ignored: boolean; at: number }>();
  readonly #asking = new Map<string, object>();

  /** @param onAnswer an answer that was not known, or is another than before, has come */
  constructor(ask: AskGit, onAnswer: () => void, clock: () => number = Date.now) {
    this.#ask = ask;
    this.#onAnswer = onAnswer;
    this.#clock = clock;
  }

  /** Whether git ignores a file; undefined while that is not known, which is a matter of milliseconds. */
  has(path: string): boolean | undefined {
    const answer = this.#answers.get(path);
    if (answer === undefined || this.#clock() - answer.at > FRESH_MS) void this.#find(path);
    return answer?.ignored;
  }

  /** What the answers rest on has changed: they hold until the new ones are there. */
  refresh(): void {
    this.#asking.clear();
    for (const answer of this.#answers.values()) answer.at = -Infinity;
    for (const path of this.#answers.keys()) this.has(path);
  }

  async #find(path: string): Promise<void> {
    if (this.#asking.has(path)) return;
    const own = {};
    this.#asking.set(path, own);
    const ignored = (await this.#ask(path)) ?? false;
    if (this.#asking.get(path) !== own) return; // asked anew meanwhile
    this.#asking.delete(path);
    const before = this.#answers.get(path)?.ignored;
    this.#answers.delete(path);
    this.#answers.set(path, { ignored, at: this.#clock() });
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= KEPT) break;
      this.#answers.delete(oldest);
    }
    if (before !== ignored) this.#onAnswer();
  }
}

/**
 * Asks git about a file, in the folder that it really lies in: a path that leads through a symbolic link is none that
 * git would answer for. The repository's settings run nothing: its file monitor is switched off; and whose it is does not
 * matter, as nothing of it is run.
 *
 * @param git the program
 * @param onProblem told why there is no answer, where that is more than that there is no repository
 */
export function askGit(git: string, onProblem: (why: string) => void): AskGit {
  return (path) =>
    new Promise((resolve) => {
      const cwd = existingFolder(dirname(path));
      if (cwd === null) return resolve(null);
      const settings = ['-c', 'core.fsmonitor=false', '-c', 'safe.directory=*'];
      const args = [...settings, 'check-ignore', '--quiet', '--', basename(path)];
      const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' };
      execFile(git, args, { cwd, env, timeout: GIT_TIMEOUT_MS, windowsHide: true }, (error, _out, stderr) => {
        const code = error === null ? 0 : error.code;
        if (code === 0) return resolve(true);
        if (code === 1) return resolve(false);
        if (!/not a git repository/.test(stderr)) onProblem(`git check-ignore: ${stderr.trim() || error?.message}`);
        resolve(null);
      });
    });
}

/** A folder without symbolic links in it; null if it is not there (yet). */
function existingFolder(path: string): string | null {
  try {
    return realpathSync.native(join(path));
  } catch {
    return null;
  }
}
