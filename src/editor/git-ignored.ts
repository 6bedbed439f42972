/**
 * Whether git ignores a file: asked of git itself, so that it is right with nested `.gitignore` files, excludes of the
 * repository and of the user, submodules and files that are tracked all the same. Works without VS Code's git extension
 * and on the remote side, wherever there is a git. Answers are kept until something that they rest on changes.
 */
import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * What git says: ignored or not; null if there is no git, or no repository that it would answer for; undefined if it
 * failed, so that nothing is known.
 */
export type AskGit = (path: string) => Promise<boolean | null | undefined>;

/** An answer that is older is asked for again; the old one holds until the new one is there. */
const FRESH_MS = 60_000;

/** Files whose answers are kept. */
const KEPT = 1_000;

const GIT_TIMEOUT_MS = 5_000;

/** After which git is asked again where it failed. */
const RETRY_MS = 10_000;

/** Gits that run at once: hundreds of files may change in one go. */
const MOST_AT_ONCE = 4;

export class GitIgnored {
  readonly #ask: AskGit;
  readonly #onAnswer: () => void;
  readonly #clock: () => number;
  /** By path, least recently asked first; undefined: git failed, and has never said. */
  readonly #answers = new Map<string, { readonly ignored: boolean | undefined; until: number }>();
  readonly #asking = new Map<string, object>();
  #running = 0;
  /** What waits for its turn. */
  readonly #queue: (() => void)[] = [];

  /** @param onAnswer an answer that was not known, or is another than before, has come */
  constructor(ask: AskGit, onAnswer: () => void, clock: () => number = Date.now) {
    this.#ask = ask;
    this.#onAnswer = onAnswer;
    this.#clock = clock;
  }

  /** Whether git ignores a file; undefined while that is not known, which is a matter of milliseconds. */
  has(path: string): boolean | undefined {
    const answer = this.#answers.get(path);
    if (answer === undefined || this.#clock() > answer.until) void this.#find(path);
    return answer?.ignored;
  }

  /** What the answers rest on has changed: they hold until the new ones are there, which are asked for as they are wanted. */
  refresh(): void {
    this.#asking.clear();
    for (const answer of this.#answers.values()) answer.until = -Infinity;
  }

  async #find(path: string): Promise<void> {
    if (this.#asking.has(path)) return;
    const own = {};
    this.#asking.set(path, own);
    const said = await this.#inTurn(() => (this.#asking.get(path) === own ? this.#ask(path) : undefined));
    if (this.#asking.get(path) !== own) return; // asked anew meanwhile
    this.#asking.delete(path);
    const before = this.#answers.get(path)?.ignored;
    // What git cannot say now is as it was: a file that was ignored is not read because a git took too long.
    const ignored = said === undefined ? before : (said ?? false);
    this.#answers.delete(path);
    this.#answers.set(path, { ignored, until: this.#clock() + (said === undefined ? RETRY_MS : FRESH_MS) });
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= KEPT) break;
      this.#answers.delete(oldest);
    }
    if (before !== ignored) this.#onAnswer();
  }

  async #inTurn<T>(work: () => Promise<T> | T): Promise<T> {
    if (this.#running >= MOST_AT_ONCE) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#running++;
    try {
      return await work();
    } finally {
      // The next one takes this one's place.
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
    }
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
        if (/not a git repository|must be run in a work tree/.test(stderr)) return resolve(null);
        onProblem(`git check-ignore: ${stderr.trim() || error?.message}`);
        // Without a git nothing is ignored; one that fails has not said.
        resolve(code === 'ENOENT' ? null : undefined);
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
